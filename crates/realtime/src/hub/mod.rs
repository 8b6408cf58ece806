//! The connections of this node, their rooms, and the newest part of the event log.

pub(crate) mod archive;
pub(crate) mod attachment;
pub(crate) mod dirty_users;
pub(crate) mod log_entry;
pub(crate) mod log_progress;
pub(crate) mod members;
pub(crate) mod ring;
pub(crate) mod state;
