//! The inbound path: the handshake, and events of clients on their way to the use cases.

pub(crate) mod access;
pub(crate) mod admission;
pub(crate) mod attach;
pub(crate) mod command;
pub(crate) mod event_router;
pub(crate) mod handshake;
pub(crate) mod location;
mod payload;
pub(crate) mod rooms;
