//! Trips of helpers, and the visibility of presence.

use ResponseStatus::{Arrived, Cancelled, Completed, OnWay};

use super::*;
use allynet_domain::testing::{
    ALAN, GRACE_HOPPER, OWNER, anonymous, edited, every_event, helper_card, person, resolved, with_responses,
};

/// A helper without a trip.
const NO_TRIP: Result<Option<Timestamp>, &str> = Err("no trip");

/// The arrival stated for the trip of this helper to the emergency.
fn stated(open: &OpenEmergencies, helper: u128) -> Result<Option<Timestamp>, &'static str> {
    let trip = open.trip_of(id(helper)).ok_or("no trip")?;
    assert_eq!((trip.emergency, trip.destination), (id(EMERGENCY), call().details.location.position));
    Ok(trip.stated_arrival)
}

/// Whether the presence of this user is visible in the emergency.
fn is_visible(open: &OpenEmergencies, user: u128) -> bool {
    let emergencies = open.presence_visible_in(id(user));
    assert!(emergencies.is_empty() || emergencies == [id(EMERGENCY)]);
    !emergencies.is_empty()
}

#[test]
fn an_emergency_is_reached_until_that_is_recorded_for_the_response() {
    let open = after([created()]);
    let place = call().details.location.position;
    let far = allynet_domain::Position::new(place.latitude() + 0.01, place.longitude()).unwrap();
    let reached = |position| open.reached_by(id(GRACE_HOPPER), position);
    assert_eq!(reached(place), None, "no response");
    open.apply(&logged(joined(helper_card(GRACE_HOPPER), None)));
    assert_eq!((reached(far), reached(place)), (None, Some(id(EMERGENCY))));
    open.record_near(id(EMERGENCY), id(GRACE_HOPPER));
    assert_eq!(reached(place), None);
    open.apply(&logged(updated(GRACE_HOPPER, Arrived, None)));
    assert_eq!(reached(place), None, "still known");
    open.apply(&logged(updated(GRACE_HOPPER, Cancelled, None)));
    open.apply(&logged(joined(helper_card(GRACE_HOPPER), None)));
    assert_eq!(reached(place), Some(id(EMERGENCY)), "another response");
    assert_eq!(open.reached_by(id(OWNER), place), None);

    // Known from the database, where it may be recorded.
    for came_near in [None, Some(false), Some(true)] {
        let emergency =
            edited(with_responses(&[(GRACE_HOPPER, OnWay)]), |e| e.responses[0].record.came_near = came_near);
        let open = OpenEmergencies::default();
        open.restore(&emergency);
        assert_eq!(open.reached_by(id(GRACE_HOPPER), place).is_some(), came_near != Some(true));
    }
}

#[test]
fn a_helper_is_on_their_way_from_the_response_until_they_arrive_or_it_ends() {
    for (events, expected) in [
        (vec![], NO_TRIP),
        (vec![joined(helper_card(GRACE_HOPPER), None)], Ok(None)),
        (vec![joined(helper_card(GRACE_HOPPER), Some(60))], Ok(Some(at(60)))),
        (vec![joined(helper_card(GRACE_HOPPER), Some(60)), updated(GRACE_HOPPER, OnWay, Some(70))], Ok(Some(at(70)))),
        (vec![joined(helper_card(GRACE_HOPPER), None), updated(GRACE_HOPPER, Arrived, None)], NO_TRIP),
        (vec![joined(helper_card(GRACE_HOPPER), None), updated(GRACE_HOPPER, Completed, None)], NO_TRIP),
        (vec![joined(helper_card(GRACE_HOPPER), None), updated(GRACE_HOPPER, Cancelled, None)], NO_TRIP),
        (
            vec![
                joined(helper_card(GRACE_HOPPER), None),
                updated(GRACE_HOPPER, Cancelled, None),
                joined(helper_card(GRACE_HOPPER), Some(9)),
            ],
            Ok(Some(at(9))),
        ),
        (
            vec![
                joined(helper_card(GRACE_HOPPER), None),
                joined(helper_card(ALAN), None),
                updated(ALAN, Arrived, None),
            ],
            Ok(None),
        ),
        (vec![joined(helper_card(GRACE_HOPPER), None), ended()], NO_TRIP),
        (vec![joined(helper_card(GRACE_HOPPER), None), ended(), updated(GRACE_HOPPER, OnWay, None)], NO_TRIP),
    ] {
        let shown = format!("{events:?}");
        let open = after([created()].into_iter().chain(events));
        assert_eq!(stated(&open, GRACE_HOPPER), expected, "{shown}");
    }
}

#[test]
fn the_presence_of_participants_is_visible_but_for_an_anonymous_owner() {
    let open = after([
        created(),
        joined(helper_card(GRACE_HOPPER), None),
        joined(helper_card(ALAN), None),
        updated(ALAN, Cancelled, None),
    ]);
    assert_eq!([OWNER, GRACE_HOPPER, ALAN].map(|user| is_visible(&open, user)), [true, true, false]);
    apply(&open, updated(GRACE_HOPPER, Completed, None));
    assert!(is_visible(&open, GRACE_HOPPER), "a helper who has completed is still a participant");
    apply(&open, ended());
    assert_eq!([OWNER, GRACE_HOPPER].map(|user| is_visible(&open, user)), [false, false]);

    let mut hidden = call();
    hidden.details.anonymous = true;
    let open = after([
        Event::EmergencyCreated { call: hidden, nearby_helpers: 0, hidden_from: vec![], announced: true },
        joined(helper_card(GRACE_HOPPER), None),
    ]);
    assert_eq!([OWNER, GRACE_HOPPER].map(|user| is_visible(&open, user)), [false, true]);
}

#[test]
fn the_presence_of_an_anonymous_owner_is_visible_where_they_help() {
    let open = OpenEmergencies::default();
    open.restore(&anonymous(with_responses(&[(GRACE_HOPPER, OnWay)])));
    let other = edited(with_responses(&[(OWNER, OnWay)]), |e| (e.call.id, e.call.owner) = (id(7), person(ALAN)));
    open.restore(&other);
    open.mark_complete();
    assert_eq!(open.presence_visible_in(id(OWNER)), [id(7)]);
    assert_eq!(open.trip_of(id(OWNER)).map(|trip| trip.emergency), Some(id(7)));
}

#[test]
fn a_response_that_was_read_counts_only_if_the_log_said_nothing_of_it() {
    let read = || with_responses(&[(GRACE_HOPPER, OnWay), (ALAN, Arrived)]);
    for (events, expected) in [
        (vec![], [true, false]),
        (vec![updated(GRACE_HOPPER, Arrived, None)], [false, false]),
        (vec![updated(GRACE_HOPPER, Cancelled, None), joined(helper_card(ALAN), None)], [false, true]),
        (vec![ended()], [false, false]),
        (vec![created(), ended()], [false, false]),
    ] {
        let shown = format!("{events:?}");
        let open = before_restoring(events);
        open.restore(&read());
        open.mark_complete();
        assert!(open.is_complete());
        assert_eq!([GRACE_HOPPER, ALAN].map(|helper| stated(&open, helper).is_ok()), expected, "{shown}");
    }
    let open = OpenEmergencies::default();
    open.restore(&resolved(read()));
    assert!(open.trip_of(id(GRACE_HOPPER)).is_none() && !is_visible(&open, OWNER));
}

#[test]
fn an_ended_emergency_leaves_nothing_in_memory() {
    let open = OpenEmergencies::default();
    apply(&open, updated(GRACE_HOPPER, OnWay, None));
    assert_eq!(open.trip_of(id(GRACE_HOPPER)), None, "the destination is unknown");
    open.mark_complete();
    apply(&open, joined(helper_card(ALAN), None));
    // Reopened after its end, it has to end again.
    for event in every_event().into_iter().chain([ended()]) {
        apply(&open, event);
    }
    let state = open.state.lock();
    assert!(state.open.is_empty() && state.by_participant.is_empty() && state.ended.is_empty(), "{state:?}");
}

/// The helpers that a block separates from this one, by which both questions are answered.
fn separated(open: &OpenEmergencies, helper: u128) -> Vec<UserId> {
    let found = open.separated_in(id(EMERGENCY), id(helper));
    assert_eq!(open.separated_anywhere(id(helper)), found);
    found
}

fn joined_apart(helper: u128, from: &[u128]) -> Event {
    let separated_from = from.iter().copied().map(id).collect();
    Event::HelperJoined {
        helper: helper_card(helper),
        joined_at: at(1),
        estimated_arrival: None,
        transport: Transport::Foot,
        separated_from,
    }
}

fn block(by: u128, user: u128) -> Event {
    Event::UserBlocked(BlockedPair { by: id(by), user: id(user) })
}

#[test]
fn a_block_separates_two_helpers_of_an_emergency_until_one_responds_anew_or_it_ends() {
    let both = || vec![created(), joined_apart(GRACE_HOPPER, &[]), joined_apart(ALAN, &[])];
    for (name, events, is_separated) in [
        ("no block", both(), false),
        ("from before", vec![created(), joined_apart(ALAN, &[]), joined_apart(GRACE_HOPPER, &[ALAN])], true),
        ("meanwhile", [both(), vec![block(ALAN, GRACE_HOPPER)]].concat(), true),
        ("against the owner", [both(), vec![block(ALAN, OWNER), block(OWNER, GRACE_HOPPER)]].concat(), false),
        ("of one who does not respond", vec![created(), joined_apart(ALAN, &[]), block(GRACE_HOPPER, ALAN)], false),
        (
            "that is over",
            vec![created(), joined_apart(ALAN, &[]), joined_apart(GRACE_HOPPER, &[ALAN]), joined_apart(ALAN, &[])],
            false,
        ),
        ("until the end", [both(), vec![block(ALAN, GRACE_HOPPER), ended()]].concat(), false),
    ] {
        let open = after(events);
        let expected = |other| if is_separated { vec![id(other)] } else { vec![] };
        let found = [separated(&open, GRACE_HOPPER), separated(&open, ALAN), separated(&open, OWNER)];
        assert_eq!(found, [expected(ALAN), expected(GRACE_HOPPER), vec![]], "{name}");
    }
}

#[test]
fn blocks_are_restored_with_their_emergency_and_those_of_meanwhile_are_not_lost() {
    let both = with_responses(&[(GRACE_HOPPER, OnWay), (ALAN, Arrived)]);
    let mut separating = both.clone();
    separating.record_blocks(id(ALAN), vec![id(GRACE_HOPPER)]);
    // The page was read before the block, whose event came before the page.
    for (events, read) in [(vec![], &separating), (vec![block(ALAN, GRACE_HOPPER)], &both)] {
        let open = before_restoring(events);
        open.restore(read);
        assert_eq!(separated(&open, GRACE_HOPPER), [id(ALAN)]);
        open.mark_complete();
        assert_eq!(separated(&open, ALAN), [id(GRACE_HOPPER)]);
    }
    let open = before_restoring([]);
    open.restore(&both);
    assert_eq!(separated(&open, ALAN), []);
}

#[test]
fn a_helper_who_completed_has_finished_when_that_no_longer_counts_as_help() {
    let completed = |counts_until: Option<i64>| {
        let mut event = updated(GRACE_HOPPER, ResponseStatus::Completed, None);
        if let Event::HelperStatusUpdated { counts_until: until, .. } = &mut event {
            *until = counts_until.map(at);
        }
        event
    };
    let open = after([created(), joined(helper_card(ALAN), None), joined(helper_card(GRACE_HOPPER), None)]);
    let finished = |seconds| open.finished_in(id(EMERGENCY), at(seconds));
    assert_eq!(finished(1_000), [], "while engaged");
    apply(&open, completed(Some(65)));
    assert_eq!((finished(64), finished(65)), (vec![], vec![id(GRACE_HOPPER)]));
    apply(&open, Event::AlertsRenewed);
    assert_eq!(finished(3), [id(GRACE_HOPPER)], "the owner has asked for more help");
    apply(&open, joined(helper_card(GRACE_HOPPER), None));
    assert_eq!(finished(1_000), []);
}

#[test]
fn a_helper_who_completed_has_finished_after_the_emergency_was_reopened() {
    let reopened = Event::EmergencyReopened {
        call: call(),
        status: EmergencyStatus::Responding,
        at: at(4),
        alerted: vec![],
        participants: vec![id(OWNER), id(GRACE_HOPPER), id(ALAN)],
        separated: vec![],
        hidden_from: vec![],
        announced: true,
    };
    let joined = [created(), joined(helper_card(GRACE_HOPPER), None), joined(helper_card(ALAN), None)];
    let over = [updated(GRACE_HOPPER, Completed, None), ended(), reopened, updated(ALAN, OnWay, None)];
    let open = after(joined.into_iter().chain(over));
    assert_eq!(open.finished_in(id(EMERGENCY), at(4)), [id(GRACE_HOPPER)]);
    assert_eq!([OWNER, GRACE_HOPPER, ALAN].map(|user| is_visible(&open, user)), [true; 3]);
    apply(&open, ended());
    assert_eq!(open.participants(), []);
}
