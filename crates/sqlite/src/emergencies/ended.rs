//! Queries for emergencies after their end: ratings, undoing the end, and records of deleted ones.

use allynet_domain::{
    DeletedEmergency, EmergencyId, HelperPolicy, Timestamp, UserId,
    port::{DeletedPage, Result, ToBeRated},
};
use allynet_sql::RowDecoder;
use sqlx::FromRow;
use uuid::Uuid;

use super::statements;
use crate::{Sqlite, emergency_row::EmergencyRow, error::port_error};

#[derive(FromRow)]
struct DeletedRow {
    id: Uuid,
    owner_id: Uuid,
    first_name: String,
    last_name: Option<String>,
    request_id: Option<String>,
    kind: String,
    status: String,
    latitude: f64,
    longitude: f64,
    created_at: i64,
    ended_at: i64,
    deleted_at: i64,
}

impl DeletedRow {
    fn record(self) -> Result<DeletedEmergency> {
        let Self { id, owner_id, first_name, last_name, request_id, kind, status, .. } = self;
        let Self { latitude, longitude, created_at, ended_at, deleted_at, .. } = self;
        let stored = RowDecoder { table: "deleted_emergency", id };
        Ok(DeletedEmergency {
            id: id.into(),
            owner: RowDecoder::account(owner_id).person(&first_name, last_name.as_deref())?,
            request_id: stored.text_opt("request_id", request_id.as_deref())?,
            kind: stored.parse("kind", &kind)?,
            status: stored.parse("status", &status)?,
            place: stored.position(latitude, longitude)?,
            created_at: stored.micros("created_at", created_at)?,
            ended_at: stored.micros("ended_at", ended_at)?,
            deleted_at: stored.micros("deleted_at", deleted_at)?,
        })
    }
}

impl Sqlite {
    pub(super) async fn read_for_rating(&self, id: EmergencyId, since: Timestamp) -> Result<Option<ToBeRated>> {
        let row: Option<EmergencyRow> = sqlx::query_as(statements::FIND)
            .bind(Uuid::from(id))
            .fetch_optional(&self.readers)
            .await
            .map_err(port_error)?;
        let Some(row) = row else { return Ok(None) };
        // A rating that is counted in between makes the commit stale.
        let rated: Vec<Uuid> = sqlx::query_scalar(statements::RATED_SINCE)
            .bind(Uuid::from(id))
            .bind(since.timestamp_micros())
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        let rated_since = rated.into_iter().map(UserId::from).collect();
        Ok(Some(ToBeRated { emergency: row.try_into()?, rated_since }))
    }

    pub(super) async fn read_available_again(&self, id: EmergencyId, policy: HelperPolicy) -> Result<Vec<UserId>> {
        let helpers: Vec<Uuid> = sqlx::query_scalar(statements::AVAILABLE_AGAIN)
            .bind(Uuid::from(id))
            .bind(policy == HelperPolicy::Open)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        Ok(helpers.into_iter().map(Into::into).collect())
    }

    pub(super) async fn read_deleted(&self, page: &DeletedPage) -> Result<Vec<DeletedEmergency>> {
        let (at, id) = page.before.map_or((i64::MAX, Uuid::max()), |(at, id)| (at.timestamp_micros(), id.into()));
        let rows: Vec<DeletedRow> = sqlx::query_as(statements::DELETED)
            .bind(at)
            .bind(id)
            .bind(page.limit)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(DeletedRow::record).collect()
    }
}
