//! Concurrency of alerts: waves that several nodes fire at once, and lost acknowledgements.

use std::collections::{BTreeMap, BTreeSet};

use allynet_domain::{
    Account, EmergencyId, EmergencyStatus, Event, Recipient, Refusal, UserId,
    usecase::{alerts, emergencies},
};
use futures_util::future::join_all;

use super::*;

/// The recipients in the log by number of the wave; substitutes follow under the wave of their time.
async fn waves(service: &Service, emergency: EmergencyId) -> BTreeMap<u16, Vec<Vec<UserId>>> {
    let mut waves: BTreeMap<u16, Vec<Vec<UserId>>> = BTreeMap::new();
    for logged in service.events(emergency).await {
        if let Event::HelpersAlerted { wave, recipients, .. } = logged.event {
            assert!(recipients.is_sorted_by(|a, b| a.distance <= b.distance), "nearest first");
            waves.entry(wave).or_default().push(recipients.iter().map(|r: &Recipient| r.helper).collect());
        }
    }
    waves
}

async fn unanswered(service: &Service, emergency: EmergencyId) -> usize {
    let events = service.events(emergency).await;
    events.iter().filter(|e| matches!(e.event, Event::Unanswered { .. })).count()
}

/// Fires due timers three times on each node, concurrently, until none is due.
async fn fire_everywhere(nodes: &[Service]) {
    loop {
        let firing = nodes.iter().cycle().take(nodes.len() * 3).cloned().map(|node| {
            tokio::spawn(async move { alerts::fire_due(&node.context(), &*node.store.alerts, |_| ()).await.unwrap() })
        });
        if join_all(firing).await.into_iter().all(|fired| fired.unwrap() == 0) {
            return;
        }
    }
}

pub async fn each_wave_is_sent_by_exactly_one_node(store: Store) {
    with_seeds(store, 1..=8, |service| async move {
        let nodes = [service.clone(), service.another().await];
        service.helpers([1, 2, 3, 7, 9, 12]).await;
        let mut calls = Vec::new();
        for _ in 0..6 {
            calls.push(service.call().await);
        }
        for _ in 0..4 {
            service.advance(service.rules.alerts.timing.interval);
            fire_everywhere(&nodes).await;
        }
        for of in calls {
            let sizes: Vec<_> = waves(&service, of).await.into_values().map(|w| (w.len(), w[0].len())).collect();
            assert_eq!(sizes, [(1, 3), (1, 5), (3, 6)], "each wave once, to everybody, and the last twice again");
            assert_eq!(unanswered(&service, of).await, 1);
            // Removed for the following rounds.
            service.store.resolve(of, service.now()).await;
        }
        retire(&service).await;
    })
    .await;
}

pub async fn waves_hold_while_helpers_answer_at_the_same_time(store: Store) {
    with_seeds(store, 1..=8, |service| async move {
        let nodes = [service.clone(), service.another().await];
        let mut chance = Chance(service.seed);
        let mut helpers = Vec::new();
        for _ in 0..30 {
            helpers.push(service.helper(chance_metres(&mut chance)).await);
        }
        let of = service.call().await;
        for _ in 0..4 {
            service.advance(service.rules.alerts.timing.interval);
            let answers: Vec<_> = (0..6).map(|_| pick(&mut chance, &helpers)).collect();
            let answering = answers.iter().zip(nodes.iter().cycle()).map(|(helper, node)| node.decline(of, helper));
            tokio::join!(join_all(answering), fire_everywhere(&nodes));
        }
        let waves = waves(&service, of).await;
        let declined = declined_at(&service, of).await;
        let last = *waves.keys().last().unwrap();
        assert_eq!(waves.keys().copied().collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>(), "no number is left out");
        assert_eq!(unanswered(&service, of).await, 1);
        assert_eq!(service.store.find(of).await.alerts().wave, last);
        // The last wave is repeated afterwards.
        for (number, sent) in waves.iter().filter(|(number, _)| **number < last) {
            let all: Vec<UserId> = sent.concat();
            let once: BTreeSet<_> = all.iter().copied().collect();
            assert_eq!(all.len(), once.len(), "somebody is alerted twice by wave {number}");
        }
        // A helper that declined is not alerted again.
        for logged in service.events(of).await {
            if let Event::HelpersAlerted { recipients, .. } = &logged.event {
                let late = recipients.iter().find(|r| declined.get(&r.helper).is_some_and(|at| *at < logged.id));
                assert_eq!(late, None, "alerted after having declined");
            }
        }
        service.store.resolve(of, service.now()).await;
        retire(&service).await;
    })
    .await;
}

pub async fn of_many_who_decline_at_once_each_is_replaced_by_another(store: Store) {
    with_seeds(store, 1..=3, |mut service| async move {
        let radii = [5_000.0, 10_000.0, 15_000.0].map(metres).to_vec();
        service.rules.alerts = allynet_domain::AlertPolicy::new(radii, 3, 12).unwrap();
        let nodes = [service.clone(), service.another().await];
        let mut helpers = Vec::new();
        for n in 0..24 {
            helpers.push(service.helper(f64::from(n) * 100.0 + 100.0).await);
        }
        let of = service.call().await;
        join_all(helpers[..12].iter().zip(nodes.iter().cycle()).map(|(helper, node)| node.decline(of, helper))).await;
        let mut sent = waves(&service, of).await.remove(&1).unwrap();
        let numbers: Vec<UserId> = helpers.iter().map(|h| h.id).collect();
        assert_eq!(sent.remove(0), numbers[..12]);
        assert_eq!(sent.concat(), numbers[12..], "one by one, nearest first");
        let counts = service.store.find(of).await.alerts();
        assert_eq!((counts.alerted, counts.declined), (24, 12));
        service.store.resolve(of, service.now()).await;
        retire(&service).await;
    })
    .await;
}

/// Each of 50 helpers accepts, on these nodes by turns, all at the same time.
async fn stampede(nodes: &[Service], emergency: EmergencyId, helpers: &[Account]) {
    let accepting = helpers.iter().zip(nodes.iter().cycle()).map(|(helper, node)| {
        let (node, helper) = (node.clone(), helper.clone());
        tokio::spawn(async move { node.accept(emergency, &helper).await })
    });
    for accepted in join_all(accepting.collect::<Vec<_>>()).await {
        accepted.expect("a helper was refused");
    }
}

pub async fn of_fifty_helpers_who_accept_at_once_none_is_refused(store: Store) {
    with_seeds(store, 1..=2, |service| async move {
        for nodes in [vec![service.clone()], vec![service.clone(), service.another().await]] {
            let mut helpers = Vec::new();
            for n in 0..50 {
                helpers.push(service.helper(f64::from(n) * 10.0 + 10.0).await);
            }
            let of = service.call().await;
            stampede(&nodes, of, &helpers).await;
            let stored = service.store.find(of).await;
            let responding: BTreeSet<UserId> = stored.responses().iter().map(|r| r.helper.person.id).collect();
            assert_eq!(responding, helpers.iter().map(|helper| helper.id).collect());
            service.store.resolve(of, service.now()).await;
            retire(&service).await;
        }
    })
    .await;
}

pub async fn an_owner_who_cancels_while_fifty_helpers_accept_is_not_refused(store: Store) {
    with_seeds(store, 1..=2, |service| async move {
        let mut helpers = Vec::new();
        for n in 0..50 {
            helpers.push(service.helper(f64::from(n) * 10.0 + 10.0).await);
        }
        let of = service.call().await;
        let owner = service.store.account(service.store.find(of).await.owner()).await;
        let accepting: Vec<_> = helpers
            .iter()
            .map(|helper| {
                let (node, helper) = (service.clone(), helper.clone());
                tokio::spawn(async move { node.try_accept(of, &helper).await })
            })
            .collect();
        // Not before the stampede has begun.
        while service.store.find(of).await.responses().is_empty() {
            tokio::task::yield_now().await;
        }
        emergencies::cancel(&service.context(), &actor(&owner), of, None).await.unwrap();
        assert_eq!(service.store.find(of).await.status(), EmergencyStatus::Cancelled);
        for outcome in join_all(accepting).await {
            let refused = outcome.unwrap().err();
            let expected = Refusal::EmergencyEnded { status: EmergencyStatus::Cancelled };
            assert!(refused.as_ref().is_none_or(|refusal| *refusal == expected), "{refused:?}");
        }
        retire(&service).await;
    })
    .await;
}

pub async fn with_a_third_of_acknowledgements_lost_every_alert_is_acknowledged_or_sent_again(store: Store) {
    with_seeds(store, 1..=12, |service| async move {
        let mut chance = Chance(service.seed);
        for _ in 0..40 {
            service.helper(chance_metres(&mut chance)).await;
        }
        let of = service.call().await;
        let (mut acknowledged, mut seen, mut lost) = (BTreeSet::new(), 0, 0);
        loop {
            let sent = waves(&service, of).await;
            if sent.len() == seen {
                break;
            }
            seen = sent.len();
            for helper in sent.values().next_back().unwrap().concat() {
                assert!(!acknowledged.contains(&helper), "sent again although it was acknowledged");
                // Each device acknowledges; 30 % of the acknowledgements are lost.
                if chance.percent(30) {
                    lost += 1;
                } else {
                    service.acknowledge(of, helper).await;
                    acknowledged.insert(helper);
                }
            }
            check(&service, of, &acknowledged).await;
            service.minute().await;
        }
        assert!(lost > 0, "nothing was lost: the seed proves nothing");
        assert_eq!(unanswered(&service, of).await, 1);
        let counts = service.store.find(of).await.alerts();
        assert_eq!(counts.acknowledged as usize, acknowledged.len());
        service.store.resolve(of, service.now()).await;
        retire(&service).await;
    })
    .await;
}

/// Asserts that each wave repeats the alerts that were not acknowledged before it.
async fn check(service: &Service, of: EmergencyId, acknowledged: &BTreeSet<UserId>) {
    let waves: Vec<BTreeSet<UserId>> =
        waves(service, of).await.into_values().map(|sent| sent.concat().into_iter().collect()).collect();
    for two in waves.windows(2) {
        let dropped: Vec<_> = two[0].difference(&two[1]).filter(|helper| !acknowledged.contains(*helper)).collect();
        assert_eq!(dropped, Vec::<&UserId>::new(), "neither acknowledged nor sent again");
    }
}

/// The event id of each helper's decline.
async fn declined_at(service: &Service, of: EmergencyId) -> BTreeMap<UserId, allynet_domain::EventId> {
    let events = service.events(of).await;
    let declined = events.iter().filter_map(|logged| match logged.event {
        Event::AlertDeclined { helper } => Some((helper, logged.id)),
        _ => None,
    });
    declined.collect()
}

/// A random distance below 16 km, slightly more than the largest alert radius.
fn chance_metres(chance: &mut Chance) -> f64 {
    f64::from(u32::try_from(chance.below(16_000)).unwrap())
}

fn pick(chance: &mut Chance, helpers: &[Account]) -> Account {
    let n = usize::try_from(chance.below(helpers.len() as u64)).unwrap();
    helpers[n].clone()
}

/// Moves the helpers of a round far away from the next one.
pub(super) async fn retire(service: &Service) {
    for helper in service.people() {
        service.locate(&helper, 10_000_000.0).await;
    }
}
