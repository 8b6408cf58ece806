//! Last known positions: the hot path.

use async_trait::async_trait;

use super::Result;
use crate::{Position, SessionId, TimedPosition, Timestamp, UserId};

/// A position of a user at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// The user.
    pub user: UserId,
    /// The position.
    pub position: Position,
    /// When the service received it, by which positions are ordered.
    pub at: Timestamp,
}

/// When a device took a position, by its own clock. Orders the positions of one session only: other devices have other
/// clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceTime {
    /// The session that sent the position.
    pub session: SessionId,
    /// The time on its clock, never far ahead of that of the service.
    pub at: Timestamp,
}

/// A position as a device reports it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// What is stored.
    pub fix: Fix,
    /// The session that sent it, if it is known.
    pub session: Option<SessionId>,
    /// The time at which the device took it, if it says so.
    pub taken: Option<DeviceTime>,
}

impl Report {
    /// Whether the same session took this position before `other`.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let times = self.taken.zip(other.taken);
        times.is_some_and(|(this, other)| this.session == other.session && this.at < other.at)
    }
}

impl From<&Report> for TimedPosition {
    fn from(report: &Report) -> Self {
        let Report { fix, taken, .. } = report;
        Self { position: fix.position, received_at: fix.at, taken_at: taken.map(|taken| taken.at) }
    }
}

impl From<Fix> for Report {
    fn from(fix: Fix) -> Self {
        Self { fix, session: None, taken: None }
    }
}

/// The last position of every user. Older ones are not kept.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Positions: Send + Sync {
    /// Stores positions, and returns the users whose position was stored.
    ///
    /// - An older fix MUST NOT replace a newer one, unless that one lies in the future: then a clock was wrong.
    /// - A report that its session took before another that is stored MUST NOT be stored. With the same time it is.
    ///
    /// `reports` holds a user at most once. A user that does not exist is skipped.
    async fn record(&self, reports: &[Report]) -> Result<Vec<UserId>>;

    /// The last position of a user.
    async fn last(&self, user: UserId) -> Result<Option<Fix>>;
}
