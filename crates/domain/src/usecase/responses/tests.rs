//! What accepting, declining and telling how far along one is hand to the store.

use super::*;
use crate::{
    Account, Alert, AlertCounts, HelperPolicy, ResponseStatus, Verification,
    given::{
        ADMIN, ALAN, Committed, EMERGENCY, GRACE, NOBODY, OWNER, account, at, calling, card, emergency, grace, helper,
        id, now, owner, record, resolved, store, text, told, updated, with_responses,
    },
    port::{self, MockEmergencies},
    usecase::{
        ATTEMPTS,
        emergencies::tests::{alert, conflict, context, declined, empty, holding, refusal, stale, the_emergency},
    },
};
use ResponseStatus::{Arrived, Cancelled, Completed, OnWay, Responding};

/// Nobody else is near, so that nobody takes the place of one who will not come: that is told with the alerts.
fn service(emergency: &Emergency, alerts: &[Alert], outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(holding(emergency, alerts), changes), committed)
}

fn update_to(status: ResponseStatus) -> ResponseUpdate {
    ResponseUpdate { status, notes: Some(text("By bike")), estimated_arrival: None }
}

fn declines(emergency: Emergency, declined: u32) -> Emergency {
    Emergency { alerts: AlertCounts { declined, ..emergency.alerts }, ..emergency }
}

#[tokio::test]
async fn the_first_to_accept_joins_and_changes_the_status() {
    let (cx, committed) = service(&emergency(), &[alert(GRACE)], vec![]);
    let after = accept(&cx, &grace(), the_emergency(), Some(at(90))).await.unwrap();
    let change = committed.only();
    assert_eq!(
        told(&change, GRACE),
        [
            Event::HelperJoined { helper: card(GRACE), joined_at: now(), estimated_arrival: Some(at(90)) },
            Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: now() },
        ]
    );
    let (stored, responses) = updated(&change);
    assert_eq!((&stored, stored.revision), (&after, emergency().revision));
    assert_eq!(responses, after.responses);
    assert_eq!((responses[0].status, responses[0].estimated_arrival), (Responding, Some(at(90))));
    assert_eq!(change.writes.len(), 1);
}

#[tokio::test]
async fn a_later_one_joins_and_only_their_response_is_written() {
    let (cx, committed) = service(&with_responses(&[(ALAN, OnWay)]), &[], vec![]);
    accept(&cx, &grace(), the_emergency(), None).await.unwrap();
    let change = committed.only();
    assert_eq!(
        told(&change, GRACE),
        [Event::HelperJoined { helper: card(GRACE), joined_at: now(), estimated_arrival: None }]
    );
    let (_, responses) = updated(&change);
    assert_eq!(responses.iter().map(|r| r.helper.person.id).collect::<Vec<_>>(), [id(GRACE)]);
}

#[tokio::test]
async fn one_who_cancelled_may_come_back() {
    let (cx, committed) = service(&with_responses(&[(GRACE, Cancelled)]), &[], vec![]);
    let after = accept(&cx, &grace(), the_emergency(), None).await.unwrap();
    assert_eq!((after.status, after.responses.len()), (EmergencyStatus::Responding, 1));
    let kinds: Vec<_> = told(&committed.only(), GRACE).iter().map(Event::kind).collect();
    assert_eq!(kinds, ["helper_joined", "status_changed"]);
}

#[tokio::test]
async fn one_who_declined_and_accepts_has_not_declined() {
    for (alert, declined_after) in [(declined(GRACE), 0), (Alert { wave: None, ..declined(GRACE) }, 1)] {
        let (cx, committed) = service(&declines(emergency(), 1), &[declined(ALAN), alert], vec![]);
        let after = accept(&cx, &grace(), the_emergency(), None).await.unwrap();
        // Only declines of those who were alerted are counted.
        assert_eq!(after.alerts.declined, declined_after);
        let taken_back = Write::SetDeclined { emergency: the_emergency(), helper: id(GRACE), declined: false };
        assert_eq!(committed.only().writes[1..], [taken_back]);
    }
}

#[tokio::test]
async fn accepting_again_stores_and_tells_nothing() {
    for status in [Responding, OnWay, Arrived, Completed] {
        let before = with_responses(&[(GRACE, status)]);
        let (cx, committed) = service(&before, &[], vec![]);
        assert_eq!(accept(&cx, &grace(), the_emergency(), Some(at(90))).await.unwrap(), before);
        assert!(committed.nothing());
    }
}

#[tokio::test]
async fn a_helper_responds_to_one_emergency_at_a_time() {
    let (cx, committed) = service(&emergency(), &[], conflict(Constraint::Engaged));
    let outcome = accept(&cx, &grace(), the_emergency(), None).await;
    assert_eq!(refusal(outcome), Refusal::AlreadyRespondingElsewhere);
    assert_eq!(committed.attempts().len(), 1);
    let (cx, _) = service(&emergency(), &[], conflict(Constraint::Rating));
    assert!(matches!(accept(&cx, &grace(), the_emergency(), None).await, Err(Error::Port(_))));
}

#[tokio::test]
async fn owners_and_those_who_may_not_help_neither_accept_nor_decline() {
    let verified_owner = calling(helper(OWNER));
    let pending = calling(Account { helper: Some(record(Verification::Pending, true)), ..account(NOBODY) });
    for (actor, expected) in [
        (owner(), Refusal::OwnEmergency),
        (verified_owner, Refusal::OwnEmergency),
        (calling(account(NOBODY)), Refusal::NotAHelper),
        (pending, Refusal::NotAHelper),
        (calling(crate::given::admin()), Refusal::NotAHelper),
    ] {
        let (cx, committed) = service(&emergency(), &[], vec![]);
        assert_eq!(refusal(accept(&cx, &actor, the_emergency(), None).await), expected);
        assert_eq!(refusal(decline(&cx, &actor, the_emergency()).await), expected);
        assert!(committed.nothing());
    }
}

#[tokio::test]
async fn where_everyone_may_help_anybody_accepts_but_the_owner() {
    let (mut cx, committed) = service(&emergency(), &[], vec![]);
    cx.rules.helpers = HelperPolicy::Open;
    accept(&cx, &calling(account(NOBODY)), the_emergency(), None).await.unwrap();
    assert_eq!(committed.attempts().len(), 1);
    assert_eq!(refusal(accept(&cx, &owner(), the_emergency(), None).await), Refusal::OwnEmergency);
}

#[tokio::test]
async fn what_ended_is_neither_accepted_nor_declined_nor_updated() {
    let over = resolved(with_responses(&[(GRACE, OnWay)]));
    let (cx, committed) = service(&over, &[], vec![]);
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    assert_eq!(refusal(accept(&cx, &grace(), the_emergency(), None).await), refused);
    assert_eq!(refusal(decline(&cx, &grace(), the_emergency()).await), refused);
    assert_eq!(refusal(update(&cx, &grace(), the_emergency(), update_to(Arrived)).await), refused);
    assert!(committed.nothing());
}

#[tokio::test]
async fn a_decline_is_stored_and_counted_if_they_were_alerted() {
    for (alerts, counted) in [(vec![alert(ALAN), alert(GRACE)], 1), (vec![alert(ALAN)], 0), (vec![], 0)] {
        let (cx, committed) = service(&emergency(), &alerts, vec![]);
        let after = decline(&cx, &grace(), the_emergency()).await.unwrap();
        assert_eq!(after.alerts.declined, counted);
        let change = committed.only();
        assert_eq!(told(&change, GRACE), [Event::AlertDeclined { helper: id(GRACE) }]);
        assert_eq!(updated(&change), (emergency(), vec![]), "on condition of the revision, with nothing else changed");
        let decline = Write::SetDeclined { emergency: the_emergency(), helper: id(GRACE), declined: true };
        assert_eq!(change.writes[1..], [decline]);
    }
}

#[tokio::test]
async fn declining_again_stores_and_tells_nothing() {
    let before = declines(emergency(), 1);
    let (cx, committed) = service(&before, &[declined(GRACE)], vec![]);
    assert_eq!(decline(&cx, &grace(), the_emergency()).await.unwrap(), before);
    assert!(committed.nothing());
}

#[tokio::test]
async fn one_who_comes_cannot_decline() {
    let (cx, committed) = service(&with_responses(&[(GRACE, Completed)]), &[], vec![]);
    assert_eq!(refusal(decline(&cx, &grace(), the_emergency()).await), Refusal::AlreadyResponding);
    assert!(committed.nothing());
}

#[tokio::test]
async fn an_update_tells_what_is_recorded() {
    let mut before = with_responses(&[(GRACE, Responding), (ALAN, OnWay)]);
    before.responses[0].estimated_arrival = Some(at(60));
    let (cx, committed) = service(&before, &[], vec![]);
    let (after, relation) = update(&cx, &grace(), the_emergency(), update_to(Arrived)).await.unwrap();
    assert_eq!(relation, Relation::RespondingHelper);
    let change = committed.only();
    let event = Event::HelperStatusUpdated {
        helper: id(GRACE),
        status: Arrived,
        notes: Some(text("By bike")),
        estimated_arrival: Some(at(60)),
        updated_at: now(),
    };
    assert_eq!(told(&change, GRACE), [event]);
    assert_eq!(updated(&change), (after.clone(), vec![after.responses[0].clone()]));
    assert_eq!(after.responses[1], before.responses[1]);
}

#[tokio::test]
async fn when_the_last_one_cancels_the_emergency_waits_again() {
    for (others, waits) in [(vec![], true), (vec![(ALAN, Completed)], false)] {
        let before = with_responses(&[&[(GRACE, OnWay)], others.as_slice()].concat());
        let (cx, committed) = service(&before, &[], vec![]);
        let (after, relation) = update(&cx, &grace(), the_emergency(), update_to(Cancelled)).await.unwrap();
        // One who cancelled is a helper as any other.
        assert_eq!(relation, Relation::Helper);
        let kinds: Vec<_> = told(&committed.only(), GRACE).iter().map(Event::kind).collect();
        let again = ["helper_status_updated", "status_changed", "helpers_alerted"];
        assert_eq!(kinds, if waits { &again[..] } else { &again[..1] });
        assert_eq!(after.status == EmergencyStatus::Active, waits);
    }
}

#[tokio::test]
async fn only_who_responds_tells_how_far_along_they_are() {
    for (actor, expected) in [
        (owner(), Refusal::NotAuthorized),
        (calling(helper(4)), Refusal::NotAuthorized),
        (grace(), Refusal::InvalidTransition { from: Cancelled, to: Arrived }),
        (calling(helper(ALAN)), Refusal::InvalidTransition { from: Completed, to: Arrived }),
    ] {
        let before = with_responses(&[(GRACE, Cancelled), (ALAN, Completed)]);
        let (cx, committed) = service(&before, &[], vec![]);
        assert_eq!(refusal(update(&cx, &actor, the_emergency(), update_to(Arrived)).await), expected);
        assert!(committed.nothing());
    }
}

/// A store in which these are seen one after the other, once each.
fn one_after_the_other(looks: Vec<Emergency>) -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    let times = looks.len();
    let mut looks = looks.into_iter();
    emergencies.expect_load().times(times).returning(move |of, _| {
        assert_eq!(of, id(EMERGENCY));
        Ok(looks.next().map(|emergency| Loaded { emergency, alerts: vec![], near: vec![] }))
    });
    emergencies
}

#[tokio::test]
async fn of_two_who_accept_at_once_the_slower_one_is_not_the_first() {
    let (changes, committed) = store(stale(1));
    let looks = vec![emergency(), with_responses(&[(ALAN, Responding)])];
    let after = accept(&context(one_after_the_other(looks), changes), &grace(), the_emergency(), None).await.unwrap();
    assert_eq!(after.responses.len(), 2);
    let kinds = |change: &crate::Change| told(change, GRACE).iter().map(Event::kind).collect::<Vec<_>>();
    let attempts = committed.attempts();
    assert_eq!(kinds(&attempts[0]), ["helper_joined", "status_changed"]);
    assert_eq!(kinds(&attempts[1]), ["helper_joined"]);
}

#[tokio::test]
async fn one_who_accepts_while_it_is_resolved_is_too_late() {
    let over = resolved(emergency());
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    let meanwhile = || one_after_the_other(vec![with_responses(&[(GRACE, OnWay)]), over.clone()]);

    let (changes, _) = store(stale(1));
    let looks = one_after_the_other(vec![emergency(), over.clone()]);
    assert_eq!(refusal(accept(&context(looks, changes), &grace(), the_emergency(), None).await), refused);

    let (changes, _) = store(stale(1));
    let looks = one_after_the_other(vec![emergency(), over.clone()]);
    assert_eq!(refusal(decline(&context(looks, changes), &grace(), the_emergency()).await), refused);

    let (changes, _) = store(stale(1));
    let outcome = update(&context(meanwhile(), changes), &grace(), the_emergency(), update_to(Arrived)).await;
    assert_eq!(refusal(outcome), Refusal::NotAuthorized, "the store no longer holds the response");
}

#[tokio::test]
async fn deciding_again_is_bounded() {
    let responding = with_responses(&[(GRACE, OnWay)]);
    let (cx, committed) = service(&emergency(), &[], stale(2000));
    assert_eq!(refusal(accept(&cx, &grace(), the_emergency(), None).await), Refusal::Contended);
    assert_eq!(refusal(decline(&cx, &grace(), the_emergency()).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), 2 * ATTEMPTS as usize);
    let (cx, committed) = service(&responding, &[], stale(2000));
    assert_eq!(refusal(update(&cx, &grace(), the_emergency(), update_to(Arrived)).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), ATTEMPTS as usize);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let (changes, _) = store(vec![]);
    let (cx, gone) = (context(empty(), changes), id(ADMIN));
    assert_eq!(refusal(accept(&cx, &grace(), gone, None).await), Refusal::EmergencyNotFound);
    assert_eq!(refusal(decline(&cx, &grace(), gone).await), Refusal::EmergencyNotFound);
    assert_eq!(refusal(update(&cx, &grace(), gone, update_to(Arrived)).await), Refusal::EmergencyNotFound);
}
