//! The event log, read.

use async_trait::async_trait;

use super::Result;
use crate::{Emergency, EmergencyAccess, EmergencyId, EventId, LoggedEvent, Timestamp, UserId};

/// An emergency and what happened in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The emergency.
    pub emergency: Emergency,
    /// What happened, in order.
    pub events: Vec<LoggedEvent>,
}

/// A user's access to an emergency, and the position in the log at which it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessAsOf {
    /// The access.
    pub access: EmergencyAccess,
    /// As in [`super::Live`].
    pub as_of: EventId,
}

/// The log.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// An emergency and what happened in it, in order, up to `limit` events after `after`; none for an unknown one.
    async fn timeline(&self, id: EmergencyId, after: EventId, limit: u32) -> Result<Option<Timeline>>;

    /// What happened in an emergency, in order, up to `limit` events after `after`; also after it was deleted.
    async fn events_of(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>>;

    /// A user's access to an emergency, or `None` for an unknown emergency.
    async fn access(&self, emergency: EmergencyId, user: UserId) -> Result<Option<AccessAsOf>>;

    /// The newest `limit` events after `after` and not after `up_to`, in order. Complete only below what a tail of this
    /// log has handed out, which is for the caller to see to; an event that cannot be read is left out, as a tail
    /// passes it.
    async fn range(&self, after: EventId, up_to: EventId, limit: u32) -> Result<Vec<LoggedEvent>>;

    /// Everything after this is still there: no event after it was ever forgotten. What is asked *after* reading a
    /// range holds for that range.
    async fn complete_since(&self) -> Result<EventId>;

    /// Forgets the oldest events that were decided before `before`, at most `limit` of them; tells how many. Those of an
    /// emergency MUST stay, all of them, while it is live and until its end lies before `before`.
    async fn forget(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Begins to follow the log at its end: everything that is committed after this call MUST be handed out.
    async fn follow(&self) -> Result<Box<dyn EventTail>>;
}

/// A reader of the log that follows its end.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventTail: Send {
    /// The last event handed out, or the end of the log at which this reader began.
    fn position(&self) -> EventId;

    /// Waits for the next events and returns them: never empty, strictly in order, each committed event once, and
    /// none passed over that may still be committing. Cancel-safe: an event is handed out by a call that returns. An event that
    /// cannot be read is reported once, as `Corrupt`, and passed: it must not keep all later ones from everybody.
    async fn next(&mut self) -> Result<Vec<LoggedEvent>>;
}
