//! Which emergencies need which helper where.

use super::*;
use crate::PositionChange;
use allynet_domain::grid::helper_cell;
use allynet_domain::testing::{
    ALAN, GRACE_HOPPER, OWNER, STRANGER, active_emergency, every_event, helper_card, resolved, with_responses,
};

/// A position so far from the call, in degrees.
fn place(north: f64, east: f64) -> Position {
    let here = call().details.location.position;
    Position::new(here.latitude() + north, here.longitude() + east).unwrap()
}

/// Whether a helper about 1,100 m from the emergency should be alerted to it.
fn needs(open: &OpenEmergencies, helper: u128) -> bool {
    let found = open.unanswered_near(id(helper), place(0.01, 0.0));
    assert!(found.is_empty() || found == [id(EMERGENCY)]);
    !found.is_empty()
}

#[test]
fn a_helper_within_the_radius_of_the_last_wave_is_needed_until_alerted() {
    assert!(!OpenEmergencies::default().any_unanswered());
    let open = after([created()]);
    assert!(open.any_unanswered());
    assert!(!needs(&open, GRACE_HOPPER), "the first wave is committed with the call and sets the radius");
    let open = after([created(), wave(5_000.0, &[ALAN])]);
    assert!(needs(&open, GRACE_HOPPER));
    assert!(!needs(&open, ALAN), "alerted before");
    assert!(!needs(&open, OWNER));
    open.settle(id(EMERGENCY), id(GRACE_HOPPER));
    assert!(!needs(&open, GRACE_HOPPER));
    open.settle(id(404), id(GRACE_HOPPER));
}

#[test]
fn a_helper_who_stood_there_before_does_not_come_near() {
    let (inside, outside) = (place(0.01, 0.0), place(0.1, 0.0));
    let open = after([created(), wave(5_000.0, &[ALAN])]);
    let raised = call().created_at;
    let earlier = raised - chrono::TimeDelta::microseconds(1);
    for (helper, before, now, stored_at, expected) in [
        (GRACE_HOPPER, None, inside, raised, true),
        (GRACE_HOPPER, Some(outside), inside, raised, true),
        (GRACE_HOPPER, Some(inside), inside, at(9), false),
        (GRACE_HOPPER, Some(inside), outside, at(9), false),
        (GRACE_HOPPER, None, outside, at(9), false),
        // Counted when the emergency was raised.
        (GRACE_HOPPER, None, inside, earlier, false),
        (ALAN, Some(outside), inside, at(9), false),
    ] {
        let change = PositionChange { user: id(helper), before, now, stored_at };
        assert_eq!(open.is_approached(&change), expected, "{change:?}");
    }
}

#[test]
fn the_radius_is_that_of_the_last_wave_and_exact_for_cells() {
    let is_near = |radius: f64, place: Position| {
        !after([created(), wave(1.0, &[]), wave(radius, &[])]).unanswered_near(id(GRACE_HOPPER), place).is_empty()
    };
    for place in [place(0.03, 0.0), place(-0.03, 0.0), place(0.0, 0.05), place(0.0, -0.05), place(0.02, 0.03)] {
        let distance = helper_cell(place).distance_to(call().details.location.position).get();
        assert!(is_near(distance, place));
        assert!(!is_near(distance - 0.001, place));
    }
}

#[test]
fn an_anonymous_emergency_is_judged_from_its_cell() {
    let mut anonymous = call();
    anonymous.details.anonymous = true;
    let (judged, place) = (PlacePolicy::default().grid.fine(anonymous.details.location.position), place(0.03, 0.01));
    let distance = helper_cell(place).distance_to(judged).get();
    for (radius, is_near) in [(distance, true), (distance - 0.001, false)] {
        let (status, radius) = (EmergencyStatus::Active, Metres::new(radius));
        let wave = Event::HelpersAlerted {
            call: anonymous.clone(),
            status,
            wave: 1,
            radius,
            recipients: vec![],
            decision: None,
        };
        assert_eq!(!after([wave]).unanswered_near(id(GRACE_HOPPER), place).is_empty(), is_near);
    }
}

#[test]
fn a_helper_who_answered_is_needed_no_more() {
    let cancelled = updated(GRACE_HOPPER, ResponseStatus::Cancelled, None);
    for event in [joined(helper_card(GRACE_HOPPER), None), Event::AlertDeclined { helper: id(GRACE_HOPPER) }, cancelled]
    {
        let open = after([created(), wave(5_000.0, &[]), event.clone(), status(EmergencyStatus::Active)]);
        assert!(!needs(&open, GRACE_HOPPER), "{event:?}");
        assert!(needs(&open, ALAN), "{event:?}");
    }
}

#[test]
fn no_other_helper_is_needed_while_one_responds() {
    use EmergencyStatus::{Active, Responding};
    let open = after([created(), wave(5_000.0, &[]), joined(helper_card(ALAN), None), status(Responding)]);
    assert!(!open.any_unanswered() && !needs(&open, GRACE_HOPPER));
    apply(&open, updated(ALAN, ResponseStatus::Cancelled, None));
    apply(&open, status(Active));
    assert!(open.any_unanswered() && needs(&open, GRACE_HOPPER));
    assert!(!needs(&open, ALAN));
    apply(&open, Event::Unanswered { owner: id(OWNER), alerted: 0 });
    assert!(needs(&open, GRACE_HOPPER), "it is unanswered after the last wave, too");
    apply(&open, ended());
    assert!(!open.any_unanswered() && !needs(&open, GRACE_HOPPER));
}

#[test]
fn a_restored_emergency_needs_helpers_by_its_status() {
    for (emergency, is_unanswered) in [
        (active_emergency(), true),
        (with_responses(&[(ALAN, ResponseStatus::Cancelled)]), true),
        (with_responses(&[(ALAN, ResponseStatus::OnWay)]), false),
        (resolved(active_emergency()), false),
    ] {
        let open = OpenEmergencies::default();
        open.restore(&emergency);
        assert_eq!(
            (open.any_unanswered(), needs(&open, GRACE_HOPPER)),
            (is_unanswered, is_unanswered),
            "{:?}",
            emergency.status()
        );
        assert!(!needs(&open, ALAN) || emergency.responses().is_empty());
        assert!(!needs(&open, OWNER));
    }
}

#[test]
fn the_log_outranks_the_read() {
    let open = before_restoring([created(), wave(10_000.0, &[GRACE_HOPPER])]);
    open.restore(&active_emergency());
    assert!(!needs(&open, GRACE_HOPPER));
    assert!(!open.unanswered_near(id(ALAN), place(0.08, 0.0)).is_empty(), "within 10 km, not within 5");
}

#[test]
fn a_wave_makes_an_older_emergency_known_before_the_read() {
    let open = before_restoring([wave(10_000.0, &[GRACE_HOPPER])]);
    assert!(needs(&open, ALAN) && !needs(&open, GRACE_HOPPER));
    open.restore(&with_responses(&[(ALAN, ResponseStatus::OnWay)]));
    assert!(needs(&open, STRANGER), "it was unanswered when the wave was sent, whatever the older read says");
    assert!(!needs(&open, ALAN) && !needs(&open, GRACE_HOPPER));
}

#[test]
fn an_emergency_that_ended_during_the_read_needs_no_helper() {
    let open = before_restoring([wave(10_000.0, &[]), ended()]);
    open.restore(&active_emergency());
    assert!(!open.any_unanswered() && !needs(&open, GRACE_HOPPER));
}

#[test]
fn events_of_unknown_emergencies_change_nothing() {
    let makes_known = |e: &Event| {
        matches!(e, Event::EmergencyCreated { .. } | Event::HelpersAlerted { .. } | Event::EmergencyReopened { .. })
    };
    assert!(!after(every_event().into_iter().filter(|e| !makes_known(e))).any_unanswered());
    let of_no_emergency = LoggedEvent { emergency: None, ..logged(created()) };
    let open = OpenEmergencies::default();
    open.apply(&of_no_emergency);
    assert!(!open.any_unanswered());
}

#[test]
fn helpers_are_needed_while_the_owner_asks_for_more_help_although_one_comes() {
    let renewed = [
        created(),
        wave(5_000.0, &[]),
        joined(helper_card(ALAN), None),
        status(EmergencyStatus::Responding),
        Event::AlertsRenewed,
    ];
    let open = after(renewed);
    assert!(needs(&open, GRACE_HOPPER));
    apply(&open, joined(helper_card(STRANGER), None));
    assert!(!needs(&open, GRACE_HOPPER), "another accepts");

    let wave = |wave, radius| {
        let (status, radius) = (EmergencyStatus::Responding, Metres::new(radius));
        apply(&open, Event::HelpersAlerted { call: call(), status, wave, radius, recipients: vec![], decision: None });
    };
    wave(1, 5_000.0);
    assert!(!needs(&open, GRACE_HOPPER), "an alert that was held back");
    wave(2, 5_000.0);
    assert!(needs(&open, GRACE_HOPPER), "the search was renewed");
}

#[test]
fn a_helper_who_is_available_again_counts_as_not_yet_alerted_unless_they_declined() {
    let elsewhere = |event| LoggedEvent { emergency: Some(id(404)), at: at(7), ..logged(event) };
    let participants = vec![id(GRACE_HOPPER)];
    let (alerted, hidden_from) = (vec![], vec![]);
    let over = Event::EmergencyEnded {
        status: EmergencyStatus::Resolved,
        at: at(3),
        alerted,
        participants,
        hidden_from,
        announced: true,
        critical: false,
    };
    for freed in [
        updated(GRACE_HOPPER, ResponseStatus::Completed, None),
        updated(GRACE_HOPPER, ResponseStatus::Cancelled, None),
        over,
    ] {
        let open = after([created(), wave(5_000.0, &[GRACE_HOPPER, ALAN])]);
        assert_eq!(open.freed_at(id(GRACE_HOPPER)), None);
        open.apply(&elsewhere(updated(GRACE_HOPPER, ResponseStatus::Arrived, None)));
        assert!(!needs(&open, GRACE_HOPPER));
        open.apply(&elsewhere(freed.clone()));
        assert!(needs(&open, GRACE_HOPPER), "{freed:?}");
        assert_eq!(open.freed_at(id(GRACE_HOPPER)), Some(at(7)));
        assert!(!needs(&open, ALAN));
        apply(&open, Event::AlertDeclined { helper: id(GRACE_HOPPER) });
        open.apply(&elsewhere(freed));
        assert!(!needs(&open, GRACE_HOPPER));
    }
}

#[test]
fn a_helper_who_completed_is_needed_again_when_that_no_longer_counts_as_help() {
    let open = after([created(), wave(5_000.0, &[GRACE_HOPPER]), joined(helper_card(GRACE_HOPPER), None)]);
    apply(&open, status(EmergencyStatus::Responding));
    apply(&open, updated(GRACE_HOPPER, ResponseStatus::Completed, None));
    assert!(!needs(&open, GRACE_HOPPER));
    apply(&open, status(EmergencyStatus::Active));
    assert!(needs(&open, GRACE_HOPPER));
}

#[test]
fn an_end_makes_no_helper_available_again_who_had_completed_before() {
    let elsewhere = |event, seconds| LoggedEvent { emergency: Some(id(404)), at: at(seconds), ..logged(event) };
    let mut over = ended();
    if let Event::EmergencyEnded { participants, .. } = &mut over {
        participants.extend([OWNER, GRACE_HOPPER, ALAN].map(id::<UserId>));
    }
    let open = after([created()]);
    let other = Call { id: id(404), ..call() };
    open.apply(&elsewhere(
        Event::EmergencyCreated { call: other, nearby_helpers: 0, hidden_from: vec![], announced: true },
        0,
    ));
    for helper in [GRACE_HOPPER, ALAN] {
        open.apply(&elsewhere(joined(helper_card(helper), None), 1));
    }
    open.apply(&elsewhere(updated(GRACE_HOPPER, ResponseStatus::Completed, None), 5));
    apply(&open, wave(5_000.0, &[GRACE_HOPPER, ALAN]));
    open.apply(&elsewhere(over, 9));
    assert_eq!([OWNER, GRACE_HOPPER, ALAN].map(|user| open.freed_at(id(user))), [9, 5, 9].map(|s| Some(at(s))));
    assert_eq!([GRACE_HOPPER, ALAN].map(|helper| needs(&open, helper)), [false, true]);
}

#[test]
fn decisions_by_gain_look_within_the_largest_radius_and_at_each_emergency_once_in_five_seconds() {
    let open = OpenEmergencies::new(PlacePolicy::default(), Some(Metres::new(15_000.0)));
    open.mark_complete();
    for event in [created(), wave(5_000.0, &[ALAN])] {
        apply(&open, event);
    }
    let far = place(0.1, 0.0);
    let near = |helper: u128| open.unanswered_near(id(helper), far).len();
    assert_eq!((near(GRACE_HOPPER), near(ALAN), near(OWNER)), (1, 0, 0), "11 km away");
    assert!(open.unanswered_near(id(GRACE_HOPPER), place(0.14, 0.0)).is_empty());

    let approached = |second| {
        let change = PositionChange { user: id(GRACE_HOPPER), before: Some(far), now: far, stored_at: at(second) };
        open.is_approached(&change)
    };
    let take = |helper: u128, second| open.take_unanswered_near(id(helper), far, at(second)).len();
    assert!(approached(9), "each position within reach may lead to a decision");
    assert_eq!((take(GRACE_HOPPER, 10), take(STRANGER, 14), approached(14)), (1, 0, false));
    open.apply(&LoggedEvent { emergency: Some(id(404)), ..logged(updated(STRANGER, ResponseStatus::Cancelled, None)) });
    assert_eq!(take(STRANGER, 14), 1, "available again");
    assert_eq!((approached(19), take(GRACE_HOPPER, 19)), (true, 1));
    let after_waves = after([created(), wave(15_000.0, &[])]);
    let take = |second| after_waves.take_unanswered_near(id(GRACE_HOPPER), far, at(second)).len();
    assert_eq!((take(10), take(11)), (1, 1));
}
