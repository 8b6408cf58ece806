//! Removing what is older than it is kept: the port [`Retention`].
//!
//! Every method is one short transaction, since others wait for the writer meanwhile.

use allynet_domain::{
    ADDRESS_KNOWN_FOR, FAILURES_PER_ACCOUNT_WITHIN, REPORTS_COUNTED_FOR, RESETS_COUNTED_FOR, RINGS_KEPT_FOR, Timestamp,
    port::{EndedEmergency, Result, Retention},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Serialize;
use sqlx::Connection as _;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    error::port_error,
    rows::{hex, to_json},
};

/// Emergencies that ended before `?1`, and were reported before it, if at all.
const TO_BE_THINNED: &str = "\
    select e.id, e.latitude, e.longitude from emergency e where e.thinned_at is null and e.ended_at < ?1 \
    and coalesce((select min(r.created_at) from report r where r.emergency_id = e.id), 0) < ?1 \
    order by e.ended_at, e.id limit ?2";
/// Of the emergencies `?1`, those to be thinned that ended before `?2`, as a JSON array.
const DUE: &str = "\
    select json_group_array(json(g.value)) from json_each(?1) g cross join emergency e on e.id = unhex(g.value ->> 'id') \
    where e.thinned_at is null and e.ended_at < ?2 \
    and coalesce((select min(r.created_at) from report r where r.emergency_id = e.id), 0) < ?2";
const REMOVE_MESSAGES: &str = "\
    delete from message where id in (select m.id from json_each(?1) g cross join message m \
                                     on m.emergency_id = unhex(g.value ->> 'id') limit ?2)";
/// What was decided on the emergency before is stale. `?1` are the emergencies, `?2` is the time.
const THIN: [&str; 5] = [
    "update emergency set category = null, description = null, address = null, place_description = null, ending_notes = null, movement = null, \
         latitude = g.value ->> 'latitude', longitude = g.value ->> 'longitude', \
         search = json_set(json_remove(coalesce(search, '{}'), '$.unavailable_boxes'), '$.is_thinned', json('true')), \
         thinned_at = ?2, revision = revision + 1 \
     from json_each(?1) g where emergency.id = unhex(g.value ->> 'id')",
    // A box that a helper brought or took along tells where the place was.
    "update response set notes = null, \
         dispatch = json_remove(dispatch, '$.assignment.resource', '$.suspended_role.resource', '$.taken_box') \
         where (notes is not null or dispatch is not null) and ?2 is not null \
         and emergency_id in (select unhex(g.value ->> 'id') from json_each(?1) g)",
    "update rating set comment = null where comment is not null and ?2 is not null \
         and emergency_id in (select unhex(g.value ->> 'id') from json_each(?1) g)",
    "delete from alert_receipt where ?2 is not null \
         and emergency_id in (select unhex(g.value ->> 'id') from json_each(?1) g)",
    // Events are erased as those of deleted emergencies: most are gone before.
    "insert or ignore into erasure (emergency_id, deleted_at) \
     select unhex(g.value ->> 'id'), ?2 from json_each(?1) g \
     where exists (select 1 from event v where v.emergency_id = unhex(g.value ->> 'id'))",
];
const FORGET_SESSIONS: &str = "\
    delete from session where id in ( \
        select s.id from session s where coalesce(s.revoked_at, s.last_used_at, s.created_at) < ?1 \
        and not exists (select 1 from device d where d.session_id = s.id) \
        order by coalesce(s.revoked_at, s.last_used_at, s.created_at) limit ?2)";
/// Each with the time from before which rows do not count at `?1` any more, in microseconds.
const FORGET_COUNTERS: [&str; 5] = [
    "delete from ring where (owner_id, rung_at, helper_id) in ( \
         select owner_id, rung_at, helper_id from ring where rung_at < ?1 order by rung_at limit ?2)",
    "delete from login_failure where id in ( \
         select id from login_failure where failed_at < ?1 order by failed_at limit ?2)",
    "delete from login_address where (account_id, address_hash) in ( \
         select account_id, address_hash from login_address where last_login_at < ?1 order by last_login_at limit ?2)",
    "delete from password_reset where (account_id, created_at) in ( \
         select account_id, created_at from password_reset where created_at < ?1 order by created_at limit ?2)",
    "delete from resource_report where (resource_id, reporter_id) in ( \
         select resource_id, reporter_id from resource_report where reported_at < ?1 order by reported_at limit ?2)",
];
const FORGET_READINGS: &str = "\
    delete from access_log where (user_id, emergency_id, reader_id, hour) in ( \
        select user_id, emergency_id, reader_id, hour from access_log where at < ?1 order by at limit ?2)";
const FORMER_USERS: &str = "\
    select a.id from account a where a.former_email_hash is not null and a.deleted_at < ?1 \
    and not exists (select 1 from report r where r.about_id = a.id and r.created_at >= ?1) order by a.deleted_at limit ?2";
const REMOVE_REPORTS: &str = "delete from report where about_id = ?1";
const IS_REFERRED_TO: &str = "\
    select exists (select 1 from emergency where owner_id = ?1) or exists (select 1 from emergency where ended_by = ?1) \
        or exists (select 1 from response where helper_id = ?1) or exists (select 1 from alert where helper_id = ?1) \
        or exists (select 1 from message where sender_id = ?1) or exists (select 1 from message where recipient_id = ?1) \
        or exists (select 1 from rating where helper_id = ?1) or exists (select 1 from report where reporter_id = ?1) \
        or exists (select 1 from reputation_gain where owner_id = ?1) \
        or exists (select 1 from deleted_emergency where owner_id = ?1) \
        or exists (select 1 from contact_review where owner_id = ?1) \
        or exists (select 1 from account_erasure where former_id = ?1)";
const FORGET_EMAIL: &str = "update account set former_email_hash = null, successor_id = null where id = ?1";
const REMOVE_ACCOUNT: &str = "delete from account where id = ?1";

#[derive(sqlx::FromRow)]
struct PlaceRow {
    id: Uuid,
    latitude: f64,
    longitude: f64,
}

#[derive(Serialize)]
struct PlaceJson {
    id: String,
    latitude: f64,
    longitude: f64,
}

#[async_trait]
impl Retention for Sqlite {
    #[instrument(name = "sqlite.retention.to_be_thinned", level = "debug", skip_all)]
    async fn to_be_thinned(&self, before: Timestamp, limit: u32) -> Result<Vec<EndedEmergency>> {
        let query = sqlx::query_as(TO_BE_THINNED).bind(before.timestamp_micros()).bind(limit);
        let rows: Vec<PlaceRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        let ended = |PlaceRow { id, latitude, longitude }| {
            let place = RowDecoder { table: "emergency", id }.position(latitude, longitude)?;
            Ok(EndedEmergency { id: id.into(), place })
        };
        rows.into_iter().map(ended).collect()
    }

    #[instrument(name = "sqlite.retention.thin", level = "debug", skip_all)]
    async fn thin(&self, emergencies: &[EndedEmergency], before: Timestamp, at: Timestamp, limit: u32) -> Result<bool> {
        let place = |ended: &EndedEmergency| PlaceJson {
            id: hex(ended.id),
            latitude: ended.place.latitude(),
            longitude: ended.place.longitude(),
        };
        let given = to_json(&emergencies.iter().map(place).collect::<Vec<_>>())?;
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let query = sqlx::query_scalar(DUE).bind(given).bind(before.timestamp_micros());
        let due: String = query.fetch_one(&mut *transaction).await.map_err(port_error)?;
        let messages = sqlx::query(REMOVE_MESSAGES).bind(&due).bind(limit);
        let removed = messages.execute(&mut *transaction).await.map_err(port_error)?.rows_affected();
        let is_done = removed < u64::from(limit);
        for sql in THIN.into_iter().filter(|_| is_done) {
            let query = sqlx::query(sql).bind(&due).bind(at.timestamp_micros());
            query.execute(&mut *transaction).await.map_err(port_error)?;
        }
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(is_done)
    }

    #[instrument(name = "sqlite.retention.forget_sessions", level = "debug", skip_all)]
    async fn forget_sessions(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.forget(FORGET_SESSIONS, before, limit).await
    }

    #[instrument(name = "sqlite.retention.forget_counters", level = "debug", skip_all)]
    async fn forget_counters(&self, at: Timestamp, limit: u32) -> Result<u64> {
        let counted_for =
            [RINGS_KEPT_FOR, FAILURES_PER_ACCOUNT_WITHIN, ADDRESS_KNOWN_FOR, RESETS_COUNTED_FOR, REPORTS_COUNTED_FOR];
        let mut most = 0;
        for (sql, counted_for) in FORGET_COUNTERS.into_iter().zip(counted_for) {
            most = most.max(self.forget(sql, at - counted_for, limit).await?);
        }
        Ok(most)
    }

    #[instrument(name = "sqlite.retention.forget_readings", level = "debug", skip_all)]
    async fn forget_readings(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.forget(FORGET_READINGS, before, limit).await
    }

    #[instrument(name = "sqlite.retention.forget_former_users", level = "debug", skip_all)]
    async fn forget_former_users(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let query = sqlx::query_scalar(FORMER_USERS).bind(before.timestamp_micros()).bind(limit);
        let due: Vec<Uuid> = query.fetch_all(&mut *transaction).await.map_err(port_error)?;
        for &former in &due {
            sqlx::query(REMOVE_REPORTS).bind(former).execute(&mut *transaction).await.map_err(port_error)?;
            let query = sqlx::query_scalar(IS_REFERRED_TO).bind(former);
            let is_referred_to: bool = query.fetch_one(&mut *transaction).await.map_err(port_error)?;
            let forget = if is_referred_to { FORGET_EMAIL } else { REMOVE_ACCOUNT };
            sqlx::query(forget).bind(former).execute(&mut *transaction).await.map_err(port_error)?;
        }
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(due.len() as u64)
    }
}

impl Sqlite {
    /// Runs a statement that removes at most `limit` rows from before `before`.
    async fn forget(&self, sql: &'static str, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query(sql).bind(before.timestamp_micros()).bind(limit);
        query.execute(&self.writer).await.map_err(port_error).map(|done| done.rows_affected())
    }
}
