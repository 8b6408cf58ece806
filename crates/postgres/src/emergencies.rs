//! Emergencies, read: each method is one statement that brings the owner, all responses and the counts along.

use allynet_domain::{
    Alert, Emergency, EmergencyId, EmergencyStatus, Metres, Position, Text, Timestamp, UserId,
    port::{AdminPage, Emergencies, Error, HistoryPage, Loaded, NearbyEmergency, Result},
};
use async_trait::async_trait;
use sqlx::{FromRow, Postgres as Pg, postgres::PgArguments, query::QueryAs};
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    emergency_row::{AlertRow, EmergencyRow, alerts_json, emergency, live},
    rows::{Stored, TOLERANCE, nearest_first, place},
};

const FIND: &str = concat!(emergency!(), " WHERE e.id = $1");
const LOAD: &str = concat!(emergency!(alerts_json!()), " WHERE e.id = $1");
const EARLIER_CALL: &str = concat!(
    emergency!(),
    " WHERE e.id = (SELECT id FROM ( \
         SELECT id, 1 AS rank FROM emergency WHERE owner_id = $1 AND request_id = $2 \
         UNION ALL SELECT id, 2 FROM emergency e WHERE owner_id = $1 AND ",
    live!(),
    ") AS call ORDER BY rank LIMIT 1)"
);
const LIVE_OF: &str = concat!(
    emergency!(),
    " JOIN ( \
         SELECT id AS part_id, 1 AS rank FROM emergency e WHERE owner_id = $1 AND ",
    live!(),
    " UNION ALL SELECT emergency_id, CASE WHEN r.engaged THEN 2 ELSE 3 END \
         FROM response r JOIN emergency e ON e.id = r.emergency_id \
         WHERE r.helper_id = $1 AND r.status <> 'cancelled' AND ",
    live!(),
    ") AS part ON part.part_id = e.id ORDER BY part.rank, e.created_at DESC, e.id DESC"
);
/// The index is searched as far as the largest alert radius there is, then each one's own decides.
const PENDING_FOR: &str = concat!(
    emergency!(),
    " JOIN ( \
         SELECT id AS pending_id FROM emergency e WHERE ",
    live!(),
    " AND ST_DWithin(e.place, ",
    place!("$3", "$2"),
    ", (SELECT max(alert_radius) FROM emergency e WHERE ",
    live!(),
    ") + $4) AND ST_DWithin(e.place, ",
    place!("$3", "$2"),
    ", e.alert_radius + $4) \
         UNION SELECT e.id FROM alert l JOIN emergency e ON e.id = l.emergency_id \
         WHERE l.helper_id = $1 AND l.wave IS NOT NULL AND l.declined_at IS NULL AND ",
    live!(),
    ") AS pending ON pending.pending_id = e.id \
     WHERE e.owner_id <> $1 \
     AND NOT EXISTS (SELECT FROM response r \
                     WHERE r.emergency_id = e.id AND r.helper_id = $1 AND r.status <> 'cancelled') \
     AND NOT EXISTS (SELECT FROM alert l \
                     WHERE l.emergency_id = e.id AND l.helper_id = $1 AND l.declined_at IS NOT NULL) \
     ORDER BY ST_Distance(e.place, ",
    place!("$3", "$2"),
    "), e.id LIMIT $5"
);
const NEARBY: &str = concat!(
    emergency!(),
    " WHERE ",
    live!(),
    " AND ST_DWithin(e.place, ",
    place!("$2", "$1"),
    ", $3) ORDER BY ST_Distance(e.place, ",
    place!("$2", "$1"),
    "), e.id LIMIT $4"
);
/// Each half reads no more than the page needs; whoever takes part as both is impossible.
const HISTORY: &str = concat!(
    emergency!(),
    " JOIN ( \
         (SELECT id AS part_id, created_at FROM emergency WHERE owner_id = $1 \
              AND created_at < coalesce($2, 'infinity'::timestamptz) AND status = coalesce($3, status) \
          ORDER BY created_at DESC FETCH FIRST $4 ROWS WITH TIES) \
         UNION ALL \
         (SELECT o.id, o.created_at FROM response r JOIN emergency o ON o.id = r.emergency_id \
              WHERE r.helper_id = $1 AND r.status <> 'cancelled' \
              AND o.created_at < coalesce($2, 'infinity'::timestamptz) AND o.status = coalesce($3, o.status) \
          ORDER BY o.created_at DESC FETCH FIRST $4 ROWS WITH TIES) \
         ORDER BY created_at DESC FETCH FIRST $4 ROWS WITH TIES \
     ) AS part ON part.part_id = e.id ORDER BY e.created_at DESC, e.id DESC"
);

/// A page for administrators of what fulfils conditions on `e` besides `$1` to `$3`.
macro_rules! admin_page {
    ($condition:expr) => {
        concat!(
            emergency!(),
            " WHERE ",
            $condition,
            " AND (e.created_at, e.id) < (coalesce($1, 'infinity'::timestamptz), $2) \
             ORDER BY e.created_at DESC, e.id DESC LIMIT $3"
        )
    };
}

/// Within `$6` metres of a place.
macro_rules! within {
    () => {
        concat!(" AND ST_DWithin(e.place, ", place!("$5", "$4"), ", $6)")
    };
}

const LIST_LIVE: &str = admin_page!(live!());
const LIST_LIVE_NEAR: &str = admin_page!(concat!(live!(), within!()));
const LIST_STATUS: &str = admin_page!("e.status = $4");
const LIST_STATUS_NEAR: &str = admin_page!(concat!("e.status = $7", within!()));

statements!(
    FIND,
    LOAD,
    EARLIER_CALL,
    LIVE_OF,
    PENDING_FOR,
    NEARBY,
    HISTORY,
    LIST_LIVE,
    LIST_LIVE_NEAR,
    LIST_STATUS,
    LIST_STATUS_NEAR
);

#[derive(FromRow)]
struct LoadRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    alerts: String,
}

impl LoadRow {
    fn loaded(self) -> Result<Loaded> {
        let Self { emergency, alerts } = self;
        let emergency = emergency.emergency()?;
        let stored = Stored { table: "emergency", id: emergency.id().into() };
        let alerts: Vec<AlertRow> = stored.json("alerts", &alerts)?;
        Ok(Loaded { emergency, alerts: alerts.into_iter().map(Alert::from).collect() })
    }
}

type Query = QueryAs<'static, Pg, EmergencyRow, PgArguments>;

impl Postgres {
    async fn one(&self, query: Query) -> Result<Option<Emergency>> {
        let row = query.fetch_optional(self.main()).await.map_err(Error::unavailable)?;
        row.map(EmergencyRow::emergency).transpose()
    }

    async fn many(&self, query: Query) -> Result<Vec<Emergency>> {
        let rows = query.fetch_all(self.main()).await.map_err(Error::unavailable)?;
        rows.into_iter().map(EmergencyRow::emergency).collect()
    }

    async fn around(&self, centre: Position, query: Query) -> Result<Vec<NearbyEmergency>> {
        let distance = |e: &Emergency| centre.distance_to(e.call.details.location.position);
        let found = self.many(query).await?.into_iter();
        let mut found: Vec<_> =
            found.map(|emergency| NearbyEmergency { distance: distance(&emergency), emergency }).collect();
        nearest_first(&mut found, |n| (n.distance, n.emergency.id()));
        Ok(found)
    }
}

#[async_trait]
impl Emergencies for Postgres {
    #[instrument(name = "pg.emergencies.find", level = "debug", skip_all)]
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>> {
        self.one(sqlx::query_as(FIND).bind(Uuid::from(id))).await
    }

    #[instrument(name = "pg.emergencies.load", level = "debug", skip_all)]
    async fn load(&self, id: EmergencyId) -> Result<Option<Loaded>> {
        let row: Option<LoadRow> =
            sqlx::query_as(LOAD).bind(Uuid::from(id)).fetch_optional(self.main()).await.map_err(Error::unavailable)?;
        row.map(LoadRow::loaded).transpose()
    }

    #[instrument(name = "pg.emergencies.earlier_call", level = "debug", skip_all)]
    async fn earlier_call<'a>(&self, owner: UserId, request_id: Option<&'a Text<100>>) -> Result<Option<Emergency>> {
        let request_id = request_id.map(|text| text.as_str().to_owned());
        self.one(sqlx::query_as(EARLIER_CALL).bind(Uuid::from(owner)).bind(request_id)).await
    }

    #[instrument(name = "pg.emergencies.live_of", level = "debug", skip_all)]
    async fn live_of(&self, user: UserId) -> Result<Vec<Emergency>> {
        self.many(sqlx::query_as(LIVE_OF).bind(Uuid::from(user))).await
    }

    #[instrument(name = "pg.emergencies.pending_for", level = "debug", skip_all)]
    async fn pending_for(&self, helper: UserId, position: Position, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let query = sqlx::query_as(PENDING_FOR)
            .bind(Uuid::from(helper))
            .bind(position.latitude())
            .bind(position.longitude())
            .bind(TOLERANCE)
            .bind(i64::from(limit));
        self.around(position, query).await
    }

    #[instrument(name = "pg.emergencies.nearby", level = "debug", skip_all)]
    async fn nearby(&self, centre: Position, radius: Metres, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let query = sqlx::query_as(NEARBY)
            .bind(centre.latitude())
            .bind(centre.longitude())
            .bind(radius.get() + TOLERANCE)
            .bind(i64::from(limit));
        self.around(centre, query).await
    }

    #[instrument(name = "pg.emergencies.history", level = "debug", skip_all)]
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>> {
        let HistoryPage { user, status, before, limit } = *page;
        let query = sqlx::query_as(HISTORY)
            .bind(Uuid::from(user))
            .bind(before)
            .bind(status.map(EmergencyStatus::as_str))
            .bind(i64::from(limit));
        self.many(query).await
    }

    #[instrument(name = "pg.emergencies.list", level = "debug", skip_all)]
    async fn list(&self, page: &AdminPage) -> Result<Vec<Emergency>> {
        let AdminPage { status, near, before, limit } = *page;
        let sql = match (status, near) {
            (None, None) => LIST_LIVE,
            (None, Some(_)) => LIST_LIVE_NEAR,
            (Some(_), None) => LIST_STATUS,
            (Some(_), Some(_)) => LIST_STATUS_NEAR,
        };
        let (at, id): (Option<Timestamp>, Uuid) = before.map_or((None, Uuid::max()), |(at, id)| (Some(at), id.into()));
        let mut query: Query = sqlx::query_as(sql).bind(at).bind(id).bind(i64::from(limit));
        if let Some((centre, radius)) = near {
            query = query.bind(centre.latitude()).bind(centre.longitude()).bind(radius.get() + TOLERANCE);
        }
        if let Some(status) = status {
            query = query.bind(status.as_str());
        }
        self.many(query).await
    }
}
