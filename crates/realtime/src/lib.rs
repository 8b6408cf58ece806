//! The Socket.IO adapter: the handshake, events from clients, rooms, and delivery of the event log to connections.
//!
//! [`gateway()`] builds it. No use case depends on this crate, and it makes no decision of its own: rules come from the
//! domain, payloads from the wire crate, bytes go through the transport crate.

mod engine;
mod failure;
mod gateway;
mod hub;
mod in_process_signals;
mod inbound;
mod metrics;
mod outbound;
mod owner_tracking;
mod presence;
mod session;
mod tasks;
mod tracking;

pub use self::{
    gateway::{Gateway, GatewayPorts, SocketService, gateway},
    in_process_signals::InProcessSignals,
    metrics::describe as describe_metrics,
    outbound::dispatcher::{DeliveryObserver, OnAppeared},
    owner_tracking::OwnerTracking,
    session::inbox::{Inbox, PushError},
    tasks::runner::RealtimeTasks,
    tracking::Tracking,
};
