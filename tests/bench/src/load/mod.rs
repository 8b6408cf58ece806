//! The load generator: clients over sockets and HTTP, cheap enough not to affect the measurement.

pub(crate) mod crowd;
mod frames;
pub(crate) mod http;
pub(crate) mod packets;
pub(crate) mod phones;
pub(crate) mod push_service;
pub(crate) mod socket;
