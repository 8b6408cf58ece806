//! Tests of the changes that accepting, declining and updating a response commit.

use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    Account, Alert, EmergencyStatus, HelperPolicy, ResponseStatus, Verification,
    dispatch::{RoleReason, TeamRole},
    port::{self, MockEmergencies},
    testing::{
        ADMIN, ALAN, Committed, GRACE_HOPPER, OWNER, STRANGER, account, active_emergency, actor, at, edited, events_of,
        grace_hopper, helper, helper_card, helper_record, id, now, owner, resolved, store, text, updated,
        with_responses, with_team,
    },
    usecase::{
        emergencies::tests::{
            alert, conflict, context, declined, empty, for_accepting, holding, refusal, stale, the_emergency,
        },
        retry::MAX_ATTEMPTS,
    },
};
use ResponseStatus::{Arrived, Cancelled, Completed, OnWay, Responding};

/// No other helper is near, so there is no substitute: substitutes are tested with the alerts.
fn service(emergency: &Emergency, alerts: &[Alert], outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(holding(emergency, alerts), changes), committed)
}

fn update_to(status: ResponseStatus) -> ResponseUpdate {
    ResponseUpdate { status, notes: Some(text("By bike")), estimated_arrival: None, resource_state: None }
}

/// The role of the first helpers at the patient.
fn role_of_grace() -> Event {
    let (helper, role, reason) = (id(GRACE_HOPPER), TeamRole::Patient, RoleReason::Accepted);
    Event::RoleAssigned { helper, role, resource: None, previous: None, reason, at: now(), hidden_from: vec![] }
}

fn declines(emergency: Emergency, declined: u32) -> Emergency {
    edited(emergency, |e| e.alerts.declined = declined)
}

#[tokio::test]
async fn the_first_to_accept_joins_and_changes_the_status() {
    let (cx, committed) = service(&active_emergency(), &[alert(GRACE_HOPPER)], vec![]);
    let after = accept(&cx, &grace_hopper(), the_emergency(), Some(at(90))).await.unwrap();
    let change = committed.only();
    assert_eq!(
        events_of(&change, GRACE_HOPPER),
        [
            Event::HelperJoined {
                helper: helper_card(GRACE_HOPPER),
                joined_at: now(),
                estimated_arrival: Some(at(90)),
                transport: Transport::Foot,
                separated_from: vec![]
            },
            Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: now() },
            role_of_grace(),
            Event::DetailsDisclosed { helper: id(GRACE_HOPPER), emergency: EmergencyOverview::from(&after) },
        ]
    );
    let (stored, responses) = updated(&change);
    assert_eq!((&stored, stored.revision()), (&after, active_emergency().revision()));
    assert_eq!(responses, after.responses());
    assert_eq!((responses[0].status, responses[0].estimated_arrival), (Responding, Some(at(90))));
    let expected = Write::ExpectMayHelp { user: id(GRACE_HOPPER), policy: HelperPolicy::Verified };
    assert_eq!(change.writes[1..], [expected]);
}

#[tokio::test]
async fn an_acceptance_names_the_responding_helpers_that_a_block_separates_by_now() {
    for (by_alan, by_grace, separated) in [(false, false, false), (true, false, true), (false, true, true)] {
        let mut before = with_responses(&[(ALAN, OnWay)]);
        before.record_blocks(id(ALAN), if by_alan { vec![id(GRACE_HOPPER)] } else { vec![] });
        let (changes, committed) = store(vec![]);
        let mut emergencies = MockEmergencies::new();
        let loaded = Loaded {
            emergency: before,
            alerts: vec![],
            near: vec![],
            hidden_from: vec![],
            rings: vec![],
            skipped: vec![],
            census: Vec::new(),
        };
        let blocks = if by_grace { vec![id(ALAN)] } else { vec![] };
        emergencies
            .expect_load_for_acceptance()
            .withf(|of, helper| (*of, *helper) == (the_emergency(), id(GRACE_HOPPER)))
            .returning(move |_, _| Ok(Some(for_accepting(loaded.clone(), blocks.clone()))));
        let cx = context(emergencies, changes);
        // As of a second ago, when another node had not carried out the block or its end.
        let mut actor = grace_hopper();
        actor.account.blocks = if by_grace { vec![] } else { vec![id(ALAN)] };
        let after = accept(&cx, &actor, the_emergency(), None).await.unwrap();
        let expected = if separated { vec![id(ALAN)] } else { vec![] };
        assert_eq!(after.separated_from(&actor.account), expected, "the answer hides as much");
        let joined = committed.only().events.into_iter().find_map(|new| match new.event {
            Event::HelperJoined { separated_from, .. } => Some(separated_from),
            _ => None,
        });
        assert_eq!(joined, Some(expected));
    }
}

#[tokio::test]
async fn a_later_one_joins_and_only_their_response_is_written() {
    let (cx, committed) = service(&with_team(&[(ALAN, OnWay)]), &[], vec![]);
    let after = accept(&cx, &grace_hopper(), the_emergency(), None).await.unwrap();
    let change = committed.only();
    assert_eq!(
        events_of(&change, GRACE_HOPPER),
        [
            Event::HelperJoined {
                helper: helper_card(GRACE_HOPPER),
                joined_at: now(),
                estimated_arrival: None,
                transport: Transport::Foot,
                separated_from: vec![]
            },
            role_of_grace(),
            Event::DetailsDisclosed { helper: id(GRACE_HOPPER), emergency: EmergencyOverview::from(&after) },
        ]
    );
    let (_, responses) = updated(&change);
    assert_eq!(responses.iter().map(|r| r.helper.person.id).collect::<Vec<_>>(), [id(GRACE_HOPPER)]);
}

#[tokio::test]
async fn one_who_cancelled_may_come_back() {
    let (cx, committed) = service(&with_responses(&[(GRACE_HOPPER, Cancelled)]), &[], vec![]);
    let after = accept(&cx, &grace_hopper(), the_emergency(), None).await.unwrap();
    assert_eq!((after.status(), after.responses().len()), (EmergencyStatus::Responding, 1));
    let kinds: Vec<_> = events_of(&committed.only(), GRACE_HOPPER).iter().map(Event::kind).collect();
    assert_eq!(kinds, ["helper_joined", "status_changed", "role_assigned", "details_disclosed"]);
}

#[tokio::test]
async fn one_who_declined_and_accepts_has_not_declined() {
    for (alert, declined_after) in [(declined(GRACE_HOPPER), 0), (Alert { wave: None, ..declined(GRACE_HOPPER) }, 1)] {
        let (cx, committed) = service(&declines(active_emergency(), 1), &[declined(ALAN), alert], vec![]);
        let after = accept(&cx, &grace_hopper(), the_emergency(), None).await.unwrap();
        // Only declines of alerted helpers are counted.
        assert_eq!(after.alerts().declined, declined_after);
        let taken_back = Write::SetDeclined { emergency: the_emergency(), helper: id(GRACE_HOPPER), declined: false };
        assert_eq!(committed.only().writes[2..], [taken_back]);
    }
}

#[tokio::test]
async fn accepting_again_stores_and_tells_nothing() {
    for status in [Responding, OnWay, Arrived] {
        let before = with_responses(&[(GRACE_HOPPER, status)]);
        let (cx, committed) = service(&before, &[], vec![]);
        assert_eq!(accept(&cx, &grace_hopper(), the_emergency(), Some(at(90))).await.unwrap(), before);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn one_who_was_blocked_meanwhile_does_not_accept() {
    let (cx, committed) = service(&active_emergency(), &[], conflict(Constraint::MayHelp));
    assert_eq!(refusal(accept(&cx, &grace_hopper(), the_emergency(), None).await), Refusal::NotAHelper);
    assert_eq!(committed.attempts().len(), 1);
}

#[tokio::test]
async fn a_completion_asks_the_owner_and_alerts_no_helper() {
    let (cx, committed) = service(&with_responses(&[(GRACE_HOPPER, Arrived)]), &[], vec![]);
    let (after, _) = update(&cx, &grace_hopper(), the_emergency(), update_to(Completed)).await.unwrap();
    assert_eq!((after.status(), after.next_alert_at()), (EmergencyStatus::Responding, Some(at(630))));
    let change = committed.only();
    let kinds: Vec<_> = change.events.iter().map(|e| e.event.kind()).collect();
    assert_eq!(kinds, ["helper_status_updated", "message_posted"]);
    let Some(Event::MessagePosted { message }) = change.events.last().map(|e| &e.event) else { panic!("no question") };
    assert_eq!((&message.from, &message.to), (&crate::Sender::System, &crate::To::Creator));
}

#[tokio::test]
async fn a_repeated_report_commits_nothing() {
    let before = with_responses(&[(GRACE_HOPPER, OnWay)]);
    let before =
        edited(before, |e| (e.responses[0].updated_at, e.responses[0].notes) = (at(25), Some(text("By bike"))));
    let (cx, committed) = service(&before, &[], vec![]);
    let (after, relation) = update(&cx, &grace_hopper(), the_emergency(), update_to(OnWay)).await.unwrap();
    assert_eq!((after, relation), (before, Relation::RespondingHelper));
    assert!(committed.is_empty());
}

#[tokio::test]
async fn an_owner_who_asks_for_more_help_renews_the_search() {
    for (responses, kinds, status) in [
        (Vec::new(), &["alerts_renewed", "helpers_alerted", "unanswered"][..], EmergencyStatus::Active),
        (
            vec![(GRACE_HOPPER, OnWay)],
            &["alerts_renewed", "helpers_alerted", "unanswered"],
            EmergencyStatus::Responding,
        ),
        (
            vec![(GRACE_HOPPER, Completed)],
            &["alerts_renewed", "status_changed", "helpers_alerted", "unanswered"],
            EmergencyStatus::Active,
        ),
    ] {
        let (cx, committed) = service(&with_responses(responses.as_slice()), &[], vec![]);
        let after = renew(&cx, &owner(), the_emergency()).await.unwrap();
        // No helper is near: the next look is a late one.
        assert_eq!((after.status(), after.next_alert_at()), (status, Some(at(630))));
        let change = committed.only();
        assert_eq!(events_of(&change, OWNER).iter().map(Event::kind).collect::<Vec<_>>(), kinds);
        assert_eq!(updated(&change), (after, vec![]));
    }
    let (cx, committed) = service(&active_emergency(), &[], vec![]);
    assert_eq!(refusal(renew(&cx, &grace_hopper(), the_emergency()).await), Refusal::NotAuthorized);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_helper_responds_to_one_emergency_at_a_time() {
    let (cx, committed) = service(&active_emergency(), &[], conflict(Constraint::Engaged));
    let outcome = accept(&cx, &grace_hopper(), the_emergency(), None).await;
    assert_eq!(refusal(outcome), Refusal::AlreadyRespondingElsewhere);
    assert_eq!(committed.attempts().len(), 1);
    let (cx, _) = service(&active_emergency(), &[], conflict(Constraint::Rating));
    assert!(matches!(accept(&cx, &grace_hopper(), the_emergency(), None).await, Err(Error::Port(_))));
}

#[tokio::test]
async fn owners_and_those_who_may_not_help_neither_accept_nor_decline() {
    let verified_owner = actor(helper(OWNER));
    let pending = actor(Account { helper: Some(helper_record(Verification::Pending, true)), ..account(STRANGER) });
    for (actor, expected) in [
        (owner(), Refusal::OwnEmergency),
        (verified_owner, Refusal::OwnEmergency),
        (actor(account(STRANGER)), Refusal::NotAHelper),
        (pending, Refusal::NotAHelper),
        (actor(crate::testing::admin()), Refusal::NotAHelper),
    ] {
        let (cx, committed) = service(&active_emergency(), &[], vec![]);
        assert_eq!(refusal(accept(&cx, &actor, the_emergency(), None).await), expected);
        assert_eq!(refusal(decline(&cx, &actor, the_emergency()).await), expected);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn under_the_open_policy_any_account_but_the_owner_accepts() {
    let (mut cx, committed) = service(&active_emergency(), &[], vec![]);
    cx.rules.helpers = HelperPolicy::Open;
    accept(&cx, &actor(account(STRANGER)), the_emergency(), None).await.unwrap();
    assert_eq!(committed.attempts().len(), 1);
    assert_eq!(refusal(accept(&cx, &owner(), the_emergency(), None).await), Refusal::OwnEmergency);
}

#[tokio::test]
async fn what_ended_is_neither_accepted_nor_declined_nor_updated() {
    let over = resolved(with_responses(&[(GRACE_HOPPER, OnWay)]));
    let (cx, committed) = service(&over, &[], vec![]);
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    assert_eq!(refusal(accept(&cx, &grace_hopper(), the_emergency(), None).await), refused);
    assert_eq!(refusal(decline(&cx, &grace_hopper(), the_emergency()).await), refused);
    assert_eq!(refusal(update(&cx, &grace_hopper(), the_emergency(), update_to(Arrived)).await), refused);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn a_decline_is_stored_and_counted_if_they_were_alerted() {
    for (alerts, counted) in [(vec![alert(ALAN), alert(GRACE_HOPPER)], 1), (vec![alert(ALAN)], 0), (vec![], 0)] {
        let (cx, committed) = service(&active_emergency(), &alerts, vec![]);
        let after = decline(&cx, &grace_hopper(), the_emergency()).await.unwrap();
        assert_eq!(after.alerts().declined, counted);
        let change = committed.only();
        assert_eq!(events_of(&change, GRACE_HOPPER), [Event::AlertDeclined { helper: id(GRACE_HOPPER) }]);
        assert_eq!(
            updated(&change),
            (active_emergency(), vec![]),
            "on condition of the revision, with nothing else changed"
        );
        let decline = Write::SetDeclined { emergency: the_emergency(), helper: id(GRACE_HOPPER), declined: true };
        assert_eq!(change.writes[1..], [decline]);
    }
}

#[tokio::test]
async fn declining_again_stores_and_tells_nothing() {
    let before = declines(active_emergency(), 1);
    let (cx, committed) = service(&before, &[declined(GRACE_HOPPER)], vec![]);
    assert_eq!(decline(&cx, &grace_hopper(), the_emergency()).await.unwrap(), before);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn one_who_comes_cannot_decline() {
    let (cx, committed) = service(&with_responses(&[(GRACE_HOPPER, OnWay)]), &[], vec![]);
    assert_eq!(refusal(decline(&cx, &grace_hopper(), the_emergency()).await), Refusal::AlreadyResponding);
    assert!(committed.is_empty());
}

#[tokio::test]
async fn an_update_tells_what_is_recorded() {
    let before = with_team(&[(GRACE_HOPPER, Responding), (ALAN, OnWay)]);
    let before = edited(before, |e| e.responses[0].estimated_arrival = Some(at(60)));
    let (cx, committed) = service(&before, &[], vec![]);
    let (after, relation) = update(&cx, &grace_hopper(), the_emergency(), update_to(Arrived)).await.unwrap();
    assert_eq!(relation, Relation::RespondingHelper);
    let change = committed.only();
    let event = Event::HelperStatusUpdated {
        helper: id(GRACE_HOPPER),
        status: Arrived,
        notes: Some(text("By bike")),
        estimated_arrival: Some(at(60)),
        updated_at: now(),
        anonymous: false,
        counts_until: None,
        stalled: false,
    };
    assert_eq!(events_of(&change, GRACE_HOPPER), [event]);
    assert_eq!(updated(&change), (after.clone(), vec![after.responses()[0].clone()]));
    assert_eq!(after.responses()[1], before.responses()[1]);
}

#[tokio::test]
async fn when_the_last_one_cancels_the_emergency_waits_again() {
    for (others, waits) in [(vec![], true), (vec![(ALAN, Completed)], false)] {
        let before = with_responses(&[&[(GRACE_HOPPER, OnWay)], others.as_slice()].concat());
        let (cx, committed) = service(&before, &[], vec![]);
        let (after, relation) = update(&cx, &grace_hopper(), the_emergency(), update_to(Cancelled)).await.unwrap();
        // A helper that cancelled has the relation of any other helper.
        assert_eq!(relation, Relation::Helper);
        let kinds: Vec<_> = events_of(&committed.only(), GRACE_HOPPER).iter().map(Event::kind).collect();
        // No helper is near, so nobody is left to alert.
        let again = ["helper_status_updated", "status_changed", "helpers_alerted", "unanswered"];
        assert_eq!(kinds, if waits { &again[..] } else { &again[..1] });
        assert_eq!(after.status() == EmergencyStatus::Active, waits);
    }
}

#[tokio::test]
async fn only_who_responds_tells_how_far_along_they_are() {
    for (actor, expected) in [
        (owner(), Refusal::NotAuthorized),
        (actor(helper(4)), Refusal::NotAuthorized),
        (grace_hopper(), Refusal::InvalidTransition { from: Cancelled, to: Arrived }),
        (actor(helper(ALAN)), Refusal::InvalidTransition { from: Completed, to: Arrived }),
    ] {
        let before = with_responses(&[(GRACE_HOPPER, Cancelled), (ALAN, Completed)]);
        let (cx, committed) = service(&before, &[], vec![]);
        assert_eq!(refusal(update(&cx, &actor, the_emergency(), update_to(Arrived)).await), expected);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn a_helper_near_the_emergency_is_recorded_once() {
    let emergency = with_responses(&[(GRACE_HOPPER, OnWay)]);
    let near = |user: u128| Fix { user: id(user), position: emergency.call().details.location.position, at: at(60) };
    let (cx, committed) = service(&emergency, &[], vec![]);
    note_near(&cx, the_emergency(), near(GRACE_HOPPER)).await.unwrap();
    let change = committed.only();
    let (stored, responses) = updated(&change);
    assert_eq!((stored.revision(), responses.len()), (emergency.revision(), 1));
    assert_eq!((responses[0].record.came_near, responses[0].status), (Some(true), OnWay));
    assert_eq!((change.writes.len(), change.events.len()), (1, 0));

    let known = edited(emergency.clone(), |e| e.responses[0].record.came_near = Some(true));
    for (emergency, user) in [(&known, GRACE_HOPPER), (&emergency, ALAN)] {
        let (cx, committed) = service(emergency, &[], vec![]);
        note_near(&cx, the_emergency(), near(user)).await.unwrap();
        assert!(committed.is_empty());
    }
    let (changes, _) = store(vec![]);
    note_near(&context(empty(), changes), the_emergency(), near(GRACE_HOPPER)).await.unwrap();
}

/// A store that returns these emergencies one after the other, once each, and then none.
fn one_after_the_other(looks: Vec<Emergency>) -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    let looks = Arc::new(Mutex::new(looks.into_iter()));
    let next = move |of| {
        assert_eq!(of, the_emergency());
        let loaded = |emergency| Loaded {
            emergency,
            alerts: vec![],
            near: vec![],
            hidden_from: vec![],
            rings: vec![],
            skipped: vec![],
            census: Vec::new(),
        };
        looks.lock().unwrap().next().map(loaded)
    };
    let next_for_acceptance = next.clone();
    emergencies.expect_load().returning(move |of, _| Ok(next(of)));
    emergencies
        .expect_load_for_acceptance()
        .returning(move |of, _| Ok(next_for_acceptance(of).map(|loaded| for_accepting(loaded, vec![]))));
    emergencies
}

#[tokio::test]
async fn of_two_who_accept_at_once_the_slower_one_is_not_the_first() {
    let (changes, committed) = store(stale(1));
    let looks = vec![active_emergency(), with_team(&[(ALAN, Responding)])];
    let after =
        accept(&context(one_after_the_other(looks), changes), &grace_hopper(), the_emergency(), None).await.unwrap();
    assert_eq!(after.responses().len(), 2);
    let kinds = |change: &crate::Change| events_of(change, GRACE_HOPPER).iter().map(Event::kind).collect::<Vec<_>>();
    let attempts = committed.attempts();
    assert_eq!(kinds(&attempts[0]), ["helper_joined", "status_changed", "role_assigned", "details_disclosed"]);
    assert_eq!(kinds(&attempts[1]), ["helper_joined", "role_assigned", "details_disclosed"]);
}

#[tokio::test]
async fn one_who_accepts_while_it_is_resolved_is_too_late() {
    let over = resolved(active_emergency());
    let refused = Refusal::EmergencyEnded { status: EmergencyStatus::Resolved };
    let meanwhile = || one_after_the_other(vec![with_responses(&[(GRACE_HOPPER, OnWay)]), over.clone()]);

    let (changes, _) = store(stale(1));
    let looks = one_after_the_other(vec![active_emergency(), over.clone()]);
    assert_eq!(refusal(accept(&context(looks, changes), &grace_hopper(), the_emergency(), None).await), refused);

    let (changes, _) = store(stale(1));
    let looks = one_after_the_other(vec![active_emergency(), over.clone()]);
    assert_eq!(refusal(decline(&context(looks, changes), &grace_hopper(), the_emergency()).await), refused);

    let (changes, _) = store(stale(1));
    let outcome = update(&context(meanwhile(), changes), &grace_hopper(), the_emergency(), update_to(Arrived)).await;
    assert_eq!(refusal(outcome), Refusal::NotAuthorized, "the store no longer holds the response");
}

#[tokio::test]
async fn deciding_again_is_bounded() {
    let responding = with_responses(&[(GRACE_HOPPER, OnWay)]);
    let (cx, committed) = service(&active_emergency(), &[], stale(2000));
    assert_eq!(refusal(accept(&cx, &grace_hopper(), the_emergency(), None).await), Refusal::Contended);
    assert_eq!(refusal(decline(&cx, &grace_hopper(), the_emergency()).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), 2 * MAX_ATTEMPTS as usize);
    let (cx, committed) = service(&responding, &[], stale(2000));
    assert_eq!(refusal(update(&cx, &grace_hopper(), the_emergency(), update_to(Arrived)).await), Refusal::Contended);
    assert_eq!(committed.attempts().len(), MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let (changes, _) = store(vec![]);
    let (cx, gone) = (context(empty(), changes), id(ADMIN));
    assert_eq!(refusal(accept(&cx, &grace_hopper(), gone, None).await), Refusal::EmergencyNotFound);
    assert_eq!(refusal(decline(&cx, &grace_hopper(), gone).await), Refusal::EmergencyNotFound);
    assert_eq!(refusal(update(&cx, &grace_hopper(), gone, update_to(Arrived)).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn an_emergency_that_a_block_hides_can_neither_be_accepted_nor_declined() {
    let hidden = Refusal::EmergencyNotFound;
    for (by_owner, by_helper, anonymous, expected) in [
        (true, false, false, Some(&hidden)),
        (true, false, true, Some(&hidden)),
        (false, true, false, Some(&hidden)),
        // Else the effect of their own block would tell the helper who the owner is.
        (false, true, true, None),
        (false, false, false, None),
    ] {
        let emergency = edited(active_emergency(), |e| e.call.details.anonymous = anonymous);
        let hidden_from = if by_owner { vec![id(GRACE_HOPPER)] } else { vec![] };
        let loaded = Loaded {
            emergency,
            alerts: vec![],
            near: vec![],
            hidden_from,
            rings: vec![],
            skipped: vec![],
            census: Vec::new(),
        };
        let mut emergencies = MockEmergencies::new();
        let (for_acceptance, blocks) = (loaded.clone(), if by_helper { vec![id(OWNER)] } else { vec![] });
        emergencies
            .expect_load_for_acceptance()
            .returning(move |_, _| Ok(Some(for_accepting(for_acceptance.clone(), blocks.clone()))));
        emergencies.expect_load().returning(move |_, _| Ok(Some(loaded.clone())));
        let (changes, _) = store(vec![]);
        let cx = context(emergencies, changes);
        let mut actor = grace_hopper();
        actor.account.blocks = if by_helper { vec![id(OWNER)] } else { vec![] };
        let accepted = accept(&cx, &actor, the_emergency(), None).await;
        let declined = decline(&cx, &actor, the_emergency()).await;
        match expected {
            Some(refused) => assert_eq!([&refusal(accepted), &refusal(declined)], [refused; 2]),
            None => assert!(accepted.is_ok() && declined.is_ok()),
        }
        // An administrator is never kept out.
        actor.account.role = crate::Role::Admin;
        accept(&cx, &actor, the_emergency(), None).await.unwrap();
    }
}
