//! What became of alerts.

use allynet_domain::{
    EmergencyId, Timestamp, UserId,
    port::{Alerts, Result},
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::{Sqlite, rows::down};

#[async_trait]
impl Alerts for Sqlite {
    async fn acknowledge(&self, emergency: EmergencyId, helper: UserId, at: Timestamp) -> Result<bool> {
        let done = sqlx::query(
            "update alert set acknowledged_at = ?3 \
             where emergency_id = ?1 and helper_id = ?2 and wave is not null and acknowledged_at is null",
        )
        .bind(Uuid::from(emergency))
        .bind(Uuid::from(helper))
        .bind(at.timestamp_micros())
        .execute(&self.writer)
        .await
        .map_err(down)?;
        Ok(done.rows_affected() == 1)
    }
}
