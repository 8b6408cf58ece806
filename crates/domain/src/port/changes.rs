//! The commit of a change: writes and events in one transaction.

use async_trait::async_trait;

use super::Result;
use crate::{Change, Timestamp};

/// Commits the changes that use cases decide.
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

    /// Erases the events of emergencies that were deleted, or [thinned](super::Retention::thin), before this time, and the ids of
    /// accounts that were deleted before it. It MUST erase at most `limit` of each. Returns the larger of both numbers.
    ///
    /// Deleting an emergency leaves its events in the log, because nodes may still have to deliver its end.
    async fn erase_deleted(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Removes records of emergencies that were deleted before `before`, and of trust and ratings gained before `gained_before`, at
    /// most `limit` of each. Returns the larger of both numbers.
    async fn forget_deleted(&self, before: Timestamp, gained_before: Timestamp, limit: u32) -> Result<u64>;

    /// Checks that the store takes writes, for readiness probes.
    ///
    /// # Errors
    /// Returns an error if it does not.
    async fn ready(&self) -> Result<()>;
}
