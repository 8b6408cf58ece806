//! Reading and shortening the event log.

use async_trait::async_trait;

use super::Result;
use crate::{Emergency, EmergencyAccess, EmergencyId, EventId, LoggedEvent, Timestamp, UserId};

/// An emergency and its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The emergency.
    pub emergency: Emergency,
    /// The events, in the order of the log.
    pub events: Vec<LoggedEvent>,
}

/// A user's access to an emergency, and the position in the log at which it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessAsOf {
    /// The access.
    pub access: EmergencyAccess,
    /// The position in the log at which it was read, as [`Live::as_of`](super::Live::as_of).
    pub as_of: EventId,
}

/// The event log.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// An emergency and up to `limit` of its events after `after`, in order; `None` for an unknown emergency.
    async fn timeline(&self, id: EmergencyId, after: EventId, limit: u32) -> Result<Option<Timeline>>;

    /// Up to `limit` events of an emergency after `after`, in order; also after it was deleted.
    async fn events_of(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>>;

    /// A user's access to an emergency, or `None` for an unknown emergency.
    async fn access(&self, emergency: EmergencyId, user: UserId) -> Result<Option<AccessAsOf>>;

    /// The newest `limit` events after `after` and not after `up_to`, in order.
    ///
    /// Complete only up to the position of an [`EventTail`] of this log, which the caller has to ensure. An event that
    /// cannot be read is left out, as a tail skips it.
    async fn range(&self, after: EventId, up_to: EventId, limit: u32) -> Result<Vec<LoggedEvent>>;

    /// The position after which the log is complete: no later event was ever pruned.
    ///
    /// An answer that was asked for *after* reading a range holds for that range.
    async fn complete_since(&self) -> Result<EventId>;

    /// Forgets the oldest events that were decided before `before`, at most `limit` of them. Returns their number.
    ///
    /// All events of an emergency MUST stay while it is live and until its end lies before `before`.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Begins to follow the log at its end. The tail MUST return everything that is committed after this call.
    async fn follow(&self) -> Result<Box<dyn EventTail>>;
}

/// A reader of the log that follows its end.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventTail: Send {
    /// The last event returned, or the end of the log at which this reader began.
    fn position(&self) -> EventId;

    /// Waits for the next events and returns them: never empty, strictly in order, each committed event once, and
    /// without skipping any that may still be committing.
    ///
    /// Cancel-safe: an event counts as returned only when the call that returns it completes.
    ///
    /// # Errors
    /// Reports an event that cannot be read once, as `Corrupt`, and skips it: it must not block all later events.
    async fn next(&mut self) -> Result<Vec<LoggedEvent>>;
}
