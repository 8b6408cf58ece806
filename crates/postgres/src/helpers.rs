//! Searches for helpers by position, and counts of helpers.

use allynet_domain::{
    EmergencyAccess, HelperPolicy, Timestamp,
    port::{DutyCounts, Helpers, NearbyHelper, Result, Vicinity},
};
use allynet_sql::RowDecoder;
use async_trait::async_trait;
use serde::Deserialize;
use sqlx::FromRow;
use tracing::instrument;
use uuid::Uuid;

use crate::{
    Postgres,
    error::failed,
    near::{NEAREST_FACTOR, NEAREST_MARGIN, min_duty, outer_anchor_distance},
    rows::{AccessRow, CardRow, nearest_first},
};

/// The access of the user `$2` to the emergency `$1`, and [`NearbyRow`]s of helpers who may be among the `$5` nearest to it
/// within the distance `$4`: with a position since `$3`, `duty` of at least `$8`, by their anchors.
///
/// The two counts stop at `$5`: where a ninth or a third of the distance holds enough anchors already, nothing further away
/// is read (`least` ignores the null of a CASE without a match). `$6` and `$7` are [`NEAREST_FACTOR`] and
/// [`NEAREST_MARGIN`].
const NEARBY: &str = "
    SELECT e.owner_id = $2 AS owns, e.status, e.revision,
        EXISTS (SELECT FROM response r
                WHERE r.emergency_id = e.id AND r.helper_id = $2 AND r.status <> 'cancelled') AS responds,
        e.latitude, e.longitude,
        (
            WITH near AS MATERIALIZED (
                SELECT p.account_id, p.latitude, p.longitude, ST_Distance(p.anchor, e.place, false) AS about
                FROM position p
                WHERE ST_DWithin(p.anchor, e.place, least($4, CASE
                        WHEN (SELECT count(*) FROM (
                                SELECT FROM position p
                                WHERE ST_DWithin(p.anchor, e.place, $4 / 9, false)
                                    AND p.at >= $3 AND p.account_id <> e.owner_id AND p.duty >= $8
                                LIMIT $5) AS n) = $5
                            THEN $4 / 9 * $6 + $7
                        WHEN (SELECT count(*) FROM (
                                SELECT FROM position p
                                WHERE ST_DWithin(p.anchor, e.place, $4 / 3, false)
                                    AND p.at >= $3 AND p.account_id <> e.owner_id AND p.duty >= $8
                                LIMIT $5) AS n) = $5
                            THEN $4 / 3 * $6 + $7
                    END), false)
                    AND p.at >= $3 AND p.account_id <> e.owner_id AND p.duty >= $8
            )
            SELECT json_agg(json_build_object('id', h.id, 'first_name', h.first_name, 'last_name', h.last_name,
                'trust_score', h.trust_score, 'rating_sum', h.rating_sum, 'rating_count', h.rating_count,
                'latitude', n.latitude, 'longitude', n.longitude))::text
            FROM near n JOIN account h ON h.id = n.account_id
            -- Only those whose anchors may belong to the nearest: their accounts are looked up one by one.
            WHERE n.about <= $6 * (SELECT max(k.about) FROM (SELECT about FROM near ORDER BY about LIMIT $5) AS k) + $7
        ) AS found
    FROM emergency e WHERE e.id = $1";

/// Accounts on duty, and those of them with a position since `$1`. Two statements, because under `verified` the accounts are
/// counted in an index that holds no others (`account_on_duty`).
const COUNT_VERIFIED: &str = "
    SELECT (SELECT count(*) FROM account WHERE NOT blocked AND verification = 'verified' AND available) AS on_duty,
        (SELECT count(*) FROM position WHERE at >= $1 AND duty >= 2) AS fresh";
const COUNT_OPEN: &str = "
    SELECT (SELECT count(*) FROM account WHERE NOT blocked AND coalesce(available, true)
            AND verification IS DISTINCT FROM 'rejected') AS on_duty,
        (SELECT count(*) FROM position WHERE at >= $1 AND duty >= 1) AS fresh";

statements!(NEARBY, COUNT_VERIFIED, COUNT_OPEN);

#[derive(Deserialize)]
struct NearbyRow {
    #[serde(flatten)]
    card: CardRow,
    latitude: f64,
    longitude: f64,
}

#[derive(FromRow)]
struct NearbyAccessRow {
    #[sqlx(flatten)]
    access: AccessRow,
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
    #[instrument(name = "pg.helpers.nearby", level = "debug", skip_all, fields(emergency = %vicinity.emergency))]
    async fn nearby(&self, vicinity: &Vicinity) -> Result<Option<(EmergencyAccess, Vec<NearbyHelper>)>> {
        let Vicinity { emergency, reader, on_duty, radius, limit } = *vicinity;
        let row: Option<NearbyAccessRow> = sqlx::query_as(NEARBY)
            .bind(Uuid::from(emergency))
            .bind(Uuid::from(reader))
            .bind(on_duty.fresh_since)
            .bind(outer_anchor_distance(radius))
            .bind(i64::from(limit))
            .bind(NEAREST_FACTOR)
            .bind(NEAREST_MARGIN)
            .bind(min_duty(on_duty.policy))
            .fetch_optional(self.main())
            .await
            .map_err(failed)?;
        let Some(NearbyAccessRow { access, latitude, longitude }) = row else { return Ok(None) };
        let stored = RowDecoder { table: "emergency", id: Uuid::from(emergency) };
        let centre = stored.position(latitude, longitude)?;
        let (access, found) = access.access(emergency.into())?;
        let rows: Vec<NearbyRow> = found.map_or(Ok(Vec::new()), |json| stored.json("place", &json))?;
        let mut found = Vec::with_capacity(rows.len());
        for NearbyRow { card, latitude, longitude } in rows {
            let helper = card.card()?;
            let stored = RowDecoder { table: "position", id: Uuid::from(helper.person.id) };
            let distance = centre.distance_to(stored.position(latitude, longitude)?);
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
        let row = sqlx::query_as(sql).bind(fresh_since).fetch_one(self.main()).await.map_err(failed)?;
        let CountRow { on_duty, fresh } = row;
        let number = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(DutyCounts { on_duty: number(on_duty), fresh: number(fresh) })
    }
}
