//! Queueing and pauses for use cases that change one emergency at the same time.
//!
//! Neither is needed for correctness: the store rejects a change that was decided on stale data. They bound how often a
//! change is decided again when many users act on one emergency at once.

use async_trait::async_trait;

use crate::EmergencyId;

/// The place of a change in the queue of its emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// In the order of arrival.
    Normal,
    /// Before everything that is [`Normal`](Self::Normal): a further attempt after a conflict.
    Urgent,
}

/// A turn in the queue of an emergency. Dropping it lets the next one in.
pub type QueuePermit = Box<dyn Send>;

/// One fair queue per emergency, shared by everything on this node that changes emergencies.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EmergencyQueue: Send + Sync {
    /// Waits for a turn. Cancel-safe.
    ///
    /// MUST return after a bounded time even if the holder of the turn makes no progress; the caller then goes ahead
    /// without one. Queues of different emergencies MUST NOT wait for each other.
    async fn enter(&self, emergency: EmergencyId, urgency: Urgency) -> QueuePermit;
}

/// Pauses between the attempts to commit a change.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Backoff: Send + Sync {
    /// Pauses after this many failed attempts. MUST be jittered, so that attempts that collided once are spread out, and
    /// grow with the number of attempts up to a bound.
    async fn pause(&self, failed_attempts: u32);
}
