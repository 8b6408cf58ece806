//! Distances of searches for helpers around a place, and the rows of such a search.
//!
//! The spatial index of the table `position` holds anchors, which may be off by [`MAX_ANCHOR_DISTANCE`], and PostGIS
//! measures on a sphere, which is cheaper than the ellipsoid. Besides, distances are judged from centres of cells. So a
//! statement searches further by all of these, and [`FoundHelpers`] decides. Statements do not use the index's own order (`<->`): for geographies it
//! fails near the poles ("index returned tuples in wrong order").

use allynet_domain::{
    FoundHelpers, HelperPolicy, HelperRank, Metres,
    grid::{MAX_FINE_OFFSET, MAX_HELPER_OFFSET},
    near::{LARGEST_RADIUS, SMALLEST_RADIUS},
    port::Result,
};
use allynet_sql::RowDecoder;
use sqlx::FromRow;
use uuid::Uuid;

/// How far an anchor may be from its place, in metres on the sphere.
pub(crate) const MAX_ANCHOR_DISTANCE: f64 = 100.0;
/// The radius of the sphere of PostGIS, in metres: the mean radius of WGS 84, `(2a + b) / 3`.
pub(crate) const SPHERE_RADIUS: f64 = 6_371_008.771_415;
/// More than PostGIS rounds distances by, in metres.
const ROUNDING_MARGIN: f64 = 0.01;
/// How far the places that are judged may be from the exact places, in metres: the cell of a helper and that of an
/// approximate emergency.
const MAX_JUDGED_OFFSET: f64 = MAX_HELPER_OFFSET + MAX_FINE_OFFSET;

/// Within which distance on the sphere around an emergency the anchors of all helpers lie who are judged to be within this
/// radius, in metres.
pub(crate) fn outer_anchor_distance(radius: Metres) -> f64 {
    (radius.get() + MAX_JUDGED_OFFSET) * (SPHERE_RADIUS / SMALLEST_RADIUS) + MAX_ANCHOR_DISTANCE + ROUNDING_MARGIN
}

/// Within which distance on the sphere around an emergency an anchor proves that its helper is judged to be within this
/// radius, in metres. May be negative.
pub(crate) fn inner_anchor_distance(radius: Metres) -> f64 {
    (radius.get() - MAX_JUDGED_OFFSET) * (SPHERE_RADIUS / LARGEST_RADIUS) - MAX_ANCHOR_DISTANCE - ROUNDING_MARGIN
}

/// By how much the distance of an anchor on the sphere may differ from the distance that is judged, in metres, for helpers who are
/// judged to be within this radius.
pub(crate) fn anchor_slack(radius: Metres) -> f64 {
    (outer_anchor_distance(radius) - radius.get()).max(radius.get() - inner_anchor_distance(radius))
}

/// If as many anchors as are wanted lie within a distance on the sphere, then the anchors of as many nearest helpers lie
/// within this many times the distance, plus [`NEAREST_MARGIN`].
pub(crate) const NEAREST_FACTOR: f64 = LARGEST_RADIUS / SMALLEST_RADIUS;
/// Margin in metres that goes with [`NEAREST_FACTOR`]. The place by which a helper is judged lies at most an anchor's distance
/// and the offset of a cell away from the helper's anchor. Both the helper that is found and the one that it is compared with
/// may be that far off, so the margin counts them twice.
pub(crate) const NEAREST_MARGIN: f64 =
    (MAX_ANCHOR_DISTANCE + 2.0 * MAX_JUDGED_OFFSET) * NEAREST_FACTOR + MAX_ANCHOR_DISTANCE + ROUNDING_MARGIN;

/// The minimum `position.duty` of a helper on duty under this policy.
pub(crate) const fn min_duty(policy: HelperPolicy) -> i16 {
    match policy {
        HelperPolicy::Open => 1,
        HelperPolicy::Verified => 2,
    }
}

/// The helpers whose anchors a search found, as parallel arrays, which are null if it found none.
#[derive(FromRow)]
pub(crate) struct FoundRow {
    helpers: Option<Vec<Uuid>>,
    latitudes: Option<Vec<f64>>,
    longitudes: Option<Vec<f64>>,
    /// 0 for a proven helper, 1 for an unproven one, 2 for one that is only counted.
    ranks: Option<Vec<i16>>,
    /// The helpers that are passed over, and why.
    #[sqlx(default)]
    skipped: Option<Vec<Uuid>>,
    #[sqlx(default)]
    skipped_latitudes: Option<Vec<f64>>,
    #[sqlx(default)]
    skipped_longitudes: Option<Vec<f64>>,
    #[sqlx(default)]
    skip_reasons: Option<Vec<String>>,
}

impl FoundRow {
    /// All of them, wanted up to the distance `reach`.
    pub(crate) fn helpers(self, reach: Metres) -> Result<FoundHelpers> {
        let Self { helpers, latitudes, longitudes, ranks, .. } = self;
        let Self { skipped, skipped_latitudes, skipped_longitudes, skip_reasons, .. } = self;
        let places = latitudes.unwrap_or_default().into_iter().zip(longitudes.unwrap_or_default());
        let rows = helpers.unwrap_or_default().into_iter().zip(places).zip(ranks.unwrap_or_default());
        let found = rows.map(|((id, (latitude, longitude)), rank)| {
            let rank = match rank {
                0 => HelperRank::Proven,
                1 => HelperRank::Unproven,
                _ => HelperRank::CountedOnly,
            };
            Ok((id.into(), RowDecoder { table: "position", id }.position(latitude, longitude)?, rank))
        });
        let found = FoundHelpers::ranked(found.collect::<Result<Vec<_>>>()?, reach);
        let places = skipped_latitudes.unwrap_or_default().into_iter().zip(skipped_longitudes.unwrap_or_default());
        let rows = skipped.unwrap_or_default().into_iter().zip(places).zip(skip_reasons.unwrap_or_default());
        let skipped = rows.map(|((id, (latitude, longitude)), reason)| {
            let stored = RowDecoder { table: "position", id };
            Ok((id.into(), stored.position(latitude, longitude)?, stored.parse("skipped", &reason)?))
        });
        Ok(found.with_skipped(skipped.collect::<Result<Vec<_>>>()?))
    }
}
