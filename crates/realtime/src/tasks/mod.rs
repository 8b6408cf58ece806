//! Loops that run beside the dispatcher for as long as this node does.

pub(crate) mod presence;
pub(crate) mod tracking;
