//! Time, identifiers and presence.

use uuid::Uuid;

use crate::{Timestamp, UserId};

/// A source of the current time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The current time, in whole microseconds, so that a stored time equals the one that was sent.
    fn now(&self) -> Timestamp;
}

/// A source of identifiers.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Ids: Send + Sync {
    /// A new UUID v7 (RFC 9562), which MUST never have been returned before.
    fn next(&self) -> Uuid;
}

/// The presence of users in the whole cluster.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Presence: Send + Sync {
    /// Whether the user counts as online: has a connection to any node, or had one a moment ago.
    fn is_online(&self, user: UserId) -> bool;

    /// The last moment at which the user had a connection: now while there is one, `None` if it is not known.
    fn last_seen(&self, user: UserId) -> Option<Timestamp>;

    /// Number of helpers on duty with at least one live connection. Devices of one user count once.
    fn helpers_online(&self) -> u32;
}
