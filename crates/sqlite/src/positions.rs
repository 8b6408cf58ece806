//! Last known positions: the port [`Positions`], and the hot path of the service.
//!
//! Triggers of the schema keep the columns by which helpers are searched (`cell`, `duty`), so nothing here knows them.

use allynet_domain::{
    UserId,
    port::{Fix, Positions, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, error::port_error};

/// Fixes in one statement. SQLite allows 32,766 parameters, of which each fix takes four.
const MAX_FIXES_PER_STATEMENT: usize = 4096;

/// The statement that stores `fixes` rows of account, latitude, longitude and time. Rows that are not bound are null
/// and join no account.
///
/// - `cross join` makes the fixes the outer loop; SQLite might scan the accounts instead.
/// - `where true` tells the parser that `on conflict` is not a join condition.
/// - A fix that is older than the stored one changes nothing, whatever the order of arrival.
fn record_statement(fixes: usize) -> String {
    format!(
        "insert into position (account_id, latitude, longitude, at) \
         select a.id, f.column2, f.column3, f.column4 \
         from (values (?, ?, ?, ?){}) f cross join account a on a.id = f.column1 where true \
         on conflict (account_id) do update \
         set latitude = excluded.latitude, longitude = excluded.longitude, at = excluded.at \
         where excluded.at >= position.at",
        ", (?, ?, ?, ?)".repeat(fixes.saturating_sub(1))
    )
}

#[derive(sqlx::FromRow)]
struct FixRow {
    latitude: f64,
    longitude: f64,
    at: i64,
}

#[async_trait]
impl Positions for Sqlite {
    #[instrument(name = "sqlite.positions.record", level = "debug", skip_all, fields(count = fixes.len()))]
    async fn record(&self, fixes: &[Fix]) -> Result<()> {
        for fixes in fixes.chunks(MAX_FIXES_PER_STATEMENT) {
            // A statement is prepared once for each number of rows. Powers of two keep these at thirteen.
            let mut query = sqlx::query(AssertSqlSafe(record_statement(fixes.len().next_power_of_two())));
            for &Fix { user, position, at } in fixes {
                query = query.bind(Uuid::from(user)).bind(position.latitude()).bind(position.longitude());
                query = query.bind(at.timestamp_micros());
            }
            query.execute(&self.writer).await.map_err(port_error)?;
        }
        Ok(())
    }

    #[instrument(name = "sqlite.positions.last", level = "debug", skip_all, fields(%user))]
    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        let row: Option<FixRow> = sqlx::query_as("select latitude, longitude, at from position where account_id = ?1")
            .bind(Uuid::from(user))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        row.map(|FixRow { latitude, longitude, at }| {
            let stored = RowDecoder { table: "position", id: user };
            Ok(Fix { user, position: stored.position(latitude, longitude)?, at: stored.micros("at", at)? })
        })
        .transpose()
    }
}
