//! Time, identifiers and presence.

use uuid::Uuid;

use crate::{Timestamp, UserId};

/// Where the time comes from.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, in whole microseconds: what is stored is what is told.
    fn now(&self) -> Timestamp;
}

/// Where identifiers come from.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Ids: Send + Sync {
    /// A new UUID v7 (RFC 9562), which MUST never have been given before.
    fn next(&self) -> Uuid;
}

/// Who is connected, to whichever node.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Presence: Send + Sync {
    /// Whether the user counts as online: has a connection, or had one a moment ago.
    fn is_online(&self, user: UserId) -> bool;

    /// The last moment at which the user had a connection, which is now for one who has; none if that is not known.
    fn last_seen(&self, user: UserId) -> Option<Timestamp>;

    /// How many helpers on duty have at least one live connection. Devices of one user count once.
    fn helpers_online(&self) -> u32;
}
