//! Details that an owner changes while the emergency is live.

use allynet_domain::{
    Account, DetailsChange, Emergency, EmergencyId, EmergencyType, Event, OutboxKind, Priority, Refusal, Severity,
    Write,
    port::Error,
    usecase::{details, emergencies},
};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::*;

fn priority(priority: Priority) -> DetailsChange {
    DetailsChange { priority: Some(priority), ..DetailsChange::default() }
}

fn described(n: u32) -> DetailsChange {
    DetailsChange { description: Some(Some(text(&format!("change {n}")))), ..DetailsChange::default() }
}

impl Service {
    async fn change(&self, owner: &Account, of: EmergencyId, change: DetailsChange) -> Result<Emergency, Refusal> {
        match details::change(&self.context(), &actor(owner), of, change).await {
            Ok(emergency) => Ok(emergency),
            Err(allynet_domain::Error::Refused(refusal)) => Err(refusal),
            Err(allynet_domain::Error::Port(error)) => panic!("{error:?}"),
        }
    }
}

pub async fn changed_details_are_read_back_and_nothing_else_changes(store: Store) {
    telling(store, |service| async move {
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let before = service.store.find(of).await;
        service.advance(TimeDelta::seconds(1));
        let all = DetailsChange {
            kind: Some(EmergencyType::NaturalDisaster),
            category: Some(Some(text("flood"))),
            description: Some(Some(text("The river"))),
            priority: Some(Priority::Critical),
            severity: Some(Severity::new(9).unwrap()),
        };
        let changed = service.change(&owner, of, all.clone()).await.unwrap();
        let found = service.store.find(of).await;
        assert_eq!(found.call().details, before.call().details.with(all));
        assert_eq!((found.call(), found.updated_at()), (changed.call(), service.now()));
        assert_eq!(
            (found.status(), found.alerts(), found.responses()),
            (before.status(), before.alerts(), before.responses())
        );
        let cleared = DetailsChange { category: Some(None), description: Some(None), ..DetailsChange::default() };
        service.change(&owner, of, cleared).await.unwrap();
        let found = service.store.find(of).await.call().details.clone();
        assert_eq!((found.category, found.description, found.kind), (None, None, EmergencyType::NaturalDisaster));
        let events = service.events(of).await;
        let updates = events.iter().filter(|e| matches!(e.event, Event::EmergencyUpdated { .. })).count();
        assert_eq!(updates, 2);
    })
    .await;
}

pub async fn details_decided_on_another_revision_are_not_stored(store: Store) {
    let owner = store.register().await;
    let stale = store.raise(call_of(&owner)).await;
    store.resolve(stale.id(), at(1)).await;
    let mut details = stale.call().details.clone();
    details.description = Some(text("too late"));
    let (emergency, details) = (Box::new(stale.clone()), Box::new(details));
    let change = change()
        .write(Write::UpdateEmergency { emergency, responses: Vec::new() })
        .write(Write::ChangeDetails { emergency: stale.id(), details });
    assert!(matches!(store.changes.commit(change).await, Err(Error::Stale)));
    assert_eq!(store.find(stale.id()).await.call().details, stale.call().details);
}

pub async fn an_emergency_that_becomes_critical_reaches_helpers_in_quiet_hours_at_once(store: Store) {
    telling(store, |service| async move {
        let [_, _, _, quiet, far] = service.helpers([1, 2, 3, 4, 12]).await.try_into().unwrap();
        for helper in [&quiet, &far] {
            service.prefer(helper.id, availability::quiet()).await;
        }
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        assert_eq!(service.story(of).await, ["wave 1 within 5000 m: 0 1 2"]);
        service.change(&owner, of, described(1)).await.unwrap();
        service.fire().await;
        service.change(&owner, of, priority(Priority::Critical)).await.unwrap();
        service.fire().await;
        let expected =
            ["wave 1 within 5000 m: 0 1 2", "emergency_updated", "emergency_updated", "wave 1 within 5000 m: 3"];
        assert_eq!(service.story(of).await, expected, "no further than the present radius");
        assert_eq!(service.store.find(of).await.alerts().alerted, 4);
    })
    .await;
}

pub async fn looking_again_and_again_alerts_no_more_helpers_than_a_wave(store: Store) {
    telling(store, |mut service| async move {
        let radii = [5_000.0, 10_000.0, 15_000.0].map(metres).to_vec();
        service.rules.alerts = allynet_domain::AlertPolicy::new(radii, 1, 2).unwrap();
        service.rules.alerts.timing.place_after = TimeDelta::days(7);
        service.helpers([1, 2, 3, 4]).await;
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        for _ in 0..5 {
            service.change(&owner, of, priority(Priority::Critical)).await.unwrap();
            service.fire().await;
            service.change(&owner, of, priority(Priority::Low)).await.unwrap();
            service.fire().await;
        }
        let told = service.story(of).await;
        let rings: Vec<_> = told.iter().filter(|line| line.starts_with("wave")).collect();
        assert_eq!(rings, ["wave 1 within 5000 m: 0 1"]);
    })
    .await;
}

pub async fn of_a_change_and_an_end_at_once_no_change_follows_the_end(store: Store) {
    with_seeds(store, 1..=6, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let attempts = (0..6).map(|n| nodes[n as usize % 2].change(&owner, of, described(n)));
        let (cx, caller) = (nodes[1].context(), actor(&owner));
        let (changed, ended) = tokio::join!(join_all(attempts), emergencies::cancel(&cx, &caller, of, None));
        ended.unwrap();
        let stored = changed.iter().filter(|outcome| outcome.is_ok()).count();
        let refused =
            |outcome: &&Result<_, _>| matches!(outcome, Err(Refusal::EmergencyEnded { .. } | Refusal::Contended));
        assert_eq!(stored + changed.iter().filter(refused).count(), 6, "{changed:?}");
        let events = service.events(of).await;
        let is_update = |e: &&allynet_domain::LoggedEvent| matches!(e.event, Event::EmergencyUpdated { .. });
        assert_eq!(events.iter().filter(is_update).count(), stored);
        assert!(matches!(events.last().unwrap().event, Event::EmergencyEnded { .. }));
        let last = events.iter().rev().find_map(|e| match &e.event {
            Event::EmergencyUpdated { call, .. } => Some(call.details.clone()),
            _ => None,
        });
        let found = service.store.find(of).await.call().details.clone();
        assert_eq!(last.unwrap_or_else(|| call_of(&owner).call().details.clone()), found);
    })
    .await;
}

pub async fn of_a_change_and_acceptances_at_once_all_are_stored(store: Store) {
    with_seeds(store, 1..=4, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let helpers = service.helpers([1, 2, 3, 4]).await;
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let accepting = helpers.iter().zip(nodes.iter().cycle()).map(|(helper, node)| node.accept(of, helper));
        let (_, changed) = tokio::join!(join_all(accepting), nodes[1].change(&owner, of, priority(Priority::Critical)));
        changed.unwrap();
        let found = service.store.find(of).await;
        assert_eq!((found.responses().len(), found.call().details.priority), (4, Priority::Critical));
        service.store.resolve(of, service.now()).await;
        racing::retire(&service).await;
    })
    .await;
}

pub async fn messages_that_are_being_sent_say_what_the_emergency_is_now(store: Store) {
    telling(store, |service| async move {
        let [helper] = service.helpers([1]).await.try_into().unwrap();
        service.phone(&helper).await;
        let owner = service.store.register().await;
        let of = service.raise_as(&owner).await;
        let kind = DetailsChange { kind: Some(EmergencyType::Assault), ..DetailsChange::default() };
        service.change(&owner, of, kind).await.unwrap();
        let now = service.now();
        let due = service.store.outbox.claim_messages(now, now + TimeDelta::seconds(10), 10).await.unwrap();
        let kinds: Vec<_> = due.iter().map(|due| (due.message.kind, due.message.emergency_kind)).collect();
        assert_eq!(kinds, [(OutboxKind::Alert, Some(EmergencyType::Assault))]);
    })
    .await;
}
