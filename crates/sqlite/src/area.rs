//! Bounding boxes of circles on the earth, in degrees. Pure geometry: knows no statement.
//!
//! On the ellipsoid no distance is shorter than that between the same coordinates on a sphere with [`SMALLEST_RADIUS`].
//! So the bounding box of a circle on that sphere holds the circle on the ellipsoid.

use allynet_domain::{Metres, Position, near::SMALLEST_RADIUS};

/// Added to every bound, for the rounding of degrees at distances near zero.
const SLACK_DEGREES: f64 = 1e-6;

/// A box in degrees, bounds included.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Rect {
    pub(crate) south: f64,
    pub(crate) north: f64,
    pub(crate) west: f64,
    pub(crate) east: f64,
}

/// A box that holds no position, for statements that always take two boxes.
const EMPTY_BOX: Rect = Rect { south: 91.0, north: -91.0, west: 181.0, east: -181.0 };

/// The whole earth, as two boxes.
pub(crate) const EVERYWHERE: [Rect; 2] = [Rect { south: -90.0, north: 90.0, west: -180.0, east: 180.0 }, EMPTY_BOX];

/// One box, or two where the circle crosses the antimeridian, that hold every position within `radius` of `centre`. They
/// do not overlap.
pub(crate) fn boxes(centre: Position, radius: Metres) -> [Option<Rect>; 2] {
    let angle = radius.get() / SMALLEST_RADIUS;
    let reach = angle.to_degrees() + SLACK_DEGREES;
    let (south, north) = (centre.latitude() - reach, centre.latitude() + reach);
    let whole = Rect { south: south.max(-90.0), north: north.min(90.0), west: -180.0, east: 180.0 };
    // A circle around a pole holds every longitude.
    if south <= -90.0 || north >= 90.0 {
        return [Some(whole), None];
    }
    // The meridians that touch a circle on a sphere: sin(Δλ) = sin(angle) / cos(φ).
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

/// [`boxes`], with [`EMPTY_BOX`] in place of `None`.
pub(crate) fn two_boxes(centre: Position, radius: Metres) -> [Rect; 2] {
    boxes(centre, radius).map(|rect| rect.unwrap_or(EMPTY_BOX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anywhere() -> impl Strategy<Value = Position> {
        let edge = |limit: f64| prop_oneof![6 => -limit..=limit, 1 => Just(limit), 1 => Just(-limit), 1 => limit - 0.1..=limit, 1 => -limit..=0.1 - limit];
        (edge(90.0), edge(180.0)).prop_map(|(latitude, longitude)| Position::new(latitude, longitude).unwrap())
    }

    /// Two positions, the second often near the first.
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
        fn every_position_within_the_radius_is_in_exactly_one_box((a, b) in pair(), more in prop_oneof![Just(0.0), 0.0..100.0f64]) {
            let radius = Metres::new(a.distance_to(b).get() + more);
            let inside = boxes(a, radius).into_iter().flatten().filter(|rect| holds(*rect, b)).count();
            prop_assert_eq!(inside, 1, "{:?}", boxes(a, radius));
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
