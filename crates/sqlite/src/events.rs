//! The event log, read. One writer at a time means that the order of numbers is the order of commits, so whatever is
//! after the cursor is complete; gaps are deleted events.

use std::time::Duration;

use allynet_domain::{
    EmergencyId, EventId, LoggedEvent, Timestamp, UserId,
    port::{AccessAsOf, Emergencies, Error, EventLog, EventTail, Result, Timeline},
};
use allynet_sql::{DeadlinePool, RowDecoder};
use async_trait::async_trait;
use sqlx::Connection as _;
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

use crate::{Sqlite, rows::down};

/// How often another process's events are looked for.
const POLL: Duration = Duration::from_secs(1);
/// The most events handed out at once.
const BATCH: u32 = 500;

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
struct EventRow {
    seq: i64,
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

struct Tail {
    readers: DeadlinePool<sqlx::Sqlite>,
    committed: watch::Receiver<()>,
    last: EventId,
}

impl Tail {
    async fn read(&self) -> Result<Vec<EventRow>> {
        sqlx::query_as(AFTER).bind(self.last.get()).bind(BATCH).fetch_all(&self.readers).await.map_err(down)
    }

    /// The readable events up to the first that is not. That one fails alone, once, and is passed over: a reader that
    /// stayed at it would deliver nothing any more.
    fn hand_out(&mut self, rows: Vec<EventRow>) -> Result<Vec<LoggedEvent>> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let id = EventId::new(row.seq);
            match LoggedEvent::try_from(row) {
                Ok(event) => events.push(event),
                Err(error) if events.is_empty() => {
                    self.last = id;
                    return Err(error);
                }
                Err(_) => break,
            }
            self.last = id;
        }
        Ok(events)
    }
}

#[async_trait]
impl EventTail for Tail {
    fn position(&self) -> EventId {
        self.last
    }

    async fn next(&mut self) -> Result<Vec<LoggedEvent>> {
        loop {
            // Marked before reading: what is committed after the read wakes the wait.
            self.committed.mark_unchanged();
            let rows = self.read().await?;
            if !rows.is_empty() {
                return self.hand_out(rows);
            }
            match timeout(POLL, self.committed.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                // The store itself is gone; its file may still grow by another process.
                Ok(Err(_)) => tokio::time::sleep(POLL).await,
            }
        }
    }
}
