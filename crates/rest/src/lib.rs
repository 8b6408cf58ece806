//! The REST adapter: an [`axum`] router over the domain's use cases.
//!
//! A handler extracts, parses with [`allynet_wire`], makes one call and renders. Authorization is decided in the domain,
//! and what a viewer may see in the wire crate. The crate knows no database and no socket.
//!
//! [`router`] applies the middleware that depends on the kind of route: deadline, the order of
//! requests, authentication, rate limits. The
//! middleware around every route is the server's.

mod admin;
mod answer;
mod app;
mod auth;
mod blocks;
mod caller;
mod contacts;
mod deadline;
mod devices;
mod emergencies;
mod health;
mod helpers;
mod input;
mod limits;
mod messages;
mod pages;
mod password_resets;
mod resources;
mod responses;
mod rights;
mod router;
mod routes;
#[cfg(test)]
mod tests;
mod work_permit;

pub use answer::{Failure, StorageWasFull};
pub use caller::Authenticated;
pub use devices::describe_metrics;
pub use health::{Build, Readiness, ReadinessCheck, RenderMetrics, admin_router};
pub use router::{PriorityPorts, RestPorts, router};
