//! Changes of a user's presence, as participants of the same emergencies see them.

use crate::{Timestamp, UserId};

/// A change of a user's presence in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceNews {
    /// The user.
    pub user: UserId,
    /// Whether the user is online now.
    pub online: bool,
    /// The last moment at which the user had a connection; `None` if no running node has seen one.
    pub last_seen_at: Option<Timestamp>,
}
