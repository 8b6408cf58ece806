//! The access log.

use allynet_domain::{
    AccessEntry, PlaceReading, Timestamp, UserId,
    port::{AccessLog, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed};

/// Users who have no account any more are left out.
const RECORD: &str = "
    INSERT INTO access_log (user_id, emergency_id, reader_id, hour, at, what)
    SELECT a.id, r.emergency_id, $3, $4, $5, $6
    FROM unnest($1::uuid[], $2::uuid[]) AS r(user_id, emergency_id) JOIN account a ON a.id = r.user_id
    ORDER BY a.id, r.emergency_id
    ON CONFLICT DO NOTHING";
const ENTRIES: &str = "
    SELECT l.emergency_id, l.at, l.what FROM access_log l WHERE l.user_id = $1
    ORDER BY l.at DESC, l.emergency_id LIMIT $2";

statements!(RECORD, ENTRIES);

#[derive(FromRow)]
struct EntryRow {
    emergency_id: Uuid,
    at: Timestamp,
    what: String,
}

#[async_trait]
impl AccessLog for Postgres {
    #[instrument(name = "pg.access_log.record", level = "debug", skip_all)]
    async fn record(&self, reading: &PlaceReading) -> Result<()> {
        let (users, emergencies): (Vec<Uuid>, Vec<Uuid>) =
            reading.places.iter().map(|place| (Uuid::from(place.user), Uuid::from(place.emergency))).unzip();
        sqlx::query(RECORD)
            .bind(users)
            .bind(emergencies)
            .bind(Uuid::from(reading.reader))
            .bind(reading.hour())
            .bind(reading.at)
            .bind(reading.what.as_str())
            .execute(self.main())
            .await
            .map_err(failed)
            .map(drop)
    }

    #[instrument(name = "pg.access_log.entries", level = "debug", skip_all, fields(%user))]
    async fn entries(&self, user: UserId, limit: u32) -> Result<Vec<AccessEntry>> {
        let query = sqlx::query_as(ENTRIES).bind(Uuid::from(user)).bind(i64::from(limit));
        let rows: Vec<EntryRow> = query.fetch_all(self.main()).await.map_err(failed)?;
        let entry = |EntryRow { emergency_id, at, what }| {
            let row = RowDecoder { table: "access_log", id: emergency_id };
            Ok(AccessEntry { at, emergency: emergency_id.into(), what: row.parse("what", &what)? })
        };
        rows.into_iter().map(entry).collect()
    }
}
