//! Alerts: recipients, acknowledgements, declines and due waves.

use allynet_domain::{
    Alert, AlertCounts, Change, Emergency, EmergencyId, EmergencyStatus, Event, EventId, LoggedEvent, Recipient,
    Timestamp, UserId, Write,
};
use futures_util::future::join_all;

use super::*;

impl Store {
    async fn send(&self, emergency: &Emergency, wave: u16, recipients: &[(UserId, f64)]) {
        let recipient = |&(helper, distance): &(UserId, f64)| Recipient::new(helper, metres(distance));
        let recipients = recipients.iter().map(recipient).collect();
        self.write(Write::SendAlerts { emergency: emergency.id(), wave, recipients }).await;
    }

    async fn acknowledge(&self, emergency: EmergencyId, helper: UserId, at: Timestamp) {
        self.commit(acknowledgement(Change::new(Some(helper), at), emergency, helper)).await;
    }

    /// The helpers with an acknowledgement in the log, in order.
    async fn acknowledgements(&self, emergency: EmergencyId) -> Vec<UserId> {
        let events = self.log.events_of(emergency, EventId::START, 1_000).await.unwrap();
        let helper = |logged: &LoggedEvent| match logged.event {
            Event::AlertAcknowledged { helper } => Some(helper),
            _ => None,
        };
        events.iter().filter_map(helper).collect()
    }

    async fn due(&self, now: i64, expired_before: i64, limit: u32) -> Vec<EmergencyId> {
        self.alerts.due(at(now), at(expired_before), limit).await.unwrap()
    }

    /// Raised at `created`, with its next wave due at `next`.
    async fn waiting(&self, created: i64, next: Option<i64>) -> Emergency {
        let owner = self.register().await;
        self.raise(edited(call_created(&owner, at(created)), |e| e.next_alert_at = next.map(at))).await
    }

    /// Stores the emergency as a node of the release before does, which knows neither checks of responses nor decisions by gain.
    pub(super) async fn forget_timers(&self, of: EmergencyId) {
        let emergency = edited(self.load(of).await.emergency, |e| {
            (e.search.by_gain, e.search.decide_at, e.search.check_at, e.next_alert_at) = (false, None, None, None);
        });
        self.write(update(&emergency, Vec::new())).await;
    }

    async fn decline(&self, emergency: &Emergency, helper: UserId, declined: bool) {
        self.write(Write::SetDeclined { emergency: emergency.id(), helper, declined }).await;
    }

    async fn counts(&self, id: EmergencyId) -> AlertCounts {
        let counts = self.find(id).await.alerts();
        assert_eq!(self.load(id).await.emergency.alerts(), counts);
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

/// Adds an acknowledgement with its event.
fn acknowledgement(change: Change, emergency: EmergencyId, helper: UserId) -> Change {
    let write = Write::AcknowledgeAlert { emergency, helper };
    change.write(write).event_by(helper, emergency, Event::AlertAcknowledged { helper })
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

pub async fn counts_include_the_last_wave_and_the_answers_of_alerted_helpers(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    assert_eq!(store.counts(of).await, AlertCounts { wave: 1, alerted: 0, declined: 0, ..AlertCounts::default() });
    let [a, b, c, not_alerted] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0), (b, 2.0)]).await;
    store.send(&emergency, 2, &[(c, 3.0)]).await;
    assert_eq!(store.counts(of).await, AlertCounts { wave: 2, alerted: 3, declined: 0, ..AlertCounts::default() });

    store.acknowledge(of, a, at(1)).await;
    store.acknowledge(of, b, at(1)).await;
    store.decline(&emergency, b, true).await;
    store.decline(&emergency, not_alerted, true).await;
    assert_eq!(
        store.counts(of).await,
        AlertCounts { wave: 2, alerted: 3, sent: 2, acknowledged: 2, seen: 1, declined: 1, ..AlertCounts::default() }
    );
    assert_eq!(store.load(of).await.alerted(), [a, b, c], "who declines without having been alerted was not alerted");
}

pub async fn only_the_first_acknowledgement_counts(store: Store) {
    let emergency = store.emergency().await;
    let [a, b] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0), (b, 2.0)]).await;
    store.acknowledge(emergency.id(), a, at(7)).await;
    store.acknowledge(emergency.id(), a, at(9)).await;
    assert_eq!(store.alert(&emergency, a).await.unwrap().acknowledged_at, Some(at(7)));
    assert_eq!(store.alert(&emergency, b).await.unwrap().acknowledged_at, None);
    assert_eq!(store.acknowledgements(emergency.id()).await, [a], "the second is not in the log");
    // Nor is it undone by being alerted again.
    store.send(&emergency, 2, &[(a, 1.0)]).await;
    store.acknowledge(emergency.id(), a, at(11)).await;
    assert_eq!(store.alert(&emergency, a).await.unwrap().acknowledged_at, Some(at(7)));
    assert_eq!(store.acknowledgements(emergency.id()).await, [a]);
}

pub async fn acknowledgements_in_one_change_are_stored_one_by_one(store: Store) {
    let [emergency, other] = [store.emergency().await, store.emergency().await];
    let [a, b, c, stranger] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0), (b, 2.0), (c, 3.0)]).await;
    store.send(&other, 1, &[(b, 2.0)]).await;
    store.acknowledge(emergency.id(), b, at(1)).await;

    let (of, and) = (emergency.id(), other.id());
    let pairs = [(of, a), (of, b), (of, stranger), (id(), a), (and, b), (of, c)];
    let change = pairs.into_iter().fold(Change::new(None, at(2)), |change, (of, by)| acknowledgement(change, of, by));
    store.commit(change.event(of, Event::AlertDeclined { helper: b })).await;

    for (helper, when) in [(a, 2), (b, 1), (c, 2)] {
        assert_eq!(store.alert(&emergency, helper).await.unwrap().acknowledged_at, Some(at(when)));
    }
    assert_eq!(store.acknowledgements(of).await, [b, a, c]);
    assert_eq!(store.acknowledgements(and).await, [b]);
    let events = store.log.events_of(of, EventId::START, 1_000).await.unwrap();
    assert_eq!(events.last().unwrap().event, Event::AlertDeclined { helper: b }, "other events are appended");
}

pub async fn of_many_acknowledgements_at_once_exactly_one_is_the_first(store: Store) {
    let other_node = store.another().await;
    let emergency = store.emergency().await;
    let [a] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0)]).await;
    let nodes = [&store, &other_node].into_iter().cycle();
    join_all((0..12).zip(nodes).map(|(n, node)| node.acknowledge(emergency.id(), a, at(n)))).await;
    assert_eq!(store.acknowledgements(emergency.id()).await, [a]);
    assert_eq!(store.counts(emergency.id()).await.acknowledged, 1);
}

pub async fn an_acknowledgement_without_an_alert_is_ignored(store: Store) {
    let emergency = store.emergency().await;
    let [stranger, decliner] = store.people().await;
    store.decline(&emergency, decliner, true).await;
    for helper in [stranger, decliner, id()] {
        store.acknowledge(emergency.id(), helper, at(1)).await;
    }
    store.acknowledge(id(), stranger, at(1)).await;
    assert_eq!(store.counts(emergency.id()).await.acknowledged, 0);
    assert_eq!(store.alert(&emergency, stranger).await, None);
    assert_eq!(store.alert(&emergency, decliner).await.unwrap().acknowledged_at, None);
    assert_eq!(store.acknowledgements(emergency.id()).await, []);
}

pub async fn an_acknowledgement_leaves_the_revision_as_it_was(store: Store) {
    let emergency = store.emergency().await;
    let [a] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0)]).await;
    let before = store.find(emergency.id()).await.revision();
    store.acknowledge(emergency.id(), a, at(1)).await;
    assert_eq!(store.find(emergency.id()).await.revision(), before, "concurrent decisions are not affected");
}

pub async fn the_wave_is_moved_by_sending_alerts_only_and_only_forward(store: Store) {
    let emergency = store.emergency().await;
    let of = emergency.id();
    let ahead = edited(store.load(of).await.emergency, |e| e.alerts.wave = 9);
    store.write(update(&ahead, Vec::new())).await;
    assert_eq!(store.counts(of).await.wave, 1);
    for (sent, holds) in [(2, 2), (1, 2), (3, 3)] {
        // Also for a wave without recipients.
        store.send(&emergency, sent, &[]).await;
        assert_eq!(store.counts(of).await.wave, holds);
    }
}

pub async fn the_time_of_the_next_wave_is_stored(store: Store) {
    let of = store.waiting(0, Some(60)).await.id();
    let stored = async || {
        let found = store.find(of).await.next_alert_at();
        assert_eq!(store.load(of).await.emergency.next_alert_at(), found);
        found
    };
    assert_eq!(stored().await, Some(at(60)));
    for next in [Some(at(120)), None, Some(at(180))] {
        let emergency = store.load(of).await.emergency;
        store.write(update(&edited(emergency, |e| e.next_alert_at = next), Vec::new())).await;
        assert_eq!(stored().await, next);
    }
    let helper = store.helper().await;
    store.accept(of, &helper, at(200)).await;
    assert_eq!(stored().await, Some(at(380)), "it is checked whether they come");
}

pub async fn waves_are_due_from_their_moment_on_longest_waiting_first(store: Store) {
    let [late, early, never] =
        [store.waiting(0, Some(90)).await, store.waiting(0, Some(60)).await, store.waiting(0, None).await];
    let (late, early) = (late.id(), early.id());
    for (now, due) in [(59, vec![]), (60, vec![early]), (89, vec![early]), (90, vec![early, late])] {
        assert_eq!(store.due(now, -100, 10).await, due, "at {now}");
    }
    assert_eq!(store.due(90, -100, 1).await, [early]);
    assert_eq!(store.due(90, -100, 0).await, []);
    assert!(!store.due(1_000_000, -100, 10).await.contains(&never.id()));

    // The longest overdue comes first, whatever is due: a wave since 31 s, an expiry since 40 s.
    let expired = store.waiting(-140, None).await.id();
    assert_eq!(store.due(91, -100, 10).await, [expired, early, late]);
    assert_eq!(store.due(91, -100, 2).await, [expired, early]);
}

pub async fn expired_emergencies_are_due_despite_responses(store: Store) {
    let [waits, responding, both] =
        [store.waiting(10, None).await.id(), store.waiting(20, None).await.id(), store.waiting(5, Some(65)).await.id()];
    let helper = store.helper().await;
    store.accept(responding, &helper, at(25)).await;
    assert_eq!(store.find(responding).await.status(), EmergencyStatus::Responding);
    assert_eq!(store.due(0, 5, 10).await, [], "created before, not at");
    assert_eq!(store.due(0, 6, 10).await, [both]);
    assert_eq!(store.due(100, 21, 10).await, [both, waits, responding], "each once");
}

pub async fn an_emergency_without_a_timer_is_due_while_helpers_respond(store: Store) {
    let [waits, responding] = [store.waiting(0, None).await.id(), store.waiting(0, None).await.id()];
    let helper = store.helper().await;
    store.accept(responding, &helper, at(20)).await;
    assert_eq!(store.due(199, -100, 10).await, []);
    assert_eq!(store.due(200, -100, 10).await, [responding]);
    store.forget_timers(responding).await;
    assert_eq!(store.due(30, -100, 10).await, [responding]);
    assert_eq!(store.due(30, -100, 0).await, []);
    assert_eq!(store.due(30, 1, 10).await, [responding, waits], "by the time that each has waited");
    store.resolve(responding, at(40)).await;
    assert_eq!(store.due(50, -100, 10).await, []);
}

pub async fn ended_emergencies_are_not_due(store: Store) {
    let [resolved, cancelled] = [store.waiting(0, Some(60)).await.id(), store.waiting(0, Some(60)).await.id()];
    store.resolve(resolved, at(30)).await;
    store.cancel(cancelled, at(30)).await;
    assert_eq!(store.due(1_000, 1_000, 10).await, []);
}

pub async fn a_decline_is_stored_and_taken_back(store: Store) {
    let emergency = store.emergency().await;
    let [alerted, not_alerted, silent] = store.people().await;
    store.send(&emergency, 1, &[(alerted, 1.0)]).await;
    for helper in [alerted, not_alerted] {
        store.decline(&emergency, helper, true).await;
        let alert = store.alert(&emergency, helper).await.unwrap();
        let wave = (helper == alerted).then_some(1);
        assert_eq!((alert.wave, alert.acknowledged_at, alert.declined_at), (wave, None, Some(at(0))));
    }
    assert_eq!(store.counts(emergency.id()).await.declined, 1);

    for helper in [alerted, not_alerted, silent] {
        store.decline(&emergency, helper, false).await;
        let declined_at = store.alert(&emergency, helper).await.and_then(|a| a.declined_at);
        assert_eq!(declined_at, None);
    }
    assert_eq!(
        store.counts(emergency.id()).await,
        AlertCounts { wave: 1, alerted: 1, declined: 0, ..AlertCounts::default() }
    );
    assert_eq!(store.alert(&emergency, silent).await, None, "nothing is stored for one who had not declined");
}

pub async fn a_helper_alerted_again_counts_once(store: Store) {
    let emergency = store.emergency().await;
    let [a, b] = store.people().await;
    store.send(&emergency, 1, &[(a, 1.0)]).await;
    store.send(&emergency, 2, &[(a, 1.0), (b, 2.0)]).await;
    assert_eq!(
        store.counts(emergency.id()).await,
        AlertCounts { wave: 2, alerted: 2, declined: 0, ..AlertCounts::default() }
    );
    let loaded = store.load(emergency.id()).await;
    assert_eq!(loaded.alerted().iter().filter(|&&helper| helper == a).count(), 1);
}
