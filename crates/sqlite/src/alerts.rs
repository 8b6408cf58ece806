//! Emergencies with a due timer: the port [`Alerts`].

use allynet_domain::{
    EmergencyId, Timestamp,
    port::{Alerts, Result},
};
use async_trait::async_trait;
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// Emergencies whose timer is due at `?1`, and live ones that were created before `?2`: the `?3` that have waited
/// longest. Constraints of the table say that only live emergencies have a timer. One to which helpers respond lacks it if the release
/// before stored it (migration 0054), and is due.
///
/// Each part is limited by itself, inside of a subquery of its own, because SQLite takes `order by … limit` of a
/// `union all` only for the whole. So each part is a short range of one index.
pub(crate) const DUE: &str = "\
    select id from ( \
        select * from (select e.id, ?1 - e.next_alert_at as waited from emergency e \
                       where e.next_alert_at <= ?1 \
                       order by e.next_alert_at limit ?3) \
        union all \
        select * from (select e.id, ?1 - e.resume_at as waited from emergency e \
                       where e.resume_at <= ?1 \
                       order by e.resume_at limit ?3) \
        union all \
        select * from (select e.id, ?1 - e.updated_at as waited from emergency e indexed by emergency_without_timer \
                       where e.status = 'responding' and e.resume_at is null \
                       order by e.updated_at limit ?3) \
        union all \
        select * from (select e.id, ?2 - e.created_at as waited from emergency e \
                       where e.status in ('active', 'responding') and e.created_at < ?2 \
                       order by e.created_at limit ?3)) \
    group by id order by max(waited) desc, id limit ?3";

#[async_trait]
impl Alerts for Sqlite {
    #[instrument(name = "sqlite.alerts.due", level = "debug", skip_all)]
    async fn due(&self, now: Timestamp, expired_before: Timestamp, limit: u32) -> Result<Vec<EmergencyId>> {
        let ids: Vec<Uuid> = sqlx::query_scalar(DUE)
            .bind(now.timestamp_micros())
            .bind(expired_before.timestamp_micros())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        Ok(ids.into_iter().map(Into::into).collect())
    }
}
