//! Reading the event log: the port [`EventLog`].
//!
//! One transaction writes at a time, so the order of `seq` is the order of commits, and no lower number can appear after
//! a higher one was read. Gaps are deleted events or rolled-back inserts.

use allynet_domain::{
    EmergencyId, EventId, LoggedEvent, Timestamp, UserId,
    port::{AccessAsOf, Emergencies, EventLog, EventTail, Result, Timeline},
};
use async_trait::async_trait;
use sqlx::Connection as _;
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error, event_row::EventRow, tail::Tail};

/// The first `?3` events of emergency `?1` after `?2`, in order.
pub(crate) const EVENTS_OF: &str = "\
    select seq, at, emergency_id, actor_id, body from event \
    where emergency_id = ?1 and seq > ?2 order by seq limit ?3";

/// The last `?3` events after `?1` up to `?2`, newest first.
pub(crate) const RANGE: &str = "\
    select seq, at, emergency_id, actor_id, body from event \
    where seq > ?1 and seq <= ?2 order by seq desc limit ?3";

/// Deletes the `?2` oldest events from before `?1`, but for those of an emergency that is live or ended at `?1` or later.
///
/// Times grow with the numbers, but for small differences between clocks. So the walk from the beginning of the log ends
/// at the first event that is young enough to stay; an older one behind it is deleted by a later call. Where no event is
/// young enough, `e.seq + 1` lets every number pass.
pub(crate) const FORGET: &str = "\
    delete from event where seq in ( \
        select e.seq from event e \
        where e.seq < coalesce((select n.seq from event n where n.at >= ?1 order by n.seq limit 1), e.seq + 1) \
        and e.at < ?1 and not exists (select 1 from emergency m where m.id = e.emergency_id \
                                      and (m.ended_at is null or m.ended_at >= ?1)) \
        order by e.seq limit ?2) \
    returning seq";

#[async_trait]
impl EventLog for Sqlite {
    #[instrument(name = "sqlite.events.timeline", level = "debug", skip_all, fields(emergency = %id))]
    async fn timeline(&self, id: EmergencyId, after: EventId, limit: u32) -> Result<Option<Timeline>> {
        let Some(emergency) = Emergencies::find(self, id).await? else { return Ok(None) };
        Ok(Some(Timeline { emergency, events: self.events_of(id, after, limit).await? }))
    }

    #[instrument(name = "sqlite.events.events_of", level = "debug", skip_all, fields(%emergency))]
    async fn events_of(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(EVENTS_OF)
            .bind(Uuid::from(emergency))
            .bind(after.get())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(LoggedEvent::try_from).collect()
    }

    #[instrument(name = "sqlite.events.access", level = "debug", skip_all, fields(%emergency, %user))]
    async fn access(&self, emergency: EmergencyId, user: UserId) -> Result<Option<AccessAsOf>> {
        let Some(access) = self.access_of(emergency, user).await? else { return Ok(None) };
        Ok(Some(AccessAsOf { access, as_of: self.last_event().await? }))
    }

    #[instrument(name = "sqlite.events.range", level = "debug", skip_all)]
    async fn range(&self, after: EventId, up_to: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(RANGE)
            .bind(after.get())
            .bind(up_to.get())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        // The tail has reported the events that do not decode.
        Ok(rows.into_iter().rev().filter_map(|row| row.try_into().ok()).collect())
    }

    #[instrument(name = "sqlite.events.complete_since", level = "debug", skip_all)]
    async fn complete_since(&self) -> Result<EventId> {
        let seq = sqlx::query_scalar("select complete_since from event_retention").fetch_one(&self.readers).await;
        seq.map(EventId::new).map_err(port_error)
    }

    #[instrument(name = "sqlite.events.prune", level = "debug", skip_all)]
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let pruned: Vec<i64> = sqlx::query_scalar(FORGET)
            .bind(before.timestamp_micros())
            .bind(limit)
            .fetch_all(&mut *transaction)
            .await
            .map_err(port_error)?;
        sqlx::query("update event_retention set complete_since = max(complete_since, coalesce(?1, 0))")
            .bind(pruned.iter().max())
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        Ok(pruned.len() as u64)
    }

    #[instrument(name = "sqlite.events.follow", level = "debug", skip_all)]
    async fn follow(&self) -> Result<Box<dyn EventTail>> {
        // The last number that was given. `max(seq)` would be lower if that row has been deleted since.
        let last: i64 =
            sqlx::query_scalar("select coalesce((select seq from sqlite_sequence where name = 'event'), 0)")
                .fetch_one(&self.readers)
                .await
                .map_err(port_error)?;
        Ok(Box::new(Tail::new(self.log.clone(), self.committed.subscribe(), EventId::new(last))))
    }
}

impl Sqlite {
    /// The last event of the log. Read it after other data: that data then reflects no event after this one.
    pub(crate) async fn last_event(&self) -> Result<EventId> {
        let last = sqlx::query_scalar("select coalesce(max(seq), 0) from event").fetch_one(&self.readers).await;
        last.map(EventId::new).map_err(port_error)
    }
}
