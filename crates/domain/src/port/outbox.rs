//! The outbox: messages that wait to be sent.

use async_trait::async_trait;

use super::{KeyedHash, Result};
use crate::{
    Timestamp,
    outbox::{DueDelivery, DueMessage, ReceiptTarget},
};

/// The messages that changes have stored. What becomes of them is stored through [`super::Changes`].
///
/// A claim excludes all other nodes until it ends. What it returns is not returned again before, unless the message was
/// stored again meanwhile.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims messages whose next step is due at `now`, the longest overdue first, at most `limit`, until `lease_until`.
    /// Two calls at once MUST NOT return the same message.
    async fn claim_messages(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueMessage>>;

    /// The same for deliveries whose next attempt is due: a push until `lease_until`, any other until `slow_lease_until`.
    async fn claim_deliveries(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        slow_lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueDelivery>>;

    /// The message with this hash of its receipt, if it was planned at `since` or later.
    async fn find_receipt(&self, receipt: KeyedHash, since: Timestamp) -> Result<Option<ReceiptTarget>>;

    /// Deletes messages that were stored before this time, at most `limit`. Returns their number.
    async fn delete_messages(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Ends all messages and deliveries: nothing that waits is sent any more. Returns the number of messages that waited.
    async fn drop_waiting(&self) -> Result<u64>;

    /// The number of messages and deliveries that are due at `now`, and the time since which the oldest one is.
    async fn backlog(&self, now: Timestamp) -> Result<(u64, Option<Timestamp>)>;

    /// Waits until a change with messages has been committed through this store since the last call. Only one caller may wait.
    async fn wait_for_message(&self);
}
