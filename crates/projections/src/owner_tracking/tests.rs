//! Owners who move, under a clock that the test moves.

use allynet_domain::{
    EmergencyStatus, Event, EventId, LoggedEvent, Movement, SessionFix,
    port::Fix,
    testing::{EMERGENCY, OWNER, at, call, id},
};

use super::*;

const PHONE: u128 = 400;
const TABLET: u128 = 401;
const MINUTE: TimeDelta = TimeDelta::seconds(60);

struct Scene {
    open: OpenEmergencies,
    tracker: OwnerTracker,
}

impl Scene {
    /// One call whose place follows the phone of its owner, on a node that has restored all open emergencies.
    fn new() -> Self {
        let scene = Self::before_the_call();
        scene.logs(created());
        scene
    }

    fn before_the_call() -> Self {
        let scene = Self { open: OpenEmergencies::default(), tracker: OwnerTracker::default() };
        scene.open.mark_complete();
        scene
    }

    fn logs(&self, event: Event) {
        let emergency = Some(id(EMERGENCY));
        self.open.apply(&LoggedEvent { id: EventId::new(1), at: at(0), emergency, actor: None, event });
    }

    /// The owner is so many metres north of the call at this second, by this session.
    fn moves(&mut self, session: u128, second: i64, metres: f64) -> bool {
        self.tracker.record(&self.open, &report(session, second, metres), at(second))
    }

    /// The updates that are due at this second: how far the owner is from the stored place.
    fn sent(&mut self, second: i64) -> Vec<u32> {
        self.tracker.take_due(&self.open, at(second)).iter().map(|update| update.moved_by.whole()).collect()
    }

    /// The positions that may move the place at this second, and when the next one may.
    fn due_moves(&mut self, second: i64) -> (Vec<Position>, Option<Timestamp>) {
        let (due, next) = self.tracker.take_moves(&self.open, MINUTE, at(second));
        (due.iter().map(|owner| owner.position).collect(), next)
    }

    /// The place has moved there.
    fn moved(&self, second: i64, metres: f64) {
        let (owner, position, at) = (id(OWNER), north(metres), at(second));
        self.logs(Event::EmergencyMoved { owner, position, at, finished: vec![] });
    }
}

fn followed_call() -> Call {
    let followed = Some(SessionFix { session: id(PHONE), position: north(0.0), at: at(0) });
    Call { movement: Movement { followed, ..Movement::default() }, ..call() }
}

fn created() -> Event {
    Event::EmergencyCreated { call: followed_call(), nearby_helpers: 0, hidden_from: vec![], announced: true }
}

fn ended() -> Event {
    Event::EmergencyEnded {
        status: EmergencyStatus::Cancelled,
        at: at(3),
        alerted: vec![],
        participants: vec![],
        hidden_from: vec![],
        announced: true,
        critical: false,
    }
}

fn north(metres: f64) -> Position {
    let here = call().details.location.position;
    Position::new(here.latitude() + metres / 111_267.0, here.longitude()).unwrap()
}

fn report(session: u128, second: i64, metres: f64) -> Report {
    let fix = Fix { user: id(OWNER), position: north(metres), at: at(second) };
    Report { session: Some(id(session)), ..fix.into() }
}

#[test]
fn positions_of_the_calling_session_are_sent_at_most_once_a_second() {
    let mut scene = Scene::new();
    assert!(scene.moves(PHONE, 5, 40.0));
    assert!(!scene.moves(TABLET, 5, 30.0));
    assert_eq!(scene.sent(5), [40]);
    scene.tracker.record(&scene.open, &report(PHONE, 5, 50.0), at(5));
    scene.tracker.record(&scene.open, &report(PHONE, 5, 60.0), at(5));
    assert_eq!((scene.sent(5), scene.tracker.next_due()), (vec![], Some(at(6))));
    assert_eq!((scene.sent(6), scene.tracker.next_due()), (vec![60], None));
}

#[test]
fn a_jump_waits_for_the_next_position_and_moves_nothing() {
    let mut scene = Scene::new();
    assert!(!scene.moves(PHONE, 10, 600.0));
    assert_eq!((scene.sent(10), scene.due_moves(10)), (vec![], (vec![], None)));
    assert!(scene.moves(PHONE, 11, 610.0));
    assert_eq!(scene.sent(11), [610]);
    assert_eq!(scene.due_moves(11), (vec![north(610.0)], None));
}

#[test]
fn a_place_may_move_beyond_100_metres_and_once_in_the_interval() {
    let mut scene = Scene::new();
    scene.moves(PHONE, 10, 95.0);
    assert_eq!(scene.due_moves(10), (vec![], None));
    scene.moves(PHONE, 20, 150.0);
    assert_eq!(scene.due_moves(20), (vec![north(150.0)], None));
    assert_eq!(scene.due_moves(20), (vec![], None), "it was taken");
    scene.moved(20, 150.0);
    scene.moves(PHONE, 30, 300.0);
    assert_eq!(scene.sent(30), [150], "from where the place is now");
    assert_eq!(scene.due_moves(30), (vec![], Some(at(80))));
    scene.moves(PHONE, 40, 320.0);
    assert_eq!(scene.due_moves(80), (vec![north(320.0)], None), "the newest, although none came since");
    let failed = OwnerPosition { emergency: id(EMERGENCY), session: id(PHONE), position: north(320.0) };
    scene.tracker.put_back(failed);
    assert_eq!(scene.due_moves(81), (vec![north(320.0)], None));
    scene.moves(PHONE, 90, 400.0);
    scene.moves(PHONE, 91, 220.0);
    scene.moves(PHONE, 95, 200.0);
    assert_eq!(scene.due_moves(99), (vec![], None), "the owner came back");
}

#[test]
fn a_position_from_before_the_event_counts_once_the_event_comes() {
    let mut scene = Scene::before_the_call();
    for (session, second, is_sent) in [(PHONE, 1, true), (TABLET, 1, false), (PHONE, -1, false)] {
        scene.tracker.record(&scene.open, &report(session, second, 20.0), at(1));
        scene.logs(created());
        assert_eq!(scene.tracker.start(&scene.open, &followed_call(), at(1)), is_sent, "{session} {second}");
        scene.logs(ended());
    }
}

#[test]
fn other_nodes_send_what_counts_and_move_no_place() {
    let mut scene = Scene::new();
    scene.moves(PHONE, 10, 150.0);
    scene.tracker.receive(&scene.open, id(EMERGENCY), (north(170.0), at(11)), at(11));
    let update = scene.tracker.take_due(&scene.open, at(11)).pop().unwrap();
    assert_eq!((update.moved_by.whole(), update.source), (170, FixSource::OtherNode));
    assert_eq!(scene.due_moves(11), (vec![], None), "the other node has the newer one");
    scene.tracker.receive(&scene.open, id(EMERGENCY), (north(10.0), at(9)), at(12));
    assert_eq!(scene.sent(12), [], "it came late");
    assert!(scene.moves(PHONE, 13, 260.0), "reached from there");
}

#[test]
fn nothing_is_sent_or_moved_after_the_end() {
    let mut scene = Scene::new();
    scene.moves(PHONE, 10, 150.0);
    scene.logs(ended());
    assert_eq!((scene.sent(10), scene.due_moves(10)), (vec![], (vec![], None)));
    assert!(!scene.moves(PHONE, 11, 160.0));
    assert!(scene.tracker.tracks.is_empty() && scene.tracker.pending.is_empty());
}
