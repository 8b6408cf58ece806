//! How fast somebody moves, from their last fixes, and when they may be there.

use std::collections::VecDeque;

use allynet_domain::{Metres, Position, Timestamp, port::Fix};
use chrono::{SubsecRound as _, TimeDelta};

/// Walking, in metres a second, until more is known: the comfortable speed of adults (Bohannon 1997: 1.27 to 1.46).
const WALKING: f64 = 1.4;
/// Slower is standing, and faster is an error of the phone; neither says when somebody will be there.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.5..=70.0;
/// The speed is that of the last minute, so that a red light does not count as the end of a journey.
const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// Over a shorter time the errors of two fixes are more than the way between them.
const SHORTEST: TimeDelta = TimeDelta::seconds(5);
/// Farther off than a day, a time of arrival is no use to anybody.
const FARTHEST: TimeDelta = TimeDelta::days(1);

/// The fixes of the last minute, one for every few seconds.
#[derive(Debug)]
pub(super) struct Pace {
    fixes: VecDeque<(Timestamp, Position)>,
}

impl Pace {
    pub(super) fn new(fix: &Fix) -> Self {
        Self { fixes: VecDeque::from([(fix.at, fix.position)]) }
    }

    /// The next fix, later than all before.
    pub(super) fn moved(&mut self, fix: &Fix) {
        let last_but_one = self.fixes.len().checked_sub(2).and_then(|index| self.fixes.get(index));
        if last_but_one.is_some_and(|(at, _)| fix.at - *at < SHORTEST) {
            self.fixes.pop_back();
        }
        self.fixes.push_back((fix.at, fix.position));
        while self.fixes.len() > 2 && self.fixes.front().is_some_and(|(at, _)| fix.at - *at > WINDOW) {
            self.fixes.pop_front();
        }
    }

    /// When somebody who was so far away at this time may be there; in whole seconds, because it is a guess.
    pub(super) fn arrival(&self, distance: Metres, at: Timestamp) -> Option<Timestamp> {
        let seconds = distance.get() / self.speed().unwrap_or(WALKING);
        if seconds > FARTHEST.as_seconds_f64() {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most a day")]
        at.trunc_subsecs(0).checked_add_signed(TimeDelta::seconds(seconds.round() as i64))
    }

    /// As the crow flies from the oldest fix to the newest, in metres a second. The way between them may be longer, but
    /// so is the way that is left; and errors of a phone that lies still do not add up.
    fn speed(&self) -> Option<f64> {
        let ((from_at, from), (to_at, to)) = (self.fixes.front()?, self.fixes.back()?);
        let took = *to_at - *from_at;
        if took < SHORTEST {
            return None;
        }
        let speed = from.distance_to(*to).get() / took.as_seconds_f64();
        PLAUSIBLE.contains(&speed).then_some(speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::{at, id};

    /// So many metres north of the equator, at this second.
    fn fix(second: i64, metres: f64) -> Fix {
        Fix { user: id(1), position: Position::new(metres / 110_574.0, 0.0).unwrap(), at: at(second) }
    }

    /// The speed after fixes at these (second, metre).
    fn speed(fixes: &[(i64, f64)]) -> Option<f64> {
        let mut fixes = fixes.iter().map(|&(second, metres)| fix(second, metres));
        let mut pace = Pace::new(&fixes.next().unwrap());
        fixes.for_each(|fix| pace.moved(&fix));
        assert!(pace.fixes.len() <= 17, "{}", pace.fixes.len());
        pace.speed().map(|speed| (speed * 100.0).round() / 100.0)
    }

    #[test]
    fn the_speed_is_that_of_the_last_minute_if_it_says_anything() {
        for (fixes, expected) in [
            (&[(0, 0.0)][..], None),
            (&[(0, 0.0), (4, 8.0)], None),
            (&[(0, 0.0), (5, 10.0)], Some(2.0)),
            (&[(0, 0.0), (1, 9.0), (2, 1.0), (10, 20.0)], Some(2.0)),
            (&[(0, 0.0), (300, 30.0), (330, 330.0)], Some(10.0)),
            (&[(0, 0.0), (300, 600.0)], Some(2.0)),
            (&[(0, 0.0), (20, 300.0), (40, 300.0)], Some(7.5)),
            (&[(0, 0.0), (30, 300.0), (60, 300.0), (91, 300.0)], None),
            (&[(0, 0.0), (10, 4.0)], None),
            (&[(0, 0.0), (10, 5_000.0)], None),
            (&[(0, 5.0), (10, -3.0), (20, 4.0), (30, -2.0), (40, 5.0)], None),
        ] {
            assert_eq!(speed(fixes), expected, "{fixes:?}");
        }
        let every_second: Vec<_> = (0..1_000).map(|second| (i64::from(second), 3.0 * f64::from(second))).collect();
        assert_eq!(speed(&every_second), Some(3.0));
    }

    #[test]
    fn who_has_no_speed_walks_and_who_is_far_away_has_no_time() {
        let standing = Pace::new(&fix(0, 0.0));
        let mut riding = Pace::new(&fix(0, 0.0));
        riding.moved(&fix(10, 50.0));
        for (pace, distance, expected) in [
            (&standing, 0.0, Some(0)),
            (&standing, 140.0, Some(100)),
            (&standing, 141.0, Some(101)),
            (&standing, 120_000.0, Some(85_714)),
            (&standing, 121_000.0, None),
            (&riding, 140.0, Some(28)),
            (&riding, 121_000.0, Some(24_200)),
        ] {
            assert_eq!(pace.arrival(Metres::new(distance), at(0)), expected.map(at), "{distance}");
        }
    }
}
