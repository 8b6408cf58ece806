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

/// Who is connected.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Presence: Send + Sync {
    /// Whether the user has at least one live connection.
    fn is_online(&self, user: UserId) -> bool;

    /// How many helpers on duty have at least one live connection. Devices of one user count once.
    fn helpers_online(&self) -> u32;
}
