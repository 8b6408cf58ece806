//! Alerts that wait: for their time, or for somebody who comes near.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, Timestamp};

/// Alerts and their timers, which are rows: they survive a restart.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Live emergencies that something has to be done about: their next wave is due at `now` or before, or they were
    /// created before `expired_before`. Those that wait longest come first, at most `limit`.
    async fn due(&self, now: Timestamp, expired_before: Timestamp, limit: u32) -> Result<Vec<EmergencyId>>;
}
