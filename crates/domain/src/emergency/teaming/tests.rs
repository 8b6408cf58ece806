use proptest::prelude::*;

use super::*;
use crate::{
    ResourceDetails, ResourceSource, ResponseStatus,
    dispatch::{RoleReason, TeamRole::*},
    testing::{COMPLETION_HOLD, REACCEPT_PAUSE, active_emergency, at, edited, helper_card, id, text},
};

/// Metres to the north, in degrees.
fn north(metres: f64) -> Position {
    let place = active_emergency().call().details.location.position;
    Position::new(place.latitude() + metres / 111_200.0, place.longitude()).unwrap()
}

fn aed(number: u128, metres: f64, hours: Option<&str>) -> Resource {
    Resource {
        id: id(number),
        details: ResourceDetails {
            kind: ResourceKind::Aed,
            position: north(metres),
            address: None,
            access: ResourceAccess::Public,
            opening_hours: hours.map(text),
            indoor: None,
            level: None,
            description: None,
            phone: None,
        },
        status: ResourceStatus::Available,
        checked_at: None,
        source: ResourceSource::Osm,
        created_at: at(0),
    }
}

/// The emergency, accepted by helpers 2, 3 and so on, this many metres away; each gets a role at once.
fn accepted(metres: &[f64], boxes: &[Resource]) -> Emergency {
    let mut emergency = active_emergency();
    for (number, metres) in (2..).zip(metres) {
        join(&mut emergency, number, *metres, 10);
        assign(&mut emergency, boxes, 10);
    }
    emergency
}

fn join(emergency: &mut Emergency, number: u128, metres: f64, second: i64) {
    emergency.accept(helper_card(number), None, REACCEPT_PAUSE, at(second)).unwrap();
    *emergency = edited(emergency.clone(), |e| {
        let response = e.responses.iter_mut().find(|r| r.helper.person.id == id(number)).unwrap();
        response.last_fix = Some((north(metres), at(second)));
    });
}

fn assign(emergency: &mut Emergency, boxes: &[Resource], second: i64) -> TeamUpdate {
    emergency.assign_team(&TravelModel::default(), boxes, at(second))
}

fn report(emergency: &mut Emergency, number: u128, status: ResponseStatus, state: Option<ResourceState>, second: i64) {
    let update = crate::ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: state };
    emergency.update_response(id(number), update, COMPLETION_HOLD, at(second)).unwrap();
}

/// Lets the response of a helper stall.
fn stall(emergency: &mut Emergency, number: u128, second: i64) {
    *emergency = edited(emergency.clone(), |e| {
        let response = e.responses.iter_mut().find(|r| r.helper.person.id == id(number)).unwrap();
        response.record.dispatch.stalled_at = Some(at(second));
    });
}

fn roles(emergency: &Emergency) -> Vec<Option<TeamRole>> {
    emergency.responses().iter().map(|response| response.assignment().map(|held| held.role)).collect()
}

fn box_of(emergency: &Emergency, number: u128) -> Option<ResourceId> {
    emergency.response(id(number)).unwrap().assignment()?.resource
}

#[test]
fn each_has_one_role_and_one_brings_the_box() {
    let emergency = accepted(&[300.0, 310.0, 320.0, 330.0, 340.0], &[aed(77, 400.0, Some("24/7"))]);
    let held = roles(&emergency);
    assert_eq!(held.iter().filter(|role| **role == Some(Aed)).count(), 1, "{held:?}");
    assert_eq!(held.iter().filter(|role| **role == Some(Patient)).count(), 2, "{held:?}");
    assert_eq!(held.iter().filter(|role| **role == Some(Guide)).count(), 1, "{held:?}");
    assert_eq!(held.iter().filter(|role| **role == Some(Standby)).count(), 1, "{held:?}");
    let bringer = emergency.responses().iter().find(|r| r.assignment().unwrap().role == Aed).unwrap();
    assert_eq!(bringer.assignment().unwrap().resource, Some(id(77)));
    let others = emergency.responses().iter().filter(|r| r.helper.person.id != bringer.helper.person.id);
    assert!(others.into_iter().all(|r| r.assignment().unwrap().resource.is_none()));
}

#[test]
fn when_who_brings_the_box_cancels_the_next_one_does() {
    let boxes = [aed(77, 400.0, Some("24/7"))];
    let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
    let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
    report(&mut emergency, bringer, ResponseStatus::Cancelled, None, 20);
    let update = assign(&mut emergency, &boxes, 20);
    let next = update.roles.iter().find(|change| change.assignment.role == Aed).unwrap();
    assert_eq!((next.reason, next.assignment.resource), (RoleReason::Vacated, Some(id(77))));
    assert!(update.released == [id(bringer)] && update.concerns(id(bringer)) && update.concerns(next.helper));
    assert_eq!(assign(&mut emergency, &boxes, 20), TeamUpdate::default(), "nothing is left to change");
}

#[test]
fn at_night_an_open_box_beats_a_closed_one_and_those_of_unknown_hours() {
    // It is 3 o'clock in the zone.
    let travel = TravelModel { zone: Some("America/Los_Angeles".parse().unwrap()), ..TravelModel::default() };
    let night = "2026-01-15T11:00:00Z".parse().unwrap();
    let private = Resource {
        details: ResourceDetails { access: ResourceAccess::Private, ..aed(70, 50.0, Some("24/7")).details },
        ..aed(70, 50.0, None)
    };
    let missing = Resource { status: ResourceStatus::Missing, ..aed(71, 50.0, Some("24/7")) };
    let boxes =
        [private, missing, aed(72, 100.0, Some("08:00-20:00")), aed(73, 150.0, None), aed(74, 400.0, Some("24/7"))];
    let mut emergency = active_emergency();
    for (number, metres) in [(2, 300.0), (3, 500.0)] {
        join(&mut emergency, number, metres, 10);
    }
    emergency.assign_team(&travel, &boxes, night);
    let brought: Vec<_> = emergency.assigned_boxes().collect();
    assert_eq!(brought, [id(74)]);
    // By day the nearest one, although its hours are not known, if it is not closed.
    let mut emergency = accepted(&[300.0, 500.0], &[aed(73, 150.0, None)]);
    assign(&mut emergency, &[aed(73, 150.0, None)], 10);
    assert_eq!(emergency.assigned_boxes().collect::<Vec<_>>(), [id(73)]);
}

#[test]
fn no_other_helper_is_sent_to_a_box_that_is_missing_or_was_taken_along() {
    use ResourceState::{Collected, Missing};
    let boxes = [aed(77, 400.0, Some("24/7"))];
    for (state, then) in [(Missing, ResponseStatus::OnWay), (Collected, ResponseStatus::Cancelled)] {
        let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
        let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
        report(&mut emergency, bringer, ResponseStatus::OnWay, Some(state), 20);
        let update = assign(&mut emergency, &boxes, 20);
        if state == Missing {
            assert!(update.roles.iter().any(|change| change.helper == id(bringer)), "{update:?}");
        }
        report(&mut emergency, bringer, then, None, 40);
        assign(&mut emergency, &boxes, 40);
        assert_eq!(emergency.assigned_boxes().count(), 0, "{state}");
        let another = [boxes[0].clone(), aed(78, 450.0, Some("24/7"))];
        assign(&mut emergency, &another, 50);
        assert_eq!(emergency.assigned_boxes().collect::<Vec<_>>(), [id(78)], "{state}");
    }
}

#[test]
fn once_a_box_is_there_no_other_is_fetched() {
    let boxes = [aed(77, 400.0, Some("24/7")), aed(78, 410.0, Some("24/7"))];
    let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
    let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
    report(&mut emergency, bringer, ResponseStatus::Arrived, Some(ResourceState::Delivered), 20);
    assert!(!emergency.needs_box());
    assign(&mut emergency, &[], 20);
    report(&mut emergency, bringer, ResponseStatus::Cancelled, None, 30);
    assign(&mut emergency, &boxes, 30);
    assert_eq!(emergency.assigned_boxes().count(), 0);
}

#[test]
fn a_box_is_taken_where_it_is_and_delivered_at_the_emergency() {
    use ResourceState::{Collected, Delivered, Missing};
    let boxes = [aed(77, 900.0, Some("24/7"))];
    let emergency = accepted(&[300.0, 900.0], &boxes);
    assert_eq!(box_of(&emergency, 3), Some(id(77)));
    let check = |emergency: &Emergency, number, state| {
        let checked = emergency.check_box_report(id(number), state, Some(north(900.0)), at(130));
        assert!(checked.is_ok() || checked == Err(Refusal::SeenElsewhere { state }));
        checked.is_ok()
    };
    for (fix, taken, delivered) in [
        (Some((1_140.0, 20)), true, false),
        (Some((1_160.0, 20)), false, false),
        (Some((640.0, 20)), false, false),
        (Some((490.0, 20)), true, true),
        // Not one from long before, after which they may have come there.
        (Some((5_000.0, 10)), false, false),
        (Some((5_000.0, 9)), true, true),
        (None, true, true),
    ] {
        let emergency = edited(emergency.clone(), |e| {
            e.responses[1].last_fix = fix.map(|(metres, second)| (north(metres), at(second)));
        });
        let believed = [Collected, Delivered].map(|state| check(&emergency, 3, state));
        assert_eq!(believed, [taken, delivered], "{fix:?}");
        assert!(check(&emergency, 3, Missing));
        assert_eq!(emergency.check_box_report(id(3), Collected, None, at(130)), Ok(()), "not known where it was");
    }
    // What changes nothing is no claim, and who has no box is refused for that.
    let mut far = edited(emergency, |e| {
        for response in &mut e.responses {
            response.last_fix = Some((north(5_000.0), at(20)));
        }
    });
    assert!(check(&far, 2, Delivered) && !check(&far, 3, Delivered));
    report(&mut far, 3, ResponseStatus::OnWay, Some(Collected), 21);
    assert!(check(&far, 3, Collected) && !check(&far, 3, Delivered));
    report(&mut far, 3, ResponseStatus::OnWay, Some(Delivered), 22);
    assert!(check(&far, 3, Delivered));
}

#[test]
fn what_was_said_of_a_box_counts_no_more_when_the_helper_may_not_help() {
    use ResourceState::{Collected, Delivered};
    let boxes = [aed(77, 400.0, Some("24/7"))];
    for (state, then) in [
        (Collected, "comes"),
        (Collected, "stalls"),
        (Collected, "completes"),
        (Delivered, "comes"),
        (Delivered, "completes"),
    ] {
        let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
        let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
        report(&mut emergency, bringer, ResponseStatus::OnWay, Some(state), 20);
        assign(&mut emergency, &boxes, 20);
        match then {
            "stalls" => stall(&mut emergency, bringer, 30),
            "completes" => report(&mut emergency, bringer, ResponseStatus::Completed, None, 30),
            _ => {}
        }
        assign(&mut emergency, &boxes, 30);
        let others = |emergency: &Emergency| (2..5).filter(|&n| n != bringer && box_of(emergency, n).is_some()).count();
        assert_eq!((others(&emergency), emergency.search().has_box), (0, state == Delivered), "{state} {then}");
        emergency.withdraw_response(id(bringer), at(40)).unwrap();
        assert!(!emergency.search().has_box);
        assign(&mut emergency, &boxes, 40);
        assert_eq!(others(&emergency), 1, "{state} {then}: the box is open for the next");
    }
    // One that another delivered stays there.
    let mut emergency = accepted(&[300.0, 310.0], &boxes);
    for number in [2, 3] {
        emergency = edited(emergency, |e| {
            e.search.has_box = true;
            e.responses.iter_mut().for_each(|response| response.record.dispatch.has_delivered = true);
        });
        emergency.withdraw_response(id(number), at(20)).unwrap();
        assert!(emergency.search().has_box || number == 3);
    }
}

#[test]
fn no_helper_is_sent_to_a_fourth_box_after_three_that_were_missing() {
    let boxes: Vec<_> = (0_u8..6).map(|n| aed(77 + u128::from(n), 400.0 + f64::from(n), Some("24/7"))).collect();
    let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
    let mut reports = std::collections::BTreeMap::new();
    for second in 20..40 {
        let Some(bringer) = (2..5).find(|&number| box_of(&emergency, number).is_some()) else { break };
        emergency.note_box(id(bringer), ResourceState::Missing, at(second)).unwrap();
        let update = assign(&mut emergency, &boxes, second);
        assert!(update.roles.iter().any(|change| change.reason == RoleReason::ResourceMissing), "{update:?}");
        *reports.entry(bringer).or_insert(0) += 1;
    }
    // The first one had another task before.
    assert_eq!(reports.into_values().collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn who_accepts_again_is_sent_to_no_more_boxes_than_before() {
    for leaves in [ResponseStatus::Cancelled, ResponseStatus::Completed] {
        let boxes: Vec<_> = (0_u8..6).map(|n| aed(77 + u128::from(n), 400.0 + f64::from(n), Some("24/7"))).collect();
        let mut emergency = accepted(&[300.0, 310.0], &boxes);
        let bringer = (2..4).find(|&number| box_of(&emergency, number).is_some()).unwrap();
        for second in 20..22 {
            emergency.note_box(id(bringer), ResourceState::Missing, at(second)).unwrap();
            assign(&mut emergency, &boxes, second);
            assert!(box_of(&emergency, bringer).is_some());
        }
        report(&mut emergency, bringer, leaves, None, 30);
        assign(&mut emergency, &boxes, 30);
        join(&mut emergency, bringer, 310.0, 40);
        let response = emergency.response(id(bringer)).unwrap();
        assert_eq!((response.assignment(), response.record.dispatch.earlier_moves), (None, 2), "{leaves}");
        assign(&mut emergency, &boxes, 40);
        let held = emergency.response(id(bringer)).unwrap().assignment().unwrap();
        assert_eq!((held.role, held.resource, held.moves), (Patient, None, 2), "{leaves}");
    }
}

#[test]
fn who_goes_with_a_box_in_hand_is_not_sent_to_one_after_the_other() {
    for leaves in [ResponseStatus::Cancelled, ResponseStatus::Completed] {
        let boxes: Vec<_> = (0_u8..6).map(|n| aed(77 + u128::from(n), 400.0 + f64::from(n), Some("24/7"))).collect();
        let mut emergency = accepted(&[300.0, 310.0], &boxes);
        let bringer = (2..4).find(|&number| box_of(&emergency, number).is_some()).unwrap();
        let mut taken = 0;
        for round in 1..6 {
            if box_of(&emergency, bringer).is_none() {
                break;
            }
            taken += 1;
            report(&mut emergency, bringer, ResponseStatus::OnWay, Some(ResourceState::Collected), round * 100);
            report(&mut emergency, bringer, leaves, None, round * 100 + 1);
            assign(&mut emergency, &boxes, round * 100 + 1);
            join(&mut emergency, bringer, 310.0, round * 100 + 90);
            assign(&mut emergency, &boxes, round * 100 + 90);
        }
        assert_eq!(taken, 2, "{leaves}");
    }
}

#[test]
fn the_state_of_a_box_is_refused_without_one_and_the_same_report_again_is_not() {
    let boxes = [aed(77, 400.0, Some("24/7")), aed(78, 450.0, Some("24/7"))];
    let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
    let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
    let other = if bringer == 2 { 3 } else { 2 };
    let told = |state| crate::ResponseUpdate {
        status: ResponseStatus::OnWay,
        notes: None,
        estimated_arrival: None,
        resource_state: Some(state),
    };
    let refused = emergency.update_response(id(other), told(ResourceState::Collected), COMPLETION_HOLD, at(20));
    assert_eq!(refused, Err(Refusal::NoResource));
    let missing = told(ResourceState::Missing);
    assert!(emergency.update_response(id(bringer), missing.clone(), COMPLETION_HOLD, at(20)).unwrap().is_some());
    assign(&mut emergency, &boxes, 20);
    let brought: Vec<_> = emergency.assigned_boxes().collect();
    assert_eq!(brought, [id(78)]);
    let again = emergency.update_response(id(bringer), missing, COMPLETION_HOLD, at(25));
    assert_eq!(again, Ok(None));
    assert_eq!(emergency.assigned_boxes().collect::<Vec<_>>(), brought, "the other box is not missing");
}

#[test]
fn a_missing_box_that_is_reported_again_within_a_minute_is_the_same_box() {
    let boxes: Vec<_> = (0_u8..3).map(|n| aed(77 + u128::from(n), 400.0 + f64::from(n), Some("24/7"))).collect();
    let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
    let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
    let missing = crate::ResponseUpdate {
        status: ResponseStatus::OnWay,
        notes: None,
        estimated_arrival: None,
        resource_state: Some(ResourceState::Missing),
    };
    let tell = |emergency: &mut Emergency, second| {
        emergency.update_response(id(bringer), missing.clone(), COMPLETION_HOLD, at(second)).unwrap()
    };
    assert_eq!(tell(&mut emergency, 20).unwrap().missing_box, Some(id(77)));
    assign(&mut emergency, &boxes, 20);
    assert_eq!(box_of(&emergency, bringer), Some(id(78)), "the same helper is sent to the next one");
    // A client that has no answer repeats the request by itself.
    for after in [0, 16, 31, 59] {
        let before = emergency.clone();
        assert_eq!(tell(&mut emergency, 20 + after), None, "{after}");
        assert_eq!(emergency, before, "{after}");
    }
    // It may be the answer to a question, and is about the same box then, too.
    let asked = edited(emergency.clone(), |e| {
        let response = e.responses.iter_mut().find(|r| r.helper.person.id == id(bringer)).unwrap();
        response.record.dispatch.check_until = Some(at(90));
    });
    let mut answered = asked;
    assert_eq!(tell(&mut answered, 50).unwrap().missing_box, None);
    assert_eq!(box_of(&answered, bringer), Some(id(78)));
    // Later it is about the box that they are to bring by then.
    assert_eq!(tell(&mut emergency, 81).unwrap().missing_box, Some(id(78)));
}

#[test]
fn a_helper_who_stalls_with_the_box_in_hand_has_it_again_with_the_next_sign() {
    let boxes = [aed(77, 400.0, Some("24/7")), aed(78, 410.0, Some("24/7"))];
    for state in [Some(ResourceState::Delivered), None] {
        let mut emergency = accepted(&[300.0, 310.0, 320.0], &boxes);
        let bringer = (2..5).find(|&number| box_of(&emergency, number).is_some()).unwrap();
        report(&mut emergency, bringer, ResponseStatus::OnWay, Some(ResourceState::Collected), 20);
        assign(&mut emergency, &boxes, 20);
        stall(&mut emergency, bringer, 300);
        assert_eq!(assign(&mut emergency, &boxes, 300).released, [id(bringer)]);
        assert_eq!(emergency.response(id(bringer)).unwrap().assignment(), None, "nobody counts on them");
        assert_eq!(emergency.assigned_boxes().collect::<Vec<_>>(), [id(78)], "another fetches another box");
        assert_eq!(assign(&mut emergency, &boxes, 301), TeamUpdate::default());
        let status = if state.is_some() { ResponseStatus::Arrived } else { ResponseStatus::OnWay };
        report(&mut emergency, bringer, status, state, 400);
        assert_eq!(emergency.search().has_box, state.is_some());
        let update = assign(&mut emergency, &boxes, 400);
        let given_back = update.roles.iter().find(|change| change.helper == id(bringer)).unwrap();
        let Assignment { role, resource, has_collected, .. } = given_back.assignment;
        assert_eq!((role, resource, has_collected), (Aed, Some(id(77)), true), "{state:?}");
        assert_eq!((given_back.previous, given_back.reason), (None, RoleReason::Accepted));
        assert_eq!(box_of(&emergency, bringer), Some(id(77)));
        assert_eq!(assign(&mut emergency, &boxes, 401), TeamUpdate::default(), "{state:?}");
        // Who cancels while stalled takes it away.
        stall(&mut emergency, bringer, 700);
        assign(&mut emergency, &boxes, 700);
        report(&mut emergency, bringer, ResponseStatus::Cancelled, None, 710);
        assert_eq!(assign(&mut emergency, &boxes, 710).released, [id(bringer)]);
        assert!(emergency.search().unavailable_boxes.contains(&id(77)));
    }
}

#[test]
fn who_was_alone_with_the_box_brings_it_to_those_who_came_meanwhile() {
    let boxes = [aed(77, 1_000.0, Some("24/7"))];
    for others in [0, 2] {
        let mut emergency = accepted(&[2_000.0], &boxes);
        assert_eq!((roles(&emergency), box_of(&emergency, 2)), (vec![Some(Patient)], Some(id(77))));
        report(&mut emergency, 2, ResponseStatus::OnWay, Some(ResourceState::Collected), 20);
        assign(&mut emergency, &boxes, 20);
        stall(&mut emergency, 2, 300);
        assign(&mut emergency, &boxes, 300);
        for number in 3..3 + others {
            join(&mut emergency, number, 20.0, 310);
            assign(&mut emergency, &boxes, 310);
        }
        report(&mut emergency, 2, ResponseStatus::OnWay, None, 400);
        assign(&mut emergency, &boxes, 400);
        let held = emergency.response(id(2)).unwrap().assignment().unwrap();
        let role = if others == 0 { Patient } else { Aed };
        assert_eq!((held.role, held.resource, held.has_collected), (role, Some(id(77)), true));
    }
}

#[test]
fn who_has_a_box_in_hand_is_not_told_to_stand_down() {
    let boxes = [aed(77, 1_000.0, Some("24/7"))];
    for has_box in [true, false] {
        let mut emergency = accepted(&[2_000.0], if has_box { &boxes } else { &[] });
        assert_eq!(box_of(&emergency, 2).is_some(), has_box);
        if has_box {
            report(&mut emergency, 2, ResponseStatus::OnWay, Some(ResourceState::Collected), 11);
        }
        for number in [3, 4] {
            join(&mut emergency, number, 20.0, 12);
            report(&mut emergency, number, ResponseStatus::Arrived, None, 13);
        }
        let told = assign(&mut emergency, &boxes, 13).stand_downs;
        assert_eq!(emergency.response(id(2)).unwrap().assignment().unwrap().role, Patient);
        let expected: &[_] = if has_box { &[] } else { &[(id(2), StandDownReason::EnoughHelpers)] };
        assert_eq!(told, expected);
    }
}

#[test]
fn who_comes_much_later_than_enough_others_is_told_once() {
    let mut emergency = accepted(&[10.0, 20.0, 4_000.0], &[]);
    let told = assign(&mut emergency, &[], 11).stand_downs;
    assert_eq!(told, [], "at the acceptance");
    assert!(emergency.response(id(4)).unwrap().record.dispatch.stood_down_at.is_some());
    let mut emergency = accepted(&[10.0, 20.0], &[]);
    for number in [2, 3] {
        report(&mut emergency, number, ResponseStatus::Arrived, None, 12);
    }
    join(&mut emergency, 4, 2_000.0, 13);
    assert_eq!(assign(&mut emergency, &[], 13).stand_downs, [(id(4), StandDownReason::EnoughHelpers)]);
    assert_eq!(assign(&mut emergency, &[], 14).stand_downs, []);
}

#[test]
fn a_role_from_before_the_acceptance_is_none() {
    let mut emergency = accepted(&[300.0], &[]);
    // A node of the release before stores an acceptance without what dispatch keeps.
    emergency = edited(emergency, |e| e.responses[0].responded_at = at(20));
    assert_eq!(roles(&emergency), [None]);
    let update = assign(&mut emergency, &[], 20);
    assert_eq!((update.roles[0].previous, update.roles[0].reason), (None, RoleReason::Accepted));
}

proptest! {
    #[test]
    fn whatever_happens_there_is_one_box_at_most_never_brought_by_the_only_helper(
        steps in prop::collection::vec((2_u128..8, 0_u8..6, 20.0..3_000.0_f64), 1..40)
    ) {
        let boxes = [aed(77, 400.0, Some("24/7")), aed(78, 900.0, None)];
        let mut emergency = active_emergency();
        for (second, (number, step, metres)) in (10..).step_by(70).zip(steps) {
            let is_engaged = emergency.response(id(number)).is_some_and(|r| r.status.is_engaged());
            let has_box = is_engaged && box_of(&emergency, number).is_some();
            // Refused for a while after many cancellations.
            let joins =
                !is_engaged && emergency.accept(helper_card(number), None, REACCEPT_PAUSE, at(second)).is_ok();
            match step {
                _ if joins => {
                    emergency = edited(emergency, |e| {
                        let response = e.responses.iter_mut().find(|r| r.helper.person.id == id(number)).unwrap();
                        response.last_fix = Some((north(metres), at(second)));
                    });
                }
                _ if !is_engaged => {}
                0 => report(&mut emergency, number, ResponseStatus::Cancelled, None, second),
                1 => report(&mut emergency, number, ResponseStatus::Arrived, None, second),
                2 if has_box => emergency.note_box(id(number), ResourceState::Missing, at(second)).unwrap(),
                3 if has_box => emergency.note_box(id(number), ResourceState::Collected, at(second)).unwrap(),
                4 => {
                    emergency = edited(emergency, |e| {
                        let response = e.responses.iter_mut().find(|r| r.helper.person.id == id(number)).unwrap();
                        let dispatch = &mut response.record.dispatch;
                        dispatch.stalled_at = dispatch.stalled_at.is_none().then(|| at(second));
                    });
                }
                _ => {}
            }
            let update = assign(&mut emergency, &boxes, second);
            let team: Vec<_> = emergency.responses().iter().filter(|r| r.is_active()).collect();
            prop_assert!(team.iter().all(|r| r.assignment().is_some()), "everybody has a role");
            let others = emergency.responses().iter().filter(|r| !r.is_active());
            prop_assert!(others.into_iter().all(|r| r.assignment().is_none()));
            let of = |role| team.iter().filter(|r| r.assignment().is_some_and(|held| held.role == role)).count();
            prop_assert!(of(Guide) <= 1 && of(Patient) <= 2);
            // Who stalled with a box in hand, and comes after all, brings it beside the one who fetches another.
            let in_hand = team.iter().filter(|r| r.assignment().is_some_and(|held| held.has_collected)).count();
            prop_assert!(of(Aed) <= in_hand + 1);
            prop_assert!(team.is_empty() || of(Patient) >= 1, "somebody goes to the patient");
            let to_fetch = team.iter().filter(|r| r.assignment().is_some_and(|h| h.resource.is_some() && !h.has_collected));
            prop_assert!(to_fetch.count() <= 1);
            prop_assert!(update.stand_downs.is_empty() || team.len() > 2);
        }
    }
}
