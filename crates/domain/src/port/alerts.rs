//! Timers of alerts.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, Timestamp};

/// Timers of alerts. They are stored with the emergencies, so they survive a restart.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Live emergencies with a timer that is due: for their next wave at `now` or before, or because they were created
    /// before `expired_before`. One to which helpers respond is due without a timer, too: see
    /// [`is_timer_due`](crate::Emergency::is_timer_due). The longest overdue come first, at most `limit`.
    async fn due(&self, now: Timestamp, expired_before: Timestamp, limit: u32) -> Result<Vec<EmergencyId>>;
}
