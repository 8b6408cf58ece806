//! Waves of alerts over a store, under a clock that the test controls: recipients, times and order.

use allynet_domain::{
    AlertCounts, AlertPolicy, EmergencyId, EmergencyState, EmergencyStatus, Ending, Event, ResolutionType,
    ResponseStatus, Write,
};
use allynet_projections::OpenEmergencies;
use chrono::TimeDelta;

use super::*;

/// A projection of the events of this emergency so far.
async fn following(service: &Service, emergency: EmergencyId) -> OpenEmergencies {
    let open = OpenEmergencies::default();
    for event in service.events(emergency).await {
        open.apply(&event);
    }
    open
}

fn at_once(most: u32) -> AlertPolicy {
    let radii = [5_000.0, 10_000.0, 15_000.0].map(metres).to_vec();
    AlertPolicy::new(radii, 3, most).unwrap()
}

/// The events without a response, with helpers at 1, 2, 3, 7, 9, 12 and 20 km.
const UNANSWERED: [&str; 4] = [
    "wave 1 within 5000 m: 0 1 2",
    "wave 2 within 10000 m: 0 1 2 3 4",
    "wave 3 within 15000 m: 0 1 2 3 4 5",
    "unanswered by 6",
];

pub async fn without_a_response_wave_follows_wave_until_the_owner_is_notified(store: Store) {
    telling(store, |service| async move {
        service.helpers([1, 2, 3, 7, 9, 12, 20]).await;
        let of = service.call().await;
        for so_far in 1..UNANSWERED.len() {
            service.advance(TimeDelta::microseconds(59_999_999));
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..so_far], "not a microsecond too early");
            service.advance(TimeDelta::microseconds(1));
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..=so_far]);
        }
        for _ in 0..3 {
            service.minute().await;
        }
        assert_eq!(service.story(of).await, UNANSWERED, "and then it is quiet");
        let found = service.store.find(of).await;
        let counts = AlertCounts { wave: 3, alerted: 6, acknowledged: 0, declined: 0 };
        assert_eq!((found.alerts(), found.alert_radius(), found.next_alert_at()), (counts, metres(15_000.0), None));
        assert_eq!(found.status(), EmergencyStatus::Active, "helpers may still come");
    })
    .await;
}

pub async fn an_acknowledged_alert_is_not_sent_again(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([3, 1, 2, 7, 12]).await;
        let of = service.call().await;
        service.acknowledge(of, helpers[2].id).await;
        service.minute().await;
        service.acknowledge(of, helpers[3].id).await;
        service.acknowledge(of, helpers[3].id).await;
        service.minute().await;
        let expected = [
            "wave 1 within 5000 m: 1 2 0",
            "2 acknowledged",
            "wave 2 within 10000 m: 1 0 3",
            "3 acknowledged",
            "wave 3 within 15000 m: 1 0 4",
        ];
        assert_eq!(service.story(of).await, expected);
    })
    .await;
}

pub async fn no_more_than_the_wave_size_are_new_at_once(store: Store) {
    telling(store, |mut service| async move {
        service.rules.alerts = at_once(2);
        let helpers = service.helpers([1, 2, 3, 4, 6, 11]).await;
        let of = service.call().await;
        service.minute().await;
        for helper in &helpers[..4] {
            service.acknowledge(of, helper.id).await;
        }
        service.minute().await;
        let timeline = service.story(of).await;
        assert_eq!(timeline[..2], ["wave 1 within 5000 m: 0 1", "wave 2 within 10000 m: 0 1 2 3"]);
        assert_eq!(timeline[6..], ["wave 3 within 15000 m: 4 5"]);
    })
    .await;
}

pub async fn a_decline_alerts_the_nearest_helper_not_alerted_yet(store: Store) {
    telling(store, |mut service| async move {
        service.rules.alerts = at_once(3);
        let helpers = service.helpers([1, 2, 3, 14, 4, 16]).await;
        let of = service.call().await;
        service.decline(of, &helpers[5]).await;
        for n in [0, 4, 3, 0] {
            service.decline(of, &helpers[n]).await;
        }
        service.minute().await;
        let expected = [
            "wave 1 within 5000 m: 0 1 2",
            // Was not alerted, and so leaves no place.
            "5 declined",
            "0 declined",
            "wave 1 within 5000 m: 4",
            "4 declined",
            // As far as the largest radius, which moves neither the alert radius nor the next wave.
            "wave 1 within 5000 m: 3",
            "3 declined",
            "wave 2 within 10000 m: 1 2",
        ];
        assert_eq!(service.story(of).await, expected);
        let counts = AlertCounts { wave: 2, alerted: 5, acknowledged: 0, declined: 3 };
        assert_eq!(service.store.find(of).await.alerts(), counts);
    })
    .await;
}

pub async fn no_wave_is_sent_during_a_response_and_one_at_once_after_the_last_cancellation(store: Store) {
    telling(store, |mut service| async move {
        service.rules.alerts = at_once(3);
        let helpers = service.helpers([1, 2, 3, 4, 6, 12]).await;
        let of = service.call().await;
        service.accept(of, &helpers[0]).await;
        service.accept(of, &helpers[1]).await;
        for _ in 0..4 {
            service.minute().await;
        }
        service.update_response(of, &helpers[0], ResponseStatus::Cancelled).await;
        service.update_response(of, &helpers[1], ResponseStatus::OnWay).await;
        service.update_response(of, &helpers[1], ResponseStatus::Cancelled).await;
        let mut expected = vec![
            "wave 1 within 5000 m: 0 1 2",
            "0 joined",
            "it is responding",
            "1 joined",
            // The other helper still responds: one substitute is alerted, and no wave is sent.
            "0 is cancelled",
            "wave 1 within 5000 m: 3",
            "1 is on_way",
            "1 is cancelled",
            "it is active",
            "wave 2 within 10000 m: 2 3 4",
        ];
        assert_eq!(service.story(of).await, expected);
        assert_eq!(service.store.find(of).await.next_alert_at(), Some(service.now() + TimeDelta::seconds(60)));

        service.minute().await;
        service.minute().await;
        expected.extend(["wave 3 within 15000 m: 2 3 4 5", "unanswered by 6"]);
        assert_eq!(service.story(of).await, expected);

        // A late response is cancelled: the largest radius again, and the owner is notified again.
        service.accept(of, &helpers[5]).await;
        service.update_response(of, &helpers[5], ResponseStatus::Cancelled).await;
        service.minute().await;
        service.minute().await;
        expected.extend(["5 joined", "it is responding", "5 is cancelled", "it is active"]);
        expected.extend(["wave 4 within 15000 m: 2 3 4", "unanswered by 6"]);
        assert_eq!(service.story(of).await, expected);
    })
    .await;
}

pub async fn timers_survive_a_restart_between_waves(store: Store) {
    telling(store, |mut service| async move {
        service.helpers([1, 2, 3, 7, 9, 12, 20]).await;
        let of = service.call().await;
        for so_far in 1..UNANSWERED.len() {
            service.advance(TimeDelta::seconds(59));
            service = service.another().await;
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..so_far]);
            service.advance(TimeDelta::seconds(1));
            service = service.another().await;
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..=so_far]);
        }
    })
    .await;
}

pub async fn after_a_long_stop_one_wave_goes_out_and_not_all_at_once(store: Store) {
    telling(store, |service| async move {
        service.helpers([1, 2, 3, 7, 9, 12, 20]).await;
        let of = service.call().await;
        service.advance(TimeDelta::hours(2));
        let service = service.another().await;
        service.fire().await;
        assert_eq!(service.story(of).await, UNANSWERED[..2]);
        assert_eq!(service.store.find(of).await.next_alert_at(), Some(service.now() + TimeDelta::seconds(60)));
        service.minute().await;
        assert_eq!(service.story(of).await, UNANSWERED[..3]);
    })
    .await;
}

pub async fn expired_emergencies_are_resolved_without_an_actor_despite_responses(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3]).await;
        let [waits, responding] = [service.call().await, service.call().await];
        service.accept(responding, &helpers[0]).await;
        service.update_response(responding, &helpers[0], ResponseStatus::Arrived).await;
        for _ in 0..3 {
            service.minute().await;
        }
        service.advance(TimeDelta::hours(24) - TimeDelta::minutes(3));
        service.fire().await;
        assert!(service.store.find(waits).await.status().is_live(), "a day old, and not older");
        service.advance(TimeDelta::microseconds(1));
        let other = service.another().await;
        tokio::join!(service.fire(), other.fire());
        for of in [waits, responding] {
            let timeline = service.story(of).await;
            assert_eq!(timeline[timeline.len() - 2..], ["auto_expired by None", "emergency_ended"]);
            assert_eq!(timeline.iter().filter(|line| *line == "emergency_ended").count(), 1, "{timeline:?}");
            let ending = Ending { at: service.now(), by: None, notes: None };
            let expired = EmergencyState::Resolved { resolution: ResolutionType::AutoExpired, ending };
            assert_eq!(*service.store.find(of).await.state(), expired);
        }
        // The helper that arrived has helped, and may respond elsewhere.
        assert_eq!(service.store.account(helpers[0].id).await.reputation.trust_score, 50);
        service.locate(&helpers[0], 1_000.0).await;
        let next = service.call().await;
        service.accept(next, &helpers[0]).await;
        service.minute().await;
    })
    .await;
}

pub async fn a_helper_who_comes_into_the_radius_is_alerted_once(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3, 8, 18]).await;
        let of = service.call().await;
        let open = following(&service, of).await;
        for metres in [6_000.0, 5_000.5, 4_999.5, 4_000.0, 6_000.0, 3_000.0] {
            service.moves(&open, &helpers[3], metres).await;
        }
        // A node that does not know it yet asks the store, and finds it done.
        service.moves(&following(&service, of).await, &helpers[3], 3_500.0).await;
        let late = OpenEmergencies::default();
        late.restore(&service.store.find(of).await);
        service.moves(&late, &helpers[3], 3_500.0).await;
        let mut expected = vec!["wave 1 within 5000 m: 0 1 2", "wave 1 within 5000 m: 3"];
        assert_eq!(service.story(of).await, expected);

        // They are in the next wave, like every helper with an alert that was not acknowledged.
        for _ in 0..3 {
            service.minute().await;
        }
        service.moves(&following(&service, of).await, &helpers[4], 14_000.0).await;
        expected.extend(["wave 2 within 10000 m: 0 1 2 3", "wave 3 within 15000 m: 0 1 2 3", "unanswered by 4"]);
        expected.push("wave 3 within 15000 m: 4");
        assert_eq!(service.story(of).await, expected, "also after the last wave");
        assert_eq!(service.store.find(of).await.alerts().alerted, 5);
    })
    .await;
}

pub async fn coming_near_an_emergency_with_a_response_alerts_no_helper(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3, 18, 19]).await;
        let of = service.call().await;
        let old = following(&service, of).await;
        service.accept(of, &helpers[0]).await;
        service.moves(&following(&service, of).await, &helpers[3], 1_000.0).await;
        // The projection of this node is old, but the emergency that is loaded then is not.
        service.moves(&old, &helpers[3], 1_000.0).await;
        service.update_response(of, &helpers[0], ResponseStatus::Cancelled).await;
        let off_duty = Write::SetHelper {
            user: helpers[4].id,
            helper: allynet_domain::HelperRecord { available: false, ..verified() },
            role: helpers[4].role,
        };
        service.store.write(off_duty).await;
        service.moves(&following(&service, of).await, &helpers[4], 1_000.0).await;
        let expected = [
            "wave 1 within 5000 m: 0 1 2",
            "0 joined",
            "it is responding",
            "0 is cancelled",
            "it is active",
            "wave 2 within 10000 m: 3 1 2",
        ];
        assert_eq!(service.story(of).await, expected, "the wave finds who came near meanwhile");
    })
    .await;
}

pub async fn going_online_or_on_duty_uses_the_last_position(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3]).await;
        let of = service.call().await;
        let late = service.helper(2_500.0).await;
        let open = following(&service, of).await;
        service.notice(&open, &late, None).await;
        service.notice(&open, &helpers[0], None).await;
        let somebody = service.store.helper().await;
        service.notice(&open, &somebody, None).await;
        assert_eq!(service.story(of).await, ["wave 1 within 5000 m: 0 1 2", "wave 1 within 5000 m: 3"]);
        let alerted = |e: &allynet_domain::LoggedEvent| matches!(&e.event, Event::HelpersAlerted { .. });
        let last = service.events(of).await.into_iter().rfind(alerted).unwrap();
        assert_eq!(last.actor, None);
    })
    .await;
}
