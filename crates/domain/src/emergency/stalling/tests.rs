//! Questions, signs and stalled responses.

use super::*;
use crate::{
    AlertPolicy, EmergencyStatus, RenewalCause, ResponseUpdate,
    testing::{COMPLETION_HOLD, GRACE_HOPPER, OWNER, at, details, edited, helper_card, id, position, with_responses},
};
use ResponseStatus::{Arrived, Cancelled, Completed, OnWay, Responding};

const TIMING: StallTiming = StallTiming { after: TimeDelta::seconds(180), answer: TimeDelta::seconds(45) };

/// An emergency to which this helper responds since `at(1)`.
fn responding(change: impl FnOnce(&mut Response)) -> Emergency {
    edited(with_responses(&[(GRACE_HOPPER, OnWay)]), |e| change(&mut e.responses[0]))
}

/// A position this many metres to the north of the place.
fn metres_away(metres: f64) -> Position {
    let place = details().location.position;
    position(place.latitude() + metres / 111_300.0, place.longitude())
}

/// What a helper does.
type Action = fn(&mut Emergency);

/// What the check at this second does.
fn checked(emergency: &mut Emergency, second: i64) -> &'static str {
    let CheckedResponses { asked, stalled, settled, .. } = emergency.check_responses(TIMING, at(second));
    match (asked.len(), stalled.len(), settled.len()) {
        (1, 0, 0) => "asked",
        (0, 1, 0) => "stalled",
        (0, 0, 1) => "settled",
        (0, 0, 0) => "nothing",
        _ => "several",
    }
}

fn sign(second: i64) -> Sign {
    Sign { at: at(second), speed: Some(1_500) }
}

fn repeats(status: ResponseStatus) -> ResponseUpdate {
    ResponseUpdate { status, notes: None, estimated_arrival: None, resource_state: None }
}

#[test]
fn a_helper_without_a_sign_is_asked_and_then_stalls() {
    let mut emergency = responding(|_| ());
    assert_eq!(checked(&mut emergency, 180), "nothing");
    assert_eq!(checked(&mut emergency, 181), "asked");
    emergency.schedule_checks(TIMING, at(181));
    assert_eq!(emergency.next_alert_at(), Some(at(226)));
    assert_eq!(checked(&mut emergency, 225), "nothing");
    assert_eq!(checked(&mut emergency, 226), "stalled");
    assert_eq!((emergency.status(), emergency.participants().count()), (EmergencyStatus::Active, 2), "still engaged");
    emergency.schedule_checks(TIMING, at(226));
    assert_eq!(emergency.search().check_at, None);
    assert_eq!(checked(&mut emergency, 9_000), "nothing");
}

#[test]
fn only_those_are_asked_who_may_be_on_the_way() {
    let expected = [(Responding, "asked"), (OnWay, "asked"), (Completed, "nothing"), (Cancelled, "nothing")];
    for (status, expected) in expected {
        assert_eq!(checked(&mut with_responses(&[(GRACE_HOPPER, status)]), 400), expected, "{status}");
    }
    for (status, fix, expected) in [
        (OnWay, Some((49.0, 230)), "nothing"),
        (OnWay, Some((49.0, 200)), "asked"),
        (OnWay, Some((51.0, 230)), "asked"),
        // Who says to be there is there, unless a position says otherwise, or there is none for too long.
        (Arrived, Some((400.0, 5)), "nothing"),
        (Arrived, Some((600.0, 5)), "asked"),
        (Arrived, None, "nothing"),
    ] {
        let mut emergency = responding(|r| {
            r.status = status;
            r.last_fix = fix.map(|(metres, second)| (metres_away(metres), at(second)));
        });
        assert_eq!(checked(&mut emergency, 400), expected, "{status} {fix:?}");
    }
    let mut without_position = responding(|r| r.status = Arrived);
    assert_eq!(checked(&mut without_position, 601), "asked", "ten minutes");
}

#[test]
fn a_helper_who_reaches_the_place_need_not_answer() {
    let mut emergency = responding(|_| ());
    assert_eq!(checked(&mut emergency, 181), "asked");
    let mut emergency = edited(emergency, |e| e.responses[0].last_fix = Some((metres_away(10.0), at(200))));
    assert_eq!(checked(&mut emergency, 226), "settled");
    assert_eq!(emergency.status(), EmergencyStatus::Responding);
}

#[test]
fn after_a_reopening_silence_stalls_also_who_gave_a_sign_just_before() {
    for (status, fix, expected) in [
        (OnWay, None, "stalled"),
        (OnWay, Some((60.0, 60)), "stalled"),
        (OnWay, Some((40.0, 60)), "settled"),
        (Arrived, Some((400.0, 60)), "settled"),
        (Arrived, Some((600.0, 60)), "stalled"),
    ] {
        let mut emergency = responding(|r| {
            (r.status, r.record.dispatch.sign_at) = (status, Some(at(19)));
            r.last_fix = fix.map(|(metres, second)| (metres_away(metres), at(second)));
        });
        assert_eq!(emergency.ask_all(TIMING, at(20)).len(), 1);
        assert_eq!(checked(&mut emergency, 64), "nothing");
        assert_eq!(checked(&mut emergency, 65), expected, "{status} {fix:?}");
    }
}

#[test]
fn a_sign_before_the_deadline_keeps_the_response() {
    let signs: [(&str, Action); 3] = [
        ("movement", |e| assert!(e.note_sign(id(GRACE_HOPPER), sign(200), at(200)).is_some())),
        ("message", |e| assert!(e.note_written(id(GRACE_HOPPER), TIMING, at(200)).is_some())),
        ("report", |e| {
            let updated = e.update_response(id(GRACE_HOPPER), repeats(OnWay), COMPLETION_HOLD, at(200)).unwrap();
            assert!(updated.is_some(), "the same report is an answer");
        }),
    ];
    for (name, give) in signs {
        let mut emergency = responding(|r| r.updated_at = at(195));
        assert_eq!(checked(&mut emergency, 181), "asked");
        give(&mut emergency);
        assert_eq!(checked(&mut emergency, 226), "nothing", "{name}");
        assert_eq!(checked(&mut emergency, 379), "nothing", "{name}");
        assert_eq!(checked(&mut emergency, 380), "asked", "{name}: a full time after the sign");
    }
}

#[test]
fn a_sign_after_it_lets_a_stalled_response_count_again() {
    let mut emergency = responding(|_| ());
    emergency.check_responses(TIMING, at(181));
    let search = emergency.check_responses(TIMING, at(226)).search;
    assert_eq!(search, SearchEffect { became_active: true, became_responding: false, must_renew: true });
    emergency.renew_search(at(226), &AlertPolicy::default(), RenewalCause::Other).unwrap();
    let noted = emergency.note_sign(id(GRACE_HOPPER), sign(300), at(301)).unwrap();
    assert!(noted.was_stalled && noted.search.became_responding && !noted.response.is_stalled());
    assert_eq!((emergency.status(), emergency.search().is_running()), (EmergencyStatus::Responding, false));
    let dispatch = noted.response.record.dispatch;
    assert_eq!((dispatch.has_moved, dispatch.moved_at, dispatch.speed), (true, Some(at(300)), Some(1_500)));
    assert_eq!(emergency.note_sign(id(GRACE_HOPPER), sign(300), at(302)), None, "known");
    assert_eq!(emergency.note_sign(id(GRACE_HOPPER), sign(1), at(302)), None, "before the acceptance");
    assert_eq!(emergency.note_sign(id(OWNER), sign(310), at(310)), None);
}

#[test]
fn another_helper_who_comes_keeps_the_status_and_the_search() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay), (3, OnWay)]);
    emergency.check_responses(TIMING, at(181));
    emergency.note_sign(id(3), sign(200), at(200)).unwrap();
    let search = emergency.check_responses(TIMING, at(226)).search;
    assert_eq!((search, emergency.status()), (SearchEffect::default(), EmergencyStatus::Responding));
}

#[test]
fn a_chat_stores_few_signs() {
    let mut emergency = responding(|_| ());
    assert_eq!(emergency.note_written(id(GRACE_HOPPER), TIMING, at(5)), None);
    assert!(emergency.note_written(id(GRACE_HOPPER), TIMING, at(6)).is_some());
    assert_eq!(emergency.note_written(id(GRACE_HOPPER), TIMING, at(10)), None);
    assert!(emergency.note_written(id(GRACE_HOPPER), TIMING, at(11)).is_some());
    let short = StallTiming { after: TimeDelta::seconds(6), ..TIMING };
    assert!(emergency.note_written(id(GRACE_HOPPER), short, at(12)).is_some(), "a sixth of it");
    assert_eq!(emergency.note_written(id(OWNER), TIMING, at(600)), None);
    let accepted_again = helper_card(GRACE_HOPPER);
    assert!(emergency.accept(accepted_again, None, TimeDelta::zero(), at(61)).is_ok());
}

#[test]
fn who_accepted_before_a_request_for_more_help_counts_once_they_arrive() {
    let arrives = |renewed: i64, fix: f64| {
        let mut emergency = responding(|r| r.last_fix = Some((metres_away(fix), at(320))));
        emergency.renew(id(OWNER), TimeDelta::zero(), at(renewed)).unwrap();
        emergency.renew_search(at(renewed), &AlertPolicy::default(), RenewalCause::Other).unwrap();
        emergency.update_response(id(GRACE_HOPPER), repeats(Arrived), COMPLETION_HOLD, at(330)).unwrap();
        emergency.search().is_running()
    };
    assert_eq!((arrives(300, 20.0), arrives(300, 600.0)), (false, true));
}

#[test]
fn to_repeat_an_arrival_does_not_undo_a_request_for_more_help_unless_a_position_is_near() {
    let still_searched = |status, fix: Option<(f64, i64)>| {
        let mut emergency = responding(|r| {
            // As stored before arrivals were: `arrived_at` is unknown.
            (r.status, r.updated_at) = (Arrived, at(100));
            r.last_fix = fix.map(|(metres, second)| (metres_away(metres), at(second)));
        });
        emergency.renew(id(OWNER), TimeDelta::zero(), at(200)).unwrap();
        emergency.renew_search(at(200), &AlertPolicy::default(), RenewalCause::Other).unwrap();
        for second in [300, 320] {
            emergency.update_response(id(GRACE_HOPPER), repeats(status), COMPLETION_HOLD, at(second)).unwrap();
        }
        emergency.search().is_running()
    };
    for (status, fix, expected) in [
        (Arrived, None, true),
        (Arrived, Some((400.0, 179)), true),
        (Arrived, Some((600.0, 290)), true),
        (Arrived, Some((400.0, 200)), false),
        (Completed, Some((400.0, 179)), true),
        (Completed, Some((400.0, 200)), false),
    ] {
        assert_eq!(still_searched(status, fix), expected, "{status} {fix:?}");
    }
}

#[test]
fn to_repeat_a_completion_does_not_undo_a_request_for_more_help() {
    let mut emergency = responding(|r| r.last_fix = Some((metres_away(20.0), at(300))));
    emergency.update_response(id(GRACE_HOPPER), repeats(Completed), COMPLETION_HOLD, at(301)).unwrap();
    emergency.renew(id(OWNER), TimeDelta::zero(), at(310)).unwrap();
    emergency.renew_search(at(310), &AlertPolicy::default(), RenewalCause::Other).unwrap();
    emergency.update_response(id(GRACE_HOPPER), repeats(Completed), COMPLETION_HOLD, at(320)).unwrap();
    assert!(emergency.search().is_running());
}

#[test]
fn the_search_goes_on_when_an_arrival_after_a_request_for_more_help_no_longer_holds() {
    let mut emergency = responding(|_| ());
    emergency.renew(id(OWNER), TimeDelta::zero(), at(50)).unwrap();
    emergency.update_response(id(GRACE_HOPPER), repeats(Arrived), COMPLETION_HOLD, at(100)).unwrap();
    assert_eq!(emergency.check_responses(TIMING, at(699)).search, SearchEffect::default());
    let checked = emergency.check_responses(TIMING, at(700));
    assert_eq!((checked.asked.len(), checked.search.must_renew), (1, true), "ten minutes without a position");
    emergency.renew_search(at(700), &AlertPolicy::default(), RenewalCause::Other).unwrap();
    assert_eq!(emergency.check_responses(TIMING, at(701)).search, SearchEffect::default(), "it runs");
}
