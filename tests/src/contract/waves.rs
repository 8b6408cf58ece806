//! Waves of alerts over a store, under a clock that the test controls: recipients, times and order.

use allynet_domain::{
    AlertCounts, AlertPolicy, BlockTarget, DeletedEmergency, EmergencyId, EmergencyState, EmergencyStatus, Ending,
    Event, ResolutionType, ResponseStatus, Write,
};
use allynet_projections::OpenEmergencies;
use chrono::TimeDelta;

use super::*;

/// A projection of the events of this emergency so far.
async fn following(service: &Service, emergency: EmergencyId) -> OpenEmergencies {
    following_all(service, &[emergency]).await
}

/// A projection of the events of these emergencies so far, in the order of the log.
async fn following_all(service: &Service, emergencies: &[EmergencyId]) -> OpenEmergencies {
    let (open, mut events) = (OpenEmergencies::default(), Vec::new());
    for emergency in emergencies {
        events.extend(service.events(*emergency).await);
    }
    events.sort_by_key(|event| event.id);
    for event in events {
        open.apply(&event);
    }
    open
}

fn at_once(most: u32) -> AlertPolicy {
    let radii = [5_000.0, 10_000.0, 15_000.0].map(metres).to_vec();
    let mut policy = AlertPolicy::new(radii, 3, most).unwrap();
    policy.timing.place_after = TimeDelta::days(7);
    policy
}

/// The events without a response of each minute, with helpers at 1, 2, 3, 7, 9, 12 and 20 km. Every alert is repeated five
/// times.
const UNANSWERED: [&[&str]; 8] = [
    &["wave 1 within 5000 m: 0 1 2"],
    &["wave 2 within 10000 m: 0 1 2 3 4"],
    &["wave 3 within 15000 m: 0 1 2 3 4 5"],
    &["wave 3 within 15000 m: 0 1 2 3 4 5", "unanswered by 6"],
    &["wave 3 within 15000 m: 0 1 2 3 4 5"],
    &["wave 3 within 15000 m: 0 1 2 3 4 5"],
    &["wave 3 within 15000 m: 3 4 5"],
    &["wave 3 within 15000 m: 5"],
];

pub async fn without_a_response_wave_follows_wave_and_then_unheard_alerts_are_repeated(store: Store) {
    telling(store, |service| async move {
        service.helpers([1, 2, 3, 7, 9, 12, 20]).await;
        let of = service.call().await;
        for so_far in 1..UNANSWERED.len() {
            service.advance(TimeDelta::microseconds(59_999_999));
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..so_far].concat(), "not a microsecond too early");
            service.advance(TimeDelta::microseconds(1));
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..=so_far].concat());
        }
        for _ in 8..15 {
            service.minute().await;
            assert_eq!(service.story(of).await, UNANSWERED.concat(), "and then it is quiet");
        }
        // Ten minutes after their last rings.
        let mut expected = UNANSWERED.concat();
        for late in ["0 1 2", "3 4", "5"] {
            service.minute().await;
            expected.push(format!("wave 3 within 15000 m: {late}").leak());
            assert_eq!(service.story(of).await, expected);
        }
        let found = service.store.find(of).await;
        let counts = AlertCounts { wave: 3, alerted: 6, declined: 0, ..AlertCounts::default() };
        assert_eq!((found.alerts(), found.alert_radius()), (counts, metres(15_000.0)));
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

pub async fn once_unanswered_acknowledged_alerts_are_repeated_every_ten_minutes(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3]).await;
        let of = service.call().await;
        for helper in &helpers {
            service.acknowledge(of, helper.id).await;
        }
        service.minute().await;
        service.decline(of, &helpers[2]).await;
        let mut expected = vec![
            "wave 1 within 5000 m: 0 1 2",
            "0 acknowledged",
            "1 acknowledged",
            "2 acknowledged",
            "wave 2 within 15000 m: ",
            "unanswered by 3",
            "2 declined",
        ];
        assert_eq!(service.story(of).await, expected);
        // Ten minutes after they were rung, and again ten minutes later. A helper who declined has answered.
        for (minutes, rings) in [(8, false), (1, true), (9, false), (1, true)] {
            for _ in 0..minutes {
                service.minute().await;
            }
            expected.extend(rings.then_some("wave 2 within 15000 m: 0 1"));
            assert_eq!(service.story(of).await, expected);
        }
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
            // Nobody is new within any radius.
            "wave 2 within 15000 m: 1 2",
            "unanswered by 5",
        ];
        assert_eq!(service.story(of).await, expected);
        // What was declined was seen, and so received.
        let counts = AlertCounts {
            wave: 2,
            alerted: 5,
            declined: 3,
            sent: 3,
            acknowledged: 3,
            seen: 3,
            ..AlertCounts::default()
        };
        assert_eq!(service.store.find(of).await.alerts(), counts);
    })
    .await;
}

pub async fn helpers_whom_a_responder_blocks_are_alerted_once_that_one_cancels(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3, 8, 8]).await;
        for blocked in &helpers[3..] {
            service.store.block(&helpers[0], BlockTarget::User(blocked.id)).await;
        }
        let of = service.call().await;
        service.accept(of, &helpers[0]).await;
        service.update_response(of, &helpers[0], ResponseStatus::Cancelled).await;
        let expected = [
            "wave 1 within 5000 m: 0 1 2",
            "0 joined",
            "it is responding",
            "0 is cancelled",
            "it is active",
            "wave 2 within 10000 m: 3 4",
        ];
        assert_eq!(service.story(of).await, expected);
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
        service.advance(TimeDelta::seconds(1));
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
        expected.extend(["wave 3 within 15000 m: 2 3 4 5", "wave 3 within 15000 m: 2 3 4 5", "unanswered by 6"]);
        assert_eq!(service.story(of).await, expected);

        // A late response is cancelled: the largest radius again, and the owner is notified again.
        service.accept(of, &helpers[5]).await;
        service.advance(TimeDelta::seconds(1));
        service.update_response(of, &helpers[5], ResponseStatus::Cancelled).await;
        service.minute().await;
        service.minute().await;
        expected.extend(["5 joined", "it is responding", "5 is cancelled", "it is active"]);
        // Helpers 2 and 3 were rung again five times, all renewals together.
        expected.extend(["wave 4 within 15000 m: 2 3 4"; 2]);
        expected.extend(["unanswered by 6", "wave 4 within 15000 m: 4"]);
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
            assert_eq!(service.story(of).await, UNANSWERED[..so_far].concat());
            service.advance(TimeDelta::seconds(1));
            service = service.another().await;
            service.fire().await;
            assert_eq!(service.story(of).await, UNANSWERED[..=so_far].concat());
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
        assert_eq!(service.story(of).await, UNANSWERED[..2].concat());
        assert_eq!(service.store.find(of).await.next_alert_at(), Some(service.now() + TimeDelta::seconds(60)));
        service.minute().await;
        assert_eq!(service.story(of).await, UNANSWERED[..3].concat());
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
        // Beyond the first radius nobody is new, so the second wave goes as far as the last radius.
        expected.extend(["wave 2 within 15000 m: 0 1 2 3", "unanswered by 4"]);
        expected.extend(["wave 2 within 15000 m: 0 1 2 3"; 2]);
        expected.push("wave 2 within 15000 m: 4");
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
        service.advance(TimeDelta::seconds(1));
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
        let newcomer = service.store.helper().await;
        service.notice(&open, &newcomer, None).await;
        assert_eq!(service.story(of).await, ["wave 1 within 5000 m: 0 1 2", "wave 1 within 5000 m: 3"]);
        let alerted = |e: &allynet_domain::LoggedEvent| matches!(&e.event, Event::HelpersAlerted { .. });
        let last = service.events(of).await.into_iter().rfind(alerted).unwrap();
        assert_eq!(last.actor, None);
    })
    .await;
}

pub async fn silence_frees_a_place_and_acknowledging_or_receiving_keeps_it(store: Store) {
    telling(store, |mut service| async move {
        service.rules.alerts = at_once(3);
        service.rules.alerts.timing.place_after = TimeDelta::seconds(30);
        let helpers = service.helpers([1, 2, 3, 4, 6, 12]).await;
        let of = service.call().await;
        service.acknowledge(of, helpers[0].id).await;
        service.store.write(Write::ReceiveAlert { emergency: of, helper: helpers[1].id }).await;
        service.advance(TimeDelta::microseconds(29_999_999));
        service.fire().await;
        service.advance(TimeDelta::microseconds(1));
        service.fire().await;
        let mut expected = vec!["wave 1 within 5000 m: 0 1 2", "0 acknowledged", "wave 1 within 5000 m: 3"];
        assert_eq!(service.story(of).await, expected, "one of three is silent");
        service.advance(TimeDelta::seconds(30));
        service.fire().await;
        // The next wave, with the substitute of the silent substitute. What was received is not repeated.
        expected.push("wave 2 within 10000 m: 2 4 5");
        assert_eq!(service.story(of).await, expected);
    })
    .await;
}

pub async fn engaged_helpers_and_owners_of_live_emergencies_are_not_alerted(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3, 4]).await;
        let first = service.call().await;
        service.accept(first, &helpers[0]).await;
        let own = service.raise_as(&helpers[1]).await;
        let second = service.call().await;
        assert_eq!(service.story(second).await, ["wave 1 within 15000 m: 2 3"], "two are not enough for a radius");

        // Available again: alerted as if not alerted before, but not for the emergency that they declined.
        let declined = service.call().await;
        for helper in [0, 1] {
            service.decline(declined, &helpers[helper]).await;
        }
        service.advance(TimeDelta::seconds(1));
        service.update_response(first, &helpers[0], ResponseStatus::Completed).await;
        service.withdraw(own, &helpers[1]).await;
        let nodes = [&[first, own, second][..], &[first, own, declined]];
        for (node, helper) in nodes.into_iter().flat_map(|node| [(node, 0), (node, 1)]) {
            let open = following_all(&service, node).await;
            service.notice(&open, &helpers[helper], None).await;
        }
        let mut expected = vec!["wave 1 within 15000 m: 2 3", "wave 1 within 15000 m: 0", "wave 1 within 15000 m: 1"];
        assert_eq!(service.story(second).await, expected);
        assert!(!service.story(declined).await.iter().any(|line| line.ends_with(": 0") || line.ends_with(": 1")));

        // Engaged elsewhere once more: what was sent before that does not count either, not even if it was acknowledged.
        service.acknowledge(second, helpers[0].id).await;
        service.accept(first, &helpers[0]).await;
        service.advance(TimeDelta::seconds(1));
        service.update_response(first, &helpers[0], ResponseStatus::Cancelled).await;
        for _ in 0..2 {
            service.notice(&following_all(&service, &[first, second]).await, &helpers[0], None).await;
        }
        expected.extend(["0 acknowledged", "wave 1 within 15000 m: 0"]);
        assert_eq!(service.story(second).await, expected);
    })
    .await;
}

pub async fn unproven_helpers_come_after_all_others_until_they_acknowledge(store: Store) {
    telling(store, |mut service| async move {
        service.rules.alerts = at_once(2);
        // These accounts are as old as the clock of the test says; a day later they are proven.
        let old = service.helpers([4]).await;
        service.advance(TimeDelta::days(1));
        service.locate(&old[0], 4_000.0).await;
        let mut young = Vec::new();
        for metres in [1_000.0, 2_000.0, 3_000.0] {
            young.push(service.young_helper(metres).await);
        }
        let of = service.call().await;
        assert_eq!(service.story(of).await, ["wave 1 within 5000 m: 1 0"], "the nearest unproven one fills the wave");
        service.acknowledge(of, young[0].id).await;
        let next = service.call().await;
        assert_eq!(service.story(next).await, ["wave 1 within 5000 m: 1 0"], "both are proven now");
        service.acknowledge(next, old[0].id).await;
        service.locate(&young[0], 4_500.0).await;
        let last = service.call().await;
        assert_eq!(service.story(last).await, ["wave 1 within 5000 m: 0 1"], "and come before the nearer ones");
    })
    .await;
}

pub async fn of_a_storm_only_so_many_ring_a_helper_and_the_last_is_made_up(store: Store) {
    telling(store, |service| async move {
        let helpers = service.helpers([1, 2, 3]).await;
        let owner = service.store.register().await;
        let mut last = None;
        for n in 0..20 {
            if let Some(ended) = last {
                service.withdraw(ended, &owner).await;
                // Deleting it does not delete its ring.
                let record = DeletedEmergency::new(&service.store.find(ended).await, service.now());
                service.store.write(Write::DeleteEmergency(record)).await;
            }
            let of = service.raise_as(&owner).await;
            let expected = if n < 5 { "wave 1 within 5000 m: 0 1 2" } else { "wave 1 within 5000 m: " };
            assert_eq!(service.story(of).await, [expected], "{n}");
            let created = service.events(of).await.remove(0).event;
            assert!(matches!(created, Event::EmergencyCreated { announced, .. } if announced == (n < 5)), "{n}");
            last = Some(of);
            service.advance(TimeDelta::milliseconds(500));
        }
        let last = last.unwrap();
        assert_eq!(service.store.find(last).await.alerts().alerted, 0);
        // A minute after the fifth ring.
        service.advance(TimeDelta::seconds(52) - TimeDelta::microseconds(1));
        service.fire().await;
        assert_eq!(service.story(last).await.len(), 1);
        service.advance(TimeDelta::microseconds(1));
        service.fire().await;
        assert_eq!(service.story(last).await, ["wave 1 within 5000 m: ", "announced", "wave 1 within 5000 m: 0 1 2"]);
        assert_eq!(service.store.find(last).await.alerts().alerted, 3);
        // Another owner rings at once.
        assert_eq!(service.story(service.call().await).await, ["wave 1 within 5000 m: 0 1 2"]);
        drop(helpers);
    })
    .await;
}

pub async fn cancelling_renews_twice_at_once_and_then_after_a_pause(store: Store) {
    telling(store, |mut service| async move {
        // Otherwise the same helper could not accept so often.
        service.rules.reaccept_pause = TimeDelta::zero();
        let helpers = service.helpers([1, 2, 3]).await;
        let of = service.call().await;
        let rung = async || service.story(of).await.iter().filter(|line| line.ends_with(" m: 1 2")).count();
        for n in 1..=9 {
            service.advance(TimeDelta::seconds(1));
            service.accept(of, &helpers[0]).await;
            service.update_response(of, &helpers[0], ResponseStatus::Cancelled).await;
            assert_eq!(rung().await, n.min(2), "after {n} cancellations");
        }
        // All later renewals are one, 30 seconds after the second.
        service.advance(TimeDelta::seconds(23) - TimeDelta::microseconds(1));
        service.fire().await;
        assert_eq!(rung().await, 2);
        service.advance(TimeDelta::microseconds(1));
        service.fire().await;
        assert_eq!(rung().await, 3, "made up at the end of the pause");
    })
    .await;
}
