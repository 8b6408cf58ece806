//! A user coming online or going offline, as the participants of shared emergencies see it.

use crate::{Timestamp, UserId};

/// Somebody came online or went offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceNews {
    /// Who.
    pub user: UserId,
    /// Whether they are online.
    pub online: bool,
    /// The last moment at which they had a connection; none if no node that runs has seen it.
    pub last_seen_at: Option<Timestamp>,
}
