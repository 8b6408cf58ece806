//! The REST half of AllyNet: every route of the API as an [`axum`] router over the domain's use cases.
//!
//! A handler extracts, parses with [`allynet_wire`], makes one call and renders. This crate decides nothing: who may do
//! what is the domain's, what is hidden from whom is the wire crate's, and no database or socket is known here.
//!
//! The server puts it together in this order, so that everything, Socket.IO polling included, is measured and has a
//! request id, CORS headers and an answer when it panics:
//!
//! ```text
//! outermost( router(ports) + the Socket.IO layer, origins, ids )
//! ```

mod admin;
mod answer;
mod auth;
mod caller;
mod emergencies;
mod health;
mod helpers;
mod input;
mod limits;
mod measures;
mod messages;
mod outermost;
mod request;
mod responses;
mod router;
mod routes;
#[cfg(test)]
mod tests;
mod turns;

pub use health::{Metrics, Ready};
pub use measures::describe as describe_metrics;
pub use outermost::outermost;
pub use router::{Ports, router};
