//! The persistence ports of [`allynet_domain`] on one SQLite file: the embedded default, without a server.
//!
//! One connection writes, a few read. SQLite has a single writer anyway, so writers queue here, first come first
//! served, instead of polling for the file's lock; readers see the last commit and block nobody (write-ahead log). A
//! commit is on the disk before it is answered (`synchronous = FULL`). Distances are never computed in SQL: a grid
//! or an R*Tree finds who may be near, [`allynet_domain::Position::distance_to`] decides.
//!
//! Two processes may share one file. Each waits for the other's commits up to [`Options::busy_timeout`], and finds the
//! other's events by polling.
//!
//! Knows nothing of HTTP, sockets, or the other adapters.

mod accounts;
mod alerts;
mod area;
mod changes;
mod emergencies;
mod emergency_row;
mod error;
mod events;
mod helpers;
mod messages;
mod positions;
mod rows;
mod sessions;
mod store;
mod tail;
#[cfg(test)]
mod tests;

pub use allynet_sql::describe_metrics;
pub use store::{Options, Sqlite};
