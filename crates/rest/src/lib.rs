//! The REST half of AllyNet: every route of the API as an [`axum`] router over the domain's use cases.
//!
//! A handler extracts, parses with [`allynet_wire`], makes one call and renders. This crate decides nothing: who may do
//! what is the domain's, what is hidden from whom is the wire crate's, and no database or socket is known here.
//!
//! Per route there are a deadline, authentication and rate limits; what goes around every route is the server's.

mod admin;
mod answer;
mod auth;
mod caller;
mod deadline;
mod emergencies;
mod health;
mod helpers;
mod input;
mod limits;
mod messages;
mod responses;
mod router;
mod routes;
#[cfg(test)]
mod tests;
mod turns;

pub use answer::Failure;
pub use health::{Metrics, Ready};
pub use router::{Ports, router};
