//! Resources, searched by their place: the port [`Resources`].

use allynet_domain::{
    ImportCounts, ImportedResource, Resource, ResourceDetails, ResourceId, ResourceKind, ResourceReport,
    ResourceSearch, Text, Timestamp,
    port::{Resources, Result},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use sqlx::{Connection as _, SqliteConnection, query::Query, sqlite::SqliteArguments};
use tracing::instrument;
use uuid::Uuid;

use crate::{Sqlite, area::two_boxes, error::port_error};

/// Resources in the boxes `?1` to `?4` and `?5` to `?8` (south, north, west, east) of kind `?12` (if not null), those nearest to
/// latitude `?9` and longitude `?10` first, at most `?13`. `?11` is the length of a degree of longitude there, in degrees of latitude.
///
/// The order is that on a plane, so that a few at the end of the list may be others than on the ellipsoid: twice as many are read as
/// are wanted. The recursive part counts the rows of cells of both boxes, as the search for helpers does; `cross join` makes
/// these the outer loop.
const AROUND: &str = "\
    with recursive strip(row, last, south, north, west, east) as ( \
        select cast((?1 + 90) * 100 as integer), cast((?2 + 90) * 100 as integer), ?1, ?2, ?3, ?4 \
        union all \
        select cast((?5 + 90) * 100 as integer), cast((?6 + 90) * 100 as integer), ?5, ?6, ?7, ?8 \
        union all \
        select row + 1, last, south, north, west, east from strip where row < last) \
    select r.id, r.kind, r.latitude, r.longitude, r.address, r.access, r.opening_hours, r.indoor, r.level, \
           r.description, r.phone, r.status, r.checked_at, r.source, r.created_at \
    from strip s cross join resource r \
    on r.cell between s.row * 65536 + cast((s.west + 180) * 100 as integer) \
                  and s.row * 65536 + cast((s.east + 180) * 100 as integer) \
    where r.latitude between s.south and s.north and r.longitude between s.west and s.east \
    and (?12 is null or r.kind = ?12) \
    order by (r.latitude - ?9) * (r.latitude - ?9) \
        + min(abs(r.longitude - ?10), 360 - abs(r.longitude - ?10)) * ?11 \
        * min(abs(r.longitude - ?10), 360 - abs(r.longitude - ?10)) * ?11 \
    limit ?13";
const FIND: &str = "\
    select r.id, r.kind, r.latitude, r.longitude, r.address, r.access, r.opening_hours, r.indoor, r.level, \
           r.description, r.phone, r.status, r.checked_at, r.source, r.created_at \
    from resource r where r.id = ?1";
const ADD: &str = "\
    insert into resource (id, kind, latitude, longitude, address, access, opening_hours, indoor, level, description, \
        phone, status, checked_at, source, created_at) \
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const CHANGE: &str = "\
    update resource set kind = ?2, latitude = ?3, longitude = ?4, address = ?5, access = ?6, opening_hours = ?7, \
        indoor = ?8, level = ?9, description = ?10, phone = ?11, source = 'manual' \
    where id = ?1";
const SETTLE: &str = "delete from resource_report where resource_id = ?1";
const REPORT: &str = "\
    insert into resource_report (resource_id, reporter_id, state, note, is_counted, reported_at) \
    select r.id, a.id, ?3, ?4, ?5, ?6 from resource r cross join account a on a.id = ?2 \
    where r.id = ?1 and a.deleted_at is null \
    on conflict (resource_id, reporter_id) do update set \
        state = excluded.state, note = excluded.note, is_counted = excluded.is_counted, reported_at = excluded.reported_at";
/// The status `?3` (if not null) of the resource `?1` if as many helpers as `?4` have reported the state `?2` since `?5`. `?6` is the time of
/// the report, if it counts, and `?7` that of a check, if it is one.
const FOLLOW_REPORT: &str = "\
    update resource set \
        status = case when ?3 is not null and ?4 <= ( \
            select count(*) from resource_report p \
            where p.resource_id = ?1 and p.state = ?2 and p.is_counted and p.reported_at >= ?5) then ?3 else status end, \
        checked_at = coalesce(max(checked_at, ?7), checked_at, ?7), reported_at = coalesce(max(reported_at, ?6), reported_at, ?6) \
    where id = ?1";
const IMPORT_NEW: &str = "\
    insert into resource (id, osm_id, kind, latitude, longitude, address, access, opening_hours, indoor, level, description, \
        phone, status, checked_at, source, created_at) \
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'available', ?13, 'osm', ?14) \
    on conflict (osm_id) do nothing";
const IMPORT_AGAIN: &str = "\
    update resource set kind = ?2, latitude = ?3, longitude = ?4, address = ?5, access = ?6, opening_hours = ?7, indoor = ?8, \
        level = ?9, description = ?10, phone = ?11, status = case when ?12 > reported_at then 'available' else status end, \
        checked_at = coalesce(max(checked_at, ?12), checked_at, ?12) \
    where osm_id = ?1 and source = 'osm'";
const SETTLE_IMPORTED: &str = "\
    delete from resource_report where resource_id in (select r.id from resource r where r.osm_id = ?1 and ?2 > r.reported_at)";

#[derive(sqlx::FromRow)]
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
    checked_at: Option<i64>,
    source: String,
    created_at: i64,
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
            checked_at: stored.micros_opt("checked_at", self.checked_at)?,
            source: stored.parse("source", &self.source)?,
            created_at: stored.micros("created_at", self.created_at)?,
        })
    }
}

/// A statement with its arguments.
type Statement<'q> = Query<'q, sqlx::Sqlite, SqliteArguments>;

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
impl Resources for Sqlite {
    #[instrument(name = "sqlite.resources.around", level = "debug", skip_all)]
    async fn around(&self, search: &ResourceSearch) -> Result<Vec<Resource>> {
        let ResourceSearch { centre, radius, kind, limit } = *search;
        let mut query = sqlx::query_as::<_, ResourceRow>(AROUND);
        for rect in two_boxes(centre, radius) {
            query = query.bind(rect.south).bind(rect.north).bind(rect.west).bind(rect.east);
        }
        let rows = query
            .bind(centre.latitude())
            .bind(centre.longitude())
            .bind(centre.latitude().to_radians().cos())
            .bind(kind.map(ResourceKind::as_str))
            .bind(i64::from(limit) * 2)
            .fetch_all(&self.readers)
            .await
            .map_err(port_error)?;
        rows.into_iter().map(ResourceRow::resource).collect()
    }

    #[instrument(name = "sqlite.resources.find", level = "debug", skip_all)]
    async fn find(&self, id: ResourceId) -> Result<Option<Resource>> {
        let row: Option<ResourceRow> =
            sqlx::query_as(FIND).bind(Uuid::from(id)).fetch_optional(&self.readers).await.map_err(port_error)?;
        row.map(ResourceRow::resource).transpose()
    }

    #[instrument(name = "sqlite.resources.add", level = "debug", skip_all)]
    async fn add(&self, resource: &Resource) -> Result<()> {
        let Resource { id, details, status, checked_at, source, created_at } = resource;
        bind_details(sqlx::query(ADD).bind(Uuid::from(*id)), details)
            .bind(status.as_str())
            .bind(checked_at.map(|at| at.timestamp_micros()))
            .bind(source.as_str())
            .bind(created_at.timestamp_micros())
            .execute(&self.writer)
            .await
            .map_err(port_error)
            .map(drop)
    }

    #[instrument(name = "sqlite.resources.change", level = "debug", skip_all)]
    async fn change(&self, id: ResourceId, details: &ResourceDetails) -> Result<bool> {
        let done = bind_details(sqlx::query(CHANGE).bind(Uuid::from(id)), details)
            .execute(&self.writer)
            .await
            .map_err(port_error)?;
        Ok(done.rows_affected() > 0)
    }

    #[instrument(name = "sqlite.resources.remove", level = "debug", skip_all)]
    async fn remove(&self, id: ResourceId) -> Result<bool> {
        let done = sqlx::query("delete from resource where id = ?1")
            .bind(Uuid::from(id))
            .execute(&self.writer)
            .await
            .map_err(port_error)?;
        Ok(done.rows_affected() > 0)
    }

    #[instrument(name = "sqlite.resources.report", level = "debug", skip_all)]
    async fn report(&self, report: &ResourceReport) -> Result<Option<Resource>> {
        let ResourceReport { resource, reporter, state, note, weight: _, at } = report;
        let (resource, at) = (Uuid::from(*resource), at.timestamp_micros());
        let outcome = report.outcome();
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        let store = if report.settles() {
            sqlx::query(SETTLE).bind(resource)
        } else {
            let query = sqlx::query(REPORT).bind(resource).bind(Uuid::from(*reporter)).bind(state.as_str());
            query.bind(note.as_ref().map(Text::as_str)).bind(report.is_counted()).bind(at)
        };
        store.execute(&mut *transaction).await.map_err(port_error)?;
        sqlx::query(FOLLOW_REPORT)
            .bind(resource)
            .bind(state.as_str())
            .bind(outcome.map(|(status, _)| status.as_str()))
            .bind(outcome.map_or(0, |(_, needed)| needed))
            .bind(report.counted_since().timestamp_micros())
            .bind(report.is_counted().then_some(at))
            .bind(report.settles().then_some(at))
            .execute(&mut *transaction)
            .await
            .map_err(port_error)?;
        let query = sqlx::query_as(FIND).bind(resource);
        let row: Option<ResourceRow> = query.fetch_optional(&mut *transaction).await.map_err(port_error)?;
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        row.map(ResourceRow::resource).transpose()
    }

    #[instrument(name = "sqlite.resources.import", level = "debug", skip_all)]
    async fn import(&self, resources: &[ImportedResource], at: Timestamp) -> Result<ImportCounts> {
        let mut counts = ImportCounts::default();
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        for imported in resources {
            if import_new(&mut transaction, imported, at).await? {
                counts.added += 1;
            } else if import_again(&mut transaction, imported).await? {
                counts.updated += 1;
            } else {
                counts.kept += 1;
            }
        }
        transaction.commit().await.map_err(port_error)?;
        self.writer.release(writer);
        Ok(counts)
    }
}

/// Adds a resource. Returns whether it was not known before.
async fn import_new(db: &mut SqliteConnection, imported: &ImportedResource, at: Timestamp) -> Result<bool> {
    let ImportedResource { osm_id, id, details, checked_at } = imported;
    let done = bind_details(sqlx::query(IMPORT_NEW).bind(Uuid::from(*id)).bind(osm_id.as_str()), details)
        .bind(checked_at.map(|at| at.timestamp_micros()))
        .bind(at.timestamp_micros())
        .execute(db)
        .await
        .map_err(port_error)?;
    Ok(done.rows_affected() > 0)
}

/// Replaces a resource that was imported before. Returns whether no administrator has changed it since.
async fn import_again(db: &mut SqliteConnection, imported: &ImportedResource) -> Result<bool> {
    let ImportedResource { osm_id, id: _, details, checked_at } = imported;
    let checked_at = checked_at.map(|at| at.timestamp_micros());
    let done = bind_details(sqlx::query(IMPORT_AGAIN).bind(osm_id.as_str()), details)
        .bind(checked_at)
        .execute(&mut *db)
        .await
        .map_err(port_error)?;
    let is_imported = done.rows_affected() > 0;
    if is_imported && checked_at.is_some() {
        let query = sqlx::query(SETTLE_IMPORTED).bind(osm_id.as_str()).bind(checked_at);
        query.execute(db).await.map_err(port_error)?;
    }
    Ok(is_imported)
}
