//! The speed of a helper, from the fixes of the last two minutes.

use std::collections::VecDeque;

use allynet_domain::{Position, Timestamp, port::Fix};
use chrono::TimeDelta;

/// The time over which the speed is measured: a red light is shorter.
const MEASURED_TIME: TimeDelta = TimeDelta::minutes(2);
/// The least time between two fixes that a speed follows from: over less, their errors exceed the way between them.
const MIN_FIX_INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// The fixes of the last two minutes, thinned to two for every five seconds: at most 51.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    fixes: VecDeque<(Timestamp, Position)>,
}

impl Pace {
    /// The pace of a helper of whom one fix is known.
    pub(crate) fn new(fix: &Fix) -> Self {
        Self { fixes: VecDeque::from([(fix.at, fix.position)]) }
    }

    /// Adds a fix, which MUST be later than all before.
    pub(crate) fn record(&mut self, fix: &Fix) {
        // The newest fix always counts. The one before it is replaced unless it is far enough from its predecessor.
        let last_but_one = self.fixes.len().checked_sub(2).and_then(|index| self.fixes.get(index));
        if last_but_one.is_some_and(|(at, _)| fix.at - *at < MIN_FIX_INTERVAL) {
            self.fixes.pop_back();
        }
        self.fixes.push_back((fix.at, fix.position));
        while self.fixes.len() > 2 && self.fixes.front().is_some_and(|(at, _)| fix.at - *at > MEASURED_TIME) {
            self.fixes.pop_front();
        }
    }

    /// The speed in metres per second along the geodesic from the oldest fix to the newest; `None` until there are two that tell.
    ///
    /// The path between them may be longer, but so is the path that is left; and along the geodesic the errors of a phone
    /// that lies still do not add up.
    pub(crate) fn speed(&self) -> Option<f64> {
        let ((from_at, from), (to_at, to)) = (self.fixes.front()?, self.fixes.back()?);
        let took = *to_at - *from_at;
        if took < MIN_FIX_INTERVAL {
            return None;
        }
        Some(from.distance_to(*to).get() / took.as_seconds_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allynet_domain::testing::{at, id};

    /// A fix so many metres north of the equator, at this second.
    fn fix(second: i64, metres: f64) -> Fix {
        Fix { user: id(1), position: Position::new(metres / 110_574.0, 0.0).unwrap(), at: at(second) }
    }

    /// The speed after these fixes, as `(second, metre)`.
    fn speed(fixes: &[(i64, f64)]) -> Option<f64> {
        let mut fixes = fixes.iter().map(|&(second, metres)| fix(second, metres));
        let mut pace = Pace::new(&fixes.next().unwrap());
        fixes.for_each(|fix| pace.record(&fix));
        assert!(pace.fixes.len() <= 51, "{}", pace.fixes.len());
        pace.speed().map(|speed| (speed * 100.0).round() / 100.0)
    }

    #[test]
    fn the_speed_is_that_of_the_last_two_minutes() {
        for (fixes, expected) in [
            (&[(0, 0.0)][..], None),
            (&[(0, 0.0), (4, 8.0)], None),
            (&[(0, 0.0), (5, 10.0)], Some(2.0)),
            (&[(0, 0.0), (1, 9.0), (2, 1.0), (10, 20.0)], Some(2.0)),
            (&[(0, 0.0), (300, 30.0), (330, 330.0)], Some(10.0)),
            (&[(0, 0.0), (300, 600.0)], Some(2.0)),
            (&[(0, 0.0), (20, 300.0), (40, 300.0)], Some(7.5)),
            (&[(0, 0.0), (60, 300.0), (120, 300.0), (181, 300.0)], Some(0.0)),
            (&[(0, 0.0), (10, 4.0)], Some(0.4)),
            (&[(0, 5.0), (10, -3.0), (20, 4.0), (30, -2.0), (40, 5.0)], Some(0.0)),
        ] {
            assert_eq!(speed(fixes), expected, "{fixes:?}");
        }
        let every_second: Vec<_> = (0..1_000).map(|second| (i64::from(second), 3.0 * f64::from(second))).collect();
        assert_eq!(speed(&every_second), Some(3.0));
    }
}
