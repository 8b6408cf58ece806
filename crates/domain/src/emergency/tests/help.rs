//! Which responses count as help, and for how long.

use chrono::TimeDelta;

use super::*;
use crate::testing::{edited, position};

/// [`with_responses`] with a position of the first helper, this many degrees north of the emergency.
fn located(status: ResponseStatus, degrees: f64, located_at: i64) -> Emergency {
    let place = position(52.5 + degrees, 13.4);
    edited(with_responses(&[(GRACE_HOPPER, status)]), |e| e.responses[0].last_fix = Some((place, at(located_at))))
}

fn update(emergency: &mut Emergency, helper: u128, status: ResponseStatus, seconds: i64) -> UpdatedResponse {
    emergency.update_response(id(helper), told(status), COMPLETION_HOLD, at(seconds)).unwrap().unwrap()
}

#[test]
fn a_completion_counts_for_ten_minutes_near_and_for_an_interval_elsewhere() {
    for (before, until) in [
        (with_responses(&[(GRACE_HOPPER, OnWay)]), 65),
        (with_responses(&[(GRACE_HOPPER, Arrived)]), 605),
        (located(OnWay, 0.004, 3), 605),
        (located(OnWay, 0.005, 3), 65),
        // Near once, and far away by now.
        (edited(located(OnWay, 0.005, 3), |e| e.responses[0].record.came_near = Some(true)), 65),
    ] {
        let mut emergency = before;
        let updated = update(&mut emergency, GRACE_HOPPER, Completed, 5);
        assert!(updated.asks_owner);
        assert_eq!(updated.search, SearchEffect::default());
        assert_eq!((emergency.status(), emergency.next_alert_at()), (EmergencyStatus::Responding, Some(at(until))));
        assert_eq!(emergency.end_completion_hold(at(until - 1)), SearchEffect::default());
        let ended = emergency.end_completion_hold(at(until));
        assert_eq!(ended, SearchEffect { became_active: true, must_renew: true, ..SearchEffect::default() });
        assert_eq!(emergency.status(), EmergencyStatus::Active);
    }
}

#[test]
fn another_who_drops_out_does_not_shorten_a_completion() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, Arrived), (ALAN, OnWay)]);
    assert!(!update(&mut emergency, GRACE_HOPPER, Completed, 5).asks_owner, "another helper is engaged");
    assert_eq!(emergency.next_alert_at(), None);
    let updated = update(&mut emergency, ALAN, Cancelled, 100);
    assert_eq!(updated.search, SearchEffect::default());
    assert_eq!((emergency.status(), emergency.next_alert_at()), (EmergencyStatus::Responding, Some(at(605))));
}

#[test]
fn more_help_is_searched_although_one_comes_and_not_when_another_accepts() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay)]);
    let again_after = TimeDelta::seconds(30);
    assert_eq!(emergency.renew(id(GRACE_HOPPER), again_after, at(50)), Err(Refusal::NotAuthorized));
    let renewed = emergency.renew(id(OWNER), again_after, at(50)).unwrap();
    assert_eq!(renewed, SearchEffect { became_active: false, must_renew: true, ..SearchEffect::default() });
    assert_eq!(emergency.status(), EmergencyStatus::Responding, "somebody comes");
    emergency.renew_search(at(50), &AlertPolicy::default(), RenewalCause::Other).unwrap();
    assert!(emergency.is_responding(id(GRACE_HOPPER)));
    let soon = emergency.renew(id(OWNER), again_after, at(60));
    assert_eq!(soon, Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(20) }));

    update(&mut emergency, GRACE_HOPPER, OnWay, 70);
    assert!(emergency.search().is_running(), "a report of an earlier response changes nothing");
    emergency.accept(helper_card(ALAN), None, REACCEPT_PAUSE, at(80)).unwrap();
    assert_eq!((emergency.search().is_running(), emergency.next_alert_at()), (false, None));
    let updated = update(&mut emergency, ALAN, Cancelled, 90);
    assert_eq!(updated.search, SearchEffect { became_active: false, must_renew: true, ..SearchEffect::default() });
    assert_eq!(emergency.status(), EmergencyStatus::Responding);
}

#[test]
fn a_request_for_more_help_ends_what_completed_responses_count() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, Completed)]);
    let renewed = emergency.renew(id(OWNER), TimeDelta::seconds(30), at(50)).unwrap();
    assert_eq!(renewed, SearchEffect { became_active: true, must_renew: true, ..SearchEffect::default() });
    assert_eq!(emergency.status(), EmergencyStatus::Active);
}

#[test]
fn the_response_of_one_who_may_no_longer_help_is_cancelled_whatever_it_is() {
    for (status, withdrawn) in
        [(Responding, true), (OnWay, true), (Arrived, true), (Completed, true), (Cancelled, false)]
    {
        let mut emergency = with_responses(&[(GRACE_HOPPER, status)]);
        let updated = emergency.withdraw_response(id(GRACE_HOPPER), at(5));
        assert_eq!(updated.map(|u| u.search.must_renew), withdrawn.then_some(true), "{status}");
        assert_eq!(emergency.response(id(GRACE_HOPPER)).unwrap().status, Cancelled);
        assert_eq!(emergency.status(), EmergencyStatus::Active);
    }
    assert_eq!(resolved(with_responses(&[(GRACE_HOPPER, OnWay)])).withdraw_response(id(GRACE_HOPPER), at(15)), None);
}

#[test]
fn a_repeated_report_changes_nothing_for_ten_seconds() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, Responding)]);
    update(&mut emergency, GRACE_HOPPER, OnWay, 5);
    let before = emergency.clone();
    let mut report = |update: ResponseUpdate, seconds| {
        emergency
            .update_response(id(GRACE_HOPPER), update, COMPLETION_HOLD, at(seconds))
            .map(|updated| updated.is_some())
    };
    assert_eq!(report(told(OnWay), 14), Ok(false));
    assert_eq!(report(ResponseUpdate { notes: Some(text("By bike")), ..told(OnWay) }, 14), Ok(true), "other notes");
    let (notes, estimated_arrival) = (Some(text("By bike")), Some(at(90)));
    assert_eq!(report(ResponseUpdate { notes, estimated_arrival, ..told(OnWay) }, 15), Ok(true), "another time");
    assert_eq!(report(told(OnWay), 16), Ok(true));
    assert_eq!(report(told(OnWay), 26), Ok(true), "ten seconds later");
    assert_eq!(report(told(Cancelled), 27), Ok(true));
    assert_eq!(report(told(Cancelled), 28), Ok(false), "a repeated cancellation");
    let mut again = before.clone();
    assert_eq!(again.update_response(id(GRACE_HOPPER), told(OnWay), COMPLETION_HOLD, at(14)), Ok(None));
    assert_eq!(again, before);
}

#[test]
fn the_present_status_is_reported_thirty_times_a_minute_and_steps_without_limit() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay)]);
    let mut report = |n: i64, status, seconds| {
        let update = ResponseUpdate { notes: Some(text(&n.to_string())), ..told(status) };
        emergency.update_response(id(GRACE_HOPPER), update, COMPLETION_HOLD, at(seconds)).map(drop)
    };
    for n in 0..30 {
        assert_eq!(report(n, OnWay, 10), Ok(()));
    }
    assert_eq!(report(30, OnWay, 20), Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(50) }));
    assert_eq!(report(30, Arrived, 20), Ok(()), "a step forward");
    assert_eq!(report(31, Arrived, 20), Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(50) }));
    assert_eq!(report(31, Arrived, 70), Ok(()), "a minute later");
    assert_eq!(report(32, Cancelled, 70), Ok(()));
}

#[test]
fn one_who_cancels_accepts_again_at_once_twice_and_then_after_a_pause() {
    let mut emergency = active_emergency();
    let mut accept_and_cancel = |seconds| {
        let accepted = emergency.accept(helper_card(GRACE_HOPPER), None, REACCEPT_PAUSE, at(seconds));
        accepted.map(|_| update(&mut emergency, GRACE_HOPPER, Cancelled, seconds + 1)).map(drop)
    };
    for seconds in [10, 20, 30] {
        assert_eq!(accept_and_cancel(seconds), Ok(()));
    }
    assert_eq!(accept_and_cancel(40), Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(51) }));
    assert_eq!(accept_and_cancel(91), Ok(()));
    assert_eq!(accept_and_cancel(93), Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(59) }));
}

#[test]
fn one_who_completes_again_and_again_counts_as_help_once_unless_seen_there() {
    let mut emergency = active_emergency();
    let mut accept_and_complete = |seconds, fix: Option<(f64, i64)>| {
        emergency.accept(helper_card(GRACE_HOPPER), None, REACCEPT_PAUSE, at(seconds))?;
        emergency = edited(emergency.clone(), |e| {
            e.responses[0].last_fix = fix.map(|(degrees, second)| (position(52.5 + degrees, 13.4), at(second)));
        });
        let updated = update(&mut emergency, GRACE_HOPPER, Completed, seconds + 1);
        Ok((updated.response.record.counts_until, updated.search.must_renew))
    };
    assert_eq!(accept_and_complete(10, None), Ok((Some(at(71)), false)));
    assert_eq!(accept_and_complete(20, Some((0.006, 21))), Ok((Some(at(71)), false)), "no later");
    // A position from before the acceptance tells of the time before.
    assert_eq!(accept_and_complete(90, Some((0.0, 80))), Ok((Some(at(71)), true)), "nobody is there");
    let pause = Err(Refusal::TooSoon { retry_after: TimeDelta::seconds(51) });
    assert_eq!(accept_and_complete(100, None), pause);
    assert_eq!(accept_and_complete(151, Some((0.004, 152))), Ok((Some(at(752)), false)), "they were there");
}

#[test]
fn one_who_completes_again_after_a_request_for_more_help_stops_no_search() {
    let mut emergency = active_emergency();
    emergency.accept(helper_card(GRACE_HOPPER), None, REACCEPT_PAUSE, at(10)).unwrap();
    let first = update(&mut emergency, GRACE_HOPPER, Completed, 11);
    assert_eq!(first.response.record.counts_until, Some(at(71)));
    emergency.renew(id(OWNER), TimeDelta::seconds(30), at(20)).unwrap();
    emergency.accept(helper_card(GRACE_HOPPER), None, REACCEPT_PAUSE, at(30)).unwrap();
    let again = update(&mut emergency, GRACE_HOPPER, Completed, 31);
    assert_eq!(again.response.record.counts_until, None);
}

#[test]
fn one_who_was_only_seen_far_away_gains_no_trust() {
    for (emergency, gains) in [
        (with_responses(&[(GRACE_HOPPER, Arrived)]), true),
        (located(Arrived, 0.004, 5), true),
        (located(Arrived, 0.006, 5), false),
        // A position from before the acceptance says nothing.
        (located(Arrived, 0.006, 0), true),
        (crate::testing::anonymous(with_responses(&[(GRACE_HOPPER, Arrived)])), false),
    ] {
        assert_eq!(resolved(emergency).trusted_helpers().count(), usize::from(gains));
    }
    // Near when the arrival was reported, far away at the end.
    let mut emergency = located(OnWay, 0.001, 5);
    update(&mut emergency, GRACE_HOPPER, Arrived, 6);
    let far = Some((position(53.0, 13.4), at(8)));
    let emergency = edited(emergency, |e| e.responses[0].last_fix = far);
    assert_eq!(resolved(emergency).trusted_helpers().count(), 1);
}

#[test]
fn a_position_near_the_emergency_counts_although_a_later_one_is_far_away() {
    let place = with_responses(&[]).call().details.location.position;
    let near = |seconds| (place, at(seconds));
    let mut emergency = located(Arrived, 0.006, 8);
    assert_eq!(emergency.note_near(id(GRACE_HOPPER), (position(53.0, 13.4), at(5))), None, "far away");
    assert_eq!(emergency.note_near(id(GRACE_HOPPER), near(0)), None, "from before the acceptance");
    assert_eq!(emergency.note_near(id(ALAN), near(5)), None, "of another");
    let noted = emergency.note_near(id(GRACE_HOPPER), near(5)).unwrap();
    assert_eq!(noted.record.came_near, Some(true));
    assert_eq!(emergency.note_near(id(GRACE_HOPPER), near(6)), None, "it is known");
    assert_eq!(resolved(emergency).trusted_helpers().count(), 1);

    let cancelled = &mut located(Cancelled, 0.006, 8);
    assert_eq!(cancelled.note_near(id(GRACE_HOPPER), near(5)), None);
    assert_eq!(resolved(located(Arrived, 0.006, 8)).note_near(id(GRACE_HOPPER), near(5)), None, "after the end");
}

#[test]
fn a_helper_who_completed_is_shown_places_until_that_no_longer_counts_as_help() {
    let mut emergency = with_responses(&[(GRACE_HOPPER, OnWay), (ALAN, OnWay)]);
    update(&mut emergency, GRACE_HOPPER, Completed, 5);
    let stage = |emergency: &Emergency, account, alerted, seconds| {
        emergency.stage(account, HelperPolicy::Verified, alerted, at(seconds))
    };
    let (grace, alan) = (helper(GRACE_HOPPER), helper(ALAN));
    assert_eq!(stage(&emergency, &grace, true, 64), Stage::Responder);
    assert_eq!(stage(&emergency, &grace, true, 65), Stage::LookerOn);
    assert_eq!(stage(&emergency, &alan, true, 1_000), Stage::Responder, "engaged");
    emergency.renew(id(OWNER), TimeDelta::seconds(30), at(50)).unwrap();
    assert_eq!(stage(&emergency, &grace, true, 51), Stage::LookerOn, "the owner has asked for more help");
    assert_eq!(emergency.relation(&grace, HelperPolicy::Verified), Relation::RespondingHelper, "messages stay");
    let over = resolved(emergency);
    assert_eq!(stage(&over, &grace, true, 1_000), Stage::Responder, "after the end");
}
