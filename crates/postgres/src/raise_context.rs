//! The raise context of a new emergency, in one statement: an earlier emergency of its owner, and the helpers around.

use allynet_domain::{
    Emergency, HelpersInRange, Metres, Position, SessionFix, Text, Tier, UserId,
    dispatch::CensusQuery,
    grid::{HELPER_CELL, helper_cell},
    port::{RaiseContext, RaiseQuery, Result},
};
use allynet_sql::RowDecoder;
use sqlx::{FromRow as _, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Postgres,
    census::{MAX_WANTED, census, census_columns, census_tables, paces},
    emergency_row::{optional_emergency, recent_rings},
    error::failed,
    near::{FoundRow, anchor_slack, inner_anchor_distance, min_duty, outer_anchor_distance},
};

/// Always one row: the earlier emergency of the owner `$1` (the live one, else with the request id `$2`) or nulls, the id of
/// a deleted one with that request id, the owner's position if they are a helper that counts, the newest one as `owner_fix`, the helpers (as
/// [`FoundRow`]) who may be around the latitude `$3` and longitude `$4`, and as `step` how many of the radii were searched.
///
/// `$6` are the radii, growing; `$7` and `$8` the outer and inner anchor distances of each. A search ends with the first
/// radius within whose inner distance `$9` anchors lie, which proves that as many helpers stand within the radius, and that
/// is not less than the alert radius of the earlier emergency. So in a city no helper far away is read. Helpers have a
/// position since `$5` and a `duty` of at least `$10`. Those that are engaged, owners of a live emergency, or not reached by an
/// emergency of the owner that is critical or not (`$14`), are `skipped`. `$11` is the
/// time of the search, by which helpers are proven or not, and `rings` are those of the owner since `$12`. `$13` is whether
/// the emergency is anonymous.
const READ: &str = "
    WITH earlier AS MATERIALIZED (
        SELECT id, alert_radius FROM (
            SELECT id, alert_radius, 1 AS rank FROM emergency WHERE owner_id = $1 AND status IN ('active', 'responding')
            UNION ALL
            SELECT id, alert_radius, 2 FROM emergency WHERE owner_id = $1 AND request_id = $2
        ) AS candidate ORDER BY rank LIMIT 1
    ),
    -- Hashed once: engaged helpers, and owners of live emergencies. Owners of anonymous ones count like any helper, since a
    -- number without them would name them.
    busy AS MATERIALIZED (
        SELECT helper_id AS id FROM response WHERE engaged
        UNION ALL
        SELECT owner_id FROM emergency WHERE status IN ('active', 'responding') AND NOT anonymous
    ),
    anonymous_owner AS MATERIALIZED (
        SELECT owner_id AS id FROM emergency WHERE status IN ('active', 'responding') AND anonymous
    ),
    separated AS MATERIALIZED (SELECT id FROM separated_v1(NULL, $1, $13, $11, NULL)),
    centre AS MATERIALIZED (SELECT ST_SetSRID(ST_MakePoint($4, $3), 4326)::geography AS place),
    searched AS MATERIALIZED (
        SELECT coalesce((
            SELECT r.step
            FROM centre c
            CROSS JOIN unnest($6::float8[], $8::float8[]) WITH ORDINALITY AS r (radius, inner_distance, step)
            WHERE r.radius >= coalesce((SELECT alert_radius FROM earlier), 0)
                -- CASE, because AND has no order: a negative distance is an error.
                AND CASE WHEN r.inner_distance > 0 THEN (
                        SELECT count(*) FROM (
                            SELECT FROM position p
                            WHERE ST_DWithin(p.anchor, c.place, r.inner_distance, false)
                                AND p.at >= $5 AND p.account_id <> $1 AND p.duty >= $10
                                AND is_reached_v1(p, $1, $14, $11)
                                AND p.account_id NOT IN (SELECT id FROM busy)
                            LIMIT $9) AS n
                    ) = $9 ELSE false END
            LIMIT 1
        ), cardinality($6::float8[])) AS step
    )
    SELECT v.*, found.*, (SELECT step FROM searched) AS step,
        hidden_from_v1($1, $13) AS hidden_from,
        (SELECT id FROM deleted_emergency WHERE owner_id = $1 AND request_id = $2 LIMIT 1) AS deleted, (
            SELECT json_agg(r)::text FROM (
                SELECT helper_id AS helper, count(*) AS count, max(rung_at) AS last
                FROM ring WHERE owner_id = $1 AND rung_at > $12 GROUP BY helper_id
            ) AS r
        ) AS rings,
        (
            SELECT json_build_object('session', o.session_id, 'position',
                json_build_object('latitude', o.latitude, 'longitude', o.longitude), 'at', o.at)::text
            FROM position o WHERE o.account_id = $1 AND o.session_id IS NOT NULL AND o.session_at = o.at
        ) AS owner_fix,
        own.latitude AS owner_latitude, own.longitude AS owner_longitude
    FROM (
        SELECT array_agg(f.id) FILTER (WHERE f.reason IS NULL) AS helpers,
            array_agg(f.latitude) FILTER (WHERE f.reason IS NULL) AS latitudes,
            array_agg(f.longitude) FILTER (WHERE f.reason IS NULL) AS longitudes,
            array_agg(f.rank) FILTER (WHERE f.reason IS NULL) AS ranks,
            array_agg(f.id) FILTER (WHERE f.reason IS NOT NULL) AS skipped,
            array_agg(f.latitude) FILTER (WHERE f.reason IS NOT NULL) AS skipped_latitudes,
            array_agg(f.longitude) FILTER (WHERE f.reason IS NOT NULL) AS skipped_longitudes,
            array_agg(f.reason) FILTER (WHERE f.reason IS NOT NULL) AS skip_reasons
        FROM (
            SELECT p.account_id AS id, p.latitude, p.longitude, (CASE
                    WHEN p.account_id IN (SELECT id FROM anonymous_owner) OR p.account_id IN (SELECT id FROM separated) THEN 2
                    WHEN coalesce(p.proven_at <= $11, true) THEN 0 ELSE 1 END)::smallint AS rank,
                CASE WHEN p.account_id IN (SELECT id FROM busy) THEN 'engaged'
                    WHEN NOT is_reached_v1(p, $1, $14, $11) THEN skip_reason_v1(p, $14, $11) END AS reason
            FROM centre c CROSS JOIN position p
            WHERE ST_DWithin(p.anchor, c.place, ($7::float8[])[(SELECT step FROM searched)], false)
                AND p.at >= $5 AND p.account_id <> $1 AND p.duty >= $10
            OFFSET 0 -- The reason is computed once, not for each array.
        ) AS f
    ) AS found
    LEFT JOIN position own ON own.account_id = $1 AND own.at >= $5 AND own.duty >= $10
        AND is_reached_v1(own, $1, $14, $11)
        AND NOT EXISTS (SELECT FROM response WHERE helper_id = $1 AND engaged)
    LEFT JOIN emergency_with_parts_v3 v ON v.id = (SELECT id FROM earlier)";

/// [`READ`] for a decision by gain: the helpers of the census (see [`census_tables`]), and as `count` how many are within
/// the largest radius. `$12` is the owner, `$13` the request id, `$14` and `$15` are the latitude and longitude, `$16` and `$17` whether the
/// emergency is anonymous and critical, and `$18` is the tier that it requires.
const READ_CENSUS: &str = concat!(
    "
    WITH target AS MATERIALIZED (
        SELECT ST_SetSRID(ST_MakePoint($15, $14), 4326)::geography AS place, $12::uuid AS owner_id,
            $16::boolean AS anonymous, $17::boolean AS critical, $18::text AS required_tier, NULL::uuid AS emergency_id
    ),
    separated AS MATERIALIZED (SELECT id FROM separated_v1(NULL, $12, $16, $4, NULL)),
    earlier AS MATERIALIZED (
        SELECT id FROM (
            SELECT id, 1 AS rank FROM emergency WHERE owner_id = $12 AND status IN ('active', 'responding')
            UNION ALL
            SELECT id, 2 FROM emergency WHERE owner_id = $12 AND request_id = $13
        ) AS candidate ORDER BY rank LIMIT 1
    ),",
    census_tables!(),
    "
    SELECT v.*, (
            SELECT count(*) FROM found f CROSS JOIN target t
            WHERE f.reason IS NULL AND (f.near + $11 <= $9
                OR ST_Distance(cell_centre_v2(f.latitude, f.longitude, 0, 0, $8, 1), t.place) <= $9)
        ) AS count,
        hidden_from_v1($12, $16) AS hidden_from,
        (SELECT id FROM deleted_emergency WHERE owner_id = $12 AND request_id = $13 LIMIT 1) AS deleted, (
            SELECT json_agg(r)::text FROM (
                SELECT helper_id AS helper, count(*) AS count, max(rung_at) AS last
                FROM ring WHERE owner_id = $12 AND rung_at > $10 GROUP BY helper_id
            ) AS r
        ) AS rings,
        (
            SELECT json_build_object('session', o.session_id, 'position',
                json_build_object('latitude', o.latitude, 'longitude', o.longitude), 'at', o.at)::text
            FROM position o WHERE o.account_id = $12 AND o.session_id IS NOT NULL AND o.session_at = o.at
        ) AS owner_fix,
        own.latitude AS owner_latitude, own.longitude AS owner_longitude,",
    census_columns!(),
    "
    LEFT JOIN position own ON own.account_id = $12 AND own.at >= $1 AND own.duty >= $3
        AND is_reached_v1(own, $12, $17, $4)
        AND NOT EXISTS (SELECT FROM response WHERE helper_id = $12 AND engaged)
    LEFT JOIN emergency_with_parts_v3 v ON v.id = (SELECT id FROM earlier)"
);

statements!(READ, READ_CENSUS);

/// The position of the owner, if the owner is a helper that counts.
fn owner_position(row: &PgRow, owner: UserId) -> Result<Option<Position>> {
    let latitude: Option<f64> = row.try_get("owner_latitude").map_err(failed)?;
    let longitude: Option<f64> = row.try_get("owner_longitude").map_err(failed)?;
    let stored = RowDecoder { table: "position", id: Uuid::from(owner) };
    latitude.zip(longitude).map(|(latitude, longitude)| stored.position(latitude, longitude)).transpose()
}

/// The newest position of the owner: JSON with the keys of [`SessionFix`], or null.
fn owner_fix(row: &PgRow, owner: UserId) -> Result<Option<SessionFix>> {
    let fix: Option<String> = row.try_get("owner_fix").map_err(failed)?;
    let stored = RowDecoder { table: "position", id: Uuid::from(owner) };
    fix.map(|json| stored.json("session_id", &json)).transpose()
}

impl Postgres {
    /// The raise context with a census of the helpers within the largest radius.
    async fn read_census_context(&self, query: &RaiseQuery<'_>, asked: &CensusQuery) -> Result<RaiseContext> {
        let RaiseQuery { owner, request_id, place, anonymous, critical, on_duty, radii, rings_since, .. } = *query;
        let largest = radii.last().copied().unwrap_or(Metres::new(0.0));
        let (preparations, paces) = paces(&asked.travel);
        let row = sqlx::query(READ_CENSUS)
            .bind(on_duty.fresh_since)
            .bind(outer_anchor_distance(largest))
            .bind(min_duty(on_duty.policy))
            .bind(on_duty.now)
            .bind(preparations)
            .bind(paces)
            .bind(MAX_WANTED)
            .bind(f64::from(HELPER_CELL))
            .bind(largest.get())
            .bind(rings_since)
            .bind(anchor_slack(largest))
            .bind(Uuid::from(owner))
            .bind(request_id.map(Text::as_str))
            .bind(place.judged.latitude())
            .bind(place.judged.longitude())
            .bind(anonymous)
            .bind(critical)
            .bind(asked.tier(query.kind).map(Tier::as_str))
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        let found = FoundRow::from_row(&row).map_err(failed)?.helpers(largest)?;
        let count: i64 = row.try_get("count").map_err(failed)?;
        let counts = vec![u32::try_from(count).unwrap_or(u32::MAX)];
        let (nearest, skipped) = (found.nearest(place, u32::MAX), found.skipped(place));
        let deleted: Option<Uuid> = row.try_get("deleted").map_err(failed)?;
        let hidden_from: Vec<Uuid> = row.try_get("hidden_from").map_err(failed)?;
        Ok(RaiseContext {
            earlier: optional_emergency(&row)?,
            deleted: deleted.map(Into::into),
            helpers: HelpersInRange { counts, nearest, skipped },
            hidden_from: hidden_from.into_iter().map(UserId::from).collect(),
            owner_distance: owner_position(&row, owner)?.map(|at| helper_cell(at).distance_to(place.judged)),
            owner_fix: owner_fix(&row, owner)?,
            rings: recent_rings(&row, owner.into())?,
            census: census(&row, on_duty.now)?,
        })
    }

    pub(crate) async fn read_raise_context(&self, query: &RaiseQuery<'_>) -> Result<RaiseContext> {
        if let Some(asked) = &query.census {
            return self.read_census_context(query, asked).await;
        }
        let RaiseQuery { owner, request_id, place, anonymous, critical, on_duty, radii, enough, limit, .. } = *query;
        let rings_since = query.rings_since;
        let row = sqlx::query(READ)
            .bind(Uuid::from(owner))
            .bind(request_id.map(Text::as_str))
            .bind(place.judged.latitude())
            .bind(place.judged.longitude())
            .bind(on_duty.fresh_since)
            .bind(radii.iter().map(|radius| radius.get()).collect::<Vec<_>>())
            .bind(radii.iter().copied().map(outer_anchor_distance).collect::<Vec<_>>())
            .bind(radii.iter().copied().map(inner_anchor_distance).collect::<Vec<_>>())
            .bind(i64::from(enough))
            .bind(min_duty(on_duty.policy))
            .bind(on_duty.now)
            .bind(rings_since)
            .bind(anonymous)
            .bind(critical)
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        let step: i64 = row.try_get("step").map_err(failed)?;
        let searched = radii.get(..usize::try_from(step).unwrap_or(usize::MAX)).unwrap_or(radii);
        let found = FoundRow::from_row(&row).map_err(failed)?;
        let earlier = optional_emergency(&row)?;
        let deleted: Option<Uuid> = row.try_get("deleted").map_err(failed)?;
        let deleted = deleted.map(Into::into);
        let hidden_from: Vec<Uuid> = row.try_get("hidden_from").map_err(failed)?;
        let hidden_from = hidden_from.into_iter().map(UserId::from).collect();
        let owner_distance = owner_position(&row, owner)?.map(|at| helper_cell(at).distance_to(place.judged));
        let (owner_fix, rings) = (owner_fix(&row, owner)?, recent_rings(&row, owner.into())?);
        let Some(&farthest) = searched.last() else {
            let helpers = HelpersInRange::default();
            return Ok(RaiseContext {
                earlier,
                deleted,
                helpers,
                hidden_from,
                owner_distance,
                owner_fix,
                rings,
                census: vec![],
            });
        };
        let found = found.helpers(farthest)?;
        let mut helpers = HelpersInRange::default();
        // The statement searches by anchors and may have gone one radius too far. The places decide.
        let reaches =
            |radius: Metres| earlier.as_ref().is_none_or(|earlier: &Emergency| earlier.alert_radius() <= radius);
        for &radius in searched {
            let count = found.count_within(place, radius);
            helpers.counts.push(count);
            if count >= enough && reaches(radius) {
                break;
            }
        }
        let last = searched.get(helpers.counts.len() - 1).copied().unwrap_or(farthest);
        helpers.nearest = found.nearest(place, limit);
        helpers.skipped = found.skipped(place);
        helpers.nearest.retain(|recipient| recipient.distance <= last);
        let census = vec![];
        Ok(RaiseContext { earlier, deleted, helpers, hidden_from, owner_distance, owner_fix, rings, census })
    }
}
