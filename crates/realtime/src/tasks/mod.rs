//! Background tasks: loops that run for as long as the node does.

pub(crate) mod acknowledgements;
pub(crate) mod alert_counts;
pub(crate) mod expiry;
pub(crate) mod owner_tracking;
pub(crate) mod place_readings;
pub(crate) mod presence;
pub(crate) mod runner;
pub(crate) mod signals;
pub(crate) mod tracking;
