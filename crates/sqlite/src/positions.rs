//! Last known positions: the hot path. Where a row lies in the table, and whether its owner is on duty, is kept by
//! triggers.

use allynet_domain::{
    UserId,
    port::{Fix, Positions, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{Sqlite, error::down};

/// The most fixes in one statement.
const MOST: usize = 4096;

/// Takes so many rows of account, latitude, longitude and time. Those that are not bound are null, which is nobody.
/// `cross join` keeps the accounts from being scanned.
fn recording(fixes: usize) -> String {
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
    async fn record(&self, fixes: &[Fix]) -> Result<()> {
        for fixes in fixes.chunks(MOST) {
            // Each length of the statement is prepared once; powers of two keep them few.
            let mut query = sqlx::query(AssertSqlSafe(recording(fixes.len().next_power_of_two())));
            for &Fix { user, position, at } in fixes {
                query = query.bind(Uuid::from(user)).bind(position.latitude()).bind(position.longitude());
                query = query.bind(at.timestamp_micros());
            }
            query.execute(&self.writer).await.map_err(down)?;
        }
        Ok(())
    }

    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        let row: Option<FixRow> = sqlx::query_as("select latitude, longitude, at from position where account_id = ?1")
            .bind(Uuid::from(user))
            .fetch_optional(&self.readers)
            .await
            .map_err(down)?;
        row.map(|FixRow { latitude, longitude, at }| {
            let stored = RowDecoder { table: "position", id: user };
            Ok(Fix { user, position: stored.position(latitude, longitude)?, at: stored.micros("at", at)? })
        })
        .transpose()
    }
}
