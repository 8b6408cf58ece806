//! What is committed about signs.

use super::*;
use crate::{
    EmergencyStatus, ResponseStatus,
    testing::{Committed, GRACE_HOPPER, at, edited, id, now, store, updated, with_responses},
    usecase::emergencies::tests::{context, holding, the_emergency},
};

fn service(emergency: &Emergency) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(vec![]);
    (context(holding(emergency, &[]), changes), committed)
}

#[tokio::test]
async fn a_sign_of_a_stalled_helper_is_told_and_any_other_only_stored() {
    let on_the_way = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let stalled = edited(on_the_way.clone(), |e| {
        e.responses[0].record.dispatch.stalled_at = Some(at(10));
        e.status = EmergencyStatus::Active;
        e.search.wave_at = Some(at(60));
    });
    for (emergency, kinds) in
        [(on_the_way, &[][..]), (stalled, &["helper_status_updated", "status_changed", "role_assigned"])]
    {
        let (cx, committed) = service(&emergency);
        let sign = Sign { at: now(), speed: None };
        note_sign(&cx, the_emergency(), id(GRACE_HOPPER), sign).await.unwrap();
        let change = committed.only();
        let (stored, responses) = updated(&change);
        assert_eq!((stored.status(), responses.len()), (EmergencyStatus::Responding, 1));
        let due = now() + cx.rules.stalls.after;
        assert_eq!((responses[0].record.dispatch.sign_at, stored.search().check_at), (Some(now()), Some(due)));
        let told: Vec<_> = change.events.iter().map(|event| event.event.kind()).collect();
        assert_eq!(told, kinds);
    }
}

#[tokio::test]
async fn a_sign_of_who_does_not_respond_changes_nothing() {
    let (cx, committed) = service(&with_responses(&[(GRACE_HOPPER, ResponseStatus::Cancelled)]));
    note_sign(&cx, the_emergency(), id(GRACE_HOPPER), Sign { at: now(), speed: None }).await.unwrap();
    assert!(committed.is_empty());
}
