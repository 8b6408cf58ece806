//! Last known positions: the port [`Positions`], and the hot path of the service.
//!
//! Triggers of the schema keep the columns by which helpers are searched (`cell`, `duty`), so nothing here knows them.

use allynet_domain::{
    SessionFix, UserId,
    port::{Fix, Positions, Report, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// Reports in one statement. SQLite allows 32,766 parameters, of which each takes five.
const MAX_REPORTS_PER_STATEMENT: usize = 4096;

/// The statement that stores `reports` rows of account, latitude, longitude, time and session. Rows that are not bound are null
/// and join no account.
///
/// - `cross join` makes the reports the outer loop; SQLite might scan the accounts instead.
/// - `where true` tells the parser that `on conflict` is not a join condition.
/// - A position that is older than the stored one changes nothing, whatever the order of arrival. A stored time in the future is
///   that of a clock that was wrong, and must not keep later positions out until the clock reaches it. As
///   on PostgreSQL, the clock of the database decides.
fn record_statement(reports: usize) -> String {
    format!(
        "insert into position (account_id, latitude, longitude, at, session_id, session_at) \
         select a.id, f.column2, f.column3, f.column4, f.column5, f.column4 \
         from (values (?, ?, ?, ?, ?){}) f cross join account a on a.id = f.column1 where true \
         on conflict (account_id) do update \
         set latitude = excluded.latitude, longitude = excluded.longitude, at = excluded.at, \
             session_id = excluded.session_id, session_at = excluded.session_at \
         where excluded.at >= position.at or position.at > unixepoch('subsec') * 1000000 returning account_id",
        ", (?, ?, ?, ?, ?)".repeat(reports.saturating_sub(1))
    )
}

/// Notes the device time `?2` for the session `?1`, unless a later one is known.
const ORDER: &str = "update session set newest_fix_at = ?2 where id = ?1 and coalesce(newest_fix_at <= ?2, true)";

/// Stores reports on any connection, and returns the users whose position was stored.
async fn record<'c>(db: impl sqlx::SqliteExecutor<'c>, reports: &[Report]) -> Result<Vec<UserId>> {
    // A statement is prepared once for each number of rows. Powers of two keep these at thirteen.
    let mut query = sqlx::query_scalar(AssertSqlSafe(record_statement(reports.len().next_power_of_two())));
    for &Report { fix: Fix { user, position, at }, session, .. } in reports {
        query = query.bind(Uuid::from(user)).bind(position.latitude()).bind(position.longitude());
        query = query.bind(at.timestamp_micros()).bind(session.map(Uuid::from));
    }
    let stored: Vec<Uuid> = query.fetch_all(db).await.map_err(port_error)?;
    Ok(stored.into_iter().map(UserId::from).collect())
}

/// Whether no later device time of the same session is known. Notes this one.
async fn is_newest_of_its_session(db: &mut SqliteConnection, report: &Report) -> Result<bool> {
    let Some(taken) = report.taken else { return Ok(true) };
    let ordered =
        sqlx::query(ORDER).bind(Uuid::from(taken.session)).bind(taken.at.timestamp_micros()).execute(db).await;
    Ok(ordered.map_err(port_error)?.rows_affected() > 0)
}

#[derive(sqlx::FromRow)]
struct FixRow {
    latitude: f64,
    longitude: f64,
    at: i64,
}

#[derive(sqlx::FromRow)]
struct SessionFixRow {
    session_id: Uuid,
    #[sqlx(flatten)]
    fix: FixRow,
}

impl FixRow {
    fn fix(self, user: UserId) -> Result<Fix> {
        let Self { latitude, longitude, at } = self;
        let stored = RowDecoder { table: "position", id: user };
        Ok(Fix { user, position: stored.position(latitude, longitude)?, at: stored.micros("at", at)? })
    }
}

impl Sqlite {
    /// The last position of a user, if it is known which session sent it.
    pub(crate) async fn session_fix(&self, user: UserId) -> Result<Option<SessionFix>> {
        let row: Option<SessionFixRow> = sqlx::query_as(
            "select session_id, latitude, longitude, at from position \
             where account_id = ?1 and session_id is not null and session_at = at",
        )
        .bind(Uuid::from(user))
        .fetch_optional(&self.readers)
        .await
        .map_err(port_error)?;
        row.map(|SessionFixRow { session_id, fix }| {
            let Fix { position, at, .. } = fix.fix(user)?;
            Ok(SessionFix { session: session_id.into(), position, at })
        })
        .transpose()
    }
}

#[async_trait]
impl Positions for Sqlite {
    #[instrument(name = "sqlite.positions.record", level = "debug", skip_all, fields(count = reports.len()))]
    async fn record(&self, reports: &[Report]) -> Result<Vec<UserId>> {
        let mut stored = Vec::with_capacity(reports.len());
        if reports.iter().all(|report| report.taken.is_none()) {
            for reports in reports.chunks(MAX_REPORTS_PER_STATEMENT) {
                stored.extend(record(&self.writer, reports).await?);
            }
            return Ok(stored);
        }
        // One transaction, because each one waits for the disk.
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let mut current = Vec::with_capacity(reports.len());
        for report in reports {
            if is_newest_of_its_session(&mut transaction, report).await? {
                current.push(*report);
            }
        }
        for reports in current.chunks(MAX_REPORTS_PER_STATEMENT) {
            stored.extend(record(&mut *transaction, reports).await?);
        }
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(stored)
    }

    #[instrument(name = "sqlite.positions.last", level = "debug", skip_all, fields(%user))]
    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        let row: Option<FixRow> = sqlx::query_as("select latitude, longitude, at from position where account_id = ?1")
            .bind(Uuid::from(user))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        row.map(|row| row.fix(user)).transpose()
    }
}
