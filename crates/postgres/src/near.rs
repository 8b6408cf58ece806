//! Distances of searches for helpers around a place, and the rows of such a search.
//!
//! The spatial index of the table `position` holds anchors, which may be off by [`MAX_ANCHOR_DISTANCE`], and PostGIS
//! measures on a sphere, which is cheaper than the ellipsoid. So a statement searches further by both, and
//! [`allynet_domain::near`] decides by the places. Statements do not use the index's own order (`<->`): for geographies it
//! fails near the poles ("index returned tuples in wrong order").

use allynet_domain::{
    HelperPolicy, Metres, Position, Recipient, UserId,
    near::{self, Candidate, LARGEST_RADIUS, SMALLEST_RADIUS},
    port::Result,
};
use allynet_sql::RowDecoder;
use sqlx::FromRow;
use uuid::Uuid;

/// How far an anchor may be from its place, in metres on the sphere.
pub(crate) const MAX_ANCHOR_DISTANCE: f64 = 100.0;
/// The radius of the sphere of PostGIS, in metres: the mean radius of WGS 84, `(2a + b) / 3`.
const SPHERE_RADIUS: f64 = 6_371_008.771_415;
/// More than PostGIS rounds distances by, in metres.
const ROUNDING_MARGIN: f64 = 0.01;

/// Within which distance on the sphere the anchors of all places within this radius lie, in metres.
pub(crate) fn outer_anchor_distance(radius: Metres) -> f64 {
    radius.get() * (SPHERE_RADIUS / SMALLEST_RADIUS) + MAX_ANCHOR_DISTANCE + ROUNDING_MARGIN
}

/// Within which distance on the sphere an anchor proves that its place lies within this radius, in metres. May be negative.
pub(crate) fn inner_anchor_distance(radius: Metres) -> f64 {
    radius.get() * (SPHERE_RADIUS / LARGEST_RADIUS) - MAX_ANCHOR_DISTANCE - ROUNDING_MARGIN
}

/// If as many anchors as are wanted lie within a distance on the sphere, then the anchors of as many nearest places lie
/// within this many times the distance, plus [`NEAREST_MARGIN`].
pub(crate) const NEAREST_FACTOR: f64 = LARGEST_RADIUS / SMALLEST_RADIUS;
/// In metres: see [`NEAREST_FACTOR`].
pub(crate) const NEAREST_MARGIN: f64 = MAX_ANCHOR_DISTANCE * NEAREST_FACTOR + MAX_ANCHOR_DISTANCE + ROUNDING_MARGIN;

/// The minimum `position.duty` of a helper on duty under this policy.
pub(crate) const fn min_duty(policy: HelperPolicy) -> i16 {
    match policy {
        HelperPolicy::Open => 1,
        HelperPolicy::Verified => 2,
    }
}

/// The helpers whose anchors a search found, as three parallel arrays, which are null if it found none.
#[derive(FromRow)]
pub(crate) struct FoundRow {
    helpers: Option<Vec<Uuid>>,
    latitudes: Option<Vec<f64>>,
    longitudes: Option<Vec<f64>>,
}

impl FoundRow {
    /// All of them as candidates for a place that alerts as far as `reach`.
    pub(crate) fn candidates(self, reach: Metres) -> Result<Vec<Candidate<UserId>>> {
        let Self { helpers, latitudes, longitudes } = self;
        let places = latitudes.unwrap_or_default().into_iter().zip(longitudes.unwrap_or_default());
        let rows = helpers.unwrap_or_default().into_iter().zip(places);
        rows.map(|(id, (latitude, longitude))| {
            let position = RowDecoder { table: "position", id }.position(latitude, longitude)?;
            Ok(Candidate { key: id.into(), position, reach })
        })
        .collect()
    }
}

/// The nearest candidates within their reach, up to a limit, nearest first.
pub(crate) fn nearest(centre: Position, candidates: &[Candidate<UserId>], limit: u32) -> Vec<Recipient> {
    let nearest = near::nearest(centre, candidates, limit).into_iter();
    nearest.map(|(helper, distance)| Recipient::new(helper, distance)).collect()
}
