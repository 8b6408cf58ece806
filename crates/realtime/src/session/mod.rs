//! One connection: its inbox, its deferred position, and the ways to send to it and to end it.

pub(crate) mod ack;
pub(crate) mod coalescer;
pub(crate) mod connection_permits;
pub(crate) mod device;
pub(crate) mod in_flight;
pub(crate) mod inbox;
