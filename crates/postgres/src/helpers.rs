//! Helpers in space.

use allynet_domain::{
    EmergencyAccess, HelperPolicy, Timestamp,
    port::{DutyCounts, Error, Helpers, NearbyHelper, Result, Vicinity},
};
use async_trait::async_trait;
use serde::Deserialize;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    near::{MARGIN, WIDER, may_help, on_duty, reach, reach_of_nearest},
    rows::{CardRow, SeenRow, Stored, nearest_first, seen},
};

/// [`NearbyRow`]s as JSON: those who may be among the `$5` nearest within `$4`, by their anchors.
macro_rules! nearby {
    ($policy:ident) => {
        seen!(concat!(
            "(WITH near AS MATERIALIZED ( \
                  SELECT p.account_id, p.latitude, p.longitude, ST_Distance(p.anchor, e.place, false) AS about \
                  FROM position p WHERE ST_DWithin(p.anchor, e.place, ",
            reach_of_nearest!($policy, "$3", "$4", "$5", "$6", "$7"),
            ", false) AND ",
            may_help!($policy, "$3"),
            ") SELECT json_agg(json_build_object('id', h.id, 'first_name', h.first_name, 'last_name', h.last_name, \
                  'trust_score', h.trust_score, 'rating_sum', h.rating_sum, 'rating_count', h.rating_count, \
                  'latitude', n.latitude, 'longitude', n.longitude))::text \
              FROM near n JOIN account h ON h.id = n.account_id \
              WHERE n.about <= $6 * (SELECT max(k.about) FROM (SELECT about FROM near ORDER BY about LIMIT $5) AS k) + $7)"
        ))
    };
}

/// Counts accounts that are on duty under a policy, by the condition of the index that holds them, and positions of
/// those who are and were seen since `$1`.
macro_rules! counted {
    ($policy:ident, $condition:literal) => {
        concat!(
            "SELECT (SELECT count(*) FROM account WHERE NOT blocked AND ",
            $condition,
            ") AS on_duty, (SELECT count(*) FROM position p WHERE p.at >= $1 AND ",
            on_duty!($policy),
            ") AS fresh"
        )
    };
}

const NEARBY_VERIFIED: &str = nearby!(verified);
const NEARBY_OPEN: &str = nearby!(open);
const COUNT_VERIFIED: &str = counted!(verified, "verification = 'verified' AND available");
const COUNT_OPEN: &str = counted!(open, "coalesce(available, true)");

statements!(NEARBY_VERIFIED, NEARBY_OPEN, COUNT_VERIFIED, COUNT_OPEN);

#[derive(Deserialize)]
struct NearbyRow {
    #[serde(flatten)]
    card: CardRow,
    latitude: f64,
    longitude: f64,
}

#[derive(FromRow)]
struct NearbySeen {
    #[sqlx(flatten)]
    seen: SeenRow,
    latitude: f64,
    longitude: f64,
}

#[derive(FromRow)]
struct CountRow {
    on_duty: i64,
    fresh: i64,
}

#[async_trait]
impl Helpers for Postgres {
    #[instrument(name = "pg.helpers.nearby", level = "debug", skip_all)]
    async fn nearby(&self, vicinity: &Vicinity) -> Result<Option<(EmergencyAccess, Vec<NearbyHelper>)>> {
        let Vicinity { emergency, reader, on_duty, radius, limit } = *vicinity;
        let sql = match on_duty.policy {
            HelperPolicy::Verified => NEARBY_VERIFIED,
            HelperPolicy::Open => NEARBY_OPEN,
        };
        let row: Option<NearbySeen> = sqlx::query_as(sql)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(reader))
            .bind(on_duty.fresh_since)
            .bind(reach(radius))
            .bind(i64::from(limit))
            .bind(WIDER)
            .bind(MARGIN)
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        let Some(NearbySeen { seen, latitude, longitude }) = row else { return Ok(None) };
        let stored = Stored { table: "emergency", id: emergency.into() };
        let centre = stored.place(latitude, longitude)?;
        let (access, found) = seen.access(emergency.into())?;
        let rows: Vec<NearbyRow> = found.map_or(Ok(Vec::new()), |json| stored.json("place", &json))?;
        let mut found = Vec::with_capacity(rows.len());
        for NearbyRow { card, latitude, longitude } in rows {
            let helper = card.card()?;
            let stored = Stored { table: "position", id: helper.person.id.into() };
            let distance = centre.distance_to(stored.place(latitude, longitude)?);
            if distance <= radius {
                found.push(NearbyHelper { helper, distance });
            }
        }
        nearest_first(&mut found, |n| (n.distance, n.helper.person.id));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Some((access, found)))
    }

    #[instrument(name = "pg.helpers.count", level = "debug", skip_all)]
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<DutyCounts> {
        let sql = match policy {
            HelperPolicy::Verified => COUNT_VERIFIED,
            HelperPolicy::Open => COUNT_OPEN,
        };
        let row = sqlx::query_as(sql).bind(fresh_since).fetch_one(self.main()).await.map_err(Error::unavailable)?;
        let CountRow { on_duty, fresh } = row;
        Ok(DutyCounts { on_duty: number(on_duty), fresh: number(fresh) })
    }
}

/// A count of rows, which are never so many that it saturates.
fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
