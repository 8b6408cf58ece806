//! Last known positions: the hot path, on connections of its own, so that it never delays an alert.

use allynet_domain::{
    Timestamp, UserId,
    port::{Fix, Positions, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed, near::MAX_ANCHOR_DISTANCE};

/// Rows are locked in the order of users on every node, so two batches with the same users never wait for each other in a
/// circle. An anchor moves only when its place is further than `$5` from it, so that mostly no index changes. The join
/// leaves out users who do not exist: one of them must not fail the whole batch.
const RECORD: &str = "
    INSERT INTO position AS p (account_id, latitude, longitude, at, anchor)
    SELECT f.account_id, f.latitude, f.longitude, f.at,
        ST_SetSRID(ST_MakePoint(f.longitude, f.latitude), 4326)::geography
    FROM unnest($1::uuid[], $2::float8[], $3::float8[], $4::timestamptz[]) AS f (account_id, latitude, longitude, at)
    JOIN account a ON a.id = f.account_id
    ORDER BY f.account_id
    ON CONFLICT ON CONSTRAINT position_pkey DO UPDATE SET
        latitude = excluded.latitude, longitude = excluded.longitude, at = excluded.at,
        anchor = CASE WHEN ST_DWithin(p.anchor, excluded.anchor, $5, false) THEN p.anchor ELSE excluded.anchor END
    WHERE p.at <= excluded.at";
const LAST: &str = "SELECT account_id, latitude, longitude, at FROM position WHERE account_id = $1";

statements!(RECORD, LAST);

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
    #[instrument(name = "pg.positions.record", level = "debug", skip_all, fields(count = fixes.len()))]
    async fn record(&self, fixes: &[Fix]) -> Result<()> {
        if fixes.is_empty() {
            return Ok(());
        }
        let (mut users, mut latitudes, mut longitudes, mut times) = (vec![], vec![], vec![], vec![]);
        for Fix { user, position, at } in fixes {
            users.push(Uuid::from(*user));
            latitudes.push(position.latitude());
            longitudes.push(position.longitude());
            times.push(*at);
        }
        sqlx::query(RECORD)
            .bind(users)
            .bind(latitudes)
            .bind(longitudes)
            .bind(times)
            .bind(MAX_ANCHOR_DISTANCE)
            .execute(self.positions_pool())
            .await
            .map_err(failed)?;
        Ok(())
    }

    #[instrument(name = "pg.positions.last", level = "debug", skip_all, fields(%user))]
    async fn last(&self, user: UserId) -> Result<Option<Fix>> {
        let row: Option<FixRow> =
            sqlx::query_as(LAST).bind(Uuid::from(user)).fetch_optional(self.main()).await.map_err(failed)?;
        row.map(FixRow::fix).transpose()
    }
}
