//! Databases with people in them, made past the services: registering thousands would be all that is measured.

mod archive;
mod archive_statements;
mod database;
pub(crate) mod people;
pub(crate) mod places;
mod statements;

pub(crate) use archive::Archive;
pub(crate) use database::{Database, Server as DatabaseServer};

/// Who is in a database. Owners have the numbers from 0, helpers those behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Population {
    /// People who may raise an emergency.
    pub(crate) owners: usize,
    /// Verified, on duty, with a position.
    pub(crate) helpers: usize,
}
