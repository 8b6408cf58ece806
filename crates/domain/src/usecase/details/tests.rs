//! Tests of the changes of details that are committed.

use super::*;
use crate::{
    Priority, Refusal,
    ResponseStatus::{Cancelled, Completed, OnWay},
    port::{self, MockEmergencies},
    testing::{
        ALAN, Committed, GRACE_HOPPER, OWNER, active_emergency, actor, admin, edited, grace_hopper, id, now, owner,
        store, text, updated, with_responses,
    },
    usecase::emergencies::tests::{alert, context, declined, empty, holding, refusal, stale, the_emergency},
};

fn service(emergencies: MockEmergencies, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(emergencies, changes), committed)
}

fn critical() -> DetailsChange {
    DetailsChange {
        priority: Some(Priority::Critical),
        description: Some(Some(text("Worse"))),
        ..DetailsChange::default()
    }
}

#[tokio::test]
async fn a_change_is_stored_and_told_to_the_room_and_to_alerted_helpers_who_may_still_come() {
    let emergency = with_responses(&[(GRACE_HOPPER, OnWay), (5, Cancelled), (6, Completed)]);
    let emergency = edited(emergency, |e| e.responses[2].record.counts_until = Some(now()));
    let alerts = [alert(GRACE_HOPPER), alert(ALAN), declined(4), alert(5)];
    let (cx, committed) = service(holding(&emergency, &alerts), vec![]);
    let after = change(&cx, &owner(), the_emergency(), critical()).await.unwrap();
    let details = after.call().details.clone();
    assert_eq!((details.priority, details.description.as_ref().unwrap().as_str()), (Priority::Critical, "Worse"));
    let committed = committed.only();
    assert_eq!((committed.actor, updated(&committed).0), (Some(id(OWNER)), after.clone()));
    let (emergency, details) = (the_emergency(), Box::new(details));
    assert_eq!(committed.writes[1..], [Write::ChangeDetails { emergency, details }]);
    let (call, status) = (after.call().clone(), after.status());
    let alerted = vec![id(GRACE_HOPPER), id(ALAN)];
    let expected = Event::EmergencyUpdated { call, status, alerted, finished: vec![id(6)] };
    assert_eq!(committed.events.iter().map(|e| &e.event).collect::<Vec<_>>(), [&expected]);
}

#[tokio::test]
async fn a_change_of_nothing_commits_nothing() {
    let (cx, committed) = service(holding(&active_emergency(), &[]), vec![]);
    let priority = Some(active_emergency().call().details.priority);
    let same = DetailsChange { priority, ..DetailsChange::default() };
    for change_of_nothing in [DetailsChange::default(), same] {
        let after = change(&cx, &owner(), the_emergency(), change_of_nothing).await.unwrap();
        assert_eq!(after, active_emergency());
    }
    assert!(committed.is_empty());
}

#[tokio::test]
async fn nobody_but_the_owner_changes_details() {
    for caller in [grace_hopper(), actor(admin())] {
        let (cx, committed) = service(holding(&active_emergency(), &[]), vec![]);
        assert_eq!(refusal(change(&cx, &caller, the_emergency(), critical()).await), Refusal::NotAuthorized);
        assert!(committed.is_empty());
    }
    let (cx, _) = service(empty(), vec![]);
    assert_eq!(refusal(change(&cx, &owner(), the_emergency(), critical()).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn a_change_is_decided_again_while_others_come_first() {
    let (cx, committed) = service(holding(&active_emergency(), &[]), stale(2));
    change(&cx, &owner(), the_emergency(), critical()).await.unwrap();
    assert_eq!(committed.attempts().len(), 3);
    assert_eq!(committed.attempts()[2].at, now());
}
