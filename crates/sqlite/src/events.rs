//! The event log, read. One writer at a time means that the order of numbers is the order of commits, so whatever is
//! after the cursor is complete; gaps are deleted events.

use allynet_domain::{
    EmergencyId, EventId, LoggedEvent, Timestamp, UserId,
    port::{AccessAsOf, Emergencies, Error, EventLog, EventTail, Result, Timeline},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::Connection as _;
use uuid::Uuid;

use crate::{Sqlite, error::down, tail::Tail};

pub(crate) const EVENTS_OF: &str = "\
    select seq, at, emergency_id, actor_id, body from event \
    where emergency_id = ?1 and seq > ?2 order by seq limit ?3";
pub(crate) const AFTER: &str =
    "select seq, at, emergency_id, actor_id, body from event where seq > ?1 order by seq limit ?2";

pub(crate) const RANGE: &str = "\
    select seq, at, emergency_id, actor_id, body from event \
    where seq > ?1 and seq <= ?2 order by seq desc limit ?3";
/// The oldest `?2` events from before `?1` that no emergency needs any more. Numbers grow with time, nearly: what is
/// behind the first event from after `?1` is not looked at yet.
pub(crate) const FORGET: &str = "\
    delete from event where seq in ( \
        select e.seq from event e \
        where e.seq < coalesce((select n.seq from event n where n.at >= ?1 order by n.seq limit 1), e.seq + 1) \
        and e.at < ?1 and not exists (select 1 from emergency m where m.id = e.emergency_id \
                                      and (m.ended_at is null or m.ended_at >= ?1)) \
        order by e.seq limit ?2) \
    returning seq";

#[derive(sqlx::FromRow)]
pub(crate) struct EventRow {
    pub(crate) seq: i64,
    at: i64,
    emergency_id: Option<Uuid>,
    actor_id: Option<Uuid>,
    body: String,
}

impl TryFrom<EventRow> for LoggedEvent {
    type Error = Error;

    fn try_from(EventRow { seq, at, emergency_id, actor_id, body }: EventRow) -> Result<Self> {
        let stored = RowDecoder { table: "event", id: seq };
        Ok(Self {
            id: EventId::new(seq),
            at: stored.micros("at", at)?,
            emergency: emergency_id.map(Into::into),
            actor: actor_id.map(Into::into),
            event: stored.json("body", &body)?,
        })
    }
}

#[async_trait]
impl EventLog for Sqlite {
    async fn timeline(&self, id: EmergencyId, after: EventId, limit: u32) -> Result<Option<Timeline>> {
        let Some(emergency) = Emergencies::find(self, id).await? else { return Ok(None) };
        Ok(Some(Timeline { emergency, events: self.events_of(id, after, limit).await? }))
    }

    async fn events_of(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(EVENTS_OF)
            .bind(Uuid::from(emergency))
            .bind(after.get())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(down)?;
        rows.into_iter().map(LoggedEvent::try_from).collect()
    }

    async fn access(&self, emergency: EmergencyId, user: UserId) -> Result<Option<AccessAsOf>> {
        let Some(seen) = self.seen(emergency, user).await? else { return Ok(None) };
        Ok(Some(AccessAsOf { access: seen.access, as_of: self.last_event().await? }))
    }

    async fn range(&self, after: EventId, up_to: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(RANGE)
            .bind(after.get())
            .bind(up_to.get())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(down)?;
        // The tail has reported what cannot be read.
        Ok(rows.into_iter().rev().filter_map(|row| row.try_into().ok()).collect())
    }

    async fn complete_since(&self) -> Result<EventId> {
        let seq = sqlx::query_scalar("select complete_since from event_retention").fetch_one(&self.readers).await;
        seq.map(EventId::new).map_err(down)
    }

    async fn forget(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let mut writer = self.writer.acquire().await.map_err(down)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(down)?;
        let forgotten: Vec<i64> = sqlx::query_scalar(FORGET)
            .bind(before.timestamp_micros())
            .bind(limit)
            .fetch_all(&mut *transaction)
            .await
            .map_err(down)?;
        sqlx::query("update event_retention set complete_since = max(complete_since, coalesce(?1, 0))")
            .bind(forgotten.iter().max())
            .execute(&mut *transaction)
            .await
            .map_err(down)?;
        transaction.commit().await.map_err(down)?;
        Ok(forgotten.len() as u64)
    }

    async fn follow(&self) -> Result<Box<dyn EventTail>> {
        // The last number given, even if its row has been deleted since.
        let last: i64 =
            sqlx::query_scalar("select coalesce((select seq from sqlite_sequence where name = 'event'), 0)")
                .fetch_one(&self.readers)
                .await
                .map_err(down)?;
        Ok(Box::new(Tail {
            readers: self.readers.clone(),
            committed: self.committed.subscribe(),
            last: EventId::new(last),
        }))
    }
}

impl Sqlite {
    /// The last event there is. What was read before this is asked came with none after it.
    pub(crate) async fn last_event(&self) -> Result<EventId> {
        let last = sqlx::query_scalar("select coalesce(max(seq), 0) from event").fetch_one(&self.readers).await;
        last.map(EventId::new).map_err(down)
    }
}
