//! Tests of substitutes, and of the wave that is sent at once when the last responding helper cancels.

use super::*;
use crate::{
    ResponseStatus, ResponseUpdate,
    testing::{
        ALAN, GRACE_HOPPER, edited, events_of, grace_hopper, recipient, resolved, updated, with_responses, with_team,
    },
    usecase::{
        emergencies::tests::{alert, declined, refusal, stale, the_emergency},
        responses,
    },
};
use ResponseStatus::{Cancelled, Completed, OnWay};

fn cancelling() -> ResponseUpdate {
    ResponseUpdate { status: Cancelled, notes: None, estimated_arrival: None, resource_state: None }
}

fn near() -> Vec<Recipient> {
    vec![recipient(GRACE_HOPPER, 1_000.0), recipient(ALAN, 2_000.0), recipient(4, 12_000.0), recipient(5, 13_000.0)]
}

#[tokio::test]
async fn a_decline_alerts_the_nearest_helper_not_alerted_yet() {
    for status in [active_emergency(), with_responses(&[(7, OnWay)])] {
        let alerts = [alert(GRACE_HOPPER), alert(ALAN)];
        let (cx, committed) = service(&status, &alerts, around(&near(), 1));
        let after = responses::decline(&cx, &grace_hopper(), the_emergency()).await.unwrap();
        let counted = edited(status.clone(), |e| (e.alerts.alerted, e.alerts.declined) = (3, 1));
        assert_eq!(after, counted, "neither radius nor timer change");

        let change = committed.only();
        let (write, event) = sent(&status, &[recipient(4, 12_000.0)]);
        let decline = Write::SetDeclined { emergency: the_emergency(), helper: id(GRACE_HOPPER), declined: true };
        assert_eq!(change.writes[1..], [decline, write]);
        assert_eq!(updated(&change).0.revision(), status.revision());
        assert_eq!(events_of(&change, GRACE_HOPPER), [Event::AlertDeclined { helper: id(GRACE_HOPPER) }, event]);
    }
}

#[tokio::test]
async fn a_helper_who_was_not_alerted_has_no_substitute() {
    let (cx, committed) = service(&active_emergency(), &[alert(ALAN)], around(&near(), 1));
    responses::decline(&cx, &grace_hopper(), the_emergency()).await.unwrap();
    assert_eq!(events_of(&committed.only(), GRACE_HOPPER), [Event::AlertDeclined { helper: id(GRACE_HOPPER) }]);
}

#[tokio::test]
async fn where_all_were_alerted_there_is_no_substitute() {
    let alerts = [alert(GRACE_HOPPER), alert(ALAN), declined(4), Alert { wave: None, ..declined(5) }];
    let (cx, committed) = service(&active_emergency(), &alerts, around(&near(), 1));
    responses::decline(&cx, &grace_hopper(), the_emergency()).await.unwrap();
    assert_eq!(events_of(&committed.only(), GRACE_HOPPER), [Event::AlertDeclined { helper: id(GRACE_HOPPER) }]);
}

#[tokio::test]
async fn a_place_is_given_away_on_condition_of_the_revision() {
    let (cx, committed) =
        service_that(holding_around(&active_emergency(), &[alert(GRACE_HOPPER)], around(&near(), 1)), stale(1));
    responses::decline(&cx, &grace_hopper(), the_emergency()).await.unwrap();
    let [first, second] = <[Change; 2]>::try_from(committed.attempts()).unwrap();
    assert_eq!(first, second, "decided again");
}

#[tokio::test]
async fn one_who_cancels_while_others_come_is_replaced() {
    for (other, timer) in [(OnWay, Some(crate::testing::at(181))), (Completed, Some(crate::testing::at(601)))] {
        let before = with_team(&[(GRACE_HOPPER, OnWay), (ALAN, other)]);
        let alerts = [alert(GRACE_HOPPER), alert(ALAN)];
        let (cx, committed) = service(&before, &alerts, around(&near(), 50));
        let (after, _) = responses::update(&cx, &grace_hopper(), the_emergency(), cancelling()).await.unwrap();
        assert_eq!((after.status(), after.next_alert_at()), (EmergencyStatus::Responding, timer));
        let change = committed.only();
        let (write, event) = sent(&before, &[recipient(4, 12_000.0)]);
        assert_eq!(change.writes[1..], [write]);
        let told = events_of(&change, GRACE_HOPPER);
        assert_eq!((told.len(), &told[1]), (2, &event));
        assert_eq!(updated(&change), (after.clone(), vec![after.responses()[0].clone()]));
    }
}

#[tokio::test]
async fn when_the_last_one_cancels_the_next_wave_goes_out_at_once() {
    for (radius, next, recipients) in [
        // Alan's alert was not acknowledged; Grace cancelled, so she is not alerted again. A radius with nobody new is passed
        // over.
        (5_000.0, 15_000.0, vec![recipient(ALAN, 2_000.0), recipient(4, 12_000.0), recipient(5, 13_000.0)]),
        (10_000.0, 15_000.0, vec![recipient(ALAN, 2_000.0), recipient(4, 12_000.0), recipient(5, 13_000.0)]),
        // There is no larger radius: the wave alerts helpers that came into the current one meanwhile.
        (15_000.0, 15_000.0, vec![recipient(ALAN, 2_000.0), recipient(4, 12_000.0), recipient(5, 13_000.0)]),
    ] {
        let responding = with_responses(&[(GRACE_HOPPER, OnWay)]);
        let before = edited(responding, |e| e.alert_radius = Metres::new(radius));
        let (cx, committed) = service(&before, &[alert(GRACE_HOPPER), alert(ALAN)], around(&near(), 50));
        let (after, _) = responses::update(&cx, &grace_hopper(), the_emergency(), cancelling()).await.unwrap();
        let state = (after.status(), after.alert_radius().get(), after.alerts().wave, after.next_alert_at());
        assert_eq!(state, (EmergencyStatus::Active, next, 2, Some(in_a_minute())));
        let change = committed.only();
        let (write, event) = sent(&after, &recipients);
        assert_eq!(change.writes[1..], [write]);
        let active = Event::StatusChanged { status: EmergencyStatus::Active, updated_at: now() };
        assert_eq!(events_of(&change, GRACE_HOPPER)[1..], [active, event]);
        assert_eq!(updated(&change), (after.clone(), after.responses().to_vec()));
    }
}

#[tokio::test]
async fn after_the_end_no_place_is_given_away() {
    let over = resolved(with_responses(&[(GRACE_HOPPER, OnWay)]));
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    let (cx, committed) = service(&over, &[alert(GRACE_HOPPER)], around(&near(), 1));
    assert_eq!(refusal(responses::decline(&cx, &grace_hopper(), the_emergency()).await), refused);
    assert!(committed.is_empty());
    let (cx, committed) = service(&over, &[alert(GRACE_HOPPER)], around(&near(), 50));
    assert_eq!(refusal(responses::update(&cx, &grace_hopper(), the_emergency(), cancelling()).await), refused);
    assert!(committed.is_empty());
}
