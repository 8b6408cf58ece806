//! The outbox. Messages, and what becomes of them, are written by `apply_change_v3`.

use allynet_domain::{
    Metres, Secret, Timestamp,
    outbox::{
        Addresses, AlertState, DeliveryState, DueDelivery, DueMessage, MessageDevice, ReceiptTarget, StoredMessage,
    },
    port::{KeyedHash, Outbox, Result},
};
use allynet_sql::{Claimed, RowDecoder};
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, devices::DeviceRow, error::failed};

/// Claims at most `$3` messages that are due at `$1`, until `$2`. A row for each device of each, or one without.
///
/// Laterals with a limit and scalar subqueries are run for each row, by the index on what they compare. Joins and `EXISTS` were
/// planned for empty tables, and then read all alerts, deliveries and responses for each message.
const CLAIM_MESSAGES: &str = "
    WITH claimed AS (
        UPDATE outbox o SET due_at = $2
        WHERE o.id = ANY (ARRAY (
            SELECT id FROM outbox WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
        RETURNING o.id, coalesce(o.purpose, o.kind) AS kind, o.user_id, o.emergency_id, o.emergency_kind, o.event_id, o.distance, o.device_id,
            o.created_at, o.counts_since, o.expires_at, o.step
    )
    SELECT c.id AS message_id, c.kind, c.user_id, c.emergency_id, c.emergency_kind, c.event_id, c.distance,
        c.created_at AS stored_at, c.counts_since, c.expires_at, c.step,
        coalesce(e.status IN ('active', 'responding'), false) AS is_live,
        l.seen_at,
        l.declined_at IS NOT NULL OR (
            SELECT r.status FROM response r WHERE r.emergency_id = c.emergency_id AND r.helper_id = c.user_id) <> 'cancelled'
            IS TRUE AS is_answered,
        coalesce(u.away_from <= $1 AND $1 < u.away_until
            AND (u.away_from_critical OR NOT (e.priority = 'critical' OR e.severity >= 8)), false)
            OR u.blocked OR coalesce(u.verification = 'rejected', false)
            OR CASE WHEN u.max_alerts_per_day IS NOT NULL AND NOT (e.priority = 'critical' OR e.severity >= 8) THEN
                u.max_alerts_per_day <= (
                    SELECT count(DISTINCT g.owner_id) FROM ring g
                    WHERE g.helper_id = c.user_id AND g.rung_at > $1 - interval '24 hours'
                        AND g.rung_at < coalesce(l.first_sent_at, l.sent_at)
                        AND g.owner_id <> c.user_id AND g.owner_id <> e.owner_id)
                ELSE false END AS is_away,
        coalesce(e.owner_id = c.user_id, false) AS is_owner,
        (SELECT q.silent FROM emergency q WHERE q.owner_id = c.user_id AND q.status IN ('active', 'responding'))
            IS TRUE AS is_silenced,
        (SELECT r.helper_id FROM response r WHERE r.emergency_id = c.emergency_id AND r.helper_id <> c.user_id AND r.engaged
            AND r.dispatch ->> 'stalled_at' IS NULL
         ORDER BY r.helper_id LIMIT 1) IS NOT NULL AS is_helped,
        u.locale, CASE WHEN u.notify_email AND (SELECT b.email FROM alert_mail_stop b WHERE b.email = u.email) IS NULL
            THEN u.email END AS email, CASE WHEN u.notify_sms THEN u.phone END AS phone,
        d.id, d.account_id, d.session_id, d.name, d.endpoint, d.p256dh, d.auth, d.push_key, d.created_at, d.last_sent_at,
        d.last_delivered_at, d.refused, d.unknown_since, d.last_test_at, d.tests_from, d.tests,
        x.received_at,
        coalesce(s.sent_at IS NOT NULL OR s.attempts > 0, false) AS was_alerted, s.due_at IS NOT NULL AS is_alert_pending,
        v.id AS delivery_id, v.channel, v.step AS delivery_step, v.planned_at, v.due_at IS NOT NULL AS is_pending, v.attempts,
        EXISTS (SELECT FROM delivery y WHERE y.outbox_id = c.id AND y.channel = 'email') AS is_emailed,
        EXISTS (SELECT FROM delivery y WHERE y.outbox_id = c.id AND y.channel = 'webhook') AS is_phoned
    FROM claimed c
    CROSS JOIN LATERAL (SELECT * FROM account a WHERE a.id = c.user_id OFFSET 0) AS u
    LEFT JOIN LATERAL (SELECT * FROM emergency f WHERE f.id = c.emergency_id OFFSET 0) AS e ON true
    LEFT JOIN LATERAL (
        SELECT * FROM alert a WHERE a.emergency_id = c.emergency_id AND a.helper_id = c.user_id OFFSET 0) AS l ON true
    LEFT JOIN LATERAL (
        SELECT * FROM device f
        WHERE f.account_id = c.user_id AND (c.device_id IS NULL OR c.device_id = f.id) OFFSET 0) AS d ON true
    LEFT JOIN LATERAL (
        SELECT * FROM alert_receipt a WHERE a.emergency_id = c.emergency_id AND a.device_id = d.id OFFSET 0) AS x ON true
    LEFT JOIN LATERAL (
        SELECT o.id FROM outbox o WHERE o.emergency_id = c.emergency_id AND o.user_id = c.user_id AND o.kind = 'alert' LIMIT 1
    ) m ON true
    LEFT JOIN LATERAL (
        SELECT y.sent_at, y.attempts, y.due_at FROM delivery y
        WHERE y.outbox_id = m.id AND y.channel = 'webpush' AND coalesce(y.device_id, y.outbox_id) = d.id LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT y.id, y.channel, y.step, y.planned_at, y.due_at, y.attempts FROM delivery y
        WHERE y.outbox_id = c.id AND y.channel = 'webpush' AND coalesce(y.device_id, y.outbox_id) = d.id LIMIT 1
    ) v ON true
    ORDER BY c.created_at, c.id, d.created_at DESC";

/// Claims at most `$3` deliveries that are due at `$1`: pushes until `$2`, others until `$4`.
const CLAIM_DELIVERIES: &str = "
    WITH claimed AS (
        UPDATE delivery v SET due_at = CASE v.channel WHEN 'webpush' THEN $2::timestamptz ELSE $4 END
        WHERE v.id = ANY (ARRAY (
            SELECT id FROM delivery WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
        RETURNING v.id, v.outbox_id, v.channel, v.device_id, v.step, v.planned_at, v.attempts
    )
    SELECT c.id AS message_id, coalesce(c.purpose, c.kind) AS kind, c.user_id, c.emergency_id, c.emergency_kind, c.event_id, c.distance,
        c.created_at AS stored_at, c.counts_since, c.expires_at, c.step,
        coalesce(e.status IN ('active', 'responding'), false) AS is_live,
        l.seen_at,
        l.declined_at IS NOT NULL OR (
            SELECT r.status FROM response r WHERE r.emergency_id = c.emergency_id AND r.helper_id = c.user_id) <> 'cancelled'
            IS TRUE AS is_answered,
        coalesce(u.away_from <= $1 AND $1 < u.away_until
            AND (u.away_from_critical OR NOT (e.priority = 'critical' OR e.severity >= 8)), false)
            OR u.blocked OR coalesce(u.verification = 'rejected', false)
            OR CASE WHEN u.max_alerts_per_day IS NOT NULL AND NOT (e.priority = 'critical' OR e.severity >= 8) THEN
                u.max_alerts_per_day <= (
                    SELECT count(DISTINCT g.owner_id) FROM ring g
                    WHERE g.helper_id = c.user_id AND g.rung_at > $1 - interval '24 hours'
                        AND g.rung_at < coalesce(l.first_sent_at, l.sent_at)
                        AND g.owner_id <> c.user_id AND g.owner_id <> e.owner_id)
                ELSE false END AS is_away,
        coalesce(e.owner_id = c.user_id, false) AS is_owner,
        (SELECT q.silent FROM emergency q WHERE q.owner_id = c.user_id AND q.status IN ('active', 'responding'))
            IS TRUE AS is_silenced,
        (SELECT r.helper_id FROM response r WHERE r.emergency_id = c.emergency_id AND r.helper_id <> c.user_id AND r.engaged
            AND r.dispatch ->> 'stalled_at' IS NULL
         ORDER BY r.helper_id LIMIT 1) IS NOT NULL AS is_helped,
        u.locale, CASE WHEN u.notify_email AND (SELECT b.email FROM alert_mail_stop b WHERE b.email = u.email) IS NULL
            THEN u.email END AS email, CASE WHEN u.notify_sms THEN u.phone END AS phone,
        d.id, d.account_id, d.session_id, d.name, d.endpoint, d.p256dh, d.auth, d.push_key, d.created_at, d.last_sent_at,
        d.last_delivered_at, d.refused, d.unknown_since, d.last_test_at, d.tests_from, d.tests,
        x.received_at, false AS was_alerted, false AS is_alert_pending,
        v.id AS delivery_id, v.channel, v.step AS delivery_step, v.planned_at, true AS is_pending, v.attempts,
        false AS is_emailed, false AS is_phoned
    FROM claimed v
    CROSS JOIN LATERAL (SELECT * FROM outbox o WHERE o.id = v.outbox_id OFFSET 0) AS c
    CROSS JOIN LATERAL (SELECT * FROM account a WHERE a.id = c.user_id OFFSET 0) AS u
    LEFT JOIN LATERAL (SELECT * FROM device f WHERE f.id = v.device_id OFFSET 0) AS d ON true
    LEFT JOIN LATERAL (SELECT * FROM emergency f WHERE f.id = c.emergency_id OFFSET 0) AS e ON true
    LEFT JOIN LATERAL (
        SELECT * FROM alert a WHERE a.emergency_id = c.emergency_id AND a.helper_id = c.user_id OFFSET 0) AS l ON true
    LEFT JOIN LATERAL (
        SELECT * FROM alert_receipt a WHERE a.emergency_id = c.emergency_id AND a.device_id = d.id OFFSET 0) AS x ON true
    ORDER BY v.planned_at, v.id";

/// The message whose receipt has the hash `$1`, if it was planned at `$2` or later.
const FIND_RECEIPT: &str = "
    SELECT o.id AS message_id, v.device_id, o.user_id, coalesce(o.purpose, o.kind) AS kind, e.id AS emergency_id, c.delivered_at, c.seen_at,
        c.planned_at >= o.counts_since AS is_current,
        (SELECT coalesce(l.first_sent_at, l.sent_at) FROM alert l
         WHERE l.emergency_id = o.emergency_id AND l.helper_id = o.user_id AND l.acknowledged_at IS NULL) AS undelivered_since
    FROM message_receipt c JOIN delivery v ON v.id = c.delivery_id JOIN outbox o ON o.id = v.outbox_id
    LEFT JOIN emergency e ON e.id = o.emergency_id
    WHERE c.receipt_hash = $1 AND c.planned_at >= $2";

/// Deletes at most `$2` messages from before `$1`.
const DELETE: &str = "
    WITH deleted AS (
        DELETE FROM outbox WHERE id = ANY (ARRAY (
            SELECT o.id FROM outbox o
            WHERE o.created_at < $1 AND (SELECT e.id FROM emergency e
                                         WHERE e.id = o.emergency_id AND e.status IN ('active', 'responding')) IS NULL
            ORDER BY o.created_at LIMIT $2))
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

/// A message, with one of its devices or a delivery.
#[derive(FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "columns")]
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
    is_alert_pending: bool,
    #[sqlx(flatten)]
    delivery: DeliveryRow,
    is_emailed: bool,
    is_phoned: bool,
}

#[derive(FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "columns")]
struct StateRow {
    is_live: bool,
    seen_at: Option<Timestamp>,
    is_answered: bool,
    is_away: bool,
    is_helped: bool,
    is_owner: bool,
    is_silenced: bool,
    locale: String,
    email: Option<String>,
    phone: Option<String>,
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
    channel: Option<String>,
    delivery_step: Option<i16>,
    planned_at: Option<Timestamp>,
    is_pending: bool,
    attempts: Option<i32>,
}

impl DeliveryRow {
    fn delivery(self, stored: RowDecoder<Uuid>) -> Result<Option<DeliveryState>> {
        let Self { delivery_id, channel: _, delivery_step, planned_at, is_pending, attempts } = self;
        let Some(id) = delivery_id else { return Ok(None) };
        let step = delivery_step.and_then(|step| step.try_into().ok()).ok_or_else(|| stored.corrupt("step"))?;
        let attempts = attempts.and_then(|count| count.try_into().ok()).ok_or_else(|| stored.corrupt("attempts"))?;
        let planned_at = planned_at.ok_or_else(|| stored.corrupt("planned_at"))?;
        Ok(Some(DeliveryState { id: id.into(), step, planned_at, is_pending, attempts }))
    }
}

impl ClaimedRow {
    fn decode(self) -> Result<Claimed> {
        let stored = RowDecoder { table: "outbox", id: self.message_id };
        let channel = stored.parse_opt("channel", self.delivery.channel.as_deref())?;
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
            addresses: Addresses {
                locale: stored.parse("locale", &self.state.locale)?,
                email: stored.parse_opt("email", self.state.email.as_deref())?,
                phone: self.state.phone.map(Secret::new),
            },
            state: AlertState {
                is_live: self.state.is_live,
                seen_at: self.state.seen_at,
                is_answered: self.state.is_answered,
                is_away: self.state.is_away,
                is_helped: self.state.is_helped,
                is_owner: self.state.is_owner,
                is_silenced: self.state.is_silenced,
            },
        };
        let step = u8::try_from(self.step).map_err(|_| stored.corrupt("step"))?;
        let (received_at, delivery) = (self.received_at, self.delivery.delivery(stored)?);
        let (was_alerted, is_alert_pending) = (self.was_alerted, self.is_alert_pending);
        let device = self.device.0.map(DeviceRow::device).transpose()?;
        let device =
            device.map(|device| MessageDevice { device, received_at, was_alerted, is_alert_pending, delivery });
        let (is_emailed, is_phoned) = (self.is_emailed, self.is_phoned);
        Ok(Claimed { message, step, device, channel, delivery, is_emailed, is_phoned })
    }
}

#[derive(FromRow)]
struct ReceiptRow {
    message_id: Uuid,
    device_id: Option<Uuid>,
    user_id: Uuid,
    kind: String,
    emergency_id: Option<Uuid>,
    delivered_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
    is_current: bool,
    undelivered_since: Option<Timestamp>,
}

#[async_trait]
impl Outbox for Postgres {
    #[instrument(name = "pg.outbox.claim_messages", level = "debug", skip_all)]
    async fn claim_messages(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueMessage>> {
        let query = sqlx::query_as(CLAIM_MESSAGES).bind(now).bind(lease_until).bind(i64::from(limit));
        let rows: Vec<ClaimedRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        let claimed = rows.into_iter().map(ClaimedRow::decode).collect::<Result<_>>()?;
        Ok(Claimed::due_messages(claimed, lease_until))
    }

    #[instrument(name = "pg.outbox.claim_deliveries", level = "debug", skip_all)]
    async fn claim_deliveries(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        slow_lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueDelivery>> {
        let query = sqlx::query_as(CLAIM_DELIVERIES).bind(now).bind(lease_until).bind(i64::from(limit));
        let rows: Vec<ClaimedRow> = query.bind(slow_lease_until).fetch_all(self.main()).await.map_err(failed)?;
        let due = |claimed: Claimed| claimed.due_delivery(lease_until, slow_lease_until);
        rows.into_iter().filter_map(|row| row.decode().map(due).transpose()).collect()
    }

    #[instrument(name = "pg.outbox.find_receipt", level = "debug", skip_all)]
    async fn find_receipt(&self, receipt: KeyedHash, since: Timestamp) -> Result<Option<ReceiptTarget>> {
        let query = sqlx::query_as(FIND_RECEIPT).bind(Uuid::from(receipt)).bind(since);
        let row: Option<ReceiptRow> = query.fetch_optional(self.main()).await.map_err(failed)?;
        row.map(|row| {
            let stored = RowDecoder { table: "outbox", id: row.message_id };
            Ok(ReceiptTarget {
                device: row.device_id.map(Into::into),
                user: row.user_id.into(),
                kind: stored.parse("kind", &row.kind)?,
                emergency: row.emergency_id.map(Into::into),
                delivered_at: row.delivered_at,
                seen_at: row.seen_at,
                is_current: row.is_current,
                undelivered_since: row.undelivered_since,
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
