//! Resources, searched by their place.

use allynet_domain::{
    Resource, ResourceDetails, ResourceId, ResourceKind, ResourceSearch, Text, Timestamp,
    near::SMALLEST_RADIUS,
    port::{Resources, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed, near::SPHERE_RADIUS};

/// The order of the index is that on a sphere, so that a few at the end of the list may be others than on the ellipsoid: twice as
/// many are read as are wanted.
const AROUND: &str = "
    SELECT r.id, r.kind, r.latitude, r.longitude, r.address, r.access, r.opening_hours, r.indoor, r.level, r.description,
        r.phone, r.status, r.checked_at, r.source, r.created_at
    FROM resource r
    WHERE ST_DWithin(ST_SetSRID(ST_MakePoint(r.longitude, r.latitude), 4326)::geography,
            ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography, $3, false)
        AND ($4::text IS NULL OR r.kind = $4)
    ORDER BY ST_SetSRID(ST_MakePoint(r.longitude, r.latitude), 4326)::geography
        <-> ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography
    LIMIT $5";
const FIND: &str = "
    SELECT r.id, r.kind, r.latitude, r.longitude, r.address, r.access, r.opening_hours, r.indoor, r.level, r.description,
        r.phone, r.status, r.checked_at, r.source, r.created_at
    FROM resource r WHERE r.id = $1";
const ADD: &str = "
    INSERT INTO resource (id, kind, latitude, longitude, address, access, opening_hours, indoor, level, description, phone,
        status, checked_at, source, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
const CHANGE: &str = "
    UPDATE resource SET kind = $2, latitude = $3, longitude = $4, address = $5, access = $6, opening_hours = $7, indoor = $8,
        level = $9, description = $10, phone = $11
    WHERE id = $1";
const REMOVE: &str = "DELETE FROM resource WHERE id = $1";

statements!(AROUND, FIND, ADD, CHANGE, REMOVE);

#[derive(FromRow)]
struct ResourceRow {
    id: Uuid,
    kind: String,
    latitude: f64,
    longitude: f64,
    address: Option<String>,
    access: String,
    opening_hours: Option<String>,
    indoor: Option<bool>,
    level: Option<String>,
    description: Option<String>,
    phone: Option<String>,
    status: String,
    checked_at: Option<Timestamp>,
    source: String,
    created_at: Timestamp,
}

impl ResourceRow {
    fn resource(self) -> Result<Resource> {
        let stored = RowDecoder { table: "resource", id: self.id };
        let details = ResourceDetails {
            kind: stored.parse("kind", &self.kind)?,
            position: stored.position(self.latitude, self.longitude)?,
            address: stored.text_opt("address", self.address.as_deref())?,
            access: stored.parse("access", &self.access)?,
            opening_hours: stored.text_opt("opening_hours", self.opening_hours.as_deref())?,
            indoor: self.indoor,
            level: stored.text_opt("level", self.level.as_deref())?,
            description: stored.text_opt("description", self.description.as_deref())?,
            phone: stored.text_opt("phone", self.phone.as_deref())?,
        };
        Ok(Resource {
            id: self.id.into(),
            details,
            status: stored.parse("status", &self.status)?,
            checked_at: self.checked_at,
            source: stored.parse("source", &self.source)?,
            created_at: self.created_at,
        })
    }
}

#[async_trait]
impl Resources for Postgres {
    #[instrument(name = "pg.resources.around", level = "debug", skip_all)]
    async fn around(&self, search: &ResourceSearch) -> Result<Vec<Resource>> {
        let ResourceSearch { centre, radius, kind, limit } = *search;
        let rows: Vec<ResourceRow> = sqlx::query_as(AROUND)
            .bind(centre.latitude())
            .bind(centre.longitude())
            // On the sphere a distance may be longer than on the ellipsoid.
            .bind(radius.get() * (SPHERE_RADIUS / SMALLEST_RADIUS) + 1.0)
            .bind(kind.map(ResourceKind::as_str))
            .bind(i64::from(limit) * 2)
            .fetch_all(self.main())
            .await
            .map_err(failed)?;
        rows.into_iter().map(ResourceRow::resource).collect()
    }

    #[instrument(name = "pg.resources.find", level = "debug", skip_all)]
    async fn find(&self, id: ResourceId) -> Result<Option<Resource>> {
        let row: Option<ResourceRow> =
            sqlx::query_as(FIND).bind(Uuid::from(id)).fetch_optional(self.main()).await.map_err(failed)?;
        row.map(ResourceRow::resource).transpose()
    }

    #[instrument(name = "pg.resources.add", level = "debug", skip_all)]
    async fn add(&self, resource: &Resource) -> Result<()> {
        let Resource { id, details, status, checked_at, source, created_at } = resource;
        let ResourceDetails { kind, position, address, access, opening_hours, indoor, level, description, phone } =
            details;
        sqlx::query(ADD)
            .bind(Uuid::from(*id))
            .bind(kind.as_str())
            .bind(position.latitude())
            .bind(position.longitude())
            .bind(address.as_ref().map(Text::as_str))
            .bind(access.as_str())
            .bind(opening_hours.as_ref().map(Text::as_str))
            .bind(indoor)
            .bind(level.as_ref().map(Text::as_str))
            .bind(description.as_ref().map(Text::as_str))
            .bind(phone.as_ref().map(Text::as_str))
            .bind(status.as_str())
            .bind(checked_at)
            .bind(source.as_str())
            .bind(created_at)
            .execute(self.main())
            .await
            .map_err(failed)
            .map(drop)
    }

    #[instrument(name = "pg.resources.change", level = "debug", skip_all)]
    async fn change(&self, id: ResourceId, details: &ResourceDetails) -> Result<bool> {
        let ResourceDetails { kind, position, address, access, opening_hours, indoor, level, description, phone } =
            details;
        let done = sqlx::query(CHANGE)
            .bind(Uuid::from(id))
            .bind(kind.as_str())
            .bind(position.latitude())
            .bind(position.longitude())
            .bind(address.as_ref().map(Text::as_str))
            .bind(access.as_str())
            .bind(opening_hours.as_ref().map(Text::as_str))
            .bind(indoor)
            .bind(level.as_ref().map(Text::as_str))
            .bind(description.as_ref().map(Text::as_str))
            .bind(phone.as_ref().map(Text::as_str))
            .execute(self.main())
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    #[instrument(name = "pg.resources.remove", level = "debug", skip_all)]
    async fn remove(&self, id: ResourceId) -> Result<bool> {
        let done = sqlx::query(REMOVE).bind(Uuid::from(id)).execute(self.main()).await.map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}
