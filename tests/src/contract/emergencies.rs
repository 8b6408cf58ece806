//! Emergencies: queries by id, by owner and by alerted helper, and deletion.

use allynet_domain::{
    Account, Emergency, EmergencyId, Event, EventId, HelperPolicy, Recipient, ResponseStatus, Write,
    port::{Error, OnDuty},
};

use super::*;

impl Store {
    async fn pending(&self, helper: &Account, limit: u32) -> Vec<EmergencyId> {
        self.locate(helper.id, place(0.0, 0.0)).await;
        let found = self.emergencies.pending_for(&exact_reader(helper.id), limit).await.unwrap();
        for near in &found {
            let exact = near.emergency.call().details.location.position.distance_to(place(0.0, 0.0));
            assert!((near.distance.get() - exact.get()).abs() < 0.001, "{near:?}");
        }
        found.into_iter().map(|near| near.emergency.id()).collect()
    }

    /// Somebody's emergency so many metres, nearly, from latitude and longitude 0.
    async fn emergency_away(&self, metres: f64) -> EmergencyId {
        let owner = self.register().await;
        self.raise(call_at(&owner, place(0.0, metres / 111_320.0))).await.id()
    }

    async fn live_of(&self, user: &Account) -> Vec<EmergencyId> {
        self.emergencies.live_of(user.id).await.unwrap().emergencies.iter().map(Emergency::id).collect()
    }
}

pub async fn an_unknown_emergency_is_not_found(store: Store) {
    store.emergency().await;
    assert_eq!(store.emergencies.find(id()).await.unwrap(), None);
    assert_eq!(store.emergencies.load(id(), None).await.unwrap(), None);
}

pub async fn an_earlier_call_is_the_live_one_else_the_one_with_the_request_id(store: Store) {
    let [owner, other] = [store.register().await, store.register().await];
    let context = async |owner: &Account, request: Option<&str>| {
        let request = request.map(text);
        let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(0), now: at(0) };
        let search = Search { centre: place(0.0, 0.0), except: owner.id, on_duty };
        let found = store.raise_context(&search, request.as_ref(), &[metres(1.0)], 1).await;
        (found.earlier.map(|e| e.id()), found.deleted)
    };
    assert_eq!(context(&owner, None).await, (None, None));
    let with_request = |request| edited(call_of(&owner), |e| e.request_id = Some(text(request)));
    let ended = store.raise(with_request("first")).await.id();
    store.resolve(ended, at(1)).await;
    assert_eq!(context(&owner, Some("first")).await, (Some(ended), None), "a repeated request");
    assert_eq!(context(&owner, Some("second")).await, (None, None));
    assert_eq!(context(&owner, None).await, (None, None));

    let live = store.raise(with_request("second")).await.id();
    for request in [Some("first"), Some("second"), Some("third"), None] {
        assert_eq!(context(&owner, request).await, (Some(live), None), "{request:?}");
        assert_eq!(context(&other, request).await, (None, None));
    }

    store.resolve(live, at(2)).await;
    store.write(deletion(&store.find(live).await)).await;
    assert_eq!(context(&owner, Some("second")).await, (None, Some(live)), "the request id stays used");
    assert_eq!(context(&owner, Some("first")).await, (Some(ended), None));
    assert_eq!(context(&other, Some("second")).await, (None, None));
}

pub async fn live_emergencies_are_ordered_by_owned_engaged_completed_then_newest(store: Store) {
    let user = store.helper().await;
    let mut ids = Vec::new();
    for seconds in 0..6 {
        let owner = store.register().await;
        ids.push(store.raise(call_created(&owner, at(seconds))).await.id());
    }
    let [completed_old, completed_new, cancelled, ended, engaged, _never] = ids[..] else { unreachable!() };
    for (emergency, last) in [
        (completed_new, Some(ResponseStatus::Completed)),
        (completed_old, Some(ResponseStatus::Completed)),
        (cancelled, Some(ResponseStatus::Cancelled)),
        (ended, None),
    ] {
        store.accept(emergency, &user, at(10)).await;
        match last {
            Some(status) => store.update_response(emergency, &user, status).await,
            None => store.resolve(emergency, at(11)).await,
        }
    }
    assert_eq!(store.live_of(&user).await, [completed_new, completed_old]);
    store.accept(engaged, &user, at(12)).await;
    assert_eq!(store.live_of(&user).await, [engaged, completed_new, completed_old]);
    let owned = store.raise(call_created(&user, at(-5))).await.id();
    assert_eq!(store.live_of(&user).await, [owned, engaged, completed_new, completed_old]);
    store.resolve(owned, at(13)).await;
    assert_eq!(store.live_of(&user).await, [engaged, completed_new, completed_old]);
    assert_eq!(store.live_of(&new_account()).await, []);
}

pub async fn pending_are_those_whose_alert_radius_reaches_the_helper(store: Store) {
    let helper = store.helper().await;
    let place = place(0.0, 0.05);
    let mut expected = Vec::new();
    for (radius, reaches) in [(5_000.0, false), (5_500.0, false), (5_600.0, true), (15_000.0, true)] {
        let owner = store.register().await;
        let raised = store.raise(edited(call_at(&owner, place), |e| e.alert_radius = metres(radius))).await;
        expected.extend(reaches.then_some(raised.id()));
    }
    let mut found = store.pending(&helper, 50).await;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

pub async fn pending_includes_alerts_from_beyond_the_radius(store: Store) {
    let [helper, other] = [store.helper().await, store.helper().await];
    let far = store.emergency_away(40_000.0).await;
    let near = store.emergency_away(100.0).await;
    for emergency in [far, near] {
        let recipients = vec![Recipient::new(helper.id, metres(40_000.0))];
        store.write(Write::SendAlerts { emergency, wave: 1, recipients }).await;
    }
    assert_eq!(store.pending(&helper, 50).await, [near, far], "each once");
    assert_eq!(store.pending(&other, 50).await, [near]);
}

pub async fn pending_leaves_out_own_answered_and_ended_ones(store: Store) {
    let helper = store.helper().await;
    let own = store.raise(call_of(&helper)).await.id();
    let recipients = vec![Recipient::new(helper.id, metres(0.0))];
    let mut answered = Vec::new();
    for last in [ResponseStatus::Completed, ResponseStatus::Cancelled, ResponseStatus::Responding] {
        let emergency = store.emergency_away(100.0).await;
        store.write(Write::SendAlerts { emergency, wave: 1, recipients: recipients.clone() }).await;
        store.accept(emergency, &helper, at(1)).await;
        store.update_response(emergency, &helper, last).await;
        answered.push(emergency);
    }
    let [completed, cancelled, responding] = answered[..] else { unreachable!() };
    let [declined, ended] = [store.emergency_away(100.0).await, store.emergency_away(100.0).await];
    store.write(Write::SetDeclined { emergency: declined, helper: helper.id, declined: true }).await;
    store.resolve(ended, at(2)).await;
    assert_eq!(store.pending(&helper, 50).await, [cancelled], "one who cancelled may come again");

    // Answers of other helpers do not count.
    let other = store.helper().await;
    let mut expected = [own, completed, cancelled, responding, declined];
    let mut found = store.pending(&other, 50).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

pub async fn pending_comes_nearest_first_up_to_the_limit(store: Store) {
    let helper = store.helper().await;
    let mut ids = Vec::new();
    for away in [3_000.0, 1.0, 200.0, 4_000.0] {
        ids.push(store.emergency_away(away).await);
    }
    let expected = [ids[1], ids[2], ids[0], ids[3]];
    for limit in [1, 3, 4, 50] {
        assert_eq!(store.pending(&helper, limit).await, expected[..expected.len().min(limit as usize)]);
    }
}

pub async fn a_deleted_emergency_takes_all_that_belongs_to_it(store: Store) {
    let owner = store.register().await;
    let [helper, decliner] = [store.helper().await, store.helper().await];
    let call = edited(call_of(&owner), |e| e.request_id = Some(text("tap")));
    let [gone, kept] = [store.raise(call.clone()).await, store.emergency().await];
    for emergency in [&gone, &kept] {
        let of = emergency.id();
        let message = message_in(emergency, at(1));
        let recipients = vec![Recipient::new(helper.id, metres(1.0))];
        let talk = change()
            .write(Write::SendAlerts { emergency: of, wave: 1, recipients })
            .write(Write::SetDeclined { emergency: of, helper: decliner.id, declined: true })
            .write(Write::PostMessage(message.clone()))
            .event(of, Event::MessagePosted { message });
        store.commit(talk).await;
        store.accept(of, &helper, at(2)).await;
        store.commit(change().event(of, Event::EmergencyHidden { user: decliner.id, at: at(2) })).await;
        store.resolve(of, at(3)).await;
        let report =
            Write::AddReport { emergency: of, reporter: helper.id, about: emergency.owner(), reason: text("rude") };
        let rating = counted_rating(&store.find(of).await, helper.id, 4);
        store.commit(change().write(rating).write(report)).await;
    }
    let [of, other] = [gone.id(), kept.id()];
    let kept = (store.load(other).await, store.log.events_of(other, EventId::START, 100).await.unwrap());
    store.write(deletion(&store.find(of).await)).await;

    assert_eq!(store.emergencies.find(of).await.unwrap(), None);
    assert_eq!(store.emergencies.load(of, None).await.unwrap(), None);
    assert_ne!(
        store.log.events_of(of, EventId::START, 100).await.unwrap(),
        [],
        "nodes may still have to tell of its end"
    );
    let long_after = "2100-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.changes.erase_deleted(long_after, 10).await.unwrap(), 1);
    assert_eq!(store.changes.erase_deleted(long_after, 10).await.unwrap(), 0);
    let left = store.log.events_of(of, EventId::START, 100).await.unwrap();
    let kinds: Vec<_> = left.iter().map(|e| e.event.kind()).collect();
    assert_eq!(
        kinds,
        ["emergency_hidden", "emergency_ended"],
        "clients that come back are told of the end, and of nothing else"
    );
    let page = allynet_domain::port::MessagePage { emergency: of, reader: owner.id, before: None, limit: 10 };
    assert_eq!(store.messages(&page).await, []);
    assert_eq!((store.load(other).await, store.log.events_of(other, EventId::START, 100).await.unwrap()), kept);
    assert_eq!(store.account(helper.id).await.reputation.rating_count, 2, "what a helper earned stays");
    let recipients = vec![Recipient::new(helper.id, metres(1.0))];
    for late in [
        Write::SendAlerts { emergency: of, wave: 2, recipients },
        Write::SetDeclined { emergency: of, helper: decliner.id, declined: true },
    ] {
        assert!(matches!(store.try_write(late).await, Err(Error::Stale)));
    }
    // The request may be made anew, and nothing of the old one is left, even under the same id.
    store.raise(call).await;
    assert_eq!(store.load(of).await.alerts, []);
}
