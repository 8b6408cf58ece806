//! Whether the place of an emergency follows its owner, and which of the owner's positions count for it.
//!
//! Pure. Knows neither who is told of a move nor how it is stored.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{Metres, Position, SessionId, Timestamp};

/// Maximum age of the owner's newest position, when the emergency is raised, for the place to follow them.
pub const MAX_START_AGE: TimeDelta = TimeDelta::minutes(5);
/// Maximum distance of that position from the place.
pub const MAX_START_DISTANCE: Metres = Metres::new(200.0);
/// The stored place moves once the owner is further from it than this.
pub const MIN_MOVE: Metres = Metres::new(100.0);
/// Speed in metres per second beyond which a position is not believed until the next one confirms it: faster than a car or a
/// helicopter with a patient, slower than the jumps of a device that has lost its satellites.
const MAX_SPEED: f64 = 50.0;
/// The least time, in seconds, that a speed is reckoned over: fixes that arrive together would all be jumps.
const MIN_ELAPSED: f64 = 1.0;

/// A position that a session has sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SessionFix {
    /// The session.
    pub session: SessionId,
    /// The position.
    pub position: Position,
    /// When the service received it.
    pub at: Timestamp,
}

impl SessionFix {
    /// This position, if the place of an emergency that its user raises there now, with this session, follows them.
    ///
    /// Otherwise they call for somebody else, or from a device that does not say where it is.
    pub fn following(self, session: SessionId, place: Position, now: Timestamp) -> Option<Self> {
        let is_fresh = now.signed_duration_since(self.at) <= MAX_START_AGE;
        let is_there = self.position.distance_to(place) <= MAX_START_DISTANCE;
        (self.session == session && is_fresh && is_there).then_some(self)
    }
}

/// A position with its times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedPosition {
    /// The position.
    pub position: Position,
    /// When the service received it.
    pub received_at: Timestamp,
    /// When the device took it, by its own clock, if it says so.
    pub taken_at: Option<Timestamp>,
}

impl From<SessionFix> for TimedPosition {
    fn from(fix: SessionFix) -> Self {
        Self { position: fix.position, received_at: fix.at, taken_at: None }
    }
}

impl TimedPosition {
    /// Whether no person gets from here to `next` in the time between: by the clock of the device, if it dates both.
    fn is_jump_to(&self, next: &Self) -> bool {
        let elapsed = match (self.taken_at, next.taken_at) {
            (Some(from), Some(to)) => to - from,
            _ => next.received_at - self.received_at,
        };
        let seconds = elapsed.as_seconds_f64().max(MIN_ELAPSED);
        self.position.distance_to(next.position).get() > MAX_SPEED * seconds
    }
}

/// Decides which positions of a session count: a jump waits until the next position confirms it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JumpFilter {
    /// The newest position that counted.
    counted: TimedPosition,
    /// A later one that waits.
    unconfirmed: Option<TimedPosition>,
}

impl JumpFilter {
    /// A filter after this position, which counts.
    pub const fn after(position: TimedPosition) -> Self {
        Self { counted: position, unconfirmed: None }
    }

    /// Takes in the next position of the session, and returns whether it counts.
    pub fn accept(&mut self, next: TimedPosition) -> bool {
        // From the one that counted, too: otherwise one wrong position would make the next, right one wait.
        let known = [Some(self.counted), self.unconfirmed];
        let is_reached = known.into_iter().flatten().any(|from| !from.is_jump_to(&next));
        *self = if is_reached { Self::after(next) } else { Self { unconfirmed: Some(next), ..*self } };
        is_reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, id, position};

    /// The position so many metres north of one in Berlin.
    fn north(metres: f64) -> Position {
        position(52.5 + metres / 111_270.0, 13.4)
    }

    fn fix(metres: f64, second: i64) -> SessionFix {
        SessionFix { session: id(400), position: north(metres), at: at(second) }
    }

    fn timed(metres: f64, second: i64, taken: Option<i64>) -> TimedPosition {
        TimedPosition { position: north(metres), received_at: at(second), taken_at: taken.map(at) }
    }

    #[test]
    fn a_place_follows_its_owner_if_the_calling_session_was_there_a_moment_ago() {
        for (metres, second, session, follows) in [
            (0.0, 300, 400, true),
            (199.0, 0, 400, true),
            (201.0, 300, 400, false),
            (0.0, -1, 400, false),
            (0.0, 300, 401, false),
            // A clock that was wrong does not make it old.
            (0.0, 301, 400, true),
        ] {
            let newest = fix(metres, second);
            let expected = follows.then_some(newest);
            let case = format!("{metres} m, second {second}, session {session}");
            assert_eq!(newest.following(id(session), north(0.0), at(300)), expected, "{case}");
        }
    }

    #[test]
    fn a_jump_counts_once_the_next_position_confirms_it() {
        let mut filter = JumpFilter::after(fix(0.0, 0).into());
        for (metres, second, counts) in [
            // 50 m/s are no jump.
            (499.0, 10, true),
            (2_000.0, 20, false),
            (2_040.0, 21, true),
            (9_000.0, 22, false),
            // No second position confirmed the one before.
            (2_050.0, 24, true),
            (9_000.0, 25, false),
            (1_000.0, 26, false),
            (1_010.0, 27, true),
        ] {
            assert_eq!(filter.accept(timed(metres, second, None)), counts, "{metres} m at second {second}");
        }
    }

    #[test]
    fn the_clock_of_the_device_decides_if_it_dates_both_positions() {
        let counts = |before: Option<i64>, after: Option<i64>, second| {
            JumpFilter::after(timed(0.0, 0, before)).accept(timed(300.0, second, after))
        };
        // Ten seconds of a drive that arrive within one.
        assert!(counts(Some(0), Some(10), 1));
        assert!(!counts(None, Some(10), 1));
        assert!(!counts(Some(0), None, 1));
        assert!(!counts(Some(0), Some(2), 60), "a report that was late says nothing of the speed");
        assert!(!counts(Some(10), Some(0), 1), "a clock that was set back");
    }

    #[test]
    fn positions_that_arrive_together_are_no_jump() {
        assert!(JumpFilter::after(timed(0.0, 0, None)).accept(timed(49.0, 0, None)));
        assert!(!JumpFilter::after(timed(0.0, 0, None)).accept(timed(51.0, 0, None)));
    }
}
