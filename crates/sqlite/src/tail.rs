//! The tail of the event log: new events, in order.

use std::time::Duration;

use allynet_domain::{
    EventId, LoggedEvent,
    port::{EventTail, Result},
};
use allynet_sql::DeadlinePool;
use async_trait::async_trait;
use tokio::{sync::watch, time::timeout};

use crate::{
    error::down,
    events::{AFTER, EventRow},
};

/// How often another process's events are looked for.
const POLL: Duration = Duration::from_secs(1);
/// The most events handed out at once.
const BATCH: u32 = 500;

pub(crate) struct Tail {
    pub(crate) readers: DeadlinePool<sqlx::Sqlite>,
    pub(crate) committed: watch::Receiver<()>,
    pub(crate) last: EventId,
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
