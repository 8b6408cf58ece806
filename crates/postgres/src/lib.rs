//! The persistence ports of [`allynet_domain::port`] on PostgreSQL 15 or later with PostGIS 3.
//!
//! [`Postgres`] implements all of them, one file per port. It knows the domain and SQL; it must not know of the wire, of
//! transports or of any other adapter. Every method is one statement, and so one round trip on a connection that has
//! prepared the statement before. [`Sessions::recognize`](allynet_domain::port::Sessions::recognize) mostly makes none
//! (`caller_cache`).
//!
//! The schema, and the function that applies a change, are in `migrations/postgres`.

#[macro_use]
mod statements;

mod access_log;
mod account_writes;
mod accounts;
mod alerts;
mod blocks;
mod caller_cache;
mod census;
mod changes;
mod contact_notices;
mod contacts;
mod detail_writes;
mod devices;
mod emergencies;
mod emergency_row;
mod error;
mod events;
mod exports;
mod helpers;
mod inspection;
mod logins;
mod lost_events;
mod messages;
mod near;
mod notifications;
mod outbox;
mod password_resets;
mod place_grid;
mod positions;
mod raise_context;
mod resources;
mod retention;
mod rows;
mod sessions;
mod setup;
mod store;
mod tail;
mod writes;

pub use allynet_sql::describe_metrics;
pub use error::SetupError;
pub use inspection::inspect;
#[doc(hidden)]
pub use statements::statements;
pub use store::{Options, Postgres};
#[doc(hidden)]
pub use writes::change as encode_change;
