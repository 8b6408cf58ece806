//! What emergency contacts are told of emergencies.

use async_trait::async_trait;

use super::Result;
use crate::{ContactPage, ContactReview, DueNotice, NoticeId, Timestamp};

/// Reviews and notices. Both are written by [`Write`](crate::Write)s of a change.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ContactNotices: Send + Sync {
    /// Claims reviews that are due at `now`, the longest overdue first, at most `limit`, until `lease_until`, and returns them with what
    /// they are decided on. Two calls at once MUST NOT return the same. A claim is lost when the emergency is made due again.
    async fn claim_reviews(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<ContactReview>>;

    /// Claims notices that are due at `now`, by their turn, at most `limit`, until `lease_until`. Two calls at once MUST NOT return the
    /// same.
    ///
    /// MUST leave out an alert of an emergency that has ended, an end of one that is live, addresses that were stopped or cannot be
    /// reached, and alerts to contacts that were removed.
    async fn claim_notices(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueNotice>>;

    /// The page of an emergency for the contact of this notice. `None` if it is unknown, deleted, or ended longer than
    /// [`CONTACT_PAGE_AFTER_END`](crate::CONTACT_PAGE_AFTER_END) before `now`, or if the contact was removed.
    async fn page(&self, id: NoticeId, now: Timestamp) -> Result<Option<ContactPage>>;

    /// Drops everything that waits, and alerts that are due at `now` or before: those of a restored database may have been sent since
    /// the backup. What was dropped counts as sent, so that its address hears the end. Returns the number of notices.
    async fn drop_waiting(&self, now: Timestamp) -> Result<u64>;
}
