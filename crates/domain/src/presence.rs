//! A user who came online or went offline, as participants of the same emergencies see them.

use crate::{Timestamp, UserId};

/// A change of a user's presence in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceNews {
    /// The user whose presence changed.
    pub user: UserId,
    /// Whether they are online now.
    pub online: bool,
    /// The last moment at which they had a connection; `None` if no running node has seen one.
    pub last_seen_at: Option<Timestamp>,
}
