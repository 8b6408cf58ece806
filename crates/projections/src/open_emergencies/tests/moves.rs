//! Places that move.

use allynet_domain::{
    Movement, PlaceBeforeAccept, SessionFix,
    grid::Grid,
    testing::{OWNER, active_emergency, edited, position},
};

use super::*;

fn followed() -> Movement {
    let followed = Some(SessionFix { session: id(400), position: position(52.5, 13.4), at: at(0) });
    Movement { followed, ..Movement::default() }
}

fn moved(latitude: f64, second: i64) -> Event {
    let (owner, position, at) = (id(OWNER), position(latitude, 13.4), at(second));
    Event::EmergencyMoved { owner, position, at, finished: vec![] }
}

fn place(open: &OpenEmergencies) -> Option<(Position, Option<Timestamp>)> {
    open.followed_place(id(EMERGENCY)).map(|followed| (followed.place, followed.moved_at))
}

#[test]
fn a_place_that_moves_is_the_destination_and_what_is_judged_by() {
    let places = PlacePolicy { before_accept: PlaceBeforeAccept::Approximate, grid: Grid::with_key([7; 16]) };
    let open = OpenEmergencies::new(places, None);
    let call = Call { movement: followed(), ..call() };
    apply(&open, Event::EmergencyCreated { call, nearby_helpers: 0, hidden_from: vec![], announced: true });
    apply(&open, moved(52.51, 5));
    let there = position(52.51, 13.4);
    assert_eq!(place(&open), Some((there, Some(at(5)))));
    let followed = open.followed_by(id(OWNER), id(400)).unwrap().followed;
    assert_eq!((followed.position, followed.at), (there, at(5)));
    assert_eq!((open.followed_by(id(OWNER), id(401)), open.followed_by(id(2), id(400))), (None, None));
    let state = open.state.lock();
    assert_eq!(state.open[&id(EMERGENCY)].call.as_ref().unwrap().judged_place, places.grid.fine(there));
}

#[test]
fn a_place_that_moved_while_emergencies_were_restored_is_where_the_later_of_both_says() {
    let stored = |latitude, second| {
        edited(active_emergency(), |e| {
            e.call.details.location.position = position(latitude, 13.4);
            e.call.movement = Movement { moved_at: Some(at(second)), ..followed() };
        })
    };
    for (logged_at, expected) in [(6, (52.51, 6)), (4, (52.52, 5))] {
        let open = OpenEmergencies::default();
        apply(&open, moved(52.51, logged_at));
        assert_eq!(place(&open), None);
        open.restore(&stored(52.52, 5));
        assert_eq!(place(&open), Some((position(expected.0, 13.4), Some(at(expected.1)))));
    }
}

#[test]
fn a_place_of_an_emergency_that_is_over_is_forgotten() {
    let open = OpenEmergencies::default();
    open.mark_complete();
    apply(&open, created());
    assert_eq!(place(&open), None, "it stays");
    apply(&open, ended());
    apply(&open, moved(52.51, 9));
    assert!(open.state.lock().open.is_empty());
}
