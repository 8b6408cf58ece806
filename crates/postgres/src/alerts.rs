//! Alerts whose time has come.

use allynet_domain::{
    EmergencyId, Timestamp,
    port::{Alerts, Error, Result},
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, emergency_row::live};

/// Each half walks an index in its order, and stops at the limit. Only live emergencies have a next wave.
const DUE: &str = concat!(
    "SELECT id FROM ( \
         (SELECT e.id, $1 - e.next_alert_at AS waited FROM emergency e \
          WHERE e.next_alert_at <= $1 ORDER BY e.next_alert_at LIMIT $3) \
         UNION ALL \
         (SELECT e.id, $2 - e.created_at FROM emergency e WHERE ",
    live!(),
    " AND e.created_at < $2 ORDER BY e.created_at LIMIT $3) \
     ) AS due GROUP BY id ORDER BY max(waited) DESC, id LIMIT $3"
);

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
            .map_err(Error::unavailable)?;
        Ok(ids.into_iter().map(Into::into).collect())
    }
}
