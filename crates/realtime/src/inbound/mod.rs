//! What clients send: the handshake, and their events on the way to the use cases.

pub(crate) mod admission;
pub(crate) mod handlers;
pub(crate) mod handshake;
pub(crate) mod location;
