//! The event log, read. One writer at a time means that the order of numbers is the order of commits, so whatever is
//! after the cursor is complete; gaps are deleted events.

use std::time::Duration;

use allynet_domain::{
    EmergencyId, EventId, LoggedEvent,
    port::{Error, EventLog, EventTail, Result},
};
use async_trait::async_trait;
use chrono::DateTime;
use sqlx::Pool;
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

use crate::{Sqlite, rows::down};

/// How often another process's events are looked for.
const POLL: Duration = Duration::from_secs(1);
/// The most events handed out at once.
const BATCH: u32 = 500;

pub(crate) const TIMELINE: &str = "\
    select seq, at, emergency_id, actor_id, body from event \
    where emergency_id = ?1 and seq > ?2 order by seq limit ?3";
pub(crate) const AFTER: &str =
    "select seq, at, emergency_id, actor_id, body from event where seq > ?1 order by seq limit ?2";

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
        let corrupt = |column| Error::Corrupt { table: "event", column, id: seq.to_string() };
        Ok(Self {
            id: EventId::new(seq),
            at: DateTime::from_timestamp_micros(at).ok_or_else(|| corrupt("at"))?,
            emergency: emergency_id.map(Into::into),
            actor: actor_id.map(Into::into),
            event: serde_json::from_str(&body).map_err(|_| corrupt("body"))?,
        })
    }
}

#[async_trait]
impl EventLog for Sqlite {
    async fn timeline(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(TIMELINE)
            .bind(Uuid::from(emergency))
            .bind(after.get())
            .bind(limit)
            .fetch_all(&self.readers)
            .await
            .map_err(down)?;
        rows.into_iter().map(LoggedEvent::try_from).collect()
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

struct Tail {
    readers: Pool<sqlx::Sqlite>,
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
