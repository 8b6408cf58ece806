//! Movement of helpers who respond: which of their positions are signs that they come.

use std::collections::{HashMap, VecDeque};

use allynet_domain::{EmergencyId, Metres, Position, Sign, Timestamp, UserId, port::Fix};
use chrono::TimeDelta;

use crate::{open_emergencies::participation::Engagement, pace::Pace};

/// A position this far from the oldest one of the window is a sign: less is an error of a phone that lies still.
const MOVED: Metres = Metres::new(20.0);
/// Into how many parts a window is divided: three positions in a row are a part apart at least.
const WINDOW_PARTS: i32 = 32;

/// The recent positions of helpers who respond.
///
/// Memory: at most 66 positions of each helper and the 51 of their pace, until they have sent none for as long as a window is.
#[derive(Debug)]
pub struct Movements {
    windows: HashMap<UserId, Window>,
    length: TimeDelta,
    swept_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Window {
    emergency: EmergencyId,
    responded_at: Timestamp,
    fixes: VecDeque<(Timestamp, Position)>,
    pace: Pace,
}

impl Movements {
    /// No positions yet. `length` is the time without a sign after which a helper is asked for one.
    pub fn new(length: TimeDelta) -> Self {
        Self { windows: HashMap::new(), length, swept_at: None }
    }

    /// Takes in a position of an engaged helper. Returns the sign that it is: 20 m from the oldest position of the window.
    pub fn record(&mut self, engagement: Engagement, fix: &Fix) -> Option<Sign> {
        self.sweep(fix.at);
        let Engagement { emergency, responded_at, .. } = engagement;
        if fix.at < responded_at {
            return None;
        }
        let window = self.windows.entry(fix.user).or_insert_with(|| Window::new(emergency, responded_at));
        if (window.emergency, window.responded_at) != (emergency, responded_at) {
            *window = Window::new(emergency, responded_at);
        }
        window.add(fix, self.length);
        let (_, oldest) = *window.fixes.front()?;
        let has_moved = oldest.distance_to(fix.position) >= MOVED;
        has_moved.then(|| Sign { at: fix.at, speed: window.speed() })
    }

    /// Removes the windows of helpers who have sent no position for the length of one.
    fn sweep(&mut self, now: Timestamp) {
        let swept_at = *self.swept_at.get_or_insert(now);
        if (now - swept_at).abs() < self.length {
            return;
        }
        self.swept_at = Some(now);
        let length = self.length;
        self.windows.retain(|_, window| window.fixes.back().is_some_and(|(at, _)| now - *at <= length));
    }
}

impl Window {
    fn new(emergency: EmergencyId, responded_at: Timestamp) -> Self {
        Self { emergency, responded_at, fixes: VecDeque::new(), pace: Pace::default() }
    }

    fn add(&mut self, fix: &Fix, length: TimeDelta) {
        self.pace.record(fix);
        // The newest always counts. The one before it is replaced unless it is far enough from its predecessor.
        let last_but_one = self.fixes.len().checked_sub(2).and_then(|index| self.fixes.get(index));
        if last_but_one.is_some_and(|(at, _)| fix.at - *at < length / WINDOW_PARTS) {
            self.fixes.pop_back();
        }
        self.fixes.push_back((fix.at, fix.position));
        while self.fixes.front().is_some_and(|(at, _)| fix.at - *at > length) {
            self.fixes.pop_front();
        }
    }

    /// The speed by the pace, in millimetres per second.
    fn speed(&self) -> Option<u32> {
        const MILLIMETRES: f64 = 1_000.0;
        const MAX_SPEED: f64 = 1_000_000.0;
        let speed = self.pace.speed()? * MILLIMETRES;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to a million")]
        Some(speed.min(MAX_SPEED) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allynet_domain::testing::{EMERGENCY, GRACE_HOPPER, at, id};

    fn fix(second: i64, metres: f64) -> Fix {
        let position = Position::new(metres / 110_574.0, 0.0).unwrap();
        Fix { user: id(GRACE_HOPPER), position, at: at(second) }
    }

    fn engaged(since: i64) -> Engagement {
        Engagement { emergency: id(EMERGENCY), responded_at: at(since), is_waited_for: false }
    }

    /// The seconds at which these positions, as `(second, metre)`, are signs, within windows of 180 s.
    fn signs(fixes: &[(i64, f64)]) -> Vec<i64> {
        let mut movements = Movements::new(TimeDelta::seconds(180));
        let sign = |&(second, metres): &(i64, f64)| movements.record(engaged(0), &fix(second, metres)).map(|_| second);
        fixes.iter().filter_map(sign).collect()
    }

    #[test]
    fn a_position_is_a_sign_20_metres_from_the_oldest_of_the_window() {
        for (fixes, expected) in [
            (&[(1, 0.0), (2, 19.0), (3, 21.0), (4, 30.0)][..], &[3, 4][..]),
            // Errors of a phone that lies still do not add up.
            (&[(1, 0.0), (60, 12.0), (120, -6.0), (180, 12.0)], &[]),
            // Slow, but on the way; and on the way until a window ago.
            (&[(1, 0.0), (100, 11.0), (180, 21.0), (190, 22.0), (282, 31.0)], &[180]),
            (&[(1, 0.0), (10, 30.0), (191, 30.0), (200, 31.0)], &[10]),
            (&[(-1, 0.0), (1, 100.0), (2, 100.0)], &[]),
        ] {
            assert_eq!(signs(fixes), expected, "{fixes:?}");
        }
    }

    #[test]
    fn a_window_is_bounded_and_begins_anew_with_another_response() {
        let mut movements = Movements::new(TimeDelta::seconds(180));
        for second in 0..1_000 {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let sign = movements.record(engaged(0), &fix(second, 2.0 * second as f64));
            assert_eq!(sign.map(|sign| sign.at), (second >= 10).then(|| at(second)));
            assert!(movements.windows[&id(GRACE_HOPPER)].fixes.len() <= 66);
        }
        let sign = movements.record(engaged(0), &fix(1_000, 2_000.0)).unwrap();
        let speed = sign.speed.unwrap();
        assert!((1_990..=2_010).contains(&speed), "{speed}");
        assert_eq!(movements.record(engaged(1_000), &fix(1_001, 0.0)), None);
        // Of a helper who sends nothing nothing is kept.
        let other = Fix { user: id(7), ..fix(2_000, 0.0) };
        movements.record(engaged(1_000), &other);
        assert_eq!(movements.windows.len(), 1);
    }
}
