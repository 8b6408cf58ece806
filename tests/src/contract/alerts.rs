//! Alerts: who was told, and what came back.

use allynet_domain::{Alert, AlertCounts, Emergency, EmergencyId, Recipient, UserId, Write};
use futures_util::future::join_all;

use super::*;

impl Store {
    async fn send(&self, emergency: &Emergency, wave: u16, recipients: &[(UserId, f64)]) {
        let recipient = |&(helper, distance): &(UserId, f64)| Recipient { helper, distance: metres(distance) };
        let recipients = recipients.iter().map(recipient).collect();
        self.write(Write::SendAlerts { emergency: emergency.id(), wave, recipients }).await;
    }

    async fn decline(&self, emergency: &Emergency, helper: UserId, declined: bool) {
        self.write(Write::SetDeclined { emergency: emergency.id(), helper, declined }).await;
    }

    async fn counts(&self, id: EmergencyId) -> AlertCounts {
        let counts = self.find(id).await.alerts;
        assert_eq!(self.load(id).await.emergency.alerts, counts);
        counts
    }

    async fn alert(&self, emergency: &Emergency, helper: UserId) -> Option<Alert> {
        self.load(emergency.id()).await.alerts.into_iter().find(|a| a.helper == helper)
    }

    async fn people<const N: usize>(&self) -> [UserId; N] {
        let mut people = [nth(0); N];
        for person in &mut people {
            *person = self.helper().await.id;
        }
        people
    }
}

pub async fn alerts_are_loaded_in_the_order_of_waves_then_of_distance(store: Store) {
    let emergency = store.emergency().await;
    let [far, late_and_far, near, late_and_farther, late] = store.people().await;
    store.send(&emergency, 1, &[(near, 10.0), (far, 300.5)]).await;
    store.send(&emergency, 2, &[(late, 5.0), (late_and_far, 900.0), (late_and_farther, 4_000.0)]).await;
    let other = store.emergency().await;
    store.send(&other, 1, &[(late_and_far, 1.0)]).await;

    let loaded = store.load(emergency.id()).await;
    let order: Vec<_> = loaded.alerts.iter().map(|a| (a.wave, a.helper)).collect();
    assert_eq!(
        order,
        [(Some(1), near), (Some(1), far), (Some(2), late), (Some(2), late_and_far), (Some(2), late_and_farther)]
    );
    assert_eq!(loaded.alerted(), [near, far, late, late_and_far, late_and_farther]);
    let untouched = loaded.alerts.iter().all(|a| a.acknowledged_at.is_none() && a.declined_at.is_none());
    assert!(untouched);
}

pub async fn counts_tell_the_last_wave_and_what_came_back_from_alerted_helpers(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    assert_eq!(store.counts(of).await, AlertCounts { wave: 1, alerted: 0, acknowledged: 0, declined: 0 });
    let [a, b, c, not_alerted] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0), (b, 2.0)]).await;
    store.send(&emergency, 2, &[(c, 3.0)]).await;
    assert_eq!(store.counts(of).await, AlertCounts { wave: 2, alerted: 3, acknowledged: 0, declined: 0 });

    store.alerts.acknowledge(of, a, at(1)).await.unwrap();
    store.alerts.acknowledge(of, b, at(1)).await.unwrap();
    store.decline(&emergency, b, true).await;
    store.decline(&emergency, not_alerted, true).await;
    assert_eq!(store.counts(of).await, AlertCounts { wave: 2, alerted: 3, acknowledged: 2, declined: 1 });
    assert_eq!(store.load(of).await.alerted(), [a, b, c], "who declines without having been alerted was not alerted");
}

pub async fn only_the_first_acknowledgement_counts(store: Store) {
    let emergency = store.emergency().await;
    let [a, b] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0), (b, 2.0)]).await;
    assert!(store.alerts.acknowledge(emergency.id(), a, at(7)).await.unwrap());
    assert!(!store.alerts.acknowledge(emergency.id(), a, at(9)).await.unwrap());
    assert_eq!(store.alert(&emergency, a).await.unwrap().acknowledged_at, Some(at(7)));
    assert_eq!(store.alert(&emergency, b).await.unwrap().acknowledged_at, None);
}

pub async fn of_many_acknowledgements_at_once_exactly_one_is_the_first(store: Store) {
    let emergency = store.emergency().await;
    let [a] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0)]).await;
    let first = join_all((0..12).map(|n| store.alerts.acknowledge(emergency.id(), a, at(n)))).await;
    assert_eq!(first.into_iter().filter(|f| *f.as_ref().unwrap()).count(), 1);
}

pub async fn one_who_was_not_alerted_acknowledges_nothing(store: Store) {
    let emergency = store.emergency().await;
    let [stranger, decliner] = store.people().await;
    store.decline(&emergency, decliner, true).await;
    for helper in [stranger, decliner, id()] {
        assert!(!store.alerts.acknowledge(emergency.id(), helper, at(1)).await.unwrap());
    }
    assert!(!store.alerts.acknowledge(id(), stranger, at(1)).await.unwrap());
    assert_eq!(store.counts(emergency.id()).await.acknowledged, 0);
    assert_eq!(store.alert(&emergency, stranger).await, None);
    assert_eq!(store.alert(&emergency, decliner).await.unwrap().acknowledged_at, None);
}

pub async fn a_decline_is_stored_and_taken_back(store: Store) {
    let emergency = store.emergency().await;
    let [alerted, not_alerted, silent] = store.people().await;
    store.send(&emergency, 1, &[(alerted, 1.0)]).await;
    for helper in [alerted, not_alerted] {
        store.decline(&emergency, helper, true).await;
        let alert = store.alert(&emergency, helper).await.unwrap();
        let wave = (helper == alerted).then_some(1);
        assert_eq!(alert, Alert { helper, wave, acknowledged_at: None, declined_at: Some(at(0)) });
    }
    assert_eq!(store.counts(emergency.id()).await.declined, 1);

    for helper in [alerted, not_alerted, silent] {
        store.decline(&emergency, helper, false).await;
        let declined_at = store.alert(&emergency, helper).await.and_then(|a| a.declined_at);
        assert_eq!(declined_at, None);
    }
    assert_eq!(store.counts(emergency.id()).await, AlertCounts { wave: 1, alerted: 1, acknowledged: 0, declined: 0 });
    assert_eq!(store.alert(&emergency, silent).await, None, "nothing is stored for one who had not declined");
}

pub async fn a_helper_alerted_again_counts_once(store: Store) {
    let emergency = store.emergency().await;
    let [a, b] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0)]).await;
    store.send(&emergency, 2, &[(a, 1.0), (b, 2.0)]).await;
    assert_eq!(store.counts(emergency.id()).await, AlertCounts { wave: 2, alerted: 2, acknowledged: 0, declined: 0 });
    let loaded = store.load(emergency.id()).await;
    assert_eq!(loaded.alerted().iter().filter(|&&helper| helper == a).count(), 1);
}
