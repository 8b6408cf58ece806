//! The access log: the port [`AccessLog`].

use allynet_domain::{
    AccessEntry, PlaceReading, UserId,
    port::{AccessLog, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Serialize;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Sqlite,
    error::port_error,
    rows::{hex, to_json},
};

/// Whether one of the places `?1` has no entry of the reader `?2` in the hour `?3`.
const MISSES: &str = "\
    select exists (select 1 from json_each(?1) p where not exists ( \
        select 1 from access_log l where l.user_id = unhex(p.value ->> 'user') \
            and l.emergency_id = unhex(p.value ->> 'emergency') and l.reader_id = ?2 and l.hour = ?3))";
/// Users who have no account any more are left out.
const RECORD: &str = "\
    insert into access_log (user_id, emergency_id, reader_id, hour, at, what) \
    select a.id, unhex(p.value ->> 'emergency'), ?2, ?3, ?4, ?5 \
    from json_each(?1) p cross join account a on a.id = unhex(p.value ->> 'user') where true \
    on conflict do nothing";
const ENTRIES: &str = "\
    select l.emergency_id, l.at, l.what from access_log l where l.user_id = ?1 \
    order by l.at desc, l.emergency_id limit ?2";

#[derive(Serialize)]
struct PlaceJson {
    user: String,
    emergency: String,
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    emergency_id: Uuid,
    at: i64,
    what: String,
}

#[async_trait]
impl AccessLog for Sqlite {
    #[instrument(name = "sqlite.access_log.record", level = "debug", skip_all)]
    async fn record(&self, reading: &PlaceReading) -> Result<()> {
        let places = reading.places.iter().map(|p| PlaceJson { user: hex(p.user), emergency: hex(p.emergency) });
        let places = to_json(&places.collect::<Vec<_>>())?;
        // A list that is read again and again must not take turns with writers.
        let misses: bool = sqlx::query_scalar(MISSES)
            .bind(&places)
            .bind(Uuid::from(reading.reader))
            .bind(reading.hour())
            .fetch_one(&self.readers)
            .await
            .map_err(port_error)?;
        if !misses {
            return Ok(());
        }
        sqlx::query(RECORD)
            .bind(&places)
            .bind(Uuid::from(reading.reader))
            .bind(reading.hour())
            .bind(reading.at.timestamp_micros())
            .bind(reading.what.as_str())
            .execute(&self.writer)
            .await
            .map_err(port_error)
            .map(drop)
    }

    #[instrument(name = "sqlite.access_log.entries", level = "debug", skip_all, fields(%user))]
    async fn entries(&self, user: UserId, limit: u32) -> Result<Vec<AccessEntry>> {
        let query = sqlx::query_as(ENTRIES).bind(Uuid::from(user)).bind(limit);
        let rows: Vec<EntryRow> = query.fetch_all(&self.readers).await.map_err(port_error)?;
        let entry = |EntryRow { emergency_id, at, what }| {
            let row = RowDecoder { table: "access_log", id: emergency_id };
            Ok(AccessEntry {
                at: row.micros("at", at)?,
                emergency: emergency_id.into(),
                what: row.parse("what", &what)?,
            })
        };
        rows.into_iter().map(entry).collect()
    }
}
