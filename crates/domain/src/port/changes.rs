//! The one way anything that has events is stored.

use async_trait::async_trait;

use super::Result;
use crate::{Change, Timestamp};

/// Commits what use cases decided.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Changes: Send + Sync {
    /// Stores all writes and appends all events in one transaction, and wakes the readers of the log.
    ///
    /// All of it MUST be stored or nothing. On success it MUST survive a crash of process and machine. Events of
    /// one emergency MUST get their numbers in the order in which their changes became visible.
    ///
    /// # Errors
    /// `Stale` and `Conflict` as [`crate::Write`] says.
    async fn commit(&self, change: Change) -> Result<()>;

    /// Erases what the log holds of emergencies that were deleted before this time. Tells how many there were. They
    /// are not erased at once, because nodes may still have to tell of their end.
    async fn erase_deleted(&self, before: Timestamp) -> Result<u64>;

    /// Whether the store answers, for readiness probes.
    ///
    /// # Errors
    /// When it does not.
    async fn ready(&self) -> Result<()>;
}
