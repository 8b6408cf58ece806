//! How far helpers are who have responded.

use super::*;
use crate::testing::{GRACE_HOPPER, active_emergency, at, details, position, response};

/// What a decision at `at(900)` makes of a response, begun at `at(1)`.
fn seen(status: ResponseStatus, change: impl FnOnce(&mut Response), discounted_at: Option<Timestamp>) -> &'static str {
    let mut response = response(GRACE_HOPPER, status);
    change(&mut response);
    let place = details().location.position;
    match progress(&response, place, discounted_at, at(900)) {
        Some(HelperProgress::There) => "there",
        Some(HelperProgress::Coming(_)) => "coming",
        Some(HelperProgress::Gone) => "gone",
        Some(HelperProgress::Silent { .. }) => "silent",
        None => "free",
    }
}

/// A position this many metres to the north of the place.
fn metres_away(metres: f64) -> Position {
    let place = details().location.position;
    position(place.latitude() + metres / 111_300.0, place.longitude())
}

#[test]
fn a_response_is_on_the_way_until_it_is_there_or_gone() {
    for (status, expected) in [
        (ResponseStatus::Responding, "coming"),
        (ResponseStatus::OnWay, "coming"),
        (ResponseStatus::Cancelled, "gone"),
        (ResponseStatus::Completed, "free"),
    ] {
        assert_eq!(seen(status, |_| (), None), expected, "{status}");
    }
    assert_eq!(seen(ResponseStatus::Cancelled, |r| r.record.dispatch.stood_down_at = Some(at(300)), None), "free");
    let counts = |r: &mut Response| r.record.counts_until = Some(at(901));
    assert_eq!(seen(ResponseStatus::Completed, counts, None), "there");
    assert_eq!(seen(ResponseStatus::Completed, counts, Some(at(2))), "free", "the owner asked for more help");
    for status in [ResponseStatus::Responding, ResponseStatus::OnWay] {
        assert_eq!(seen(status, |r| r.record.dispatch.stalled_at = Some(at(300)), None), "gone");
        assert_eq!(seen(status, |_| (), Some(at(1))), "gone", "accepted before the owner asked for more help");
        assert_eq!(seen(status, |_| (), Some(at(0))), "coming");
    }
}

#[test]
fn who_says_to_have_arrived_is_there_unless_a_position_says_otherwise() {
    let arrived = |updated_at: i64, fix: Option<(f64, i64)>| {
        let change = |r: &mut Response| {
            r.updated_at = at(updated_at);
            r.last_fix = fix.map(|(metres, seconds)| (metres_away(metres), at(seconds)));
        };
        seen(ResponseStatus::Arrived, change, None)
    };
    for (updated_at, fix, expected) in [
        (600, Some((400.0, 600)), "there"),
        (600, Some((600.0, 600)), "coming"),
        (600, Some((600.0, 480)), "coming"),
        // Too old to contradict.
        (600, Some((600.0, 479)), "there"),
        (600, Some((600.0, 700)), "coming"),
        (600, Some((400.0, 700)), "there"),
        (300, Some((400.0, 179)), "there"),
        // Without a position since accepting, or with an old one far away, it holds for ten minutes.
        (301, None, "there"),
        (300, None, "coming"),
        (300, Some((600.0, 1)), "coming"),
        (300, Some((600.0, 179)), "coming"),
    ] {
        assert_eq!(arrived(updated_at, fix), expected, "{updated_at} {fix:?}");
    }
}

#[test]
fn an_arrival_after_the_owner_asked_for_more_help_counts_again() {
    let arrives = |r: &mut Response| {
        r.updated_at = at(800);
        r.last_fix = Some((metres_away(20.0), at(800)));
    };
    assert_eq!(seen(ResponseStatus::Arrived, arrives, Some(at(700))), "there");
    assert_eq!(seen(ResponseStatus::Arrived, arrives, Some(at(800))), "gone");
}

#[test]
fn a_helper_of_whom_nothing_is_known_counts_as_unproven() {
    let policy = GainPolicy::default();
    let judged_place = details().location.position;
    let input = GainInput { policy: &policy, judged_place, alerts: &[], near: &[], census: &[], joined: None };
    let responses = [response(GRACE_HOPPER, ResponseStatus::Arrived)];
    let situation = input.situation(active_emergency().call(), &Search::default(), &responses, None, at(900));
    let proven: Vec<_> = situation.alerted.iter().map(|helper| helper.is_proven).collect();
    assert_eq!(proven, [false]);
}
