//! Databases with users, written directly because registering thousands over REST would take too long.

mod archive;
mod archive_statements;
mod database;
pub(crate) mod people;
pub(crate) mod places;
mod statements;

pub(crate) use archive::Archive;
pub(crate) use database::{Database, Server as DatabaseServer};

/// The users in a database. Owners have the numbers from 0, helpers follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Population {
    /// The number of users without a helper record.
    pub(crate) owners: usize,
    /// The number of verified helpers on duty with a position.
    pub(crate) helpers: usize,
}
