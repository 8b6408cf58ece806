//! What is told of helpers on their way, with a clock that the test moves.

use allynet_domain::{Event, EventId, LoggedEvent, Position, ResponseStatus};

use super::*;
use crate::given::{ALAN, EMERGENCY, GRACE, at, call, card, id};

struct Scene {
    live: LiveEmergencies,
    movements: Movements,
}

impl Scene {
    /// The call, and all live emergencies known.
    fn new() -> Self {
        let scene = Self { live: LiveEmergencies::default(), movements: Movements::default() };
        scene.happens(Event::EmergencyCreated { call: call(), nearby_helpers: 0 });
        scene.live.complete();
        scene
    }

    fn happens(&self, event: Event) {
        let emergency = Some(id(EMERGENCY));
        self.live.observe(&LoggedEvent { id: EventId::new(1), at: at(0), emergency, actor: None, event });
    }

    /// This helper says that they come, at this second.
    fn joins(&mut self, helper: u128, second: i64, stated: Option<i64>) {
        let estimated_arrival = stated.map(at);
        self.happens(Event::HelperJoined { helper: card(helper), joined_at: at(second), estimated_arrival });
        self.movements.set_out(&self.live, id(helper), at(second));
    }

    fn tells(&self, helper: u128, status: ResponseStatus, stated: Option<i64>) {
        let estimated_arrival = stated.map(at);
        let (helper, updated_at) = (id(helper), at(1));
        self.happens(Event::HelperStatusUpdated { helper, status, notes: None, estimated_arrival, updated_at });
    }

    /// A fix at this time, in milliseconds, so many metres north of the call.
    fn moves(&mut self, helper: u128, millis: i64, metres: f64) {
        self.movements.moved(&self.live, fix(helper, millis, metres), Origin::Here, moment(millis));
    }

    /// What is told at this time: who is how far away.
    fn told(&mut self, millis: i64) -> Vec<(u128, u32)> {
        let due = self.movements.due(&self.live, moment(millis)).into_iter();
        due.map(|told| (uuid::Uuid::from(told.fix.user).as_u128(), told.distance.whole())).collect()
    }
}

fn moment(millis: i64) -> Timestamp {
    at(0) + TimeDelta::milliseconds(millis)
}

fn fix(helper: u128, millis: i64, metres: f64) -> Fix {
    let here = call().details.location.position;
    // A degree of latitude at 52.5 degrees north.
    let position = Position::new(here.latitude() + metres / 111_267.0, here.longitude()).unwrap();
    Fix { user: id(helper), position, at: moment(millis) }
}

#[test]
fn the_first_is_told_at_once_and_then_the_latest_each_second() {
    let mut scene = Scene::new();
    scene.joins(GRACE, 0, None);
    scene.joins(ALAN, 0, None);
    scene.moves(GRACE, 100, 900.0);
    assert_eq!(scene.movements.next(), Some(moment(100)));
    assert_eq!(scene.told(100), [(GRACE, 900)]);
    assert_eq!((scene.movements.next(), scene.told(2_000)), (None, vec![]));
    scene.moves(GRACE, 2_000, 800.0);
    assert_eq!(scene.told(2_000), [(GRACE, 800)]);
    for (millis, metres) in [(2_200, 700.0), (2_400, 600.0), (2_900, 500.0)] {
        scene.moves(GRACE, millis, metres);
        assert_eq!((scene.movements.next(), scene.told(millis)), (Some(moment(3_000)), vec![]));
    }
    scene.moves(ALAN, 2_950, 300.0);
    assert_eq!(scene.told(2_950), [(ALAN, 300)], "one does not wait for another");
    assert_eq!(scene.told(2_999), []);
    assert_eq!(scene.told(3_000), [(GRACE, 500)], "the last is not lost");
    assert_eq!((scene.movements.next(), scene.told(9_000)), (None, vec![]));
}

#[test]
fn a_fix_that_is_not_newer_says_nothing() {
    let mut scene = Scene::new();
    scene.joins(GRACE, 0, None);
    scene.moves(GRACE, 1_000, 900.0);
    assert_eq!(scene.told(1_000), [(GRACE, 900)]);
    scene.moves(GRACE, 1_000, 900.0);
    scene.movements.moved(&scene.live, fix(GRACE, 500, 950.0), Origin::Elsewhere, moment(1_500));
    assert_eq!((scene.movements.next(), scene.told(5_000)), (None, vec![]));
}

#[test]
fn only_those_on_their_way_are_told_of() {
    for (status, told) in [
        (ResponseStatus::Responding, true),
        (ResponseStatus::OnWay, true),
        (ResponseStatus::Arrived, false),
        (ResponseStatus::Completed, false),
        (ResponseStatus::Cancelled, false),
    ] {
        let mut scene = Scene::new();
        scene.moves(GRACE, 0, 1_000.0);
        scene.joins(GRACE, 1, None);
        scene.moves(GRACE, 2_000, 900.0);
        assert_eq!(scene.told(2_000), [(GRACE, 900)]);
        // What waits when the response ends is not told either.
        scene.moves(GRACE, 2_500, 800.0);
        scene.tells(GRACE, status, None);
        assert_eq!(!scene.told(3_000).is_empty(), told, "{status:?}");
        scene.moves(GRACE, 5_000, 700.0);
        assert_eq!(!scene.told(5_000).is_empty(), told, "{status:?}");
    }
    let mut scene = Scene::new();
    scene.joins(GRACE, 0, None);
    scene.moves(GRACE, 1_000, 900.0);
    let (status, alerted, participants) = (allynet_domain::EmergencyStatus::Resolved, vec![], vec![]);
    scene.happens(Event::EmergencyEnded { status, at: at(1), alerted, participants });
    assert_eq!(scene.told(1_000), []);
}

#[test]
fn a_node_that_is_behind_the_log_tells_as_soon_as_it_knows() {
    let mut scene = Scene::new();
    scene.moves(GRACE, 900, 1_000.0);
    scene.moves(ALAN, 1_100, 1_000.0);
    scene.moves(ALAN, 1_200, 990.0);
    assert_eq!(scene.told(1_200), []);
    scene.joins(GRACE, 1, None);
    scene.joins(ALAN, 1, None);
    assert_eq!(scene.told(1_300), [(ALAN, 990)], "only what came after the response");

    let mut late = Scene { live: LiveEmergencies::default(), movements: Movements::default() };
    late.moves(GRACE, 2_000, 800.0);
    late.moves(ALAN, 9_000, 900.0);
    assert_eq!(late.told(9_000), []);
    let mut emergency = crate::given::with_responses(&[(GRACE, ResponseStatus::OnWay)]);
    emergency.responses[0].estimated_arrival = Some(at(99));
    late.live.remember(&emergency);
    late.live.complete();
    late.movements.look_again(&late.live, at(9));
    let told = late.movements.due(&late.live, at(9));
    assert_eq!((told.len(), told[0].fix.user, told[0].estimated_arrival), (1, id(GRACE), Some(at(99))));
}

#[test]
fn what_is_of_no_use_any_more_is_forgotten() {
    let mut scene = Scene::new();
    scene.joins(GRACE, 0, None);
    scene.moves(GRACE, 0, 900.0);
    assert_eq!(scene.told(0).len(), 1);
    scene.tells(GRACE, ResponseStatus::Completed, None);
    let mut somebody = 1_000;
    for second in 1..20 {
        for _ in 0..50 {
            somebody += 1;
            scene.moves(somebody, second * 1_000, 10.0);
        }
    }
    assert!(scene.movements.tracks.is_empty());
    assert!(scene.movements.recent.len() + scene.movements.earlier.len() <= 250);
}

#[test]
fn who_is_within_fifty_metres_has_arrived() {
    for (metres, arrived) in [(0.0, true), (49.9, true), (50.5, false), (5_000.0, false)] {
        let mut scene = Scene::new();
        scene.joins(GRACE, 0, None);
        scene.moves(GRACE, 1_000, metres);
        let [told] = <[Approach; 1]>::try_from(scene.movements.due(&scene.live, at(1))).unwrap();
        assert_eq!((told.arrived, told.emergency, told.origin), (arrived, id(EMERGENCY), Origin::Here), "{metres}");
    }
}

#[test]
fn the_arrival_that_the_helper_states_wins_over_the_estimate() {
    let arrival = |scene: &mut Scene, millis, metres| {
        scene.moves(GRACE, millis, metres);
        scene.movements.due(&scene.live, moment(millis))[0].estimated_arrival
    };
    let mut scene = Scene::new();
    scene.joins(GRACE, 0, None);
    assert_eq!(arrival(&mut scene, 1_000, 1_400.0), Some(at(1_001)), "walking until more is known");
    assert_eq!(arrival(&mut scene, 11_000, 1_300.0), Some(at(141)), "ten metres a second");
    scene.tells(GRACE, ResponseStatus::OnWay, Some(500));
    assert_eq!(arrival(&mut scene, 13_000, 1_280.0), Some(at(500)));

    let mut scene = Scene::new();
    scene.joins(GRACE, 0, Some(77));
    assert_eq!(arrival(&mut scene, 1_000, 1_400.0), Some(at(77)));
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_anybody() {
    let mut scene = Scene::new();
    scene.joins(GRACE, 0, None);
    scene.moves(GRACE, 3_600_000, 900.0);
    assert_eq!(scene.told(3_600_000).len(), 1);
    scene.moves(GRACE, 3_600_100, 800.0);
    assert_eq!(scene.told(5_000), [(GRACE, 800)]);
}
