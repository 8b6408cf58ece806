//! Removing what is older than it is kept.

use allynet_domain::{
    ADDRESS_KNOWN_FOR, FAILURES_PER_ACCOUNT_WITHIN, REPORTS_COUNTED_FOR, RESETS_COUNTED_FOR, RINGS_KEPT_FOR, Timestamp,
    port::{EndedEmergency, Result, Retention},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// Emergencies that ended before `$1`, and were reported before it, if at all.
const TO_BE_THINNED: &str = "
    SELECT e.id, e.latitude, e.longitude FROM emergency e
    WHERE e.thinned_at IS NULL AND e.ended_at < $1
        AND NOT EXISTS (SELECT FROM report r WHERE r.emergency_id = e.id HAVING min(r.created_at) >= $1)
    ORDER BY e.ended_at, e.id LIMIT $2";
const THIN: &str = "SELECT thin_emergencies_v1($1, $2, $3, $4, $5, $6)";
/// OFFSET keeps the devices from being read all: one look-up for each session is cheaper.
const FORGET_SESSIONS: &str = "
    DELETE FROM session WHERE id = ANY (ARRAY (
        SELECT s.id FROM session s
        WHERE coalesce(s.revoked_at, s.last_used_at, s.created_at) < $1
            AND NOT EXISTS (SELECT FROM device d WHERE d.session_id = s.id OFFSET 0)
        ORDER BY coalesce(s.revoked_at, s.last_used_at, s.created_at) LIMIT $2 FOR UPDATE OF s SKIP LOCKED))";
/// Rings from before `$1`, failed logins from before `$2`, addresses from before `$3`, and requests for a new password from before
/// `$4`, and reports of resources from before `$6`; at most `$5` of each.
const FORGET_COUNTERS: &str = "
    WITH rings AS (
        DELETE FROM ring WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM ring WHERE rung_at < $1 ORDER BY rung_at LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING 1
    ),
    failures AS (
        DELETE FROM login_failure WHERE id = ANY (ARRAY (
            SELECT id FROM login_failure WHERE failed_at < $2 ORDER BY failed_at LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING 1
    ),
    addresses AS (
        DELETE FROM login_address WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM login_address WHERE last_login_at < $3 ORDER BY last_login_at LIMIT $5 FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ),
    reports AS (
        DELETE FROM resource_report WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM resource_report WHERE reported_at < $6 ORDER BY reported_at LIMIT $5 FOR UPDATE SKIP LOCKED))
        RETURNING 1
    ),
    resets AS (
        DELETE FROM password_reset WHERE ctid = ANY (ARRAY (
            SELECT ctid FROM password_reset WHERE created_at < $4 ORDER BY created_at LIMIT $5 FOR UPDATE SKIP LOCKED))
        RETURNING 1
    )
    SELECT greatest((SELECT count(*) FROM rings), (SELECT count(*) FROM failures), (SELECT count(*) FROM addresses),
        (SELECT count(*) FROM resets), (SELECT count(*) FROM reports))";
const FORGET_READINGS: &str = "
    DELETE FROM access_log WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM access_log WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))";
const FORGET_FORMER_USERS: &str = "SELECT forget_former_users_v1($1, $2)";

statements!(TO_BE_THINNED, THIN, FORGET_SESSIONS, FORGET_COUNTERS, FORGET_READINGS, FORGET_FORMER_USERS);

#[derive(FromRow)]
struct PlaceRow {
    id: Uuid,
    latitude: f64,
    longitude: f64,
}

#[async_trait]
impl Retention for Postgres {
    #[instrument(name = "pg.retention.to_be_thinned", level = "debug", skip_all)]
    async fn to_be_thinned(&self, before: Timestamp, limit: u32) -> Result<Vec<EndedEmergency>> {
        let query = sqlx::query_as(TO_BE_THINNED).bind(before).bind(i64::from(limit));
        let rows: Vec<PlaceRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        let ended = |PlaceRow { id, latitude, longitude }| {
            let place = RowDecoder { table: "emergency", id }.position(latitude, longitude)?;
            Ok(EndedEmergency { id: id.into(), place })
        };
        rows.into_iter().map(ended).collect()
    }

    #[instrument(name = "pg.retention.thin", level = "debug", skip_all)]
    async fn thin(&self, emergencies: &[EndedEmergency], before: Timestamp, at: Timestamp, limit: u32) -> Result<bool> {
        sqlx::query_scalar(THIN)
            .bind(emergencies.iter().map(|ended| Uuid::from(ended.id)).collect::<Vec<_>>())
            .bind(emergencies.iter().map(|ended| ended.place.latitude()).collect::<Vec<_>>())
            .bind(emergencies.iter().map(|ended| ended.place.longitude()).collect::<Vec<_>>())
            .bind(before)
            .bind(at)
            .bind(i32::try_from(limit).unwrap_or(i32::MAX))
            .fetch_one(self.main())
            .await
            .map_err(failed)
    }

    #[instrument(name = "pg.retention.forget_sessions", level = "debug", skip_all)]
    async fn forget_sessions(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query(FORGET_SESSIONS).bind(before).bind(i64::from(limit));
        query.execute(self.main()).await.map_err(failed).map(|done| done.rows_affected())
    }

    #[instrument(name = "pg.retention.forget_counters", level = "debug", skip_all)]
    async fn forget_counters(&self, at: Timestamp, limit: u32) -> Result<u64> {
        let forgotten: i64 = sqlx::query_scalar(FORGET_COUNTERS)
            .bind(at - RINGS_KEPT_FOR)
            .bind(at - FAILURES_PER_ACCOUNT_WITHIN)
            .bind(at - ADDRESS_KNOWN_FOR)
            .bind(at - RESETS_COUNTED_FOR)
            .bind(i64::from(limit))
            .bind(at - REPORTS_COUNTED_FOR)
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        Ok(forgotten.unsigned_abs())
    }

    #[instrument(name = "pg.retention.forget_readings", level = "debug", skip_all)]
    async fn forget_readings(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query(FORGET_READINGS).bind(before).bind(i64::from(limit));
        query.execute(self.main()).await.map_err(failed).map(|done| done.rows_affected())
    }

    #[instrument(name = "pg.retention.forget_former_users", level = "debug", skip_all)]
    async fn forget_former_users(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let query = sqlx::query_scalar(FORGET_FORMER_USERS).bind(before).bind(i32::try_from(limit).unwrap_or(i32::MAX));
        let forgotten: i64 = query.fetch_one(self.main()).await.map_err(failed)?;
        Ok(forgotten.unsigned_abs())
    }
}
