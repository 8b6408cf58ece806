//! The load generator: clients over sockets and over HTTP, cheap enough not to be what is measured.

pub(crate) mod crowd;
mod frames;
pub(crate) mod http;
pub(crate) mod packets;
pub(crate) mod socket;
