//! Tests of the changes that reopening commits.

use super::*;
use crate::ResponseStatus::{Arrived, Cancelled, OnWay};
use crate::{
    EmergencyStatus, EventId,
    port::Live,
    testing::{
        ALAN, Committed, EMERGENCY, GRACE_HOPPER, OWNER, active_emergency, actor, edited, grace_hopper, helper, id,
        now, owner, store, updated, with_responses,
    },
    usecase::emergencies::tests::{alert, conflict, context, holding, refusal, the_emergency},
};

/// Resolved by [`GRACE_HOPPER`] while [`ALAN`] was on his way.
fn ended() -> Emergency {
    let mut emergency = with_responses(&[(GRACE_HOPPER, Arrived), (ALAN, OnWay)]);
    emergency.resolve(id(GRACE_HOPPER), Relation::RespondingHelper, None, now()).unwrap();
    emergency
}

/// The ports over a store in which these helpers are available.
fn service(
    available: &[u128],
    other: Option<Emergency>,
    outcomes: Vec<port::Result<()>>,
) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    let mut emergencies = holding(&ended(), &[alert(GRACE_HOPPER), alert(4)]);
    let available: Vec<_> = available.iter().copied().map(id).collect();
    emergencies.expect_available_again().returning(move |_, _| Ok(available.clone()));
    let live: Vec<_> = other.into_iter().collect();
    emergencies.expect_live_of().returning(move |_| Ok(Live { emergencies: live.clone(), as_of: EventId::START }));
    (context(emergencies, changes), committed)
}

#[tokio::test]
async fn who_may_no_longer_help_stays_out_and_all_who_were_alerted_are_told() {
    let (cx, committed) = service(&[ALAN], None, vec![]);
    let (after, relation) = reopen(&cx, &owner(), the_emergency()).await.unwrap();
    assert_eq!((after.status(), relation), (EmergencyStatus::Responding, Relation::Owner));
    let change = committed.only();
    let (stored, responses) = updated(&change);
    assert_eq!(stored, after);
    assert_eq!(responses.iter().map(|r| r.status).collect::<Vec<_>>(), [Cancelled, OnWay]);
    let expected = Write::ExpectMayHelp { user: id(ALAN), policy: crate::HelperPolicy::Verified };
    assert!(change.writes.starts_with(&[change.writes[0].clone(), Write::RevokeTrust(the_emergency()), expected]));
    let kinds: Vec<_> = change.events.iter().map(|e| e.event.kind()).collect();
    assert_eq!(
        kinds,
        [
            "emergency_reopened",
            "helper_status_updated",
            "helper_status_updated",
            "response_checked",
            "helpers_alerted",
            "role_assigned"
        ],
        "who comes back is asked, and the search goes on"
    );
    let Event::EmergencyReopened { alerted, participants, .. } = &change.events[0].event else { panic!("{change:?}") };
    assert_eq!(alerted, &[id(GRACE_HOPPER), id(4)]);
    assert_eq!(participants, &[id(OWNER), id(ALAN)]);
}

#[tokio::test]
async fn an_emergency_whose_owner_has_no_account_any_more_stays_ended() {
    let former = crate::UserId::of_former(uuid::Uuid::from_u128(1));
    let (changes, committed) = store(vec![]);
    let mut emergencies = holding(&edited(ended(), |e| e.call.owner.id = former), &[]);
    emergencies.expect_available_again().returning(|_, _| Ok(vec![]));
    let outcome = reopen(&context(emergencies, changes), &actor(helper(ALAN)), the_emergency()).await;
    assert_eq!((refusal(outcome), committed.is_empty()), (Refusal::NotReopenable, true));
}

#[tokio::test]
async fn another_live_emergency_of_the_owner_stands_in_the_way() {
    let other = edited(active_emergency(), |e| e.call.id = id(EMERGENCY + 1));
    let (cx, _) = service(&[ALAN], Some(other), conflict(Constraint::LiveEmergency));
    let refused = Refusal::ActiveEmergencyExists { emergency: id(EMERGENCY + 1) };
    assert_eq!(refusal(reopen(&cx, &owner(), the_emergency()).await), refused);

    let (cx, _) = service(&[ALAN], None, conflict(Constraint::LiveEmergency));
    assert_eq!(refusal(reopen(&cx, &actor(helper(ALAN)), the_emergency()).await), Refusal::NotReopenable);
}

#[tokio::test]
async fn a_user_from_whom_a_block_hides_it_cannot_reopen_it() {
    let (cx, committed) = service(&[ALAN], None, vec![]);
    let mut blocker = grace_hopper();
    blocker.account.blocks = vec![id(OWNER)];
    assert_eq!(refusal(reopen(&cx, &blocker, the_emergency()).await), Refusal::NotReopenable);
    assert!(committed.attempts().is_empty());
}

#[tokio::test]
async fn one_who_accepts_elsewhere_or_is_rejected_meanwhile_makes_it_be_decided_again() {
    for constraint in [Constraint::Engaged, Constraint::MayHelp] {
        let (cx, committed) = service(&[ALAN], None, conflict(constraint));
        reopen(&cx, &grace_hopper(), the_emergency()).await.unwrap();
        assert_eq!(committed.attempts().len(), 2);
    }
}
