//! The persistence ports of [`allynet_domain::port`] on one SQLite file: the default, which needs no server.
//!
//! [`Sqlite`] implements all of them, one file per port, with the file names of the PostgreSQL adapter.
//!
//! - **One writer.** SQLite lets one connection write at a time. All writes of the process go through one connection with
//!   a fair queue, instead of competing for the lock of the file.
//! - **Write-ahead log.** A few connections read. They see the last commit, and neither wait for the writer nor make it
//!   wait. A commit is on the disk before it is answered (`synchronous = FULL`).
//! - **Other processes** may share the file. Each waits for the others' commits up to [`Options::busy_timeout`], and
//!   finds the others' events by polling.
//! - **Distances** are never computed in SQL. A grid of positions and an R*Tree of alert areas find candidates;
//!   [`allynet_domain::Position::distance_to`] decides.
//!
//! The crate knows nothing of HTTP, sockets or other adapters.

mod access;
mod access_log;
mod accounts;
mod alerts;
mod area;
mod blocks;
mod census;
mod changes;
mod contact_notices;
mod contacts;
mod database;
mod devices;
mod emergencies;
mod emergency_row;
mod error;
mod event_row;
mod events;
mod exports;
mod helpers;
mod inspection;
mod logins;
mod lost_events;
mod messages;
mod outbox;
mod password_resets;
mod place_grid;
mod positions;
mod resources;
mod retention;
mod rows;
mod sessions;
mod tail;
#[cfg(test)]
mod tests;

pub use allynet_sql::describe_metrics;
pub use database::{Options, Sqlite};
pub use inspection::{copy, inspect};
