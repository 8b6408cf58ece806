//! The raise context of a new emergency, in one statement: an earlier emergency of its owner, and the helpers around.

use allynet_domain::{
    Emergency, HelpersInRange, Metres, Position, Text, UserId,
    grid::helper_cell,
    port::{RaiseContext, RaiseQuery, Result},
};
use allynet_sql::RowDecoder;
use sqlx::{FromRow as _, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Postgres,
    emergency_row::optional_emergency,
    error::failed,
    near::{FoundRow, inner_anchor_distance, min_duty, outer_anchor_distance},
};

/// Always one row: the earlier emergency of the owner `$1` (the live one, else with the request id `$2`) or nulls, the id of
/// a deleted one with that request id, the owner's position if they are a helper that counts, the helpers (as
/// [`FoundRow`]) who may be around the latitude `$3` and longitude `$4`, and as `step` how many of the radii were searched.
///
/// `$6` are the radii, growing; `$7` and `$8` the outer and inner anchor distances of each. A search ends with the first
/// radius within whose inner distance `$9` anchors lie, which proves that as many helpers stand within the radius, and that
/// is not less than the alert radius of the earlier emergency. So in a city no helper far away is read. Helpers have a
/// position since `$5` and a `duty` of at least `$10`.
const READ: &str = "
    WITH earlier AS MATERIALIZED (
        SELECT id, alert_radius FROM (
            SELECT id, alert_radius, 1 AS rank FROM emergency WHERE owner_id = $1 AND status IN ('active', 'responding')
            UNION ALL
            SELECT id, alert_radius, 2 FROM emergency WHERE owner_id = $1 AND request_id = $2
        ) AS candidate ORDER BY rank LIMIT 1
    ),
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
                            LIMIT $9) AS n
                    ) = $9 ELSE false END
            LIMIT 1
        ), cardinality($6::float8[])) AS step
    )
    SELECT v.*, found.*, (SELECT step FROM searched) AS step,
        (SELECT id FROM deleted_emergency WHERE owner_id = $1 AND request_id = $2 LIMIT 1) AS deleted,
        own.latitude AS owner_latitude, own.longitude AS owner_longitude
    FROM (
        SELECT array_agg(p.account_id) AS helpers, array_agg(p.latitude) AS latitudes,
            array_agg(p.longitude) AS longitudes
        FROM centre c CROSS JOIN position p
        WHERE ST_DWithin(p.anchor, c.place, ($7::float8[])[(SELECT step FROM searched)], false)
            AND p.at >= $5 AND p.account_id <> $1 AND p.duty >= $10
    ) AS found
    LEFT JOIN position own ON own.account_id = $1 AND own.at >= $5 AND own.duty >= $10
    LEFT JOIN emergency_with_parts_v2 v ON v.id = (SELECT id FROM earlier)";

statements!(READ);

/// The position of the owner, if the owner is a helper that counts.
fn owner_position(row: &PgRow, owner: UserId) -> Result<Option<Position>> {
    let latitude: Option<f64> = row.try_get("owner_latitude").map_err(failed)?;
    let longitude: Option<f64> = row.try_get("owner_longitude").map_err(failed)?;
    let stored = RowDecoder { table: "position", id: Uuid::from(owner) };
    latitude.zip(longitude).map(|(latitude, longitude)| stored.position(latitude, longitude)).transpose()
}

impl Postgres {
    pub(crate) async fn read_raise_context(&self, query: &RaiseQuery<'_>) -> Result<RaiseContext> {
        let RaiseQuery { owner, request_id, place, on_duty, radii, enough, limit } = *query;
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
            .fetch_one(self.main())
            .await
            .map_err(failed)?;
        let step: i64 = row.try_get("step").map_err(failed)?;
        let searched = radii.get(..usize::try_from(step).unwrap_or(usize::MAX)).unwrap_or(radii);
        let found = FoundRow::from_row(&row).map_err(failed)?;
        let earlier = optional_emergency(&row)?;
        let deleted: Option<Uuid> = row.try_get("deleted").map_err(failed)?;
        let deleted = deleted.map(Into::into);
        let owner_distance = owner_position(&row, owner)?.map(|at| helper_cell(at).distance_to(place.judged));
        let Some(&farthest) = searched.last() else {
            return Ok(RaiseContext { earlier, deleted, helpers: HelpersInRange::default(), owner_distance });
        };
        let found = found.helpers(farthest)?;
        let mut helpers = HelpersInRange { nearest: found.nearest(place, limit), ..HelpersInRange::default() };
        // The statement searches by anchors and may have gone one radius too far. The places decide.
        let reaches =
            |radius: Metres| earlier.as_ref().is_none_or(|earlier: &Emergency| earlier.alert_radius() <= radius);
        for &radius in searched {
            let count = found.count_within(place, radius);
            helpers.counts.push(count);
            if count >= enough && reaches(radius) {
                helpers.nearest.retain(|recipient| recipient.distance <= radius);
                break;
            }
        }
        Ok(RaiseContext { earlier, deleted, helpers, owner_distance })
    }
}
