//! Tests of helpers that come near an active emergency.

use super::*;
use crate::{
    ResponseStatus,
    testing::{ALAN, GRACE_HOPPER, anonymous, events_of_service, recipient, resolved, updated, with_responses},
    usecase::emergencies::tests::{alert, declined, refusal, stale, the_emergency},
};

/// This helper at this distance, for a query of this user only.
fn here(helper: u128, metres: f64) -> Around {
    Around { nearest: vec![recipient(helper, metres)], selection: HelperSelection::Only(id(helper)) }
}

/// No helper, for a query of this user only.
fn not_here(helper: u128) -> Around {
    Around { nearest: vec![], selection: HelperSelection::Only(id(helper)) }
}

#[tokio::test]
async fn one_who_comes_within_the_alert_radius_is_alerted_with_the_current_wave() {
    for before in
        [active_emergency(), anonymous(active_emergency()), edited(active_emergency(), |e| e.next_alert_at = None)]
    {
        let (cx, committed) = service(&before, &[alert(ALAN)], here(GRACE_HOPPER, 4_000.0));
        assert!(alert_if_in_range(&cx, the_emergency(), id(GRACE_HOPPER), None).await.unwrap());
        let change = committed.only();
        let (write, event) = sent(&before, &[recipient(GRACE_HOPPER, 4_000.0)]);
        assert_eq!(
            updated(&change),
            (edited(before, |e| e.alerts.alerted += 1), vec![]),
            "neither radius nor timer change"
        );
        assert_eq!(change.writes[1..], [write]);
        assert_eq!(events_of_service(&change), [event]);
    }
}

#[tokio::test]
async fn a_helper_is_not_alerted_twice_or_without_need() {
    let responding = with_responses(&[(ALAN, ResponseStatus::OnWay)]);
    let left = with_responses(&[(GRACE_HOPPER, ResponseStatus::Cancelled)]);
    let never = Alert { wave: None, ..declined(GRACE_HOPPER) };
    for (emergency, alerts, who, metres, settled) in [
        (active_emergency(), vec![alert(GRACE_HOPPER)], GRACE_HOPPER, 10.0, true),
        (active_emergency(), vec![declined(GRACE_HOPPER)], GRACE_HOPPER, 10.0, true),
        (active_emergency(), vec![never], GRACE_HOPPER, 10.0, true),
        (left, vec![], GRACE_HOPPER, 10.0, true),
        (active_emergency(), vec![], OWNER, 10.0, true),
        (resolved(active_emergency()), vec![], GRACE_HOPPER, 10.0, true),
        // These may have to be alerted later: when the radius grows, or the last responding helper cancels.
        (active_emergency(), vec![], GRACE_HOPPER, 5_100.0, false),
        (responding, vec![], GRACE_HOPPER, 10.0, false),
    ] {
        let near = if who == OWNER { not_here(who) } else { here(who, metres) };
        let (cx, committed) = service(&emergency, &alerts, near);
        assert_eq!(alert_if_in_range(&cx, the_emergency(), id(who), None).await.unwrap(), settled);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn one_who_comes_near_while_something_changes_is_looked_at_again() {
    let (cx, committed) = service_that(holding_around(&active_emergency(), &[], here(GRACE_HOPPER, 10.0)), stale(2));
    assert!(alert_if_in_range(&cx, the_emergency(), id(GRACE_HOPPER), None).await.unwrap());
    assert_eq!(committed.attempts().len(), 3);
}

#[tokio::test]
async fn a_helper_on_duty_near_the_emergency_is_alerted_and_settled() {
    let (cx, committed) = service(&active_emergency(), &[], here(GRACE_HOPPER, 10.0));
    assert_eq!(alert_found(&cx, &[the_emergency()], id(GRACE_HOPPER), None).await.unwrap(), [the_emergency()]);
    assert_eq!(committed.attempts().len(), 1);
}

#[tokio::test]
async fn a_user_who_is_not_on_duty_near_the_emergency_is_not_settled() {
    let (cx, committed) = service(&active_emergency(), &[], not_here(GRACE_HOPPER));
    assert_eq!(alert_found(&cx, &[the_emergency()], id(GRACE_HOPPER), None).await.unwrap(), []);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn no_port_is_asked_when_no_emergency_was_found() {
    let (cx, committed) = service_that(MockEmergencies::new(), vec![]);
    assert_eq!(alert_found(&cx, &[], id(GRACE_HOPPER), None).await.unwrap(), []);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_deleted_emergency_is_settled() {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().times(1).returning(|_, _| Ok(None));
    let (cx, _) = service_that(emergencies, vec![]);
    let outcome = alert_if_in_range(
        &service(&active_emergency(), &[], here(GRACE_HOPPER, 10.0)).0,
        id(404),
        id(GRACE_HOPPER),
        None,
    )
    .await;
    assert_eq!(refusal(outcome), Refusal::EmergencyNotFound);
    assert_eq!(alert_found(&cx, &[the_emergency()], id(GRACE_HOPPER), None).await.unwrap(), [the_emergency()]);
}
