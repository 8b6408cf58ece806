//! Helpers in space.

use allynet_domain::{
    Footing, HelperPolicy, Timestamp,
    port::{Error, HelperCounts, Helpers, NearbyHelper, Result, Vicinity},
};
use async_trait::async_trait;
use serde::Deserialize;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    rows::{CardRow, SeenRow, Stored, TOLERANCE, nearest_first, on_duty, seen},
};

/// [`NearbyRow`]s as JSON. The distance only bounds how many are read; the domain's own is what is told. Only of the nearest
/// more is read than whether they are on duty.
macro_rules! nearby {
    ($policy:ident) => {
        seen!(concat!(
            "(SELECT json_agg(json_build_object('id', h.id, 'first_name', h.first_name, 'last_name', h.last_name, \
                  'trust_score', h.trust_score, 'rating_sum', h.rating_sum, 'rating_count', h.rating_count, \
                  'latitude', ST_Y(n.place::geometry), 'longitude', ST_X(n.place::geometry)))::text \
              FROM (SELECT a.id, p.place FROM position p JOIN account a ON a.id = p.account_id \
                    WHERE ST_DWithin(p.place, e.place, $4) AND p.at >= $3 AND a.id <> e.owner_id AND ",
            on_duty!($policy),
            " ORDER BY ST_Distance(p.place, e.place), a.id LIMIT $5) AS n JOIN account h ON h.id = n.id)"
        ))
    };
}

const NEARBY_VERIFIED: &str = nearby!(verified);
const NEARBY_OPEN: &str = nearby!(open);
const COUNT_VERIFIED: &str = concat!(
    "SELECT count(*) AS on_duty, count(*) FILTER (WHERE p.at >= $1) AS fresh \
     FROM account a LEFT JOIN position p ON p.account_id = a.id WHERE ",
    on_duty!(verified)
);
const COUNT_OPEN: &str = concat!(
    "SELECT count(*) AS on_duty, count(*) FILTER (WHERE p.at >= $1) AS fresh \
     FROM account a LEFT JOIN position p ON p.account_id = a.id WHERE ",
    on_duty!(open)
);

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
    async fn nearby(&self, vicinity: &Vicinity) -> Result<Option<(Footing, Vec<NearbyHelper>)>> {
        let Vicinity { emergency, reader, on_duty, radius, limit } = *vicinity;
        let sql = match on_duty.policy {
            HelperPolicy::Verified => NEARBY_VERIFIED,
            HelperPolicy::Open => NEARBY_OPEN,
        };
        let row: Option<NearbySeen> = sqlx::query_as(sql)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(reader))
            .bind(on_duty.fresh_since)
            .bind(radius.get() + TOLERANCE)
            .bind(i64::from(limit))
            .fetch_optional(self.main())
            .await
            .map_err(Error::unavailable)?;
        let Some(NearbySeen { seen, latitude, longitude }) = row else { return Ok(None) };
        let stored = Stored { table: "emergency", id: emergency.into() };
        let centre = stored.position("latitude", latitude, longitude)?;
        let (footing, found) = seen.footing(emergency.into())?;
        let rows: Vec<NearbyRow> = found.map_or(Ok(Vec::new()), |json| stored.json("place", &json))?;
        let mut found = Vec::with_capacity(rows.len());
        for NearbyRow { card, latitude, longitude } in rows {
            let helper = card.card()?;
            let stored = Stored { table: "position", id: helper.person.id.into() };
            let distance = centre.distance_to(stored.position("place", latitude, longitude)?);
            found.push(NearbyHelper { helper, distance });
        }
        nearest_first(&mut found, |n| (n.distance, n.helper.person.id));
        Ok(Some((footing, found)))
    }

    #[instrument(name = "pg.helpers.count", level = "debug", skip_all)]
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<HelperCounts> {
        let sql = match policy {
            HelperPolicy::Verified => COUNT_VERIFIED,
            HelperPolicy::Open => COUNT_OPEN,
        };
        let row = sqlx::query_as(sql).bind(fresh_since).fetch_one(self.main()).await.map_err(Error::unavailable)?;
        let CountRow { on_duty, fresh } = row;
        Ok(HelperCounts { on_duty: number(on_duty), fresh: number(fresh) })
    }
}

/// A count of rows, which are never so many that it saturates.
fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
