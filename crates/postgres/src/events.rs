//! The event log: timelines, and the readers that follow its end. When a gap in the numbers may be passed is decided
//! in `tail`.

use std::time::Duration;

use allynet_domain::{
    EmergencyId, Event, EventId, LoggedEvent, Timestamp, UserId,
    port::{AccessAsOf, Error, EventLog, EventTail, Result, Timeline},
};
use async_trait::async_trait;
use serde::Deserialize;
use sqlx::FromRow;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    emergency_row::{EmergencyRow, emergency},
    rows::{SeenRow, Stored, seen},
    tail::{Cursor, Step},
};

/// The most events handed out at once.
const BATCH: i64 = 500;
/// How long to go without looking, if nothing wakes.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait at a gap before reading again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// Who waits for longer at a gap says so: some other program keeps a transaction open.
const REMARKABLE: Duration = Duration::from_secs(5);

/// An emergency with a page of its events, as [`EventRow`]s in JSON. A body is kept as the text that it is.
const TIMELINE: &str = concat!(
    emergency!(
        "(SELECT json_agg(json_build_object('seq', v.seq, 'at', v.at, 'emergency_id', v.emergency_id, \
              'actor_id', v.actor_id, 'body', v.body::text) ORDER BY v.seq)::text \
          FROM (SELECT * FROM event WHERE emergency_id = e.id AND seq > $2 ORDER BY seq LIMIT $3) AS v) AS events"
    ),
    " WHERE e.id = $1"
);
const STANDING: &str = seen!("(SELECT coalesce(max(seq), 0) FROM event)::text");
const EVENTS_OF: &str = "SELECT seq, at, emergency_id, actor_id, body::text AS body FROM event \
                        WHERE emergency_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
/// The horizon is of the same snapshot as the rows: whatever ended before it is among them.
const AFTER: &str = "SELECT seq, at, emergency_id, actor_id, body::text AS body, \
                     (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS horizon \
                     FROM event WHERE seq > $1 ORDER BY seq LIMIT $2";
const RANGE: &str = "SELECT seq, at, emergency_id, actor_id, body::text AS body FROM event \
                     WHERE seq > $1 AND seq <= $2 ORDER BY seq DESC LIMIT $3";
/// The oldest `$2` events from before `$1` that no emergency needs any more, and how far the log is complete after
/// that. Numbers grow with time, nearly: what is behind the first event from after `$1` is not looked at yet.
const FORGET: &str = "\
    WITH edge AS (SELECT seq FROM event WHERE at >= $1 ORDER BY seq LIMIT 1), \
    old AS (SELECT e.seq FROM event e WHERE e.seq < coalesce((SELECT seq FROM edge), 9223372036854775807) \
        AND e.at < $1 AND NOT EXISTS (SELECT FROM emergency m WHERE m.id = e.emergency_id \
                                      AND (m.ended_at IS NULL OR m.ended_at >= $1)) \
        ORDER BY e.seq LIMIT $2), \
    gone AS (DELETE FROM event WHERE seq = ANY (ARRAY (SELECT seq FROM old)) RETURNING seq), \
    kept AS (UPDATE event_retention SET complete_since = greatest(complete_since, (SELECT max(seq) FROM gone)) \
        WHERE EXISTS (SELECT FROM gone)) \
    SELECT count(*) FROM gone";
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM event";
const OWN_TRANSACTION: &str = "SELECT pg_current_xact_id()::text::bigint";
const HORIZON: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

statements!(TIMELINE, EVENTS_OF, STANDING, AFTER, RANGE, FORGET, LAST, OWN_TRANSACTION, HORIZON);

#[derive(FromRow, Deserialize)]
struct EventRow {
    seq: i64,
    at: Timestamp,
    emergency_id: Option<Uuid>,
    actor_id: Option<Uuid>,
    body: String,
}

#[derive(FromRow)]
struct TimelineRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    events: Option<String>,
}

impl TimelineRow {
    fn timeline(self) -> Result<Timeline> {
        let Self { emergency, events } = self;
        let emergency = emergency.emergency()?;
        let stored = Stored { table: "event", id: emergency.id().into() };
        let events: Vec<EventRow> = events.map_or(Ok(Vec::new()), |json| stored.json("emergency_id", &json))?;
        Ok(Timeline { emergency, events: events.into_iter().map(EventRow::event).collect::<Result<_>>()? })
    }
}

#[derive(FromRow)]
struct TailRow {
    #[sqlx(flatten)]
    event: EventRow,
    horizon: i64,
}

impl EventRow {
    fn event(self) -> Result<LoggedEvent> {
        let Self { seq, at, emergency_id, actor_id, body } = self;
        let corrupt = |_| Error::Corrupt { table: "event", column: "body", id: seq.to_string() };
        Ok(LoggedEvent {
            id: EventId::new(seq),
            at,
            emergency: emergency_id.map(Into::into),
            actor: actor_id.map(Into::into),
            event: serde_json::from_str(&body).map_err(corrupt)?,
        })
    }
}

#[async_trait]
impl EventLog for Postgres {
    #[instrument(name = "pg.events.timeline", level = "debug", skip_all)]
    async fn timeline(&self, id: EmergencyId, after: EventId, limit: u32) -> Result<Option<Timeline>> {
        let row: Option<TimelineRow> = sqlx::query_as(TIMELINE)
            .bind(Uuid::from(id))
            .bind(after.get())
            .bind(i64::from(limit))
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        row.map(TimelineRow::timeline).transpose()
    }

    #[instrument(name = "pg.events.events_of", level = "debug", skip_all)]
    async fn events_of(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(EVENTS_OF)
            .bind(Uuid::from(emergency))
            .bind(after.get())
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(Error::unavailable)?;
        rows.into_iter().map(EventRow::event).collect()
    }

    #[instrument(name = "pg.events.standing", level = "debug", skip_all)]
    async fn access(&self, emergency: EmergencyId, user: UserId) -> Result<Option<AccessAsOf>> {
        let row: Option<SeenRow> = sqlx::query_as(STANDING)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(user))
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        let Some(row) = row else { return Ok(None) };
        let (access, as_of) = row.access(emergency.into())?;
        let as_of = Stored { table: "event", id: emergency.into() }.json("seq", as_of.as_deref().unwrap_or("0"))?;
        Ok(Some(AccessAsOf { access, as_of: EventId::new(as_of) }))
    }

    #[instrument(name = "pg.events.range", level = "debug", skip_all)]
    async fn range(&self, after: EventId, up_to: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(RANGE)
            .bind(after.get())
            .bind(up_to.get())
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(Error::unavailable)?;
        // The tail has reported what cannot be read.
        Ok(rows.into_iter().rev().filter_map(|row| row.event().ok()).collect())
    }

    async fn complete_since(&self) -> Result<EventId> {
        let seq = sqlx::query_scalar("SELECT complete_since FROM event_retention").fetch_one(self.main()).await;
        seq.map(EventId::new).map_err(Error::unavailable)
    }

    #[instrument(name = "pg.events.forget", level = "debug", skip_all)]
    async fn forget(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let forgotten: i64 = sqlx::query_scalar(FORGET)
            .bind(before)
            .bind(i64::from(limit))
            .fetch_one(self.patient())
            .await
            .map_err(Error::unavailable)?;
        Ok(forgotten.unsigned_abs())
    }

    /// The end of the log is read first. A lower number may still be committing then; it is behind the reader, so
    /// the call returns only when none can be.
    #[instrument(name = "pg.events.follow", level = "debug", skip_all)]
    async fn follow(&self) -> Result<Box<dyn EventTail>> {
        let mut woken = self.wake().subscribe();
        let end = self.number(LAST).await?;
        let own = self.number(OWN_TRANSACTION).await?;
        let mut patience = Patience::new();
        while self.number(HORIZON).await? <= own {
            patience.rest(&mut woken).await;
        }
        woken.mark_changed();
        // What was remembered before may be older than what this reader will see.
        self.remembered().forget_all();
        Ok(Box::new(Tail { store: self.clone(), woken, cursor: Cursor::new(end) }))
    }
}

impl Postgres {
    async fn number(&self, sql: &'static str) -> Result<i64> {
        sqlx::query_scalar(sql).fetch_one(self.log()).await.map_err(Error::unavailable)
    }
}

/// How long a reader has waited for transactions to end.
struct Patience {
    since: Instant,
    pause: Duration,
    told: bool,
}

impl Patience {
    fn new() -> Self {
        Self { since: Instant::now(), pause: BACKOFF.0, told: false }
    }

    /// Waits a little, longer each time, but not once something was committed.
    async fn rest(&mut self, woken: &mut watch::Receiver<()>) {
        if !self.told && self.since.elapsed() > REMARKABLE {
            tracing::warn!("a transaction that stays open on the database server holds the event log up");
            self.told = true;
        }
        // Neither the time running out nor the sender being gone matters: the log is looked at in either case.
        let _ = timeout(self.pause, woken.changed()).await;
        self.pause = (self.pause * 2).min(BACKOFF.1);
    }
}

/// A reader that follows the end of the log.
struct Tail {
    store: Postgres,
    woken: watch::Receiver<()>,
    cursor: Cursor,
}

#[async_trait]
impl EventTail for Tail {
    fn position(&self) -> EventId {
        EventId::new(self.cursor.at())
    }

    async fn next(&mut self) -> Result<Vec<LoggedEvent>> {
        let mut patience = Patience::new();
        loop {
            // Before reading: what is committed from now on wakes the wait below.
            self.woken.mark_unchanged();
            let began = Instant::now();
            let rows: Vec<TailRow> = sqlx::query_as(AFTER)
                .bind(self.cursor.at())
                .bind(BATCH)
                .fetch_all(self.store.log())
                .await
                .map_err(Error::unavailable)?;
            self.notice(&rows, began);
            let horizon = rows.first().map_or(0, |row| row.horizon);
            match self.cursor.decide(rows.iter().map(|row| row.event.seq), horizon) {
                Step::HandOut(count) => return self.hand_out(rows.into_iter().take(count)),
                Step::TakeId { seen } => {
                    let own = self.store.number(OWN_TRANSACTION).await?;
                    self.cursor.wait_for(own, seen);
                }
                Step::ReadAgain => patience.rest(&mut self.woken).await,
                Step::Idle => {
                    patience = Patience::new();
                    let _ = timeout(POLL, self.woken.changed()).await;
                }
            }
        }
    }
}

impl Tail {
    /// Forgets whom the rows are about, also behind a gap: whether something was committed between does not matter for
    /// that. All there was is in them, unless there were too many.
    fn notice(&self, rows: &[TailRow], began: Instant) {
        let remembered = self.store.remembered();
        let of_accounts = rows.iter().filter(|row| row.event.emergency_id.is_none());
        for row in of_accounts {
            match serde_json::from_str::<Event>(&row.event.body) {
                Ok(event) => remembered.forget(event.account().as_slice()),
                Err(_) => remembered.forget_all(),
            }
        }
        if i64::try_from(rows.len()).is_ok_and(|count| count < BATCH) {
            remembered.looked(began);
        }
    }

    /// What precedes an event that cannot be read is handed out first; then the event is reported, once, and passed:
    /// it must not keep all later ones from everybody.
    fn hand_out(&mut self, rows: impl Iterator<Item = TailRow>) -> Result<Vec<LoggedEvent>> {
        let mut events = Vec::new();
        for row in rows {
            let seq = row.event.seq;
            match row.event.event() {
                Ok(event) => events.push(event),
                Err(_) if !events.is_empty() => break,
                Err(error) => {
                    self.cursor.advance(seq);
                    return Err(error);
                }
            }
            self.cursor.advance(seq);
        }
        Ok(events)
    }
}
