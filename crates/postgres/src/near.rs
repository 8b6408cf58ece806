//! Searches for helpers around a place, in the terms of the table of positions. The index holds anchors, which may be off by
//! [`ANCHOR`], and `PostGIS` measures on a sphere, which is cheaper than the ellipsoid: so a search goes further by both, and
//! [`allynet_domain::near`] decides by the places.

use allynet_domain::{
    Metres, Position, Recipient, UserId,
    near::{self, Candidate, LARGEST_RADIUS, SMALLEST_RADIUS},
    port::Result,
};
use sqlx::FromRow;
use uuid::Uuid;

use crate::rows::Stored;

/// How far an anchor may be from its place, in metres on the sphere.
pub(crate) const ANCHOR: f64 = 100.0;
/// The radius of the sphere on which `PostGIS` measures where it is told to: the mean radius of WGS 84, `(2a + b) / 3`.
const SPHERE: f64 = 6_371_008.771_415;
/// More than `PostGIS` rounds distances by, in metres.
const SLACK: f64 = 0.01;

/// How far on the sphere the anchors of all who stand within this radius may be.
pub(crate) fn reach(radius: Metres) -> f64 {
    radius.get() * (SPHERE / SMALLEST_RADIUS) + ANCHOR + SLACK
}

/// How far on the sphere anchors may be off so that all of theirs stand within this radius for sure. May be negative.
pub(crate) fn sure(radius: Metres) -> f64 {
    radius.get() * (SPHERE / LARGEST_RADIUS) - ANCHOR - SLACK
}

/// If as many anchors as are wanted lie within a distance on the sphere, then the anchors of as many who are nearest lie
/// within this many times the distance, and [`MARGIN`].
pub(crate) const WIDER: f64 = LARGEST_RADIUS / SMALLEST_RADIUS;
/// See [`WIDER`].
pub(crate) const MARGIN: f64 = ANCHOR * WIDER + ANCHOR + SLACK;

/// [`allynet_domain::Account::on_duty`] of whose position `p` is, under the policy `verified` or `open`.
macro_rules! on_duty {
    (verified) => {
        "p.duty = 2"
    };
    (open) => {
        "p.duty >= 1"
    };
}

/// Whether a position `p` is of a helper who is on duty and was seen since `$since`, and is not `$owner`: that of an emergency
/// `e`, if no other is told.
macro_rules! may_help {
    ($policy:ident, $since:literal) => {
        $crate::near::may_help!($policy, $since, "e.owner_id")
    };
    ($policy:ident, $since:literal, $owner:literal) => {
        concat!("p.at >= ", $since, " AND p.account_id <> ", $owner, " AND ", $crate::near::on_duty!($policy))
    };
}

/// How far from an emergency `e` the anchors of the `$most` nearest helpers may be, and no further than `$reach`: less where
/// a ninth or a third of it already holds so many (otherwise `least` is told nothing else). `$wider` and `$margin` are
/// [`WIDER`] and [`MARGIN`].
///
/// Not by the index's own order (`<->`): for geographies it fails near the poles ("index returned tuples in wrong order").
macro_rules! reach_of_nearest {
    ($policy:ident, $since:literal, $reach:literal, $most:expr, $wider:literal, $margin:literal) => {
        concat!(
            "least(",
            $reach,
            ", CASE WHEN ",
            $crate::near::holds!($policy, $since, concat!($reach, " / 9"), $most),
            " THEN ",
            $reach,
            " / 9 * ",
            $wider,
            " + ",
            $margin,
            " WHEN ",
            $crate::near::holds!($policy, $since, concat!($reach, " / 3"), $most),
            " THEN ",
            $reach,
            " / 3 * ",
            $wider,
            " + ",
            $margin,
            " END)"
        )
    };
}

/// Whether so many anchors lie within a distance.
macro_rules! holds {
    ($policy:ident, $since:literal, $distance:expr, $most:expr) => {
        concat!(
            "(SELECT count(*) FROM (SELECT FROM position p WHERE ST_DWithin(p.anchor, e.place, ",
            $distance,
            ", false) AND ",
            $crate::near::may_help!($policy, $since),
            " LIMIT ",
            $most,
            ") AS n) = ",
            $most
        )
    };
}

pub(crate) use {holds, may_help, on_duty, reach_of_nearest};

/// Everybody whose anchor is within reach, as three arrays side by side, which are null for nobody.
#[derive(FromRow)]
pub(crate) struct AroundRow {
    helpers: Option<Vec<Uuid>>,
    latitudes: Option<Vec<f64>>,
    longitudes: Option<Vec<f64>>,
}

impl AroundRow {
    /// They are wanted as far as `reach`.
    pub(crate) fn candidates(self, reach: Metres) -> Result<Vec<Candidate<UserId>>> {
        let Self { helpers, latitudes, longitudes } = self;
        let places = latitudes.unwrap_or_default().into_iter().zip(longitudes.unwrap_or_default());
        let rows = helpers.unwrap_or_default().into_iter().zip(places);
        rows.map(|(id, (latitude, longitude))| {
            let position = Stored { table: "position", id }.place(latitude, longitude)?;
            Ok(Candidate { key: id.into(), position, reach })
        })
        .collect()
    }
}

/// The nearest of those within reach, up to a limit, nearest first.
pub(crate) fn nearest(centre: Position, around: &[Candidate<UserId>], limit: u32) -> Vec<Recipient> {
    let nearest = near::nearest(centre, around, limit).into_iter();
    nearest.map(|(helper, distance)| Recipient { helper, distance }).collect()
}
