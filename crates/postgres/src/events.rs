//! The event log: timelines, and the readers that follow its end.
//!
//! When a reader may pass a gap in the numbers is decided in [`crate::tail`].

use std::time::Duration;

use allynet_domain::{
    EmergencyId, EventId, LoggedEvent, Timestamp, UserId,
    port::{AccessAsOf, Error, EventLog, EventTail, Result, Timeline},
};
use allynet_sql::RowDecoder;
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
    emergency_row::EmergencyRow,
    error::failed,
    rows::AccessRow,
    tail::{Cursor, Step},
};

/// The maximum number of events that a reader hands out at once.
const MAX_EVENTS_PER_READ: i64 = 500;
/// How long a reader waits for a notification before it reads anyway.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long a reader waits at a gap before it reads again: the first delay and the longest one.
const GAP_DELAYS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Time at a gap after which a reader warns: another program keeps a transaction open.
const GAP_WARNING_AFTER: Duration = Duration::from_secs(5);

/// An emergency with a page of its events, as [`EventRow`]s in JSON. A body stays the text that it is, so that its numbers
/// are not written anew.
const TIMELINE: &str = "
    SELECT v.*, (
            SELECT json_agg(json_build_object('seq', l.seq, 'at', l.at, 'emergency_id', l.emergency_id,
                'actor_id', l.actor_id, 'body', l.body::text) ORDER BY l.seq)::text
            FROM (SELECT * FROM event WHERE emergency_id = v.id AND seq > $2 ORDER BY seq LIMIT $3) AS l
        ) AS events
    FROM emergency_with_parts_v3 v WHERE v.id = $1";
/// The access of the user `$2` to the emergency `$1`, and the end of the log in the same snapshot.
const ACCESS: &str = "
    SELECT e.owner_id = $2 AS owns, e.status, e.revision,
        (EXISTS (SELECT FROM user_block b WHERE b.owner_id = e.owner_id AND b.blocked_id = $2)
            OR NOT e.anonymous
                AND EXISTS (SELECT FROM user_block b WHERE b.owner_id = $2 AND b.blocked_id = e.owner_id)) AS hidden,
        EXISTS (SELECT FROM response r
                WHERE r.emergency_id = e.id AND r.helper_id = $2 AND r.status <> 'cancelled') AS responds,
        (SELECT coalesce(max(seq), 0) FROM event)::text AS found
    FROM emergency e WHERE e.id = $1";
const EVENTS_OF: &str = "
    SELECT seq, at, emergency_id, actor_id, body::text AS body FROM event
    WHERE emergency_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
/// The horizon is of the same snapshot as the rows, so what every transaction before it appended is among them.
const AFTER: &str = "
    SELECT seq, at, emergency_id, actor_id, body::text AS body,
        (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS horizon
    FROM event WHERE seq > $1 ORDER BY seq LIMIT $2";
const RANGE: &str = "
    SELECT seq, at, emergency_id, actor_id, body::text AS body FROM event
    WHERE seq > $1 AND seq <= $2 ORDER BY seq DESC LIMIT $3";
const COMPLETE_SINCE: &str = "SELECT complete_since FROM event_retention";
/// Removes the oldest `$2` events from before `$1` that no emergency needs any more, and notes after which number the log is
/// complete.
///
/// There is no index by time. Numbers grow with time, nearly, so the walk in the order of numbers ends at the first event
/// from after `$1`; what lies behind it is removed later. ARRAY makes one look-up of the primary key of it.
const FORGET: &str = "
    WITH edge AS (SELECT seq FROM event WHERE at >= $1 ORDER BY seq LIMIT 1),
    old AS (
        SELECT e.seq FROM event e
        WHERE e.seq < coalesce((SELECT seq FROM edge), 9223372036854775807) AND e.at < $1
            AND NOT EXISTS (SELECT FROM emergency m
                            WHERE m.id = e.emergency_id AND (m.ended_at IS NULL OR m.ended_at >= $1))
        ORDER BY e.seq LIMIT $2
    ),
    removed AS (DELETE FROM event WHERE seq = ANY (ARRAY (SELECT seq FROM old)) RETURNING seq),
    noted AS (
        UPDATE event_retention SET complete_since = greatest(complete_since, (SELECT max(seq) FROM removed))
        WHERE EXISTS (SELECT FROM removed)
    )
    SELECT count(*) FROM removed";
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM event";
const OWN_TRANSACTION: &str = "SELECT pg_current_xact_id()::text::bigint";
const HORIZON: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

statements!(TIMELINE, ACCESS, EVENTS_OF, AFTER, RANGE, COMPLETE_SINCE, FORGET, LAST, OWN_TRANSACTION, HORIZON);

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
        let stored = RowDecoder { table: "event", id: Uuid::from(emergency.id()) };
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
    #[instrument(name = "pg.events.timeline", level = "debug", skip_all, fields(emergency = %id))]
    async fn timeline(&self, id: EmergencyId, after: EventId, limit: u32) -> Result<Option<Timeline>> {
        let row: Option<TimelineRow> = sqlx::query_as(TIMELINE)
            .bind(Uuid::from(id))
            .bind(after.get())
            .bind(i64::from(limit))
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        row.map(TimelineRow::timeline).transpose()
    }

    #[instrument(name = "pg.events.events_of", level = "debug", skip_all, fields(%emergency))]
    async fn events_of(&self, emergency: EmergencyId, after: EventId, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows: Vec<EventRow> = sqlx::query_as(EVENTS_OF)
            .bind(Uuid::from(emergency))
            .bind(after.get())
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        rows.into_iter().map(EventRow::event).collect()
    }

    #[instrument(name = "pg.events.access", level = "debug", skip_all, fields(%emergency, %user))]
    async fn access(&self, emergency: EmergencyId, user: UserId) -> Result<Option<AccessAsOf>> {
        let row: Option<AccessRow> = sqlx::query_as(ACCESS)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(user))
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let (access, as_of) = row.access(emergency.into())?;
        let as_of =
            RowDecoder { table: "event", id: Uuid::from(emergency) }.json("seq", as_of.as_deref().unwrap_or("0"))?;
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
            .map_err(failed)?;
        // Newest first as they were selected. Events that do not decode were reported by the tail.
        Ok(rows.into_iter().rev().filter_map(|row| row.event().ok()).collect())
    }

    #[instrument(name = "pg.events.complete_since", level = "debug", skip_all)]
    async fn complete_since(&self) -> Result<EventId> {
        let seq = sqlx::query_scalar(COMPLETE_SINCE).fetch_one(self.main()).await;
        seq.map(EventId::new).map_err(failed)
    }

    #[instrument(name = "pg.events.prune", level = "debug", skip_all)]
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let pruned: i64 = sqlx::query_scalar(FORGET)
            .bind(before)
            .bind(i64::from(limit))
            .fetch_one(self.maintenance())
            .await
            .map_err(failed)?;
        Ok(pruned.unsigned_abs())
    }

    /// Reads the end of the log first. A lower number may still be committing then, and would be behind the reader: so
    /// this returns when every transaction that had begun by then has ended.
    #[instrument(name = "pg.events.follow", level = "debug", skip_all)]
    async fn follow(&self) -> Result<Box<dyn EventTail>> {
        let mut committed = self.notifications().subscribe();
        let end = self.number(LAST).await?;
        let own = self.number(OWN_TRANSACTION).await?;
        let mut gap = GapWait::new();
        while self.number(HORIZON).await? <= own {
            gap.wait(&mut committed).await;
        }
        // The first read does not wait for a notification.
        committed.mark_changed();
        Ok(Box::new(Tail { store: self.clone(), committed, cursor: Cursor::new(end) }))
    }
}

impl Postgres {
    async fn number(&self, sql: &'static str) -> Result<i64> {
        sqlx::query_scalar(sql).fetch_one(self.log()).await.map_err(failed)
    }
}

/// How long a reader has waited at a gap.
struct GapWait {
    since: Instant,
    delay: Duration,
    has_warned: bool,
}

impl GapWait {
    fn new() -> Self {
        Self { since: Instant::now(), delay: GAP_DELAYS.0, has_warned: false }
    }

    /// Waits twice as long as the last time, and no longer than until something is committed.
    async fn wait(&mut self, committed: &mut watch::Receiver<()>) {
        if !self.has_warned && self.since.elapsed() > GAP_WARNING_AFTER {
            tracing::warn!("event log: waiting for a transaction that stays open on the database server");
            self.has_warned = true;
        }
        // Elapsed, changed or closed: the log is read in any case.
        let _ = timeout(self.delay, committed.changed()).await;
        self.delay = (self.delay * 2).min(GAP_DELAYS.1);
    }
}

/// A reader that follows the end of the log.
struct Tail {
    store: Postgres,
    committed: watch::Receiver<()>,
    cursor: Cursor,
}

#[async_trait]
impl EventTail for Tail {
    fn position(&self) -> EventId {
        EventId::new(self.cursor.at())
    }

    async fn next(&mut self) -> Result<Vec<LoggedEvent>> {
        let mut gap = GapWait::new();
        loop {
            // Before reading, so that every commit from now on ends the wait below.
            self.committed.mark_unchanged();
            let rows: Vec<TailRow> = sqlx::query_as(AFTER)
                .bind(self.cursor.at())
                .bind(MAX_EVENTS_PER_READ)
                .fetch_all(self.store.log())
                .await
                .map_err(failed)?;
            let horizon = rows.first().map_or(0, |row| row.horizon);
            match self.cursor.decide(rows.iter().map(|row| row.event.seq), horizon) {
                Step::Return(count) => return self.return_events(rows.into_iter().take(count)),
                Step::TakeId { seen } => {
                    let own = self.store.number(OWN_TRANSACTION).await?;
                    self.cursor.wait_for(own, seen);
                }
                Step::ReadAgain => gap.wait(&mut self.committed).await,
                Step::Idle => {
                    gap = GapWait::new();
                    let _ = timeout(POLL_INTERVAL, self.committed.changed()).await;
                }
            }
        }
    }
}

impl Tail {
    /// Decodes rows and advances the cursor. An event that does not decode must not block later ones: the events before
    /// it are returned first, then it is reported once and skipped.
    fn return_events(&mut self, rows: impl Iterator<Item = TailRow>) -> Result<Vec<LoggedEvent>> {
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
