//! Areas on the earth as boxes of latitude and longitude, and who of many is nearest. Pure geometry: knows no
//! statement.
//!
//! On the WGS 84 ellipsoid a step along the surface is `M·dφ` north and `N·cos φ·dλ` east, with both radii of curvature
//! `M` and `N` between `a(1-e²)` (north–south at the equator) and `a²/b` (at the poles). On the unit sphere the same step
//! is `dφ` and `cos φ·dλ`. So every path, and with it every geodesic, is between these two numbers times as long as on
//! the unit sphere. That bounds a distance without computing it, and puts a circle into a box.

use allynet_domain::{Metres, Position};

/// `a(1-e²)` and `a²/b` of WGS 84 in metres, each a little further out, which covers all rounding.
const SMALLEST_RADIUS: f64 = 6_335_000.0;
const LARGEST_RADIUS: f64 = 6_400_000.0;
/// Rounding of degrees near zero distance, in metres.
const SLACK: f64 = 0.001;
/// The same in degrees.
const SLACK_DEGREES: f64 = 1e-6;

/// A box of degrees, its bounds included.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Rect {
    pub(crate) south: f64,
    pub(crate) north: f64,
    pub(crate) west: f64,
    pub(crate) east: f64,
}

/// A box that holds no place, so that a statement can always take two.
const NOWHERE: Rect = Rect { south: 91.0, north: -91.0, west: 181.0, east: -181.0 };

/// The whole earth, as two boxes.
pub(crate) const EVERYWHERE: [Rect; 2] = [Rect { south: -90.0, north: 90.0, west: -180.0, east: 180.0 }, NOWHERE];

/// One box, or two where the area crosses the antimeridian, that hold every place within `radius` of `centre`.
pub(crate) fn boxes(centre: Position, radius: Metres) -> [Option<Rect>; 2] {
    let angle = radius.get() / SMALLEST_RADIUS;
    let reach = angle.to_degrees() + SLACK_DEGREES;
    let (south, north) = (centre.latitude() - reach, centre.latitude() + reach);
    let whole = Rect { south: south.max(-90.0), north: north.min(90.0), west: -180.0, east: 180.0 };
    // With a pole inside, every longitude is.
    if south <= -90.0 || north >= 90.0 {
        return [Some(whole), None];
    }
    // The meridians that touch a circle on the sphere: sin(Δλ) = sin(angle) / cos(φ).
    let widest = (angle.sin() / centre.latitude().to_radians().cos()).min(1.0).asin();
    let width = widest.to_degrees() * (1.0 + 1e-9) + SLACK_DEGREES / centre.latitude().to_radians().cos();
    let (west, east) = (centre.longitude() - width, centre.longitude() + width);
    match (west < -180.0, east > 180.0) {
        (true, true) => [Some(whole), None],
        (true, false) => [Some(Rect { west: -180.0, east, ..whole }), Some(Rect { west: west + 360.0, ..whole })],
        (false, true) => [Some(Rect { west, ..whole }), Some(Rect { east: east - 360.0, ..whole })],
        (false, false) => [Some(Rect { west, east, ..whole }), None],
    }
}

/// [`boxes`] with an impossible second one in place of none.
pub(crate) fn two_boxes(centre: Position, radius: Metres) -> [Rect; 2] {
    boxes(centre, radius).map(|rect| rect.unwrap_or(NOWHERE))
}

/// The smallest and the largest length that the geodesic between two places can have.
fn bounds(a: Position, b: Position) -> (f64, f64) {
    let (phi_a, phi_b) = (a.latitude().to_radians(), b.latitude().to_radians());
    let north = ((phi_b - phi_a) / 2.0).sin();
    let east = ((b.longitude() - a.longitude()).to_radians() / 2.0).sin();
    let haversine = north * north + phi_a.cos() * phi_b.cos() * east * east;
    let angle = 2.0 * haversine.clamp(0.0, 1.0).sqrt().asin();
    (angle * SMALLEST_RADIUS - SLACK, angle * LARGEST_RADIUS + SLACK)
}

/// Somebody or something at a place, wanted when not further than `reach`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<K> {
    pub(crate) key: K,
    pub(crate) position: Position,
    pub(crate) reach: Metres,
}

/// The `limit` nearest of those within reach, nearest first, equally near ones in the order of their keys. Computes the
/// exact distance only where the bounds leave it open who is among them.
pub(crate) fn nearest<K: Ord + Copy>(centre: Position, candidates: &[Candidate<K>], limit: u32) -> Vec<(K, Metres)> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rest: Vec<(f64, &Candidate<K>)> = candidates
        .iter()
        .map(|candidate| (bounds(centre, candidate.position).0, candidate))
        .filter(|(least, candidate)| *least <= candidate.reach.get())
        .collect();
    rest.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut found: Vec<(K, Metres)> = Vec::new();
    for (least, candidate) in rest {
        if found.len() >= limit && found.last().is_none_or(|(_, farthest)| least > farthest.get()) {
            break;
        }
        let distance = centre.distance_to(candidate.position);
        if distance > candidate.reach {
            continue;
        }
        let nearer = |(key, d): &(K, Metres)| d.get().total_cmp(&distance.get()).then(key.cmp(&candidate.key)).is_lt();
        let place = found.partition_point(nearer);
        found.insert(place, (candidate.key, distance));
        found.truncate(limit);
    }
    found
}

/// How many candidates stand within a radius.
pub(crate) fn count<K>(centre: Position, candidates: &[Candidate<K>], radius: Metres) -> u32 {
    let within = |candidate: &&Candidate<K>| {
        let (least, most) = bounds(centre, candidate.position);
        most <= radius.get() || (least <= radius.get() && centre.distance_to(candidate.position) <= radius)
    };
    u32::try_from(candidates.iter().filter(within).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anywhere() -> impl Strategy<Value = Position> {
        let edge = |limit: f64| prop_oneof![6 => -limit..=limit, 1 => Just(limit), 1 => Just(-limit), 1 => limit - 0.1..=limit, 1 => -limit..=0.1 - limit];
        (edge(90.0), edge(180.0)).prop_map(|(latitude, longitude)| Position::new(latitude, longitude).unwrap())
    }

    /// A second place that is often near the first.
    fn pair() -> impl Strategy<Value = (Position, Position)> {
        let step = prop_oneof![-1e-4..1e-4, -0.1..0.1, -5.0..5.0f64];
        let near = (anywhere(), step.clone(), step).prop_map(|(a, north, east): (Position, f64, f64)| {
            let longitude = (a.longitude() + east + 540.0).rem_euclid(360.0) - 180.0;
            (a, Position::new((a.latitude() + north).clamp(-90.0, 90.0), longitude).unwrap())
        });
        prop_oneof![3 => near, 1 => (anywhere(), anywhere())]
    }

    fn holds(rect: Rect, p: Position) -> bool {
        (rect.south..=rect.north).contains(&p.latitude()) && (rect.west..=rect.east).contains(&p.longitude())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn every_place_within_the_radius_is_in_a_box((a, b) in pair(), more in prop_oneof![Just(0.0), 0.0..100.0f64]) {
            let radius = Metres::new(a.distance_to(b).get() + more);
            let inside = boxes(a, radius).into_iter().flatten().filter(|rect| holds(*rect, b)).count();
            prop_assert_eq!(inside, 1, "{:?}", boxes(a, radius));
        }

        #[test]
        fn the_bounds_hold_the_exact_distance((a, b) in pair()) {
            let (least, most) = bounds(a, b);
            let exact = a.distance_to(b).get();
            prop_assert!(least <= exact && exact <= most, "{least} <= {exact} <= {most}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_shortcuts_change_nothing(
            centre in anywhere(),
            places in proptest::collection::vec(pair(), 0..40),
            radii in proptest::array::uniform3(0.0..15_000_000.0f64),
            limit in 0..20u32,
        ) {
            let mut radii = radii;
            radii.sort_by(f64::total_cmp);
            let radii = radii.map(Metres::new);
            let reach = radii[2];
            let candidates: Vec<_> = places.iter().flat_map(|(a, b)| [*a, *b]).enumerate()
                .map(|(key, position)| Candidate { key, position, reach }).collect();
            let mut all: Vec<_> = candidates.iter().map(|c| (c.key, centre.distance_to(c.position))).collect();
            all.sort_by(|a, b| a.1.get().total_cmp(&b.1.get()).then(a.0.cmp(&b.0)));
            let expected = radii.map(|radius| u32::try_from(all.iter().filter(|c| c.1 <= radius).count()).unwrap());
            prop_assert_eq!(radii.map(|radius| count(centre, &candidates, radius)), expected);
            all.retain(|c| c.1 <= reach);
            all.truncate(limit as usize);
            prop_assert_eq!(nearest(centre, &candidates, limit), all);
        }
    }

    #[test]
    fn boxes_are_split_at_the_antimeridian_and_whole_at_the_poles() {
        let at = |latitude, longitude| Position::new(latitude, longitude).unwrap();
        let [Some(east), Some(west)] = boxes(at(0.0, 179.99), Metres::new(5_000.0)) else { panic!("two boxes") };
        assert!(east.east >= 180.0 && west.west <= -180.0 && west.east < -179.9);
        let [Some(cap), None] = boxes(at(89.99, 10.0), Metres::new(5_000.0)) else { panic!("one box") };
        assert_eq!((cap.west, cap.east, cap.north), (-180.0, 180.0, 90.0));
    }
}
