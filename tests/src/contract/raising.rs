//! Raising an emergency: one live emergency per owner, one per request id.

use allynet_domain::{
    Emergency, EmergencyType, HelperPolicy, Location, Priority, Severity, Write,
    port::{Constraint, Error, OnDuty},
};
use futures_util::future::join_all;

use super::*;

fn is_conflict(outcome: &Result<(), Error>, constraint: Constraint) -> bool {
    matches!(outcome, Err(Error::Conflict(c)) if *c == constraint)
}

fn call_with_request(owner: &allynet_domain::Account, request: &str) -> Emergency {
    edited(call_of(owner), |e| e.request_id = Some(text(request)))
}

pub async fn an_emergency_is_read_back_as_it_was_raised(store: Store) {
    let owner = store.register().await;
    let full = call_with_request(&owner, "a request, \"quoted\"");
    let full = edited(full, |e| {
        let details = &mut e.call.details;
        details.kind = EmergencyType::NaturalDisaster;
        details.category = Some(text("flood"));
        details.description = Some(text("Wasser im Keller 🌊\nund es steigt"));
        details.location = Location {
            position: place(-89.123_456_789, 179.987_654_321),
            address: Some(text("Main St 1")),
            description: Some(text("behind the yard")),
        };
        details.priority = Priority::Critical;
        details.severity = Severity::new(10).unwrap();
        details.silent = true;
        details.anonymous = true;
        e.alert_radius = metres(12_345.678);
    });
    let bare = call_of(&store.register().await);
    for raised in [full, bare] {
        let raised = store.raise(raised).await;
        let found = store.find(raised.id()).await;
        let revision = found.revision();
        assert_eq!(found, edited(raised.clone(), |e| e.revision = revision));
        let loaded = store.load(raised.id()).await;
        assert_eq!((loaded.emergency, loaded.alerts), (found, Vec::new()));
    }
}

pub async fn an_owner_has_one_live_emergency(store: Store) {
    let owner = store.register().await;
    let first = store.raise(call_of(&owner)).await;
    let second = call_of(&owner);
    let both = change().write(raise(&second)).write(Write::PostMessage(message_in(&second, at(0))));
    assert!(is_conflict(&store.changes.commit(both).await, Constraint::LiveEmergency));
    assert_eq!(store.emergencies.find(second.id()).await.unwrap(), None);

    // Also while a helper responds to it.
    let helper = store.helper().await;
    store.accept(first.id(), &helper, at(1)).await;
    assert!(is_conflict(&store.try_write(raise(&second)).await, Constraint::LiveEmergency));
    store.raise(call_of(&store.register().await)).await;
}

pub async fn of_many_calls_of_one_owner_at_once_exactly_one_is_stored(store: Store) {
    let other_node = store.another().await;
    for _ in 0..5 {
        let owner = store.register().await;
        let calls: Vec<Emergency> = (0..12).map(|_| call_of(&owner)).collect();
        let nodes = [&store, &other_node].into_iter().cycle();
        let outcomes = join_all(calls.iter().zip(nodes).map(|(call, node)| node.try_write(raise(call)))).await;
        let stored: Vec<_> = calls.iter().zip(&outcomes).filter(|(_, o)| o.is_ok()).map(|(c, _)| c.id()).collect();
        assert_eq!(stored.len(), 1, "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|o| is_conflict(o, Constraint::LiveEmergency)).count(), 11, "{outcomes:?}");
        let live = store.emergencies.live_of(owner.id).await.unwrap().emergencies;
        assert_eq!(live.iter().map(Emergency::id).collect::<Vec<_>>(), stored);
    }
}

pub async fn of_many_calls_with_one_request_id_at_once_exactly_one_is_stored(store: Store) {
    let other_node = store.another().await;
    let owner = store.register().await;
    let calls: Vec<Emergency> = (0..12).map(|_| call_with_request(&owner, "tap")).collect();
    let nodes = [&store, &other_node].into_iter().cycle();
    let outcomes = join_all(calls.iter().zip(nodes).map(|(call, node)| node.try_write(raise(call)))).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
    let refused =
        |o: &&Result<(), Error>| is_conflict(o, Constraint::LiveEmergency) || is_conflict(o, Constraint::RequestId);
    assert_eq!(outcomes.iter().filter(refused).count(), 11, "{outcomes:?}");
    let stored = calls[outcomes.iter().position(Result::is_ok).unwrap()].id();
    let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(0), now: at(0) };
    let search = Search { centre: place(0.0, 0.0), except: owner.id, on_duty };
    let earlier = store.raise_context(&search, Some(&text("tap")), &[metres(1.0)], 1).await.earlier;
    assert_eq!(earlier.map(|e| e.id()), Some(stored));
}

pub async fn a_request_id_is_used_once_by_each_owner(store: Store) {
    let [ada, bo] = [store.register().await, store.register().await];
    let first = store.raise(call_with_request(&ada, "tap")).await;
    store.raise(call_with_request(&bo, "tap")).await;
    store.resolve(first.id(), at(1)).await;
    // A repeated request is the same emergency, also when that has ended.
    assert!(is_conflict(&store.try_write(raise(&call_with_request(&ada, "tap"))).await, Constraint::RequestId));
    store.raise(call_with_request(&ada, "Tap")).await;
}

pub async fn an_owner_may_raise_again_after_the_end(store: Store) {
    let owner = store.register().await;
    let first = store.raise(call_of(&owner)).await;
    store.resolve(first.id(), at(1)).await;
    let second = store.raise(call_of(&owner)).await;
    store.cancel(second.id(), at(2)).await;
    let third = store.raise(call_of(&owner)).await;
    let live = store.emergencies.live_of(owner.id).await.unwrap().emergencies;
    assert_eq!(live.iter().map(Emergency::id).collect::<Vec<_>>(), [third.id()]);
}
