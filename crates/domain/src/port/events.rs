//! The event log, read.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, EventId, LoggedEvent};

/// The log.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Everything that happened in an emergency, in order, up to `limit` events after `after`.
    async fn timeline(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>>;

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
