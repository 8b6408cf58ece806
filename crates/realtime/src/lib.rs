//! The Socket.IO adapter: transports, the handshake, what clients send, who is in which room, and the dispatcher that
//! brings the events of the log to those who hear of them.
//!
//! [`gateway`] puts it together. No use case knows of it, and it decides nothing: rules come from the domain, payloads
//! from the wire crate.

mod desk;
mod engine;
mod gateway;
mod hub;
mod in_process_signals;
mod inbound;
mod metrics;
mod outbound;
mod presence;
mod session;
mod tasks;
mod tracking;

pub use self::{
    desk::{Ports, Sighted},
    gateway::{Gateway, SocketService, gateway},
    in_process_signals::InProcess,
    metrics::describe as describe_metrics,
    outbound::dispatcher::Dispatcher,
    session::inbox::{Inbox, Refused},
    tracking::Tracking,
};
