//! Following the end of the event log: the port [`EventTail`].

use std::time::Duration;

use allynet_domain::{
    EventId, LoggedEvent,
    port::{EventTail, Result},
};
use allynet_sql::DeadlinePool;
use async_trait::async_trait;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{error::port_error, event_row::EventRow};

/// How often the log is read without a wake-up, for events of other processes.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Events returned by one call.
const MAX_EVENTS_PER_BATCH: u32 = 500;

/// The first `?2` events after `?1`, in order.
pub(crate) const AFTER: &str = "\
    select seq, at, emergency_id, actor_id, body from event where seq > ?1 order by seq limit ?2";

/// A reader of the log, and its place in it.
pub(crate) struct Tail {
    log: DeadlinePool<sqlx::Sqlite>,
    committed: watch::Receiver<()>,
    /// The last event that was returned, or passed over because it does not decode.
    last: EventId,
}

impl Tail {
    /// Follows the log after `last`. `committed` is marked as changed by commits of this process.
    pub(crate) const fn new(log: DeadlinePool<sqlx::Sqlite>, committed: watch::Receiver<()>, last: EventId) -> Self {
        Self { log, committed, last }
    }

    async fn read(&self) -> Result<Vec<EventRow>> {
        sqlx::query_as(AFTER)
            .bind(self.last.get())
            .bind(MAX_EVENTS_PER_BATCH)
            .fetch_all(&self.log)
            .await
            .map_err(port_error)
    }

    /// Decodes the events up to the first that does not decode. That one is reported by the next call, alone and once,
    /// and then passed over: a reader that stopped at it would never deliver a later event.
    fn decode(&mut self, rows: Vec<EventRow>) -> Result<Vec<LoggedEvent>> {
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
            // Before reading: a commit after the read then ends the wait below. A commit between the two only costs an
            // empty read.
            self.committed.mark_unchanged();
            let rows = self.read().await?;
            if !rows.is_empty() {
                // No await from here on, so a dropped future has either returned its events or not moved `last`.
                return self.decode(rows);
            }
            match timeout(POLL_INTERVAL, self.committed.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                // This process has dropped its store, but another one may still write to the file.
                Ok(Err(_)) => sleep(POLL_INTERVAL).await,
            }
        }
    }
}
