//! Last known positions: the hot path. The R*Tree beside the table is kept by triggers.

use allynet_domain::{
    UserId,
    port::{Fix, Positions, Result},
};
use async_trait::async_trait;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Sqlite,
    rows::{Stored, down, hex, to_json},
};

#[derive(Serialize)]
struct NewFix {
    user: String,
    latitude: f64,
    longitude: f64,
    at: i64,
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
        if fixes.is_empty() {
            return Ok(());
        }
        let fixes: Vec<NewFix> = fixes
            .iter()
            .map(|&Fix { user, position, at }| NewFix {
                user: hex(user),
                latitude: position.latitude(),
                longitude: position.longitude(),
                at: at.timestamp_micros(),
            })
            .collect();
        // `cross join` keeps the accounts from being scanned.
        sqlx::query(
            "insert into position (account_id, latitude, longitude, at) \
             select a.id, f.value ->> 'latitude', f.value ->> 'longitude', f.value ->> 'at' \
             from json_each(?1) f cross join account a on a.id = unhex(f.value ->> 'user') where true \
             on conflict (account_id) do update \
             set latitude = excluded.latitude, longitude = excluded.longitude, at = excluded.at \
             where excluded.at >= position.at",
        )
        .bind(to_json(&fixes)?)
        .execute(&self.writer)
        .await
        .map_err(down)
        .map(drop)
    }

    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        let row: Option<FixRow> = sqlx::query_as("select latitude, longitude, at from position where account_id = ?1")
            .bind(Uuid::from(user))
            .fetch_optional(&self.readers)
            .await
            .map_err(down)?;
        row.map(|FixRow { latitude, longitude, at }| {
            let stored = Stored { table: "position", id: user.into() };
            Ok(Fix { user, position: stored.position(latitude, longitude)?, at: stored.time("at", at)? })
        })
        .transpose()
    }
}
