//! Emergencies, read: each method is one statement that brings the owner, all responses and the counts along.

use allynet_domain::{
    Alert, Emergency, EmergencyId, EmergencyStatus, EventId, HelperPolicy, HelpersInRange, Metres, Position, Text,
    Timestamp, UserId,
    near::count_within,
    port::{
        AdminPage, Emergencies, Error, HistoryPage, Live, Loaded, Near, NearbyEmergency, RaiseContext, RaiseQuery,
        Result, Whom,
    },
};
use async_trait::async_trait;
use sqlx::{
    FromRow, Postgres as Pg, Row as _,
    postgres::{PgArguments, PgRow},
    query::QueryAs,
};
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    emergency_row::{AlertRow, EmergencyRow, alerts_json, emergency, live},
    near::{AroundRow, MARGIN, WIDER, may_help, nearest, reach, reach_of_nearest, sure},
    rows::{Stored, TOLERANCE, nearest_first, place},
    survey::{SURVEY_OPEN, SURVEY_VERIFIED},
};

/// [`LoadRow`] with the helpers who may be within a distance `$reach`, and fulfil what is told besides.
macro_rules! load_near {
    ($policy:ident, $reach:expr, $besides:literal) => {
        concat!(
            emergency!(concat!(alerts_json!(), ", around.*")),
            " CROSS JOIN LATERAL (SELECT array_agg(p.account_id) AS helpers, array_agg(p.latitude) AS latitudes, \
                  array_agg(p.longitude) AS longitudes \
              FROM position p WHERE ST_DWithin(p.anchor, e.place, ",
            $reach,
            ", false) AND ",
            may_help!($policy, "$2"),
            $besides,
            ") AS around WHERE e.id = $1"
        )
    };
}

/// The nearest within `$3`: `$4`, and as many as know of the emergency `e`.
macro_rules! load_nearest {
    ($policy:ident) => {
        load_near!(
            $policy,
            reach_of_nearest!(
                $policy,
                "$2",
                "$3",
                "($4 + (SELECT count(*) FROM alert l WHERE l.emergency_id = e.id) \
                     + (SELECT count(*) FROM response r WHERE r.emergency_id = e.id))",
                "$5",
                "$6"
            ),
            ""
        )
    };
}

const FIND: &str = concat!(emergency!(), " WHERE e.id = $1");
const LOAD: &str = concat!(emergency!(alerts_json!()), " WHERE e.id = $1");

const LOAD_NEAREST_VERIFIED: &str = load_nearest!(verified);
const LOAD_NEAREST_OPEN: &str = load_nearest!(open);
const LOAD_ONE_VERIFIED: &str = load_near!(verified, "$3", " AND p.account_id = $4");
const LOAD_ONE_OPEN: &str = load_near!(open, "$3", " AND p.account_id = $4");
/// At least one row, which tells how far the log is known; without an emergency the rest of it is null.
const LIVE_OF: &str = concat!(
    "SELECT log.as_of, live.* FROM (SELECT coalesce(max(seq), 0) AS as_of FROM event) AS log LEFT JOIN LATERAL (",
    emergency!("part.rank"),
    " JOIN ( \
         SELECT id AS part_id, 1 AS rank FROM emergency e WHERE owner_id = $1 AND ",
    live!(),
    " UNION ALL SELECT emergency_id, CASE WHEN r.engaged THEN 2 ELSE 3 END \
         FROM response r JOIN emergency e ON e.id = r.emergency_id \
         WHERE r.helper_id = $1 AND r.status <> 'cancelled' AND ",
    live!(),
    ") AS part ON part.part_id = e.id) AS live ON true ORDER BY live.rank, live.created_at DESC, live.id DESC"
);
/// The index is searched as far as the largest alert radius there is, then each one's own decides.
const PENDING_FOR: &str = concat!(
    "WITH here AS MATERIALIZED (SELECT p.latitude, p.longitude, ",
    place!("p.longitude", "p.latitude"),
    " AS place FROM position p WHERE p.account_id = $1) ",
    emergency!("here.latitude AS here_latitude, here.longitude AS here_longitude"),
    " CROSS JOIN here JOIN ( \
         SELECT e.id AS pending_id FROM here h JOIN emergency e ON ST_DWithin(e.place, h.place, \
             (SELECT max(alert_radius) FROM emergency e WHERE ",
    live!(),
    ") + $2) WHERE ",
    live!(),
    " AND ST_DWithin(e.place, h.place, e.alert_radius + $2) \
         UNION SELECT e.id FROM alert l JOIN emergency e ON e.id = l.emergency_id \
         WHERE l.helper_id = $1 AND l.wave IS NOT NULL AND l.declined_at IS NULL AND ",
    live!(),
    ") AS pending ON pending.pending_id = e.id \
     WHERE e.owner_id <> $1 \
     AND NOT EXISTS (SELECT FROM response r \
                     WHERE r.emergency_id = e.id AND r.helper_id = $1 AND r.status <> 'cancelled') \
     AND NOT EXISTS (SELECT FROM alert l \
                     WHERE l.emergency_id = e.id AND l.helper_id = $1 AND l.declined_at IS NOT NULL) \
     ORDER BY ST_Distance(e.place, here.place), e.id LIMIT $3"
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
    LOAD_NEAREST_VERIFIED,
    LOAD_NEAREST_OPEN,
    LOAD_ONE_VERIFIED,
    LOAD_ONE_OPEN,
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
        Ok(Loaded { emergency, alerts: alerts.into_iter().map(Alert::from).collect(), near: Vec::new() })
    }
}

#[derive(FromRow)]
struct PendingRow {
    #[sqlx(flatten)]
    emergency: EmergencyRow,
    here_latitude: f64,
    here_longitude: f64,
}

impl PendingRow {
    fn nearby(self) -> Result<NearbyEmergency> {
        let Self { emergency, here_latitude, here_longitude } = self;
        let emergency = emergency.emergency()?;
        let stored = Stored { table: "position", id: emergency.id().into() };
        let here = stored.place(here_latitude, here_longitude)?;
        Ok(NearbyEmergency { distance: here.distance_to(emergency.call.details.location.position), emergency })
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
        let found = found.map(|emergency| NearbyEmergency { distance: distance(&emergency), emergency });
        Ok(in_order(found.collect()))
    }
}

/// The emergency of a row in which all columns of it may be null.
fn if_any(row: &PgRow) -> Result<Option<Emergency>> {
    let id: Option<Uuid> = row.try_get("id").map_err(Error::unavailable)?;
    let emergency = id.map(|_| EmergencyRow::from_row(row).map_err(Error::unavailable)?.emergency());
    emergency.transpose()
}

fn in_order(mut found: Vec<NearbyEmergency>) -> Vec<NearbyEmergency> {
    nearest_first(&mut found, |n| (n.distance, n.emergency.id()));
    found
}

#[async_trait]
impl Emergencies for Postgres {
    #[instrument(name = "pg.emergencies.find", level = "debug", skip_all)]
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>> {
        self.one(sqlx::query_as(FIND).bind(Uuid::from(id))).await
    }

    #[instrument(name = "pg.emergencies.load", level = "debug", skip_all)]
    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>> {
        let sql = match near.map(|near| (near.whom, near.on_duty.policy)) {
            None => LOAD,
            Some((Whom::Nearest(_), HelperPolicy::Verified)) => LOAD_NEAREST_VERIFIED,
            Some((Whom::Nearest(_), HelperPolicy::Open)) => LOAD_NEAREST_OPEN,
            Some((Whom::Only(_), HelperPolicy::Verified)) => LOAD_ONE_VERIFIED,
            Some((Whom::Only(_), HelperPolicy::Open)) => LOAD_ONE_OPEN,
        };
        let mut query = sqlx::query(sql).bind(Uuid::from(id));
        if let Some(Near { on_duty, within, whom }) = near {
            query = query.bind(on_duty.fresh_since).bind(reach(within));
            query = match whom {
                Whom::Nearest(more) => query.bind(i64::from(more)).bind(WIDER).bind(MARGIN),
                Whom::Only(helper) => query.bind(Uuid::from(helper)),
            };
        }
        let Some(row) = query.fetch_optional(self.main()).await.map_err(Error::unavailable)? else { return Ok(None) };
        let mut loaded = LoadRow::from_row(&row).map_err(Error::unavailable)?.loaded()?;
        if let Some(Near { within, whom, .. }) = near {
            let around = AroundRow::from_row(&row).map_err(Error::unavailable)?.candidates(within)?;
            let know = loaded.alerts.len() + loaded.emergency.responses.len();
            let limit = match whom {
                Whom::Nearest(more) => more.saturating_add(u32::try_from(know).unwrap_or(u32::MAX)),
                Whom::Only(_) => 1,
            };
            loaded.near = nearest(loaded.emergency.call.details.location.position, &around, limit);
        }
        Ok(Some(loaded))
    }

    #[instrument(name = "pg.emergencies.survey", level = "debug", skip_all)]
    async fn raise_context<'a>(&self, survey: &RaiseQuery<'a>) -> Result<RaiseContext> {
        let RaiseQuery { owner, request_id, centre, on_duty, radii, enough, limit } = *survey;
        let sql = match on_duty.policy {
            HelperPolicy::Verified => SURVEY_VERIFIED,
            HelperPolicy::Open => SURVEY_OPEN,
        };
        let row = sqlx::query(sql)
            .bind(Uuid::from(owner))
            .bind(request_id.map(Text::as_str))
            .bind(centre.latitude())
            .bind(centre.longitude())
            .bind(on_duty.fresh_since)
            .bind(radii.iter().map(|radius| radius.get()).collect::<Vec<_>>())
            .bind(radii.iter().copied().map(reach).collect::<Vec<_>>())
            .bind(radii.iter().copied().map(sure).collect::<Vec<_>>())
            .bind(i64::from(enough))
            .fetch_one(self.main())
            .await
            .map_err(Error::unavailable)?;
        let step: i64 = row.try_get("step").map_err(Error::unavailable)?;
        let looked = radii.get(..usize::try_from(step).unwrap_or(usize::MAX)).unwrap_or(radii);
        let around = AroundRow::from_row(&row).map_err(Error::unavailable)?;
        let earlier = if_any(&row)?;
        let reaches = |radius| earlier.as_ref().is_none_or(|call: &Emergency| call.alert_radius <= radius);
        let mut census = HelpersInRange::default();
        if let Some(&farthest) = looked.last() {
            let around = around.candidates(farthest)?;
            census.nearest = nearest(centre, &around, limit);
            for &radius in looked {
                let count = count_within(centre, &around, radius);
                census.counts.push(count);
                if count >= enough && reaches(radius) {
                    census.nearest.retain(|recipient| recipient.distance <= radius);
                    break;
                }
            }
        }
        Ok(RaiseContext { earlier, helpers: census })
    }

    #[instrument(name = "pg.emergencies.live_of", level = "debug", skip_all)]
    async fn live_of(&self, user: UserId) -> Result<Live> {
        let rows = sqlx::query(LIVE_OF).bind(Uuid::from(user)).fetch_all(self.main()).await;
        let rows = rows.map_err(Error::unavailable)?;
        let mut live = Live { emergencies: Vec::with_capacity(rows.len()), as_of: EventId::START };
        for row in &rows {
            live.as_of = EventId::new(row.try_get("as_of").map_err(Error::unavailable)?);
            live.emergencies.extend(if_any(row)?);
        }
        Ok(live)
    }

    #[instrument(name = "pg.emergencies.pending_for", level = "debug", skip_all)]
    async fn pending_for(&self, helper: UserId, limit: u32) -> Result<Vec<NearbyEmergency>> {
        let rows: Vec<PendingRow> = sqlx::query_as(PENDING_FOR)
            .bind(Uuid::from(helper))
            .bind(TOLERANCE)
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(Error::unavailable)?;
        Ok(in_order(rows.into_iter().map(PendingRow::nearby).collect::<Result<_>>()?))
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
