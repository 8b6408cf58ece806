//! Removing what is older than it is kept.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, Position, Timestamp};

/// An emergency that has ended, and its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndedEmergency {
    /// The id.
    pub id: EmergencyId,
    /// The place, as it is stored.
    pub place: Position,
}

/// Removes what is older than it is kept.
///
/// Every call is one short step: it handles no more than `limit` records, and the caller repeats it while there are more.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Retention: Send + Sync {
    /// The emergencies that ended before `before` and are not thinned, oldest end first, at most `limit`.
    ///
    /// One that was reported MUST be left out until its *first* report was made before `before`.
    async fn to_be_thinned(&self, before: Timestamp, limit: u32) -> Result<Vec<EndedEmergency>>;

    /// Thins emergencies that ended before `before`: stores the given places instead of theirs, and removes their texts, messages,
    /// notes and comments. Their events are erased later, by [`Changes::erase_deleted`](super::Changes::erase_deleted).
    ///
    /// Removes at most `limit` messages. Returns `false` if there were more: then nothing else is done yet. An emergency that was
    /// thinned before, or is live again, MUST stay as it is. What was decided on a thinned one before is stale.
    async fn thin(&self, emergencies: &[EndedEmergency], before: Timestamp, at: Timestamp, limit: u32) -> Result<bool>;

    /// Removes sessions that were revoked or last used before `before`, at most `limit`. Returns how many.
    ///
    /// A session that a device belongs to MUST stay.
    async fn forget_sessions(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Removes what was counted for limits and does not count at `at` any more: rings, failed logins, addresses of logins, requests
    /// for a new password, reports of resources; at most `limit` of each. Returns the largest of these numbers.
    async fn forget_counters(&self, at: Timestamp, limit: u32) -> Result<u64>;

    /// Removes entries of access logs from before `before`, at most `limit`. Returns how many.
    async fn forget_readings(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Ends what is kept about accounts that were deleted before `before`, of at most `limit` of them: reports about them, and the
    /// hash of their email. Leaves an account out while a report about it is not from before `before`. The row that stands for the
    /// account MUST stay if anything refers to it, and is not looked at again. Returns the number of accounts.
    async fn forget_former_users(&self, before: Timestamp, limit: u32) -> Result<u64>;
}
