//! Nearest neighbours and counts within a radius, for adapters whose databases find candidates only.
//!
//! An exact geodesic distance is computed only where cheap bounds leave the answer open.
//!
//! On the WGS 84 ellipsoid a step along the surface is `M·dφ` north and `N·cos φ·dλ` east, with both radii of curvature
//! `M` and `N` between `a(1-e²)` (north–south at the equator) and `a²/b` (at the poles). On the unit sphere the same step
//! is `dφ` and `cos φ·dλ`. So the length of every path, and with it of every geodesic, is its length on the unit sphere
//! times a number between these two. That bounds a distance without computing it.

use crate::{Metres, Position};

/// Slightly less than `a(1-e²)` of WGS 84, in metres: no geodesic is shorter than its angle on the unit sphere times this.
///
/// The difference covers rounding.
pub const SMALLEST_RADIUS: f64 = 6_335_000.0;
/// Slightly more than `a²/b` of WGS 84, in metres: no geodesic is longer than its angle on the unit sphere times this.
pub const LARGEST_RADIUS: f64 = 6_400_000.0;
/// Rounding error of degrees near zero distance, in metres.
const ROUNDING_ERROR: f64 = 0.001;

/// Lower and upper bound of the distance between two positions, in metres.
fn bounds(a: Position, b: Position) -> (f64, f64) {
    let (phi_a, phi_b) = (a.latitude().to_radians(), b.latitude().to_radians());
    let north = ((phi_b - phi_a) / 2.0).sin();
    let east = ((b.longitude() - a.longitude()).to_radians() / 2.0).sin();
    let haversine = north * north + phi_a.cos() * phi_b.cos() * east * east;
    let angle = 2.0 * haversine.clamp(0.0, 1.0).sqrt().asin();
    (angle * SMALLEST_RADIUS - ROUNDING_ERROR, angle * LARGEST_RADIUS + ROUNDING_ERROR)
}

/// A candidate for [`nearest`]: something with a position that is wanted up to a distance of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<K> {
    /// Identifies the candidate; equally near candidates are ordered by it.
    pub key: K,
    /// Its position.
    pub position: Position,
    /// Maximum distance at which it is wanted.
    pub reach: Metres,
}

/// The `limit` nearest candidates within their reach, nearest first; equally near ones in the order of their keys.
pub fn nearest<K: Ord + Copy>(centre: Position, candidates: &[Candidate<K>], limit: u32) -> Vec<(K, Metres)> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut rest: Vec<(f64, &Candidate<K>)> = candidates
        .iter()
        .map(|candidate| (bounds(centre, candidate.position).0, candidate))
        .filter(|(least, candidate)| *least <= candidate.reach.get())
        .collect();
    // By the lower bound: once it exceeds the farthest distance found, no later candidate can be nearer.
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

/// Number of candidates within a radius, whatever their reach.
pub fn count_within<K>(centre: Position, candidates: &[Candidate<K>], radius: Metres) -> u32 {
    // Inside the upper bound or outside the lower one, the exact distance is not needed.
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

    /// Two positions, the second often near the first.
    fn pair() -> impl Strategy<Value = (Position, Position)> {
        let step = prop_oneof![-1e-4..1e-4, -0.1..0.1, -5.0..5.0f64];
        let near = (anywhere(), step.clone(), step).prop_map(|(a, north, east): (Position, f64, f64)| {
            let longitude = (a.longitude() + east + 540.0).rem_euclid(360.0) - 180.0;
            (a, Position::new((a.latitude() + north).clamp(-90.0, 90.0), longitude).unwrap())
        });
        prop_oneof![3 => near, 1 => (anywhere(), anywhere())]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

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
            prop_assert_eq!(radii.map(|radius| count_within(centre, &candidates, radius)), expected);
            all.retain(|c| c.1 <= reach);
            all.truncate(limit as usize);
            prop_assert_eq!(nearest(centre, &candidates, limit), all);
        }
    }
}
