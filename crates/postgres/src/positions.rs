//! Last known positions: the hot path, on connections of its own, so that it never delays an alert.

use std::collections::HashSet;

use allynet_domain::{
    SessionId, Timestamp, UserId,
    port::{DeviceTime, Fix, Positions, Report, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed, near::MAX_ANCHOR_DISTANCE};

/// Rows are locked in the order of users on every node, so two batches with the same users never wait for each other in a
/// circle. An anchor moves only when its place is further than `$5` from it, so that mostly no index changes. The join
/// leaves out users who do not exist: one of them must not fail the whole batch. A stored time in the future is that of a
/// node whose clock was wrong, and must not keep later positions out until the clock reaches it. The clock of the database
/// decides, because it is the only one that all nodes share.
const RECORD: &str = "
    INSERT INTO position AS p (account_id, latitude, longitude, at, session_id, session_at, anchor)
    SELECT f.account_id, f.latitude, f.longitude, f.at, f.session_id, f.at,
        ST_SetSRID(ST_MakePoint(f.longitude, f.latitude), 4326)::geography
    FROM unnest($1::uuid[], $2::float8[], $3::float8[], $4::timestamptz[], $6::uuid[])
        AS f (account_id, latitude, longitude, at, session_id)
    JOIN account a ON a.id = f.account_id
    ORDER BY f.account_id
    ON CONFLICT ON CONSTRAINT position_pkey DO UPDATE SET
        latitude = excluded.latitude, longitude = excluded.longitude, at = excluded.at,
        session_id = excluded.session_id, session_at = excluded.session_at,
        anchor = CASE WHEN ST_DWithin(p.anchor, excluded.anchor, $5, false) THEN p.anchor ELSE excluded.anchor END
    WHERE p.at <= excluded.at OR p.at > clock_timestamp()
    RETURNING account_id";
/// The sessions `$1` for which no device time after `$2` is known; notes these times. Rows are locked in the order of
/// their ids, for the same reason as above.
const ORDER: &str = "
    UPDATE session s SET newest_fix_at = l.taken_at
    FROM (
        SELECT s.id, f.taken_at
        FROM unnest($1::uuid[], $2::timestamptz[]) AS f (id, taken_at) JOIN session s ON s.id = f.id
        ORDER BY s.id FOR NO KEY UPDATE OF s
    ) AS l
    WHERE s.id = l.id AND coalesce(s.newest_fix_at <= l.taken_at, true)
    RETURNING s.id";
const LAST: &str = "SELECT account_id, latitude, longitude, at FROM position WHERE account_id = $1";

statements!(RECORD, ORDER, LAST);

#[derive(FromRow)]
struct FixRow {
    account_id: Uuid,
    latitude: f64,
    longitude: f64,
    at: Timestamp,
}

impl FixRow {
    fn fix(self) -> Result<Fix> {
        let Self { account_id: id, latitude, longitude, at } = self;
        let position = RowDecoder { table: "position", id }.position(latitude, longitude)?;
        Ok(Fix { user: id.into(), position, at })
    }
}

#[async_trait]
impl Positions for Postgres {
    #[instrument(name = "pg.positions.record", level = "debug", skip_all, fields(count = reports.len()))]
    async fn record(&self, reports: &[Report]) -> Result<Vec<UserId>> {
        let outdated = self.outdated(reports).await?;
        let current = |report: &&Report| report.taken.is_none_or(|taken| !outdated.contains(&taken.session));
        let (mut users, mut latitudes, mut longitudes, mut times) = (vec![], vec![], vec![], vec![]);
        let mut sessions: Vec<Option<Uuid>> = vec![];
        for Report { fix: Fix { user, position, at }, session, .. } in reports.iter().filter(current) {
            users.push(Uuid::from(*user));
            latitudes.push(position.latitude());
            longitudes.push(position.longitude());
            times.push(*at);
            sessions.push(session.map(Uuid::from));
        }
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let stored: Vec<Uuid> = sqlx::query_scalar(RECORD)
            .bind(users)
            .bind(latitudes)
            .bind(longitudes)
            .bind(times)
            .bind(MAX_ANCHOR_DISTANCE)
            .bind(sessions)
            .fetch_all(self.positions_pool())
            .await
            .map_err(failed)?;
        Ok(stored.into_iter().map(UserId::from).collect())
    }

    #[instrument(name = "pg.positions.last", level = "debug", skip_all, fields(%user))]
    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        let row: Option<FixRow> =
            sqlx::query_as(LAST).bind(Uuid::from(user)).fetch_optional(self.main()).await.map_err(failed)?;
        row.map(FixRow::fix).transpose()
    }
}

impl Postgres {
    /// The sessions whose report is older than another of the same session. A statement of its own, which most batches
    /// do not need: few devices send their time.
    ///
    /// If the report is not stored after this, its repetition has the same time, and is stored.
    async fn outdated(&self, reports: &[Report]) -> Result<HashSet<SessionId>> {
        let taken: Vec<DeviceTime> = reports.iter().filter_map(|report| report.taken).collect();
        if taken.is_empty() {
            return Ok(HashSet::new());
        }
        let sessions: Vec<Uuid> = taken.iter().map(|taken| taken.session.into()).collect();
        let times: Vec<Timestamp> = taken.iter().map(|taken| taken.at).collect();
        let current: Vec<Uuid> = sqlx::query_scalar(ORDER)
            .bind(sessions)
            .bind(times)
            .fetch_all(self.positions_pool())
            .await
            .map_err(failed)?;
        let current: HashSet<SessionId> = current.into_iter().map(SessionId::from).collect();
        Ok(taken.into_iter().map(|taken| taken.session).filter(|session| !current.contains(session)).collect())
    }
}
