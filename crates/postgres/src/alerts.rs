//! Emergencies with a due timer.

use allynet_domain::{
    EmergencyId, Timestamp,
    port::{Alerts, Result},
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// Each part walks an index in its order and stops at the limit. Only live emergencies have a timer. One to which helpers respond lacks it
/// if a node of the release before stored it (migration 0056), and is due.
const DUE: &str = "
    SELECT id FROM (
        (SELECT id, $1 - next_alert_at AS waited FROM emergency
         WHERE next_alert_at <= $1 ORDER BY next_alert_at LIMIT $3)
        UNION ALL
        (SELECT id, $1 - resume_at FROM emergency
         WHERE resume_at <= $1 AND status = 'responding' ORDER BY resume_at LIMIT $3)
        UNION ALL
        (SELECT id, $1 - updated_at FROM emergency
         WHERE status = 'responding' AND resume_at IS NULL ORDER BY updated_at LIMIT $3)
        UNION ALL
        (SELECT id, $2 - created_at FROM emergency
         WHERE status IN ('active', 'responding') AND created_at < $2 ORDER BY created_at LIMIT $3)
    ) AS due
    GROUP BY id ORDER BY max(waited) DESC, id LIMIT $3";

statements!(DUE);

#[async_trait]
impl Alerts for Postgres {
    #[instrument(name = "pg.alerts.due", level = "debug", skip_all)]
    async fn due(&self, now: Timestamp, expired_before: Timestamp, limit: u32) -> Result<Vec<EmergencyId>> {
        let ids: Vec<Uuid> = sqlx::query_scalar(DUE)
            .bind(now)
            .bind(expired_before)
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        Ok(ids.into_iter().map(Into::into).collect())
    }
}
