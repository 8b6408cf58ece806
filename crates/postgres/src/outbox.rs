//! The outbox. Messages, and what becomes of them, are written by `apply_change_v2`.

use allynet_domain::{
    DeliveryId, Metres, Timestamp,
    outbox::{AlertState, DeliveryState, DueDelivery, DueMessage, MessageDevice, ReceiptTarget, StoredMessage},
    port::{KeyedHash, Outbox, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, devices::DeviceRow, error::failed};

/// Claims at most `$3` messages that are due at `$1`, until `$2`. A row for each device of each, or one without.
const CLAIM_MESSAGES: &str = "
    WITH claimed AS (
        UPDATE outbox o SET due_at = $2
        WHERE o.id = ANY (ARRAY (
            SELECT id FROM outbox WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
        RETURNING o.id, o.kind, o.user_id, o.emergency_id, o.emergency_kind, o.event_id, o.distance, o.device_id,
            o.created_at, o.counts_since, o.expires_at, o.step
    )
    SELECT c.id AS message_id, c.kind, c.user_id, c.emergency_id, c.emergency_kind, c.event_id, c.distance,
        c.created_at AS stored_at, c.counts_since, c.expires_at, c.step,
        coalesce(e.status IN ('active', 'responding'), false) AS is_live,
        l.seen_at,
        l.declined_at IS NOT NULL OR EXISTS (
            SELECT FROM response r
            WHERE r.emergency_id = c.emergency_id AND r.helper_id = c.user_id AND r.status <> 'cancelled') AS is_answered,
        coalesce(u.away_from <= $1 AND $1 < u.away_until
            AND (u.away_from_critical OR NOT (e.priority = 'critical' OR e.severity >= 8)), false) AS is_away,
        d.id, d.account_id, d.session_id, d.name, d.endpoint, d.p256dh, d.auth, d.push_key, d.created_at, d.last_sent_at,
        d.last_delivered_at, d.refused, d.unknown_since, d.last_test_at, d.tests_from, d.tests,
        x.received_at,
        s.sent_at IS NOT NULL AS was_alerted,
        v.id AS delivery_id, v.step AS delivery_step, v.planned_at, v.due_at IS NOT NULL AS is_pending, v.attempts
    FROM claimed c
    JOIN account u ON u.id = c.user_id
    LEFT JOIN emergency e ON e.id = c.emergency_id
    LEFT JOIN alert l ON l.emergency_id = c.emergency_id AND l.helper_id = c.user_id
    LEFT JOIN device d ON d.account_id = c.user_id AND (c.device_id IS NULL OR c.device_id = d.id)
    LEFT JOIN alert_receipt x ON x.emergency_id = c.emergency_id AND x.device_id = d.id
    LEFT JOIN outbox m ON m.emergency_id = c.emergency_id AND m.user_id = c.user_id AND m.kind = 'alert'
    LEFT JOIN delivery s ON s.outbox_id = m.id AND s.device_id = d.id
    LEFT JOIN delivery v ON v.outbox_id = c.id AND v.device_id = d.id
    ORDER BY c.created_at, c.id, d.created_at DESC";

/// Claims at most `$3` deliveries that are due at `$1`, until `$2`.
const CLAIM_DELIVERIES: &str = "
    WITH claimed AS (
        UPDATE delivery v SET due_at = $2
        WHERE v.id = ANY (ARRAY (
            SELECT id FROM delivery WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
        RETURNING v.id, v.outbox_id, v.device_id, v.step, v.planned_at, v.attempts
    )
    SELECT c.id AS message_id, c.kind, c.user_id, c.emergency_id, c.emergency_kind, c.event_id, c.distance,
        c.created_at AS stored_at, c.counts_since, c.expires_at, c.step,
        coalesce(e.status IN ('active', 'responding'), false) AS is_live,
        l.seen_at,
        l.declined_at IS NOT NULL OR EXISTS (
            SELECT FROM response r
            WHERE r.emergency_id = c.emergency_id AND r.helper_id = c.user_id AND r.status <> 'cancelled') AS is_answered,
        coalesce(u.away_from <= $1 AND $1 < u.away_until
            AND (u.away_from_critical OR NOT (e.priority = 'critical' OR e.severity >= 8)), false) AS is_away,
        d.id, d.account_id, d.session_id, d.name, d.endpoint, d.p256dh, d.auth, d.push_key, d.created_at, d.last_sent_at,
        d.last_delivered_at, d.refused, d.unknown_since, d.last_test_at, d.tests_from, d.tests,
        x.received_at, false AS was_alerted,
        v.id AS delivery_id, v.step AS delivery_step, v.planned_at, true AS is_pending, v.attempts
    FROM claimed v
    JOIN outbox c ON c.id = v.outbox_id
    JOIN account u ON u.id = c.user_id
    JOIN device d ON d.id = v.device_id
    LEFT JOIN emergency e ON e.id = c.emergency_id
    LEFT JOIN alert l ON l.emergency_id = c.emergency_id AND l.helper_id = c.user_id
    LEFT JOIN alert_receipt x ON x.emergency_id = c.emergency_id AND x.device_id = d.id
    ORDER BY v.planned_at, v.id";

/// The push whose receipt has the hash `$1`, if it was planned at `$2` or later.
const FIND_RECEIPT: &str = "
    SELECT v.id AS delivery_id, v.device_id, o.user_id, o.kind, e.id AS emergency_id, v.delivered_at, v.seen_at
    FROM delivery v JOIN outbox o ON o.id = v.outbox_id LEFT JOIN emergency e ON e.id = o.emergency_id
    WHERE v.receipt_hash = $1 AND v.planned_at >= $2";

/// Deletes at most `$2` messages from before `$1`.
const DELETE: &str = "
    WITH deleted AS (
        DELETE FROM outbox WHERE id = ANY (ARRAY (
            SELECT id FROM outbox WHERE created_at < $1 ORDER BY created_at LIMIT $2))
        RETURNING id
    )
    SELECT count(*) FROM deleted";

/// Ends everything that waits.
const DROP_WAITING: &str = "
    WITH messages AS (UPDATE outbox SET due_at = NULL WHERE due_at IS NOT NULL RETURNING id),
    deliveries AS (UPDATE delivery SET due_at = NULL WHERE due_at IS NOT NULL)
    SELECT count(*) FROM messages";

/// The number of messages and deliveries that are due at `$1`, and the earliest time.
const BACKLOG: &str = "
    SELECT count(*), min(due_at) FROM (
        SELECT due_at FROM outbox WHERE due_at <= $1 UNION ALL SELECT due_at FROM delivery WHERE due_at <= $1) AS due";

statements!(CLAIM_MESSAGES, CLAIM_DELIVERIES, FIND_RECEIPT, DELETE, DROP_WAITING, BACKLOG);

/// A message, with one of its devices.
#[derive(FromRow)]
struct ClaimedRow {
    message_id: Uuid,
    kind: String,
    user_id: Uuid,
    emergency_id: Option<Uuid>,
    emergency_kind: Option<String>,
    event_id: Option<i64>,
    distance: Option<f64>,
    stored_at: Timestamp,
    counts_since: Timestamp,
    expires_at: Timestamp,
    step: i16,
    #[sqlx(flatten)]
    state: StateRow,
    #[sqlx(flatten)]
    device: OptionalDevice,
    received_at: Option<Timestamp>,
    was_alerted: bool,
    #[sqlx(flatten)]
    delivery: DeliveryRow,
}

#[derive(FromRow)]
struct StateRow {
    is_live: bool,
    seen_at: Option<Timestamp>,
    is_answered: bool,
    is_away: bool,
}

/// A device, or nulls.
struct OptionalDevice(Option<DeviceRow>);

impl<'r> FromRow<'r, sqlx::postgres::PgRow> for OptionalDevice {
    fn from_row(row: &'r sqlx::postgres::PgRow) -> sqlx::Result<Self> {
        use sqlx::Row as _;
        let id: Option<Uuid> = row.try_get("id")?;
        id.map(|_| DeviceRow::from_row(row)).transpose().map(Self)
    }
}

/// The columns of a delivery: nulls for none, except `is_pending`.
#[derive(FromRow)]
struct DeliveryRow {
    delivery_id: Option<Uuid>,
    delivery_step: Option<i16>,
    planned_at: Option<Timestamp>,
    is_pending: bool,
    attempts: Option<i32>,
}

impl DeliveryRow {
    fn delivery(self, stored: RowDecoder<Uuid>) -> Result<Option<DeliveryState>> {
        let Self { delivery_id, delivery_step, planned_at, is_pending, attempts } = self;
        let Some(id) = delivery_id else { return Ok(None) };
        let step = delivery_step.and_then(|step| step.try_into().ok()).ok_or_else(|| stored.corrupt("step"))?;
        let attempts = attempts.and_then(|count| count.try_into().ok()).ok_or_else(|| stored.corrupt("attempts"))?;
        let planned_at = planned_at.ok_or_else(|| stored.corrupt("planned_at"))?;
        Ok(Some(DeliveryState { id: id.into(), step, planned_at, is_pending, attempts }))
    }
}

impl ClaimedRow {
    /// The message, its step, and the device if there is one.
    fn decode(self) -> Result<(StoredMessage, u8, Option<MessageDevice>)> {
        let stored = RowDecoder { table: "outbox", id: self.message_id };
        let message = StoredMessage {
            id: self.message_id.into(),
            kind: stored.parse("kind", &self.kind)?,
            user: self.user_id.into(),
            emergency: self.emergency_id.map(Into::into),
            emergency_kind: stored.parse_opt("emergency_kind", self.emergency_kind.as_deref())?,
            event: self.event_id.map(allynet_domain::EventId::new),
            distance: self.distance.map(Metres::new),
            created_at: self.stored_at,
            counts_since: self.counts_since,
            expires_at: self.expires_at,
            state: AlertState {
                is_live: self.state.is_live,
                seen_at: self.state.seen_at,
                is_answered: self.state.is_answered,
                is_away: self.state.is_away,
            },
        };
        let step = u8::try_from(self.step).map_err(|_| stored.corrupt("step"))?;
        let (received_at, was_alerted, delivery) =
            (self.received_at, self.was_alerted, self.delivery.delivery(stored)?);
        let device = self.device.0.map(DeviceRow::device).transpose()?;
        let device = device.map(|device| MessageDevice { device, received_at, was_alerted, delivery });
        Ok((message, step, device))
    }
}

#[derive(FromRow)]
struct ReceiptRow {
    delivery_id: Uuid,
    device_id: Uuid,
    user_id: Uuid,
    kind: String,
    emergency_id: Option<Uuid>,
    delivered_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
}

#[async_trait]
impl Outbox for Postgres {
    #[instrument(name = "pg.outbox.claim_messages", level = "debug", skip_all)]
    async fn claim_messages(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueMessage>> {
        let rows = self.claim(CLAIM_MESSAGES, now, lease_until, limit).await?;
        let mut due: Vec<DueMessage> = Vec::new();
        for row in rows {
            let (message, step, device) = row.decode()?;
            match due.last_mut() {
                Some(last) if last.message.id == message.id => last.devices.extend(device),
                _ => due.push(DueMessage { message, step, lease_until, devices: device.into_iter().collect() }),
            }
        }
        Ok(due)
    }

    #[instrument(name = "pg.outbox.claim_deliveries", level = "debug", skip_all)]
    async fn claim_deliveries(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueDelivery>> {
        let rows = self.claim(CLAIM_DELIVERIES, now, lease_until, limit).await?;
        let decoded = rows.into_iter().map(|row| {
            let (message, _, device) = row.decode()?;
            Ok(device.and_then(|device| {
                let delivery = device.delivery?;
                Some(DueDelivery { message, device, delivery })
            }))
        });
        decoded.filter_map(Result::transpose).collect()
    }

    #[instrument(name = "pg.outbox.find_receipt", level = "debug", skip_all)]
    async fn find_receipt(&self, receipt: KeyedHash, since: Timestamp) -> Result<Option<ReceiptTarget>> {
        let query = sqlx::query_as(FIND_RECEIPT).bind(Uuid::from(receipt)).bind(since);
        let row: Option<ReceiptRow> = query.fetch_optional(self.main()).await.map_err(failed)?;
        row.map(|row| {
            let stored = RowDecoder { table: "delivery", id: row.delivery_id };
            Ok(ReceiptTarget {
                delivery: DeliveryId::from(row.delivery_id),
                device: row.device_id.into(),
                user: row.user_id.into(),
                kind: stored.parse("kind", &row.kind)?,
                emergency: row.emergency_id.map(Into::into),
                delivered_at: row.delivered_at,
                seen_at: row.seen_at,
            })
        })
        .transpose()
    }

    #[instrument(name = "pg.outbox.delete_messages", level = "debug", skip_all)]
    async fn delete_messages(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query_scalar(DELETE).bind(before).bind(i64::from(limit));
        let deleted: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(deleted.unsigned_abs())
    }

    #[instrument(name = "pg.outbox.drop_waiting", level = "debug", skip_all)]
    async fn drop_waiting(&self) -> Result<u64> {
        let dropped: i64 = sqlx::query_scalar(DROP_WAITING).fetch_one(self.main()).await.map_err(failed)?;
        Ok(dropped.unsigned_abs())
    }

    #[instrument(name = "pg.outbox.backlog", level = "debug", skip_all)]
    async fn backlog(&self, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
        let query = sqlx::query_as(BACKLOG).bind(now);
        let (count, oldest): (i64, Option<Timestamp>) = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok((count.unsigned_abs(), oldest))
    }

    async fn wait_for_message(&self) {
        self.message_stored().notified().await;
    }
}

impl Postgres {
    async fn claim(
        &self,
        claim: &'static str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedRow>> {
        let query = sqlx::query_as(claim).bind(now).bind(lease_until).bind(i64::from(limit));
        query.fetch_all(self.main()).await.map_err(failed)
    }
}
