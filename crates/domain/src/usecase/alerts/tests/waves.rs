//! Tests of timers: waves, the notice after the last wave, and expiry.

use chrono::TimeDelta;

use super::*;
use crate::{
    HeldAlert, ResolutionType, ResponseStatus, StallTiming,
    testing::{ALAN, GRACE_HOPPER, edited, events_of_service, recipient, resolved, updated, with_responses},
    usecase::emergencies::tests::{alert, declined, the_emergency},
};

/// The number of emergencies handled, and the effects of the timers.
async fn fire_all(cx: &EmergencyPorts, alerts: &dyn port::Alerts) -> (Result<usize, Error>, Vec<Fired>) {
    let mut fired = Vec::new();
    let outcome = fire_due(cx, alerts, |what| fired.push(what)).await;
    (outcome, fired)
}

async fn fire_now(cx: &EmergencyPorts) -> Result<Vec<Fired>, Error> {
    let (looked_after, fired) = fire_all(cx, &due(vec![the_emergency()])).await;
    looked_after.map(|_| fired)
}

/// Grace did not acknowledge the first wave, Alan did, and the fourth declined.
fn first_wave() -> Vec<Alert> {
    vec![alert(GRACE_HOPPER), Alert { acknowledged_at: Some(at(2)), ..alert(ALAN) }, declined(4)]
}

fn near() -> Vec<Recipient> {
    vec![
        recipient(GRACE_HOPPER, 1_000.0),
        recipient(ALAN, 2_000.0),
        recipient(4, 3_000.0),
        recipient(5, 9_000.0),
        recipient(6, 10_000.0),
        recipient(7, 10_001.0),
    ]
}

#[tokio::test]
async fn the_next_wave_takes_the_next_radius_and_repeats_what_was_not_acknowledged() {
    let before = waiting(5_000.0);
    let (cx, committed) = service(&before, &first_wave(), around(&near(), 50));
    assert_eq!(fire_now(&cx).await.unwrap(), [Fired::Wave]);
    let change = committed.only();
    let after = edited(before, |e| {
        e.alert_radius = Metres::new(10_000.0);
        (e.alerts.wave, e.alerts.alerted) = (2, e.alerts.alerted + 2);
        // Places of helpers that do not acknowledge are looked at before the next wave.
        (e.next_alert_at, e.search.wave_at) = (Some(at(60)), Some(in_a_minute()));
        e.search.places_freed_until = Some(now());
    });
    let recipients = [recipient(GRACE_HOPPER, 1_000.0), recipient(5, 9_000.0), recipient(6, 10_000.0)];
    let (write, event) = sent(&after, &recipients);
    assert_eq!(updated(&change), (after, vec![]));
    assert_eq!(change.writes[1..], [write]);
    assert_eq!(events_of_service(&change), [event]);
}

#[tokio::test]
async fn the_owner_is_notified_at_once_if_no_helper_is_near() {
    let (cx, committed) = service(&waiting(10_000.0), &[], around(&[], 50));
    fire_now(&cx).await.unwrap();
    let change = committed.only();
    let (after, _) = updated(&change);
    assert_eq!(
        (after.alerts().wave, after.alert_radius().get(), after.next_alert_at()),
        (2, 15_000.0, Some(now() + TimeDelta::minutes(10)))
    );
    let (write, event) = sent(&after, &[]);
    let unanswered = Event::Unanswered { owner: id(OWNER), alerted: after.alerts().alerted };
    assert_eq!((&change.writes[1..], events_of_service(&change)), (&[write][..], vec![event, unanswered]));
}

#[tokio::test]
async fn after_the_last_wave_the_owner_is_notified_and_unheard_alerts_are_repeated() {
    let before = waiting(15_000.0);
    let (cx, committed) = service(&before, &first_wave(), around(&near(), 50));
    assert_eq!(fire_now(&cx).await.unwrap(), [Fired::Wave, Fired::Unanswered]);
    let change = committed.only();
    let alerted = before.alerts().alerted;
    let (write, event) = sent(&before, &[recipient(GRACE_HOPPER, 1_000.0)]);
    let after = edited(before, |e| {
        (e.next_alert_at, e.search.wave_at) = (Some(in_a_minute()), Some(in_a_minute()));
        (e.search.places_freed_until, e.search.unanswered_at) = (Some(now()), Some(now()));
    });
    assert_eq!(updated(&change), (after, vec![]));
    assert_eq!(change.writes[1..], [write]);
    assert_eq!(events_of_service(&change), [event, Event::Unanswered { owner: id(OWNER), alerted }]);
}

#[tokio::test]
async fn what_is_not_due_any_more_is_left_alone() {
    let later = edited(active_emergency(), |e| e.next_alert_at = Some(now() + TimeDelta::microseconds(1)));
    let given_up = edited(active_emergency(), |e| e.next_alert_at = None);
    let mut responding = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    responding.schedule_checks(StallTiming::default(), now());
    for left in [later, given_up, responding, resolved(active_emergency())] {
        let (cx, committed) = service(&left, &[], around(&near(), 50));
        assert_eq!(fire_now(&cx).await.unwrap(), []);
        assert!(committed.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn an_emergency_without_a_timer_gets_one_while_helpers_respond_and_they_get_roles() {
    let (cx, committed) = service(&with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]), &[], around(&near(), 50));
    assert_eq!(fire_now(&cx).await.unwrap(), []);
    let (stored, responses) = updated(&committed.only());
    assert_eq!(stored.next_alert_at(), Some(at(1) + StallTiming::default().after));
    assert_eq!(responses, stored.responses());
    assert!(responses[0].assignment().is_some());
}

#[tokio::test]
async fn an_expired_emergency_is_resolved_without_an_actor() {
    let helped = with_responses(&[(GRACE_HOPPER, ResponseStatus::Arrived), (ALAN, ResponseStatus::Cancelled)]);
    for (before, trusted) in [(waiting(5_000.0), vec![]), (helped, vec![id(GRACE_HOPPER)])] {
        let (mut cx, committed) = service(&before, &first_wave(), around(&near(), 50));
        cx.rules.emergency_ttl = TimeDelta::seconds(29);
        assert_eq!(fire_now(&cx).await.unwrap(), [Fired::Expired]);
        let (change, at) = (committed.only(), now());
        let mut after = before.clone();
        after.expire(at).unwrap();
        let (status, participants) = (EmergencyStatus::Resolved, after.participants().collect());
        let alerted = vec![id(GRACE_HOPPER), id(ALAN), id(4)];
        assert_eq!(
            events_of_service(&change),
            [
                Event::EmergencyResolved {
                    at,
                    by: None,
                    resolution: ResolutionType::AutoExpired,
                    notes: None,
                    anonymous: false,
                },
                Event::EmergencyEnded {
                    status,
                    at,
                    alerted,
                    participants,
                    hidden_from: vec![],
                    announced: true,
                    critical: false
                },
            ]
        );
        assert_eq!(updated(&change), (after, vec![]));
        let (emergency, owner, unless_since) = (before.id(), before.owner(), at - TimeDelta::days(30));
        let trust = Write::AddTrust { emergency, owner, helpers: trusted.clone(), by: 50, unless_since };
        let trust = (!trusted.is_empty()).then_some(trust);
        assert_eq!(change.writes[1..], trust.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_is_just_as_old_as_an_emergency_lives_goes_on() {
    let (mut cx, committed) = service(&waiting(15_000.0), &[], around(&near(), 50));
    cx.rules.emergency_ttl = TimeDelta::seconds(30);
    fire_now(&cx).await.unwrap();
    assert_eq!(events_of_service(&committed.only())[0].kind(), "unanswered");
}

#[tokio::test]
async fn a_held_alert_delays_the_notice_only_while_its_helper_can_be_rung() {
    for (helper, is_told) in [(GRACE_HOPPER, false), (9, true)] {
        let held = HeldAlert { recipient: recipient(helper, 1_000.0), due_at: in_a_minute() };
        let before = edited(waiting(15_000.0), |e| e.search.held = vec![held]);
        let (cx, committed) = service(&before, &first_wave()[1..], around(&near()[..1], 50));
        fire_now(&cx).await.unwrap();
        let kinds: Vec<_> = events_of_service(&committed.only()).iter().map(Event::kind).collect();
        assert_eq!(kinds.contains(&"unanswered"), is_told, "{kinds:?}");
    }
}

#[tokio::test]
async fn what_ended_does_not_expire() {
    let (mut cx, committed) = service(&resolved(active_emergency()), &[], around(&near(), 50));
    cx.rules.emergency_ttl = TimeDelta::seconds(1);
    fire_now(&cx).await.unwrap();
    assert!(committed.is_empty());
}

#[tokio::test]
async fn what_is_due_is_asked_for_by_the_time_and_the_age_of_emergencies() {
    let (mut cx, _) = service(&active_emergency(), &[], around(&near(), 50));
    cx.rules.emergency_ttl = TimeDelta::seconds(7);
    let mut alerts = MockAlerts::new();
    alerts.expect_due().times(1).returning(|at, expired_before, _| {
        assert_eq!((at, expired_before), (now(), now() - TimeDelta::seconds(7)));
        Ok(vec![])
    });
    assert_eq!(fire_all(&cx, &alerts).await.0.unwrap(), 0);
}

/// A store with one emergency under these ids. Its commits have these outcomes.
fn three_due(outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed, MockAlerts) {
    let ids = [101, 102, 103].map(id);
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_load().returning(move |id, _| {
        let emergency = edited(waiting(15_000.0), |e| e.call.id = id);
        let loaded = Loaded {
            emergency,
            alerts: vec![],
            near: vec![],
            hidden_from: vec![],
            rings: vec![],
            skipped: vec![],
            census: Vec::new(),
        };
        Ok(ids.contains(&id).then_some(loaded))
    });
    let (cx, committed) = service_that(emergencies, outcomes);
    (cx, committed, due(ids.to_vec()))
}

#[tokio::test]
async fn where_another_node_was_faster_nothing_is_sent_and_the_others_are_looked_after() {
    let (cx, committed, alerts) = three_due(vec![Ok(()), Err(port::Error::Stale), Ok(())]);
    let (looked_after, fired) = fire_all(&cx, &alerts).await;
    assert_eq!((looked_after.unwrap(), fired), (3, vec![Fired::Unanswered; 2]));
    assert_eq!(committed.attempts().len(), 3, "it is not decided again: it is done");
}

#[tokio::test]
async fn one_that_was_deleted_keeps_no_others_waiting() {
    let (cx, committed) = service(&waiting(15_000.0), &[], around(&near(), 50));
    assert_eq!(fire_all(&cx, &due(vec![id(404), the_emergency()])).await.0.unwrap(), 2);
    assert_eq!(committed.attempts().len(), 1);
}

#[tokio::test]
async fn an_emergency_that_can_never_be_handled_does_not_delay_the_others_and_its_error_is_returned() {
    let corrupt = port::Error::Corrupt { table: "emergency", column: "kind", id: "102".to_owned() };
    for broken in [corrupt, port::Error::bug("an undefined column")] {
        let (cx, committed, alerts) = three_due(vec![Ok(()), Err(broken), Ok(())]);
        let (outcome, fired) = fire_all(&cx, &alerts).await;
        assert_eq!(fired, [Fired::Unanswered; 2]);
        assert!(matches!(outcome, Err(Error::Port(port::Error::Corrupt { .. } | port::Error::Bug(_)))), "{outcome:?}");
        assert_eq!(committed.attempts().len(), 3);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_asked_for_the_rest() {
    let (cx, committed, alerts) = three_due(vec![Ok(()), Err(port::Error::unavailable("gone"))]);
    let (outcome, fired) = fire_all(&cx, &alerts).await;
    assert!(matches!(outcome, Err(Error::Port(port::Error::Unavailable(_)))), "{outcome:?}");
    assert_eq!(fired, [Fired::Unanswered], "what was done before is told");
    assert_eq!(committed.attempts().len(), 2);
}

#[tokio::test]
async fn an_announcement_that_was_held_back_is_made_when_it_is_due_also_while_a_helper_responds() {
    let held = |e: &mut crate::EmergencySnapshot| {
        e.search.held_announcement = Some(HeldAnnouncement { due_at: now(), nearby_helpers: 7 });
        e.next_alert_at = Some(now());
    };
    for before in [edited(waiting(5_000.0), held), edited(with_responses(&[(ALAN, ResponseStatus::OnWay)]), held)] {
        let (cx, committed) = service(&before, &first_wave(), around(&near(), 50));
        fire_now(&cx).await.unwrap();
        let change = committed.only();
        let (after, _) = updated(&change);
        assert!(after.is_announced() && after.next_alert_at() != Some(now()));
        assert_eq!(change.writes[1], Write::AnnounceEmergency(the_emergency()));
        let (call, status, hidden_from) = (before.call().clone(), before.status(), vec![]);
        let announced = Event::EmergencyAnnounced { call, status, nearby_helpers: 7, hidden_from };
        assert_eq!(events_of_service(&change)[0], announced, "before the alerts");
    }
}

fn acknowledgement(helpers: &[u128]) -> Change {
    helpers.iter().fold(Change::new(None, now()), |change, &helper| {
        let (emergency, device) = (the_emergency(), ReceivingDevice::OfSession(id(helper)));
        change
            .write(Write::AcknowledgeAlert { emergency, helper: id(helper) })
            .write(Write::NoteDeviceReceived { emergency, device })
            .event_by(id(helper), emergency, Event::AlertAcknowledged { helper: id(helper) })
    })
}

fn receipts(helpers: &[u128], is_acknowledged: bool) -> Vec<Receipt> {
    let receipt = |&helper: &u128| {
        let (emergency, helper, session) = (the_emergency(), id(helper), id(helper));
        Receipt { emergency, helper, session, is_acknowledged }
    };
    helpers.iter().map(receipt).collect()
}

#[tokio::test]
async fn acknowledgements_are_stored_by_one_commit_with_an_event_for_each() {
    let (cx, committed) = service_that(MockEmergencies::new(), vec![]);
    record_receipts(&cx, &receipts(&[GRACE_HOPPER, ALAN, 4], true)).await.unwrap();
    assert_eq!(committed.only(), acknowledgement(&[GRACE_HOPPER, ALAN, 4]));
    let (cx, committed) = service_that(MockEmergencies::new(), vec![]);
    record_receipts(&cx, &[]).await.unwrap();
    assert!(committed.is_empty());
}

#[tokio::test]
async fn alerts_that_were_received_without_an_acknowledgement_are_stored_without_an_event() {
    let (cx, committed) = service_that(MockEmergencies::new(), vec![]);
    let both = [receipts(&[ALAN], false), receipts(&[GRACE_HOPPER], true)].concat();
    record_receipts(&cx, &both).await.unwrap();
    let received = Write::ReceiveAlert { emergency: the_emergency(), helper: id(ALAN) };
    assert_eq!(committed.only(), acknowledgement(&[GRACE_HOPPER]).write_first(received));
}

#[tokio::test]
async fn acknowledging_fails_when_the_store_does_not_answer() {
    let (cx, committed) = service_that(MockEmergencies::new(), vec![Err(port::Error::unavailable("gone"))]);
    assert!(matches!(record_receipts(&cx, &receipts(&[GRACE_HOPPER, ALAN], true)).await, Err(Error::Port(_))));
    assert_eq!(committed.attempts().len(), 1);
}
