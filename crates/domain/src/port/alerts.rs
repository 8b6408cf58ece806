//! What became of alerts.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, Timestamp, UserId};

/// Alerts, as helpers' devices answer to them.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Alerts: Send + Sync {
    /// A device of this helper has the alert. The first time counts; tells whether it was the first. Nothing
    /// happens for one who was not alerted.
    async fn acknowledge(&self, emergency: EmergencyId, helper: UserId, at: Timestamp) -> Result<bool>;
}
