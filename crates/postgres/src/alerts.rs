//! What became of alerts.

use allynet_domain::{
    EmergencyId, Timestamp, UserId,
    port::{Alerts, Error, Result},
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::Postgres;

const ACKNOWLEDGE: &str = "UPDATE alert SET acknowledged_at = $3 WHERE emergency_id = $1 AND helper_id = $2 \
                           AND wave IS NOT NULL AND acknowledged_at IS NULL";

#[async_trait]
impl Alerts for Postgres {
    #[instrument(name = "pg.alerts.acknowledge", level = "debug", skip_all)]
    async fn acknowledge(&self, emergency: EmergencyId, helper: UserId, at: Timestamp) -> Result<bool> {
        let done = sqlx::query(ACKNOWLEDGE)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(helper))
            .bind(at)
            .execute(self.main())
            .await
            .map_err(Error::unavailable)?;
        Ok(done.rows_affected() > 0)
    }
}
