//! Who should hear of what, after any of the log.

use allynet_domain::{EventId, HelperCard};

use super::*;
use crate::given::{
    ALAN, EMERGENCY, GRACE, OWNER, at, call, card, emergency, every_event, id, recipient, resolved, with_responses,
};

fn logged(event: Event) -> LoggedEvent {
    LoggedEvent { id: EventId::new(1), at: at(0), emergency: Some(id(EMERGENCY)), actor: None, event }
}

/// After these events.
fn after(events: impl IntoIterator<Item = Event>) -> Unanswered {
    let unanswered = Unanswered::default();
    for event in events {
        unanswered.observe(&logged(event));
    }
    unanswered
}

fn created() -> Event {
    Event::EmergencyCreated { call: call(), nearby_helpers: 0 }
}

fn wave(radius: f64, recipients: &[u128]) -> Event {
    let recipients = recipients.iter().map(|&n| recipient(n, 10.0)).collect();
    let (status, radius) = (EmergencyStatus::Active, Metres::new(radius));
    Event::HelpersAlerted { call: call(), status, wave: 1, radius, recipients }
}

fn status(status: EmergencyStatus) -> Event {
    Event::StatusChanged { status, updated_at: at(1) }
}

fn joined(helper: HelperCard) -> Event {
    Event::HelperJoined { helper, joined_at: at(1), estimated_arrival: None }
}

fn told(helper: u128, status: ResponseStatus) -> Event {
    Event::HelperStatusUpdated { helper: id(helper), status, notes: None, estimated_arrival: None, updated_at: at(1) }
}

fn ended() -> Event {
    let (status, alerted) = (EmergencyStatus::Resolved, vec![]);
    Event::EmergencyEnded { status, at: at(1), alerted, participants: vec![] }
}

/// So far from the call, in degrees.
fn place(north: f64, east: f64) -> Position {
    let here = call().details.location.position;
    Position::new(here.latitude() + north, here.longitude() + east).unwrap()
}

fn concerns(unanswered: &Unanswered, helper: u128) -> bool {
    let near = unanswered.near(id(helper), place(0.01, 0.0));
    assert!(near.is_empty() || near == [id(EMERGENCY)]);
    !near.is_empty()
}

#[test]
fn a_helper_within_the_radius_of_the_last_wave_is_concerned_until_alerted() {
    assert!(Unanswered::default().is_empty());
    let unanswered = after([created()]);
    assert!(!unanswered.is_empty());
    assert!(!concerns(&unanswered, GRACE), "the first wave comes with the call, and says how far is looked");
    let unanswered = after([created(), wave(5_000.0, &[ALAN])]);
    assert!(concerns(&unanswered, GRACE));
    assert!(!concerns(&unanswered, ALAN), "alerted before");
    assert!(!concerns(&unanswered, OWNER));
    unanswered.settle(id(EMERGENCY), id(GRACE));
    assert!(!concerns(&unanswered, GRACE));
    unanswered.settle(id(404), id(GRACE));
}

#[test]
fn who_stood_there_before_does_not_come_near() {
    let (inside, outside) = (place(0.01, 0.0), place(0.1, 0.0));
    let unanswered = after([created(), wave(5_000.0, &[ALAN])]);
    let raised = call().created_at;
    let earlier = raised - chrono::TimeDelta::microseconds(1);
    for (helper, before, now, stored, expected) in [
        (GRACE, None, inside, raised, true),
        (GRACE, Some(outside), inside, raised, true),
        (GRACE, Some(inside), inside, at(9), false),
        (GRACE, Some(inside), outside, at(9), false),
        (GRACE, None, outside, at(9), false),
        // Counted when it was raised.
        (GRACE, None, inside, earlier, false),
        (ALAN, Some(outside), inside, at(9), false),
    ] {
        let approached = unanswered.is_approached(id(helper), before, now, stored);
        assert_eq!(approached, expected, "{helper} from {before:?} to {now:?} at {stored}");
    }
}

#[test]
fn the_radius_is_that_of_the_last_wave_and_exact() {
    let near = |radius: f64, place: Position| {
        !after([created(), wave(1.0, &[]), wave(radius, &[])]).near(id(GRACE), place).is_empty()
    };
    for place in [place(0.03, 0.0), place(-0.03, 0.0), place(0.0, 0.05), place(0.0, -0.05), place(0.02, 0.03)] {
        let distance = place.distance_to(call().details.location.position).get();
        assert!(near(distance, place));
        assert!(!near(distance - 0.001, place));
    }
}

#[test]
fn whoever_answered_is_concerned_no_more() {
    for event in
        [joined(card(GRACE)), Event::AlertDeclined { helper: id(GRACE) }, told(GRACE, ResponseStatus::Cancelled)]
    {
        let unanswered = after([created(), wave(5_000.0, &[]), event.clone()]);
        assert!(!concerns(&unanswered, GRACE), "{event:?}");
        assert!(concerns(&unanswered, ALAN), "{event:?}");
    }
}

#[test]
fn nobody_is_concerned_while_somebody_responds() {
    use EmergencyStatus::{Active, Responding};
    let unanswered = after([created(), wave(5_000.0, &[]), joined(card(ALAN)), status(Responding)]);
    assert!(unanswered.is_empty() && !concerns(&unanswered, GRACE));
    unanswered.observe(&logged(told(ALAN, ResponseStatus::Cancelled)));
    unanswered.observe(&logged(status(Active)));
    assert!(!unanswered.is_empty() && concerns(&unanswered, GRACE));
    assert!(!concerns(&unanswered, ALAN));
    unanswered.observe(&logged(Event::Unanswered { owner: id(OWNER), alerted: 0 }));
    assert!(concerns(&unanswered, GRACE), "also after the last wave: it is still unanswered");
    unanswered.observe(&logged(ended()));
    assert!(unanswered.is_empty() && !concerns(&unanswered, GRACE));
}

#[test]
fn what_was_live_before_is_remembered_as_it_stands() {
    for (emergency, waits) in [
        (emergency(), true),
        (with_responses(&[(ALAN, ResponseStatus::Cancelled)]), true),
        (with_responses(&[(ALAN, ResponseStatus::OnWay)]), false),
        (resolved(emergency()), false),
    ] {
        let unanswered = Unanswered::default();
        unanswered.remember(&emergency);
        assert_eq!((unanswered.is_empty(), concerns(&unanswered, GRACE)), (!waits, waits), "{:?}", emergency.status);
        assert!(!concerns(&unanswered, ALAN) || emergency.responses.is_empty());
        assert!(!concerns(&unanswered, OWNER));
    }
}

#[test]
fn what_the_log_told_is_newer_than_what_is_remembered() {
    let unanswered = after([created(), wave(10_000.0, &[GRACE])]);
    unanswered.remember(&emergency());
    assert!(!concerns(&unanswered, GRACE));
    assert!(!unanswered.near(id(ALAN), place(0.08, 0.0)).is_empty(), "within 10 km, not within 5");
    // Of one that is older than this node, a wave tells enough.
    let unanswered = after([wave(10_000.0, &[GRACE])]);
    unanswered.remember(&with_responses(&[(ALAN, ResponseStatus::OnWay)]));
    assert!(concerns(&unanswered, ALAN) && !concerns(&unanswered, GRACE));
}

#[test]
fn events_of_emergencies_that_are_not_known_change_nothing() {
    let known = |e: &Event| matches!(e, Event::EmergencyCreated { .. } | Event::HelpersAlerted { .. });
    assert!(after(every_event().into_iter().filter(|e| !known(e))).is_empty());
    let of_no_emergency = LoggedEvent { emergency: None, ..logged(created()) };
    let unanswered = Unanswered::default();
    unanswered.observe(&of_no_emergency);
    assert!(unanswered.is_empty());
}
