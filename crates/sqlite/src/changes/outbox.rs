//! Writes to the outbox and to deliveries, inside of the transaction of a change.

use allynet_domain::{
    DeviceId, DeviceTests, EmergencyId, EmergencyType, Metres, OutboxId, OutboxMessage, OutboxRecipient,
    PlannedDelivery, ReceivingDevice, Timestamp, UserId,
    outbox::{DeliveryNote, DeviceNote, ReceiptState},
    port::{Error, KeyedHash, Result},
};
use allynet_sql::outbox_kind_columns;
use chrono::TimeDelta;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::error::port_error;

/// Stores messages, each for every recipient with a device, and alerts for those that want further channels too. `numbers` are those of the events of the change.
pub(super) async fn store(
    db: &mut SqliteConnection,
    at: i64,
    messages: &[OutboxMessage],
    numbers: &[i64],
) -> Result<()> {
    for message in messages {
        let OutboxMessage { kind, emergency, emergency_kind, event, recipients, expires_at, unless_since } = message;
        let (stored_kind, purpose) = outbox_kind_columns(*kind);
        let number = event.and_then(|index| numbers.get(index));
        for OutboxRecipient { user, distance, is_repeat, device } in recipients {
            let query = sqlx::query(
                "insert into outbox (id, kind, user_id, emergency_id, emergency_kind, event_id, distance, device_id, \
                     created_at, counts_since, expires_at, due_at, purpose) \
                 select randomblob(16), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
                     case when ?9 then coalesce((select o.counts_since from outbox o where o.emergency_id = ?3 \
                                                 and o.user_id = ?2 and o.kind = 'alert'), ?8) else ?8 end, ?10, ?8, ?12 \
                 where (exists (select 1 from device d where d.account_id = ?2) or ?1 = 'alert' and exists ( \
                     select 1 from account a where a.id = ?2 and (a.notify_email or a.notify_sms))) \
                   and (?11 is null or not exists (select 1 from outbox o where o.emergency_id = ?3 and o.user_id = ?2 \
                                                   and o.kind = ?1 and o.purpose is ?12 and o.created_at >= ?11)) \
                 on conflict (emergency_id, user_id) where kind = 'alert' do update \
                 set event_id = excluded.event_id, distance = excluded.distance, created_at = excluded.created_at, \
                     counts_since = excluded.counts_since, expires_at = excluded.expires_at, step = 0, \
                     due_at = excluded.due_at",
            );
            let query = query
                .bind(stored_kind)
                .bind(Uuid::from(*user))
                .bind(emergency.map(Uuid::from))
                .bind(emergency_kind.map(EmergencyType::as_str))
                .bind(number)
                .bind(distance.map(Metres::get))
                .bind(device.map(Uuid::from))
                .bind(at)
                .bind(is_repeat)
                .bind(expires_at.timestamp_micros())
                .bind(unless_since.map(|since| since.timestamp_micros()))
                .bind(purpose);
            query.execute(&mut *db).await.map_err(port_error)?;
        }
    }
    Ok(())
}

/// Sends the alerts of live emergencies that reached the user within `valid_for` to the devices that they were not sent to. A message
/// whose steps are over has one more for them (`ladder.rs` of the domain); one that goes on finds them by itself.
pub(super) async fn send_open_alerts(
    db: &mut SqliteConnection,
    at: i64,
    user: UserId,
    valid_for: TimeDelta,
) -> Result<()> {
    sqlx::query(
        "insert into outbox (id, kind, user_id, emergency_id, emergency_kind, event_id, distance, created_at, \
             counts_since, expires_at, due_at) \
         select randomblob(16), 'alert', l.helper_id, l.emergency_id, e.kind, v.seq, \
             (select coalesce(r.value ->> 'exact_distance', r.value ->> 'distance') \
              from json_each(v.body, '$.recipients') r \
              where unhex(replace(r.value ->> 'helper', '-', '')) = l.helper_id), \
             ?2, l.sent_at, l.sent_at + ?3, ?2 \
         from alert l join emergency e on e.id = l.emergency_id \
             join event v on v.emergency_id = l.emergency_id and v.kind = 'helpers_alerted' and v.at = l.sent_at \
         where l.helper_id = ?1 and l.wave is not null and l.sent_at > ?2 - ?3 and e.status in ('active', 'responding') \
         on conflict (emergency_id, user_id) where kind = 'alert' do update set step = 4, due_at = excluded.due_at \
             where outbox.due_at is null",
    )
    .bind(Uuid::from(user))
    .bind(at)
    .bind(valid_for.num_microseconds().unwrap_or(i64::MAX / 2))
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Takes a step of a message. No effect if its claim was lost.
pub(super) async fn plan_step(
    db: &mut SqliteConnection,
    at: i64,
    message: OutboxId,
    lease_until: Timestamp,
    (step, next): (u8, Option<(u8, Timestamp)>),
    deliveries: &[PlannedDelivery],
) -> Result<()> {
    let lease_until = lease_until.timestamp_micros();
    let taken = sqlx::query(
        "update outbox set step = coalesce(?4, step), due_at = ?5 where id = ?1 and due_at = ?2 and step = ?3",
    )
    .bind(Uuid::from(message))
    .bind(lease_until)
    .bind(step)
    .bind(next.map(|(step, _)| step))
    .bind(next.map(|(_, due_at)| due_at.timestamp_micros()))
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    if taken.rows_affected() == 0 {
        return Ok(());
    }
    for PlannedDelivery { id, channel, device, receipt, lease_until } in deliveries {
        sqlx::query(
            "insert into delivery (id, outbox_id, device_id, step, planned_at, due_at, channel) \
             select ?1, ?2, ?3, ?4, ?5, ?6, ?7 where ?3 is null or exists (select 1 from device d where d.id = ?3) \
             on conflict (outbox_id, channel, coalesce(device_id, outbox_id)) do update \
             set step = excluded.step, planned_at = excluded.planned_at, due_at = excluded.due_at, attempts = 0",
        )
        .bind(Uuid::from(*id))
        .bind(Uuid::from(message))
        .bind(device.map(Uuid::from))
        .bind(step)
        .bind(at)
        .bind(lease_until.timestamp_micros())
        .bind(channel.as_str())
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
        let receipt = sqlx::query(
            "insert into message_receipt (receipt_hash, delivery_id, planned_at) \
             select ?1, v.id, ?3 from delivery v where v.id = ?2",
        )
        .bind(Uuid::from(*receipt));
        let receipt = receipt.bind(Uuid::from(*id)).bind(at);
        receipt.execute(&mut *db).await.map_err(port_error)?;
    }
    Ok(())
}

/// Stores what became of an attempt, at its delivery, its alert and its device.
pub(super) async fn note(db: &mut SqliteConnection, at: i64, note: &DeliveryNote) -> Result<()> {
    let DeliveryNote { delivery, lease_until, user, alert_of, is_sent, retry_at, attempts, device } = *note;
    // What was sent just now is not to be sent again by the next step of an alert that was repeated meanwhile.
    let noted = sqlx::query(
        "update delivery set sent_at = case when ?4 then ?5 else sent_at end, \
             planned_at = case when ?4 and due_at = ?6 then ?5 else planned_at end, \
             attempts = case when due_at = ?6 then ?3 else attempts end, \
             due_at = case when due_at = ?6 then ?2 else due_at end where id = ?1",
    )
    .bind(Uuid::from(delivery))
    .bind(retry_at.map(|at| at.timestamp_micros()))
    .bind(attempts)
    .bind(is_sent)
    .bind(at)
    .bind(lease_until.timestamp_micros())
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    if noted.rows_affected() == 0 {
        return Ok(());
    }
    if let Some(emergency) = alert_of {
        note_alert(db, at, emergency, user, (is_sent, retry_at.is_none())).await?;
    }
    match device {
        Some(DeviceNote { device, is_gone: true, .. }) => {
            let query = sqlx::query("delete from device where id = ?1").bind(Uuid::from(device));
            query.execute(db).await.map_err(port_error).map(drop)
        }
        Some(DeviceNote { device, refused, unknown_since, is_gone: false }) => sqlx::query(
            "update device set refused = ?2, unknown_since = ?3, last_sent_at = case when ?4 then ?5 else last_sent_at end \
             where id = ?1",
        )
        .bind(Uuid::from(device))
        .bind(refused)
        .bind(unknown_since.map(|at| at.timestamp_micros()))
        .bind(is_sent)
        .bind(at)
        .execute(db)
        .await
        .map_err(port_error)
        .map(drop),
        None => Ok(()),
    }
}

async fn note_alert(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    helper: UserId,
    (is_sent, is_last): (bool, bool),
) -> Result<()> {
    let sql = if is_sent {
        "update alert set pushed_at = coalesce(pushed_at, ?3) where emergency_id = ?1 and helper_id = ?2"
    } else if is_last {
        "update alert set failed_at = coalesce(failed_at, ?3) where emergency_id = ?1 and helper_id = ?2 \
         and not exists (select 1 from outbox o join delivery v on v.outbox_id = o.id \
                         where o.emergency_id = ?1 and o.user_id = ?2 and o.kind = 'alert' and v.due_at is not null)"
    } else {
        return Ok(());
    };
    let query = sqlx::query(sql).bind(Uuid::from(emergency)).bind(Uuid::from(helper)).bind(at);
    query.execute(db).await.map_err(port_error).map(drop)
}

/// Stores that a device received a push, or that a person saw it.
pub(super) async fn record_receipt(
    db: &mut SqliteConnection,
    at: i64,
    receipt: KeyedHash,
    state: ReceiptState,
) -> Result<()> {
    sqlx::query(
        "update message_receipt set delivered_at = coalesce(delivered_at, ?2), \
             seen_at = case when ?3 then coalesce(seen_at, ?2) else seen_at end where receipt_hash = ?1",
    )
    .bind(Uuid::from(receipt))
    .bind(at)
    .bind(state == ReceiptState::Seen)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    sqlx::query(
        "update device set last_delivered_at = ?2, refused = 0, unknown_since = null \
         where id = (select v.device_id from message_receipt c join delivery v on v.id = c.delivery_id \
                     where c.receipt_hash = ?1)",
    )
    .bind(Uuid::from(receipt))
    .bind(at)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Stores that a device received the alert of an emergency. An emergency that was deleted since has no receipts.
pub(super) async fn note_received(
    db: &mut SqliteConnection,
    at: i64,
    emergency: EmergencyId,
    device: ReceivingDevice,
) -> Result<()> {
    let (session, device) = match device {
        ReceivingDevice::OfSession(session) => (Some(Uuid::from(session)), None),
        ReceivingDevice::Device(device) => (None, Some(Uuid::from(device))),
    };
    sqlx::query(
        "insert into alert_receipt (emergency_id, device_id, received_at) \
         select ?1, d.id, ?4 from device d where (d.session_id = ?2 or d.id = ?3) \
         and exists (select 1 from emergency e where e.id = ?1) \
         on conflict (emergency_id, device_id) do update set received_at = excluded.received_at",
    )
    .bind(Uuid::from(emergency))
    .bind(session)
    .bind(device)
    .bind(at)
    .execute(db)
    .await
    .map_err(port_error)
    .map(drop)
}

/// Stores that the helper saw an alert that was sent. `false` if it was seen before or not sent. Seen once more, its time is the
/// new one: the alert may have been renewed since.
pub(super) async fn see(db: &mut SqliteConnection, at: i64, emergency: EmergencyId, helper: UserId) -> Result<bool> {
    let seen = sqlx::query(
        "update alert set seen_at = ?3 \
         where emergency_id = ?1 and helper_id = ?2 and wave is not null and seen_at is null",
    )
    .bind(Uuid::from(emergency))
    .bind(Uuid::from(helper))
    .bind(at)
    .execute(&mut *db)
    .await
    .map_err(port_error)?;
    if seen.rows_affected() == 1 {
        return Ok(true);
    }
    let again =
        sqlx::query("update alert set seen_at = ?3 where emergency_id = ?1 and helper_id = ?2 and wave is not null");
    let again = again.bind(Uuid::from(emergency)).bind(Uuid::from(helper)).bind(at);
    again.execute(db).await.map_err(port_error)?;
    Ok(false)
}

/// Counts a test message to a device.
pub(super) async fn count_test(
    db: &mut SqliteConnection,
    (user, device): (UserId, DeviceId),
    before: Option<Timestamp>,
    after: &DeviceTests,
) -> Result<()> {
    let micros = |at: Option<Timestamp>| at.map(|at| at.timestamp_micros());
    let counted = sqlx::query(
        "update device set last_test_at = ?4, tests_from = ?5, tests = ?6 \
         where id = ?1 and account_id = ?2 and last_test_at is ?3",
    );
    let counted = counted.bind(Uuid::from(device)).bind(Uuid::from(user)).bind(micros(before));
    let counted = counted.bind(micros(after.last_at)).bind(micros(after.window_from)).bind(after.count);
    let counted = counted.execute(db).await.map_err(port_error)?;
    if counted.rows_affected() == 0 { Err(Error::Stale) } else { Ok(()) }
}
