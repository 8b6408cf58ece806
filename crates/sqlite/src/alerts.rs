//! Alerts whose time has come.

use allynet_domain::{
    EmergencyId, Timestamp,
    port::{Alerts, Result},
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::{Sqlite, error::down};

/// Live emergencies whose next wave is due at `?1`, or which were created before `?2`: the `?3` that have waited
/// longest. Only live ones have a next wave.
pub(crate) const DUE: &str = "\
    select id from ( \
        select * from (select e.id, ?1 - e.next_alert_at as waited from emergency e \
                       where e.next_alert_at <= ?1 \
                       order by e.next_alert_at limit ?3) \
        union all \
        select * from (select e.id, ?2 - e.created_at as waited from emergency e \
                       where e.status in ('active', 'responding') and e.created_at < ?2 \
                       order by e.created_at limit ?3)) \
    group by id order by max(waited) desc, id limit ?3";

#[async_trait]
impl Alerts for Sqlite {
    async fn due(&self, now: Timestamp, expired_before: Timestamp, limit: u32) -> Result<Vec<EmergencyId>> {
        let ids: Vec<Uuid> = sqlx::query_scalar(DUE)
            .bind(now.timestamp_micros())
            .bind(expired_before.timestamp_micros())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(down)?;
        Ok(ids.into_iter().map(Into::into).collect())
    }
}
