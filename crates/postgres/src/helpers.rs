//! Helpers in space.

use allynet_domain::{
    Census, HelperPolicy, Metres, Position, Recipient, Timestamp,
    port::{Error, HelperCounts, Helpers, NearbyHelper, Result, Search},
};
use async_trait::async_trait;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    rows::{CardRow, Stored, TOLERANCE, card_columns, nearest_first, place},
};

/// [`allynet_domain::Account::on_duty`] under the policy `verified`, of an account `a`.
macro_rules! verified_on_duty {
    () => {
        "NOT a.blocked AND a.verification = 'verified' AND a.available"
    };
}

/// [`allynet_domain::Account::on_duty`] under the policy `open`, of an account `a`.
macro_rules! open_on_duty {
    () => {
        "NOT a.blocked AND coalesce(a.available, true)"
    };
}

/// Helpers `found` within `$6` metres: parameters 1 to 4 are those of a [`Search`].
macro_rules! found {
    ($columns:expr) => {
        concat!(
            "WITH found AS MATERIALIZED (SELECT ",
            $columns,
            ", p.place, ST_Distance(p.place, ",
            place!("$2", "$1"),
            ") AS distance FROM position p JOIN account a ON a.id = p.account_id WHERE ST_DWithin(p.place, ",
            place!("$2", "$1"),
            ", $6) AND p.at >= $4 AND a.id <> $3 AND CASE WHEN $5 THEN ",
            open_on_duty!(),
            " ELSE ",
            verified_on_duty!(),
            " END) "
        )
    };
}

const CENSUS: &str = concat!(
    found!("a.id"),
    ", nearest AS (SELECT * FROM found ORDER BY distance, id LIMIT $8) SELECT \
         ARRAY (SELECT (SELECT count(*) FROM found WHERE distance <= radius) \
                FROM unnest($7::float8[]) WITH ORDINALITY AS r (radius, ordinality) ORDER BY ordinality) AS counts, \
         ARRAY (SELECT id FROM nearest ORDER BY distance, id) AS ids, \
         ARRAY (SELECT ST_Y(place::geometry) FROM nearest ORDER BY distance, id) AS latitudes, \
         ARRAY (SELECT ST_X(place::geometry) FROM nearest ORDER BY distance, id) AS longitudes"
);
const NEARBY: &str = concat!(
    found!(card_columns!()),
    "SELECT ",
    card_columns!(),
    ", ST_Y(a.place::geometry) AS latitude, ST_X(a.place::geometry) AS longitude \
     FROM found a ORDER BY a.distance, a.id LIMIT $7"
);
const COUNT_VERIFIED: &str = concat!(
    "SELECT count(*) AS on_duty, count(*) FILTER (WHERE p.at >= $1) AS fresh \
     FROM account a LEFT JOIN position p ON p.account_id = a.id WHERE ",
    verified_on_duty!()
);
const COUNT_OPEN: &str = concat!(
    "SELECT count(*) AS on_duty, count(*) FILTER (WHERE p.at >= $1) AS fresh \
     FROM account a LEFT JOIN position p ON p.account_id = a.id WHERE ",
    open_on_duty!()
);

statements!(CENSUS, NEARBY, COUNT_VERIFIED, COUNT_OPEN);

#[derive(FromRow)]
struct CensusRow {
    counts: Vec<i64>,
    ids: Vec<Uuid>,
    latitudes: Vec<f64>,
    longitudes: Vec<f64>,
}

#[derive(FromRow)]
struct NearbyRow {
    #[sqlx(flatten)]
    card: CardRow,
    latitude: f64,
    longitude: f64,
}

#[derive(FromRow)]
struct CountRow {
    on_duty: i64,
    fresh: i64,
}

impl CensusRow {
    fn census(self, centre: Position) -> Result<Census> {
        let Self { counts, ids, latitudes, longitudes } = self;
        let mut nearest = Vec::with_capacity(ids.len());
        for ((id, latitude), longitude) in ids.into_iter().zip(latitudes).zip(longitudes) {
            let position = Stored { table: "position", id }.position("place", latitude, longitude)?;
            nearest.push(Recipient { helper: id.into(), distance: centre.distance_to(position) });
        }
        nearest_first(&mut nearest, |r| (r.distance, r.helper));
        Ok(Census { counts: counts.into_iter().map(number).collect(), nearest })
    }
}

/// Arguments that every search has, in the order of [`found`].
macro_rules! search {
    ($sql:expr, $search:expr, $radius:expr) => {
        sqlx::query_as($sql)
            .bind($search.centre.latitude())
            .bind($search.centre.longitude())
            .bind(Uuid::from($search.except))
            .bind($search.fresh_since)
            .bind($search.policy == HelperPolicy::Open)
            .bind($radius + TOLERANCE)
    };
}

#[async_trait]
impl Helpers for Postgres {
    #[instrument(name = "pg.helpers.census", level = "debug", skip_all)]
    async fn census(&self, search: &Search, radii: &[Metres], limit: u32) -> Result<Census> {
        let Some(largest) = radii.last() else { return Ok(Census::default()) };
        let radii: Vec<f64> = radii.iter().map(|r| r.get() + TOLERANCE).collect();
        let row: CensusRow = search!(CENSUS, search, largest.get())
            .bind(radii)
            .bind(i64::from(limit))
            .fetch_one(self.main())
            .await
            .map_err(Error::unavailable)?;
        row.census(search.centre)
    }

    #[instrument(name = "pg.helpers.nearby", level = "debug", skip_all)]
    async fn nearby(&self, search: &Search, radius: Metres, limit: u32) -> Result<Vec<NearbyHelper>> {
        let rows: Vec<NearbyRow> = search!(NEARBY, search, radius.get())
            .bind(i64::from(limit))
            .fetch_all(self.main())
            .await
            .map_err(Error::unavailable)?;
        let mut found = Vec::with_capacity(rows.len());
        for NearbyRow { card, latitude, longitude } in rows {
            let helper = card.card()?;
            let stored = Stored { table: "position", id: helper.person.id.into() };
            let distance = search.centre.distance_to(stored.position("place", latitude, longitude)?);
            found.push(NearbyHelper { helper, distance });
        }
        nearest_first(&mut found, |n| (n.distance, n.helper.person.id));
        Ok(found)
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
