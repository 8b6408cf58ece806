//! Who is on their way and who takes part, after any of the log and whatever was read besides.

use allynet_domain::{EmergencyStatus, EventId};

use super::*;
use crate::given::{
    ALAN, EMERGENCY, GRACE, OWNER, anonymous, at, call, card, every_event, id, resolved, with_responses,
};
use ResponseStatus::{Arrived, Cancelled, Completed, OnWay};

fn observe(live: &LiveEmergencies, event: Event) {
    live.observe(&LoggedEvent { id: EventId::new(1), at: at(0), emergency: Some(id(EMERGENCY)), actor: None, event });
}

fn created() -> Event {
    Event::EmergencyCreated { call: call(), nearby_helpers: 0 }
}

fn joined(helper: u128, stated: Option<i64>) -> Event {
    Event::HelperJoined { helper: card(helper), joined_at: at(1), estimated_arrival: stated.map(at) }
}

fn told(helper: u128, status: ResponseStatus, stated: Option<i64>) -> Event {
    let (helper, estimated_arrival) = (id(helper), stated.map(at));
    Event::HelperStatusUpdated { helper, status, notes: None, estimated_arrival, updated_at: at(2) }
}

fn ended() -> Event {
    let (status, alerted) = (EmergencyStatus::Resolved, vec![]);
    Event::EmergencyEnded { status, at: at(3), alerted, participants: vec![] }
}

fn after(events: impl IntoIterator<Item = Event>) -> LiveEmergencies {
    let live = LiveEmergencies::default();
    live.complete();
    for event in events {
        observe(&live, event);
    }
    live
}

const NO_WAY: Result<Option<Timestamp>, &str> = Err("on no way");

fn stated(live: &LiveEmergencies, helper: u128) -> Result<Option<Timestamp>, &'static str> {
    let trip = live.trip_of(id(helper)).ok_or("on no way")?;
    assert_eq!((trip.emergency, trip.destination), (id(EMERGENCY), call().details.location.position));
    Ok(trip.stated)
}

fn is_known(live: &LiveEmergencies, user: u128) -> bool {
    let emergencies = live.known_in(id(user));
    assert!(emergencies.is_empty() || emergencies == [id(EMERGENCY)]);
    !emergencies.is_empty()
}

#[test]
fn a_helper_is_on_their_way_from_the_response_until_they_arrive_or_it_ends() {
    for (events, expected) in [
        (vec![], NO_WAY),
        (vec![joined(GRACE, None)], Ok(None)),
        (vec![joined(GRACE, Some(60))], Ok(Some(at(60)))),
        (vec![joined(GRACE, Some(60)), told(GRACE, OnWay, Some(70))], Ok(Some(at(70)))),
        (vec![joined(GRACE, None), told(GRACE, Arrived, None)], NO_WAY),
        (vec![joined(GRACE, None), told(GRACE, Completed, None)], NO_WAY),
        (vec![joined(GRACE, None), told(GRACE, Cancelled, None)], NO_WAY),
        (vec![joined(GRACE, None), told(GRACE, Cancelled, None), joined(GRACE, Some(9))], Ok(Some(at(9)))),
        (vec![joined(GRACE, None), joined(ALAN, None), told(ALAN, Arrived, None)], Ok(None)),
        (vec![joined(GRACE, None), ended()], NO_WAY),
        (vec![joined(GRACE, None), ended(), told(GRACE, OnWay, None)], NO_WAY),
    ] {
        let shown = format!("{events:?}");
        let live = after([created()].into_iter().chain(events));
        assert_eq!(stated(&live, GRACE), expected, "{shown}");
    }
}

#[test]
fn everybody_who_takes_part_is_known_but_for_an_anonymous_owner() {
    let live = after([created(), joined(GRACE, None), joined(ALAN, None), told(ALAN, Cancelled, None)]);
    assert_eq!([OWNER, GRACE, ALAN].map(|user| is_known(&live, user)), [true, true, false]);
    observe(&live, told(GRACE, Completed, None));
    assert!(is_known(&live, GRACE), "who has completed takes part still");
    observe(&live, ended());
    assert_eq!([OWNER, GRACE].map(|user| is_known(&live, user)), [false, false]);

    let mut hidden = call();
    hidden.details.anonymous = true;
    let live = after([Event::EmergencyCreated { call: hidden, nearby_helpers: 0 }, joined(GRACE, None)]);
    assert_eq!([OWNER, GRACE].map(|user| is_known(&live, user)), [false, true]);
}

#[test]
fn an_anonymous_owner_who_helps_elsewhere_is_known_there() {
    let live = LiveEmergencies::default();
    live.remember(&anonymous(with_responses(&[(GRACE, OnWay)])));
    let mut other = with_responses(&[(OWNER, OnWay)]);
    (other.call.id, other.call.owner) = (id(7), card(ALAN).person);
    live.remember(&other);
    live.complete();
    assert_eq!(live.known_in(id(OWNER)), [id(7)]);
    assert_eq!(live.trip_of(id(OWNER)).map(|trip| trip.emergency), Some(id(7)));
}

#[test]
fn what_was_read_counts_only_where_the_log_told_nothing() {
    let read = || with_responses(&[(GRACE, OnWay), (ALAN, Arrived)]);
    for (events, expected) in [
        (vec![], [true, false]),
        (vec![told(GRACE, Arrived, None)], [false, false]),
        (vec![told(GRACE, Cancelled, None), joined(ALAN, None)], [false, true]),
        (vec![ended()], [false, false]),
        (vec![created(), ended()], [false, false]),
    ] {
        let (live, shown) = (LiveEmergencies::default(), format!("{events:?}"));
        for event in events {
            observe(&live, event);
        }
        live.remember(&read());
        live.complete();
        assert!(live.is_complete());
        assert_eq!([GRACE, ALAN].map(|helper| stated(&live, helper).is_ok()), expected, "{shown}");
    }
    let live = LiveEmergencies::default();
    live.remember(&resolved(read()));
    assert!(live.trip_of(id(GRACE)).is_none() && !is_known(&live, OWNER));
}

#[test]
fn nothing_stays_of_what_is_over() {
    let live = LiveEmergencies::default();
    observe(&live, told(GRACE, OnWay, None));
    assert_eq!(live.trip_of(id(GRACE)), None, "nobody knows where to");
    live.complete();
    observe(&live, joined(ALAN, None));
    for event in every_event() {
        observe(&live, event);
    }
    let state = live.state();
    assert!(state.live.is_empty() && state.parts.is_empty() && state.ended.is_empty(), "{state:?}");
}
