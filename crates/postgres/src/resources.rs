//! Resources, searched by their place.

use allynet_domain::{
    ImportCounts, ImportedResource, Resource, ResourceDetails, ResourceId, ResourceKind, ResourceReport,
    ResourceSearch, Text, Timestamp,
    near::SMALLEST_RADIUS,
    port::{Resources, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Serialize;
use sqlx::{FromRow, postgres::PgArguments, query::Query, types::Json};
use tracing::instrument;
use uuid::Uuid;

use crate::{Postgres, error::failed, near::SPHERE_RADIUS};

/// The order is that on a sphere, so that a few at the end of the list may be others than on the ellipsoid: twice as many are read as
/// are wanted. The index's own order (`<->`) is not used: for geographies it fails at some places ("index returned tuples in wrong
/// order").
const AROUND: &str = "
    SELECT r.id, r.kind, r.latitude, r.longitude, r.address, r.access, r.opening_hours, r.indoor, r.level, r.description,
        r.phone, r.status, r.checked_at, r.source, r.created_at
    FROM resource r
    WHERE ST_DWithin(ST_SetSRID(ST_MakePoint(r.longitude, r.latitude), 4326)::geography,
            ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography, $3, false)
        AND ($4::text IS NULL OR r.kind = $4)
    ORDER BY ST_Distance(ST_SetSRID(ST_MakePoint(r.longitude, r.latitude), 4326)::geography,
        ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography, false)
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
        level = $9, description = $10, phone = $11, source = 'manual'
    WHERE id = $1";
const REMOVE: &str = "DELETE FROM resource WHERE id = $1";
const REPORT: &str = "
    SELECT r.id, r.kind, r.latitude, r.longitude, r.address, r.access, r.opening_hours, r.indoor, r.level, r.description,
        r.phone, r.status, r.checked_at, r.source, r.created_at
    FROM report_resource_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) r";
/// The resources `$1`, as a JSON array, at `$2`. In one order, so that two imports do not wait for each other. A row that a statement has
/// inserted has no `xmax`.
const IMPORT: &str = "
    WITH given AS (
        SELECT g.* FROM jsonb_to_recordset($1) AS g(id uuid, osm_id text, kind text, latitude double precision,
            longitude double precision, address text, access text, opening_hours text, indoor boolean, level text,
            description text, phone text, checked_at timestamptz)
    ),
    imported AS (
        INSERT INTO resource AS r (id, osm_id, kind, latitude, longitude, address, access, opening_hours, indoor, level,
            description, phone, status, checked_at, source, created_at)
        SELECT g.id, g.osm_id, g.kind, g.latitude, g.longitude, g.address, g.access, g.opening_hours, g.indoor, g.level,
            g.description, g.phone, 'available', g.checked_at, 'osm', $2
        FROM given g ORDER BY g.osm_id
        ON CONFLICT ON CONSTRAINT resource_osm_id_key DO UPDATE SET
            kind = excluded.kind, latitude = excluded.latitude, longitude = excluded.longitude, address = excluded.address,
            access = excluded.access, opening_hours = excluded.opening_hours, indoor = excluded.indoor,
            level = excluded.level, description = excluded.description, phone = excluded.phone,
            status = CASE WHEN excluded.checked_at > r.reported_at THEN 'available' ELSE r.status END,
            checked_at = greatest(r.checked_at, excluded.checked_at)
        WHERE r.source = 'osm'
        RETURNING r.id, r.xmax = 0 AS is_new, r.checked_at > r.reported_at AS is_settled
    ),
    settled AS (
        DELETE FROM resource_report p
        WHERE p.resource_id = ANY (ARRAY (SELECT i.id FROM imported i WHERE i.is_settled))
    )
    SELECT count(*) FILTER (WHERE i.is_new) AS added, count(*) FILTER (WHERE NOT i.is_new) AS updated FROM imported i";

statements!(AROUND, FIND, ADD, CHANGE, REMOVE, REPORT, IMPORT);

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

/// An imported resource, as [`IMPORT`] reads it.
#[derive(Serialize)]
struct ImportedRow<'a> {
    id: Uuid,
    osm_id: &'a str,
    kind: &'static str,
    latitude: f64,
    longitude: f64,
    address: Option<&'a str>,
    access: &'static str,
    opening_hours: Option<&'a str>,
    indoor: Option<bool>,
    level: Option<&'a str>,
    description: Option<&'a str>,
    phone: Option<&'a str>,
    checked_at: Option<Timestamp>,
}

impl<'a> From<&'a ImportedResource> for ImportedRow<'a> {
    fn from(imported: &'a ImportedResource) -> Self {
        let ImportedResource { osm_id, id, details, checked_at } = imported;
        let ResourceDetails { kind, position, address, access, opening_hours, indoor, level, description, phone } =
            details;
        Self {
            id: (*id).into(),
            osm_id: osm_id.as_str(),
            kind: kind.as_str(),
            latitude: position.latitude(),
            longitude: position.longitude(),
            address: address.as_ref().map(Text::as_str),
            access: access.as_str(),
            opening_hours: opening_hours.as_ref().map(Text::as_str),
            indoor: *indoor,
            level: level.as_ref().map(Text::as_str),
            description: description.as_ref().map(Text::as_str),
            phone: phone.as_ref().map(Text::as_str),
            checked_at: *checked_at,
        }
    }
}

/// A statement with its arguments.
type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// Binds the details, in the order in which every statement names them.
fn bind_details<'q>(statement: Statement<'q>, details: &ResourceDetails) -> Statement<'q> {
    let ResourceDetails { kind, position, address, access, opening_hours, indoor, level, description, phone } = details;
    statement
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
        bind_details(sqlx::query(ADD).bind(Uuid::from(*id)), details)
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
        let done = bind_details(sqlx::query(CHANGE).bind(Uuid::from(id)), details)
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

    #[instrument(name = "pg.resources.report", level = "debug", skip_all)]
    async fn report(&self, report: &ResourceReport) -> Result<Option<Resource>> {
        let outcome = report.outcome();
        let row: Option<ResourceRow> = sqlx::query_as(REPORT)
            .bind(Uuid::from(report.resource))
            .bind(Uuid::from(report.reporter))
            .bind(report.state.as_str())
            .bind(report.note.as_ref().map(Text::as_str))
            .bind(report.is_counted())
            .bind(report.at)
            .bind(report.settles())
            .bind(outcome.map(|(status, _)| status.as_str()))
            .bind(outcome.map_or(0, |(_, needed)| i32::try_from(needed).unwrap_or(i32::MAX)))
            .bind(report.counted_since())
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        row.map(ResourceRow::resource).transpose()
    }

    #[instrument(name = "pg.resources.import", level = "debug", skip_all)]
    async fn import(&self, resources: &[ImportedResource], at: Timestamp) -> Result<ImportCounts> {
        let given: Vec<ImportedRow<'_>> = resources.iter().map(Into::into).collect();
        let (added, updated): (i64, i64) =
            sqlx::query_as(IMPORT).bind(Json(given)).bind(at).fetch_one(self.main()).await.map_err(failed)?;
        let (added, updated) = (added.unsigned_abs(), updated.unsigned_abs());
        Ok(ImportCounts { added, updated, kept: (resources.len() as u64).saturating_sub(added + updated) })
    }
}
