//! One connection: its state, its inbox, and the ways to send to it and to end it.

pub(crate) mod coalescer;
pub(crate) mod connection_permits;
pub(crate) mod device;
pub(crate) mod in_flight;
pub(crate) mod inbox;
pub(crate) mod reply;
pub(crate) mod state;
