//! Updates about helpers on their way, under a clock that the test moves.

use allynet_domain::{Event, EventId, LoggedEvent, Position, ResponseStatus, dispatch::Transport};

use super::*;
use allynet_domain::testing::{self, ALAN, EMERGENCY, GRACE_HOPPER, at, call, helper_card, id};

struct Scene {
    open: OpenEmergencies,
    tracker: HelperTracker,
}

impl Scene {
    /// One call, on a node that has restored all open emergencies.
    fn new() -> Self {
        let scene = Self { open: OpenEmergencies::default(), tracker: HelperTracker::default() };
        scene.logs(Event::EmergencyCreated { call: call(), nearby_helpers: 0, hidden_from: vec![], announced: true });
        scene.open.mark_complete();
        scene
    }

    /// An event of the emergency is logged.
    fn logs(&self, event: Event) {
        let emergency = Some(id(EMERGENCY));
        self.open.apply(&LoggedEvent { id: EventId::new(1), at: at(0), emergency, actor: None, event });
    }

    /// This helper responds at this second.
    fn joins(&mut self, helper: u128, second: i64, stated: Option<i64>) {
        self.joins_by(Transport::Foot, helper, second, stated);
    }

    /// The same, with how they travel.
    fn joins_by(&mut self, transport: Transport, helper: u128, second: i64, stated: Option<i64>) {
        let estimated_arrival = stated.map(at);
        self.logs(Event::HelperJoined {
            helper: helper_card(helper),
            joined_at: at(second),
            estimated_arrival,
            transport,
            separated_from: vec![],
        });
        self.tracker.start_trip(&self.open, id(helper), at(second));
    }

    /// This helper changes the status of their response.
    fn updates(&self, helper: u128, status: ResponseStatus, stated: Option<i64>) {
        let estimated_arrival = stated.map(at);
        let (helper, updated_at) = (id(helper), at(1));
        self.logs(Event::HelperStatusUpdated {
            helper,
            status,
            notes: None,
            estimated_arrival,
            updated_at,
            anonymous: false,
            counts_until: None,
            stalled: false,
        });
    }

    /// A fix at this time, in milliseconds, so many metres north of the call.
    fn moves(&mut self, helper: u128, millis: i64, metres: f64) {
        self.tracker.record(&self.open, fix(helper, millis, metres), FixSource::ThisNode, moment(millis));
    }

    /// The updates that are due at this time: which helper is how many metres away.
    fn sent(&mut self, millis: i64) -> Vec<(u128, u32)> {
        let due = self.tracker.take_due(&self.open, moment(millis)).into_iter();
        due.map(|TrackingUpdate { approach, .. }| {
            (uuid::Uuid::from(approach.fix.user).as_u128(), approach.distance.whole())
        })
        .collect()
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
fn the_first_fix_is_sent_at_once_and_then_the_latest_each_second() {
    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, None);
    scene.joins(ALAN, 0, None);
    scene.moves(GRACE_HOPPER, 100, 900.0);
    assert_eq!(scene.tracker.next_due(), Some(moment(100)));
    assert_eq!(scene.sent(100), [(GRACE_HOPPER, 900)]);
    assert_eq!((scene.tracker.next_due(), scene.sent(2_000)), (None, vec![]));
    scene.moves(GRACE_HOPPER, 2_000, 800.0);
    assert_eq!(scene.sent(2_000), [(GRACE_HOPPER, 800)]);
    for (millis, metres) in [(2_200, 700.0), (2_400, 600.0), (2_900, 500.0)] {
        scene.moves(GRACE_HOPPER, millis, metres);
        assert_eq!((scene.tracker.next_due(), scene.sent(millis)), (Some(moment(3_000)), vec![]));
    }
    scene.moves(ALAN, 2_950, 300.0);
    assert_eq!(scene.sent(2_950), [(ALAN, 300)], "one helper does not wait for another");
    assert_eq!(scene.sent(2_999), []);
    assert_eq!(scene.sent(3_000), [(GRACE_HOPPER, 500)], "the last is not lost");
    assert_eq!((scene.tracker.next_due(), scene.sent(9_000)), (None, vec![]));
}

#[test]
fn a_fix_that_is_not_newer_is_not_sent() {
    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, None);
    scene.moves(GRACE_HOPPER, 1_000, 900.0);
    assert_eq!(scene.sent(1_000), [(GRACE_HOPPER, 900)]);
    scene.moves(GRACE_HOPPER, 1_000, 900.0);
    scene.tracker.record(&scene.open, fix(GRACE_HOPPER, 500, 950.0), FixSource::OtherNode, moment(1_500));
    assert_eq!((scene.tracker.next_due(), scene.sent(5_000)), (None, vec![]));
}

#[test]
fn only_helpers_on_a_trip_are_sent() {
    for (status, is_sent) in [
        (ResponseStatus::Responding, true),
        (ResponseStatus::OnWay, true),
        (ResponseStatus::Arrived, false),
        (ResponseStatus::Completed, false),
        (ResponseStatus::Cancelled, false),
    ] {
        let mut scene = Scene::new();
        scene.moves(GRACE_HOPPER, 0, 1_000.0);
        scene.joins(GRACE_HOPPER, 1, None);
        scene.moves(GRACE_HOPPER, 2_000, 900.0);
        assert_eq!(scene.sent(2_000), [(GRACE_HOPPER, 900)]);
        // A fix that is pending when the response ends is not sent either.
        scene.moves(GRACE_HOPPER, 2_500, 800.0);
        scene.updates(GRACE_HOPPER, status, None);
        assert_eq!(!scene.sent(3_000).is_empty(), is_sent, "{status:?}");
        scene.moves(GRACE_HOPPER, 5_000, 700.0);
        assert_eq!(!scene.sent(5_000).is_empty(), is_sent, "{status:?}");
    }
    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, None);
    scene.moves(GRACE_HOPPER, 1_000, 900.0);
    let (status, alerted, participants) = (allynet_domain::EmergencyStatus::Resolved, vec![], vec![]);
    scene.logs(Event::EmergencyEnded {
        status,
        at: at(1),
        alerted,
        participants,
        hidden_from: vec![],
        announced: true,
        critical: false,
    });
    assert_eq!(scene.sent(1_000), []);
}

#[test]
fn a_fix_that_came_before_its_response_is_sent_when_the_response_is_known() {
    let mut scene = Scene::new();
    scene.moves(GRACE_HOPPER, 900, 1_000.0);
    scene.moves(ALAN, 1_100, 1_000.0);
    scene.moves(ALAN, 1_200, 990.0);
    assert_eq!(scene.sent(1_200), []);
    scene.joins(GRACE_HOPPER, 1, None);
    scene.joins(ALAN, 1, None);
    assert_eq!(scene.sent(1_300), [(ALAN, 990)], "a position from before the response is private");

    let mut late = Scene { open: OpenEmergencies::default(), tracker: HelperTracker::default() };
    late.moves(GRACE_HOPPER, 2_000, 800.0);
    late.moves(ALAN, 9_000, 900.0);
    assert_eq!(late.sent(9_000), []);
    let emergency = testing::with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let emergency = testing::edited(emergency, |e| e.responses[0].estimated_arrival = Some(at(99)));
    late.open.restore(&emergency);
    late.open.mark_complete();
    late.tracker.recheck(&late.open, at(9));
    let told = late.tracker.take_due(&late.open, at(9));
    assert_eq!(
        (told.len(), told[0].approach.fix.user, told[0].approach.estimated_arrival),
        (1, id(GRACE_HOPPER), Some(at(99)))
    );
}

#[test]
fn ended_trips_and_old_fixes_are_forgotten() {
    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, None);
    scene.moves(GRACE_HOPPER, 0, 900.0);
    assert_eq!(scene.sent(0).len(), 1);
    scene.updates(GRACE_HOPPER, ResponseStatus::Completed, None);
    let mut somebody = 1_000;
    for second in 1..20 {
        for _ in 0..50 {
            somebody += 1;
            scene.moves(somebody, second * 1_000, 10.0);
        }
    }
    assert!(scene.tracker.tracks.is_empty());
    assert!(scene.tracker.recent.len() + scene.tracker.earlier.len() <= 250);
}

#[test]
fn a_helper_within_fifty_metres_has_arrived() {
    for (metres, arrived) in [(0.0, true), (49.9, true), (50.5, false), (5_000.0, false)] {
        let mut scene = Scene::new();
        scene.joins(GRACE_HOPPER, 0, None);
        scene.moves(GRACE_HOPPER, 1_000, metres);
        let [update] = <[TrackingUpdate; 1]>::try_from(scene.tracker.take_due(&scene.open, at(1))).unwrap();
        assert_eq!(
            (update.approach.arrived, update.approach.emergency, update.source),
            (arrived, id(EMERGENCY), FixSource::ThisNode),
            "{metres}"
        );
    }
}

#[test]
fn the_arrival_that_the_helper_states_wins_over_the_estimate() {
    let arrival = |scene: &mut Scene, millis, metres| {
        scene.moves(GRACE_HOPPER, millis, metres);
        scene.tracker.take_due(&scene.open, moment(millis))[0].approach.estimated_arrival
    };
    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, None);
    assert_eq!(arrival(&mut scene, 1_000, 1_400.0), Some(at(1_018)), "sets out, and walks");
    assert_eq!(arrival(&mut scene, 11_000, 1_390.0), Some(at(1_012)), "has not moved yet");
    assert_eq!(arrival(&mut scene, 21_000, 1_200.0), Some(at(201)), "ten metres a second");
    scene.updates(GRACE_HOPPER, ResponseStatus::OnWay, Some(500));
    assert_eq!(arrival(&mut scene, 23_000, 1_180.0), Some(at(500)));

    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, Some(77));
    assert_eq!(arrival(&mut scene, 1_000, 1_400.0), Some(at(77)));

    for (transport, expected) in [(Transport::Bike, 665), (Transport::Car, 486)] {
        let mut scene = Scene::new();
        scene.joins_by(transport, GRACE_HOPPER, 0, None);
        assert_eq!(arrival(&mut scene, 1_000, 1_390.0), Some(at(expected)), "{transport}");
        assert_eq!(arrival(&mut scene, 3_000, 900_000.0), None, "more than a day");
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_positions() {
    let mut scene = Scene::new();
    scene.joins(GRACE_HOPPER, 0, None);
    scene.moves(GRACE_HOPPER, 3_600_000, 900.0);
    assert_eq!(scene.sent(3_600_000).len(), 1);
    scene.moves(GRACE_HOPPER, 3_600_100, 800.0);
    assert_eq!(scene.sent(5_000), [(GRACE_HOPPER, 800)]);
}
