//! The place of an emergency that follows its owner.

use chrono::TimeDelta;

use super::{Emergency, Location};
use crate::{Position, SessionFix, SessionId, Timestamp, moves::MIN_MOVE};

/// Whether the place of an emergency moves to where the owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceMove {
    /// It does.
    Moved,
    /// It does later, if the owner is there still: it moved a moment ago.
    TooSoon,
    /// It does not: the owner is near it, or it does not follow this session, or the emergency has ended.
    Stays,
}

impl Emergency {
    /// Whether the place follows the owner.
    pub const fn follows_owner(&self) -> bool {
        self.call.movement.followed.is_some()
    }

    /// The owner is at a position, by this session. The place moves there if it follows the session, more than 100 m away, and at
    /// most once in `interval`. It has no address and no description any more: those were of the place before.
    ///
    /// A search that runs looks at the helpers around the new place at once.
    pub fn move_place(
        &mut self,
        session: SessionId,
        position: Position,
        now: Timestamp,
        interval: TimeDelta,
    ) -> PlaceMove {
        let is_followed = self.call.movement.followed.is_some_and(|fix| fix.session == session);
        let place = &mut self.call.details.location;
        if !self.state.status().is_live() || !is_followed || place.position.distance_to(position) <= MIN_MOVE {
            return PlaceMove::Stays;
        }
        let movement = &mut self.call.movement;
        // A time to come is of a clock that was set back since, and says nothing.
        if movement.moved_at.is_some_and(|at| at <= now && now.signed_duration_since(at) < interval) {
            return PlaceMove::TooSoon;
        }
        let before = std::mem::replace(place, Location { position, address: None, description: None });
        movement.origin.get_or_insert_with(|| Box::new(before));
        movement.moved_at = Some(now);
        movement.followed = Some(SessionFix { session, position, at: now });
        self.updated_at = now;
        self.look_around(now);
        PlaceMove::Moved
    }

    /// Makes the search look at the helpers anew, by waves no further than so far.
    fn look_around(&mut self, now: Timestamp) {
        if self.search.by_gain { self.search.decide_now(now) } else { self.search.look_again(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Movement, Search,
        testing::{OWNER, active_emergency, at, edited, id, position, text},
    };

    const MINUTE: TimeDelta = TimeDelta::seconds(60);
    const PHONE: u128 = 400;

    fn north(metres: f64) -> Position {
        position(52.5 + metres / 111_270.0, 13.4)
    }

    fn following() -> Emergency {
        edited(active_emergency(), |e| {
            e.call.details.location.address = Some(text("Lane 1"));
            let followed = Some(SessionFix { session: id(PHONE), position: north(0.0), at: at(0) });
            e.call.movement = Movement { followed, ..Movement::default() };
        })
    }

    #[test]
    fn a_place_that_follows_moves_with_its_owner_once_in_an_interval() {
        let mut emergency = following();
        let before = emergency.call().details.location.clone();
        let mut to = |metres, second| emergency.move_place(id(PHONE), north(metres), at(second), MINUTE);
        assert_eq!(to(99.0, 1), PlaceMove::Stays);
        assert_eq!(to(101.0, 2), PlaceMove::Moved);
        assert_eq!(to(150.0, 3), PlaceMove::Stays, "49 m from where it is now");
        assert_eq!(to(300.0, 61), PlaceMove::TooSoon);
        assert_eq!(to(310.0, 62), PlaceMove::Moved);
        let call = emergency.call();
        let place = Location { position: north(310.0), address: None, description: None };
        assert_eq!(call.details.location, place);
        assert_eq!(call.movement.origin.as_deref(), Some(&before), "the first place, not the one before");
        assert_eq!((call.movement.moved_at, emergency.updated_at()), (Some(at(62)), at(62)));
    }

    #[test]
    fn a_place_follows_no_other_session_and_ends_with_the_emergency() {
        let mut emergency = following();
        assert_eq!(emergency.move_place(id(401), north(500.0), at(1), MINUTE), PlaceMove::Stays);
        assert_eq!(active_emergency().move_place(id(PHONE), north(500.0), at(1), MINUTE), PlaceMove::Stays);
        emergency.cancel(id(OWNER), None, at(2)).unwrap();
        assert_eq!(emergency.move_place(id(PHONE), north(500.0), at(3), MINUTE), PlaceMove::Stays);
        assert_eq!(emergency.call().movement.origin, None);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_hold_a_place() {
        let mut emergency = edited(following(), |e| e.call.movement.moved_at = Some(at(9_000)));
        assert_eq!(emergency.move_place(id(PHONE), north(500.0), at(60), MINUTE), PlaceMove::Moved);
        assert_eq!(emergency.call().movement.moved_at, Some(at(60)));
    }

    #[test]
    fn a_search_that_runs_looks_around_the_new_place_at_once() {
        let due_after = |by_gain, wave_at| {
            let search = Search { wave_at, by_gain, ..Search::default() };
            let mut emergency = edited(following(), |e| (e.search, e.next_alert_at) = (search, wave_at));
            assert_eq!(emergency.move_place(id(PHONE), north(500.0), at(9), MINUTE), PlaceMove::Moved);
            (emergency.next_alert_at(), emergency.search().looks_again)
        };
        assert_eq!(due_after(true, Some(at(60))), (Some(at(9)), false));
        assert_eq!(due_after(false, Some(at(60))), (Some(at(9)), true));
        assert_eq!(due_after(false, None), (None, false), "somebody comes");
    }
}
