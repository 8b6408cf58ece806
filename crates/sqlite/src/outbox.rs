//! The outbox: the port [`Outbox`].

use allynet_domain::{
    EventId, Metres, Secret, Timestamp,
    outbox::{
        Addresses, AlertState, DeliveryState, DueDelivery, DueMessage, MessageDevice, ReceiptTarget, StoredMessage,
    },
    port::{KeyedHash, Outbox, Result},
};
use allynet_sql::{Claimed, RowDecoder};
use async_trait::async_trait;
use sqlx::{Connection as _, FromRow, Row as _, sqlite::SqliteRow};
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    devices::DeviceRow,
    error::port_error,
    rows::{hex, to_json},
};

/// Whether a message is due at `?1`. Looked at first, so that an idle node does not write.
pub(crate) const ANY_MESSAGE: &str = "select exists (select 1 from outbox where due_at <= ?1)";
/// The same for deliveries.
pub(crate) const ANY_DELIVERY: &str = "select exists (select 1 from delivery where due_at <= ?1)";

/// Claims at most `?3` messages that are due at `?1`, until `?2`.
pub(crate) const CLAIM_MESSAGES: &str = "update outbox set due_at = ?2 \
    where id in (select id from outbox where due_at <= ?1 order by due_at limit ?3) returning id";
/// The same for deliveries: pushes until `?2`, others until `?4`.
pub(crate) const CLAIM_DELIVERIES: &str = "update delivery set due_at = case channel when 'webpush' then ?2 else ?4 end \
    where id in (select id from delivery where due_at <= ?1 order by due_at limit ?3) returning id";

/// The messages with these ids, and what has become of them at `?2`. A row for each device of each, or one without.
pub(crate) const MESSAGES: &str = "
    select c.id as message_id, coalesce(c.purpose, c.kind) as kind, c.user_id, c.emergency_id, c.emergency_kind, c.event_id, c.distance,
        c.created_at as stored_at, c.counts_since, c.expires_at, c.step,
        coalesce(e.status in ('active', 'responding'), 0) as is_live,
        l.seen_at,
        l.declined_at is not null or exists (
            select 1 from response r
            where r.emergency_id = c.emergency_id and r.helper_id = c.user_id and r.status <> 'cancelled') as is_answered,
        coalesce(u.away_from <= ?2 and ?2 < u.away_until
            and (u.away_from_critical or not (e.priority = 'critical' or e.severity >= 8)), 0)
            or u.blocked or coalesce(u.verification = 'rejected', 0)
            or case when u.max_alerts_per_day is not null and not (e.priority = 'critical' or e.severity >= 8) then
                u.max_alerts_per_day <= (
                    select count(distinct g.owner_id) from ring g
                    where g.helper_id = c.user_id and g.rung_at > ?2 - 86400000000
                        and g.rung_at < coalesce(l.first_sent_at, l.sent_at)
                        and g.owner_id <> c.user_id and g.owner_id <> e.owner_id)
                else 0 end as is_away,
        coalesce(e.owner_id = c.user_id, 0) as is_owner,
        exists (
            select 1 from emergency q
            where q.owner_id = c.user_id and q.status in ('active', 'responding') and q.silent) as is_silenced,
        exists (
            select 1 from response r
            where r.emergency_id = c.emergency_id and r.helper_id <> c.user_id and r.engaged
            and r.dispatch ->> 'stalled_at' is null) as is_helped,
        u.locale, case when u.notify_email and not exists (select 1 from alert_mail_stop b where b.email = u.email)
            then u.email end as email, case when u.notify_sms then u.phone end as phone,
        d.*, x.received_at,
        coalesce(s.sent_at is not null or s.attempts > 0, 0) as was_alerted, s.due_at is not null as is_alert_pending,
        v.id as delivery_id, v.channel, v.step as delivery_step, v.planned_at, v.due_at is not null as is_pending, v.attempts,
        exists (select 1 from delivery y where y.outbox_id = c.id and y.channel = 'email') as is_emailed,
        exists (select 1 from delivery y where y.outbox_id = c.id and y.channel = 'webhook') as is_phoned
    from json_each(?1) i
    join outbox c on c.id = unhex(i.value)
    join account u on u.id = c.user_id
    left join emergency e on e.id = c.emergency_id
    left join alert l on l.emergency_id = c.emergency_id and l.helper_id = c.user_id
    left join device d on d.account_id = c.user_id and (c.device_id is null or c.device_id = d.id)
    left join alert_receipt x on x.emergency_id = c.emergency_id and x.device_id = d.id
    left join outbox m on m.emergency_id = c.emergency_id and m.user_id = c.user_id and m.kind = 'alert'
    left join delivery s on s.outbox_id = m.id and s.device_id = d.id
    left join delivery v on v.outbox_id = c.id and v.device_id = d.id
    order by c.created_at, c.id, d.created_at desc";

/// The deliveries with these ids, and what has become of them at `?2`.
pub(crate) const DELIVERIES: &str = "
    select c.id as message_id, coalesce(c.purpose, c.kind) as kind, c.user_id, c.emergency_id, c.emergency_kind, c.event_id, c.distance,
        c.created_at as stored_at, c.counts_since, c.expires_at, c.step,
        coalesce(e.status in ('active', 'responding'), 0) as is_live,
        l.seen_at,
        l.declined_at is not null or exists (
            select 1 from response r
            where r.emergency_id = c.emergency_id and r.helper_id = c.user_id and r.status <> 'cancelled') as is_answered,
        coalesce(u.away_from <= ?2 and ?2 < u.away_until
            and (u.away_from_critical or not (e.priority = 'critical' or e.severity >= 8)), 0)
            or u.blocked or coalesce(u.verification = 'rejected', 0)
            or case when u.max_alerts_per_day is not null and not (e.priority = 'critical' or e.severity >= 8) then
                u.max_alerts_per_day <= (
                    select count(distinct g.owner_id) from ring g
                    where g.helper_id = c.user_id and g.rung_at > ?2 - 86400000000
                        and g.rung_at < coalesce(l.first_sent_at, l.sent_at)
                        and g.owner_id <> c.user_id and g.owner_id <> e.owner_id)
                else 0 end as is_away,
        coalesce(e.owner_id = c.user_id, 0) as is_owner,
        exists (
            select 1 from emergency q
            where q.owner_id = c.user_id and q.status in ('active', 'responding') and q.silent) as is_silenced,
        exists (
            select 1 from response r
            where r.emergency_id = c.emergency_id and r.helper_id <> c.user_id and r.engaged
            and r.dispatch ->> 'stalled_at' is null) as is_helped,
        u.locale, case when u.notify_email and not exists (select 1 from alert_mail_stop b where b.email = u.email)
            then u.email end as email, case when u.notify_sms then u.phone end as phone,
        d.*, x.received_at, 0 as was_alerted, 0 as is_alert_pending,
        v.id as delivery_id, v.channel, v.step as delivery_step, v.planned_at, 1 as is_pending, v.attempts,
        0 as is_emailed, 0 as is_phoned
    from json_each(?1) i
    join delivery v on v.id = unhex(i.value)
    join outbox c on c.id = v.outbox_id
    join account u on u.id = c.user_id
    left join device d on d.id = v.device_id
    left join emergency e on e.id = c.emergency_id
    left join alert l on l.emergency_id = c.emergency_id and l.helper_id = c.user_id
    left join alert_receipt x on x.emergency_id = c.emergency_id and x.device_id = d.id
    order by v.planned_at, v.id";

/// The message whose receipt has the hash `?1`, if it was planned at `?2` or later.
pub(crate) const FIND_RECEIPT: &str = "
    select o.id as message_id, v.device_id, o.user_id, coalesce(o.purpose, o.kind) as kind, e.id as emergency_id, c.delivered_at, c.seen_at,
        c.planned_at >= o.counts_since as is_current,
        case when l.acknowledged_at is null then coalesce(l.first_sent_at, l.sent_at) end as undelivered_since
    from message_receipt c join delivery v on v.id = c.delivery_id join outbox o on o.id = v.outbox_id
    left join emergency e on e.id = o.emergency_id
    left join alert l on l.emergency_id = o.emergency_id and l.helper_id = o.user_id
    where c.receipt_hash = ?1 and c.planned_at >= ?2";

/// Deletes at most `?2` messages from before `?1`, but for those about live emergencies.
pub(crate) const DELETE: &str = "delete from outbox where id in (
    select o.id from outbox o where o.created_at < ?1 and not exists (
        select 1 from emergency e where e.id = o.emergency_id and e.status in ('active', 'responding'))
    order by o.created_at limit ?2)";

/// The number of messages and deliveries that are due at `?1`, and the earliest time.
pub(crate) const BACKLOG: &str = "
    select count(*), min(due_at) from (
        select due_at from outbox where due_at <= ?1 union all select due_at from delivery where due_at <= ?1)";

/// A message, with one of its devices.
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
    stored_at: i64,
    counts_since: i64,
    expires_at: i64,
    step: u8,
    #[sqlx(flatten)]
    state: StateRow,
    #[sqlx(flatten)]
    device: OptionalDevice,
    received_at: Option<i64>,
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
    seen_at: Option<i64>,
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

impl<'r> FromRow<'r, SqliteRow> for OptionalDevice {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        let id: Option<Uuid> = row.try_get("id")?;
        id.map(|_| DeviceRow::from_row(row)).transpose().map(Self)
    }
}

/// The columns of a delivery: nulls for none, except `is_pending`.
#[derive(FromRow)]
struct DeliveryRow {
    delivery_id: Option<Uuid>,
    channel: Option<String>,
    delivery_step: Option<u8>,
    planned_at: Option<i64>,
    is_pending: bool,
    attempts: Option<u16>,
}

impl DeliveryRow {
    fn delivery(self, stored: RowDecoder<Uuid>) -> Result<Option<DeliveryState>> {
        let Self { delivery_id, channel: _, delivery_step, planned_at, is_pending, attempts } = self;
        let Some(id) = delivery_id else { return Ok(None) };
        let planned_at = planned_at.ok_or_else(|| stored.corrupt("planned_at"))?;
        Ok(Some(DeliveryState {
            id: id.into(),
            step: delivery_step.ok_or_else(|| stored.corrupt("step"))?,
            planned_at: stored.micros("planned_at", planned_at)?,
            is_pending,
            attempts: attempts.ok_or_else(|| stored.corrupt("attempts"))?,
        }))
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
            event: self.event_id.map(EventId::new),
            distance: self.distance.map(Metres::new),
            created_at: stored.micros("created_at", self.stored_at)?,
            counts_since: stored.micros("counts_since", self.counts_since)?,
            expires_at: stored.micros("expires_at", self.expires_at)?,
            addresses: Addresses {
                locale: stored.parse("locale", &self.state.locale)?,
                email: stored.parse_opt("email", self.state.email.as_deref())?,
                phone: self.state.phone.map(Secret::new),
            },
            state: AlertState {
                is_live: self.state.is_live,
                seen_at: stored.micros_opt("seen_at", self.state.seen_at)?,
                is_answered: self.state.is_answered,
                is_away: self.state.is_away,
                is_helped: self.state.is_helped,
                is_owner: self.state.is_owner,
                is_silenced: self.state.is_silenced,
            },
        };
        let received_at = stored.micros_opt("received_at", self.received_at)?;
        let delivery = self.delivery.delivery(stored)?;
        let (was_alerted, is_alert_pending) = (self.was_alerted, self.is_alert_pending);
        let device = self.device.0.map(DeviceRow::device).transpose()?;
        let device =
            device.map(|device| MessageDevice { device, received_at, was_alerted, is_alert_pending, delivery });
        let Self { step, is_emailed, is_phoned, .. } = self;
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
    delivered_at: Option<i64>,
    seen_at: Option<i64>,
    is_current: bool,
    undelivered_since: Option<i64>,
}

#[async_trait]
impl Outbox for Sqlite {
    #[instrument(name = "sqlite.outbox.claim_messages", level = "debug", skip_all)]
    async fn claim_messages(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<DueMessage>> {
        let rows = self.claim([ANY_MESSAGE, CLAIM_MESSAGES, MESSAGES], now, (lease_until, lease_until), limit).await?;
        let claimed = rows.into_iter().map(ClaimedRow::decode).collect::<Result<_>>()?;
        Ok(Claimed::due_messages(claimed, lease_until))
    }

    #[instrument(name = "sqlite.outbox.claim_deliveries", level = "debug", skip_all)]
    async fn claim_deliveries(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        slow_lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueDelivery>> {
        let leases = (lease_until, slow_lease_until);
        let rows = self.claim([ANY_DELIVERY, CLAIM_DELIVERIES, DELIVERIES], now, leases, limit).await?;
        let due = |claimed: Claimed| claimed.due_delivery(lease_until, slow_lease_until);
        rows.into_iter().filter_map(|row| row.decode().map(due).transpose()).collect()
    }

    #[instrument(name = "sqlite.outbox.find_receipt", level = "debug", skip_all)]
    async fn find_receipt(&self, receipt: KeyedHash, since: Timestamp) -> Result<Option<ReceiptTarget>> {
        let query = sqlx::query_as(FIND_RECEIPT).bind(Uuid::from(receipt)).bind(since.timestamp_micros());
        let row: Option<ReceiptRow> = query.fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(|row| {
            let stored = RowDecoder { table: "outbox", id: row.message_id };
            Ok(ReceiptTarget {
                device: row.device_id.map(Into::into),
                user: row.user_id.into(),
                kind: stored.parse("kind", &row.kind)?,
                emergency: row.emergency_id.map(Into::into),
                delivered_at: stored.micros_opt("delivered_at", row.delivered_at)?,
                seen_at: stored.micros_opt("seen_at", row.seen_at)?,
                is_current: row.is_current,
                undelivered_since: stored.micros_opt("sent_at", row.undelivered_since)?,
            })
        })
        .transpose()
    }

    #[instrument(name = "sqlite.outbox.delete_messages", level = "debug", skip_all)]
    async fn delete_messages(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query(DELETE).bind(before.timestamp_micros()).bind(limit);
        Ok(query.execute(&self.writer).await.map_err(port_error)?.rows_affected())
    }

    #[instrument(name = "sqlite.outbox.drop_waiting", level = "debug", skip_all)]
    async fn drop_waiting(&self) -> Result<u64> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let mut dropped = 0;
        for sql in [
            "update delivery set due_at = null where due_at is not null",
            "update outbox set due_at = null where due_at is not null",
        ] {
            dropped = sqlx::query(sql).execute(&mut *transaction).await.map_err(port_error)?.rows_affected();
        }
        transaction.commit().await.map_err(port_error)?;
        Ok(dropped)
    }

    #[instrument(name = "sqlite.outbox.backlog", level = "debug", skip_all)]
    async fn backlog(&self, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
        let query = sqlx::query_as(BACKLOG).bind(now.timestamp_micros());
        let (count, oldest): (i64, Option<i64>) = query.fetch_one(&self.readers).await.map_err(port_error)?;
        Ok((count.unsigned_abs(), oldest.and_then(Timestamp::from_timestamp_micros)))
    }

    async fn wait_for_message(&self) {
        self.message_stored.notified().await;
    }
}

impl Sqlite {
    async fn claim(
        &self,
        [any, claim, read]: [&'static str; 3],
        now: Timestamp,
        (lease_until, slow_lease_until): (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Vec<ClaimedRow>> {
        let now = now.timestamp_micros();
        let query = sqlx::query_scalar(any).bind(now);
        let is_any: bool = query.fetch_one(&self.readers).await.map_err(port_error)?;
        if !is_any {
            return Ok(Vec::new());
        }
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let [lease_until, slow_lease_until] = [lease_until, slow_lease_until].map(|until| until.timestamp_micros());
        let query = sqlx::query_scalar(claim).bind(now).bind(lease_until).bind(limit).bind(slow_lease_until);
        let claimed: Vec<Uuid> = query.fetch_all(&mut *transaction).await.map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        let ids: Vec<String> = claimed.into_iter().map(hex).collect();
        sqlx::query_as(read).bind(to_json(&ids)?).bind(now).fetch_all(&self.readers).await.map_err(port_error)
    }
}
