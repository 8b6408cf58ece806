use chrono::TimeDelta;

use super::*;
use crate::{
    DeviceContext, DeviceLoss,
    port::{MockDevices, SubscriptionError},
    testing::{
        ALAN, Committed, PUSH_KEY, clock, device, grace_hopper, id, ids, no_backoff, now, push_ports, store, text,
    },
    usecase::emergencies::tests::{refusal, stale},
};

/// The service over a store that holds `found`, with a push key.
fn service(found: DeviceContext, outcomes: Vec<port::Result<()>>) -> (DevicePorts, Committed) {
    let (changes, committed) = store(outcomes);
    let mut devices = MockDevices::new();
    devices.expect_list().returning({
        let own = found.own.clone();
        move |_| Ok(own.clone())
    });
    devices.expect_context().returning(move |_, _| Ok(found.clone()));
    let (clock, ids, backoff) = (clock(), ids(), no_backoff());
    (
        DevicePorts {
            devices: Arc::new(devices),
            push: Some(push_ports()),
            alert_ttl: TimeDelta::minutes(15),
            changes,
            clock,
            ids,
            backoff,
        },
        committed,
    )
}

#[tokio::test]
async fn users_of_devices_with_another_key_are_told() {
    let old = Device { push_key: [5; 65], ..device(1) };
    let (changes, committed) = store(vec![]);
    let mut devices = MockDevices::new();
    devices.expect_with_other_key().returning(move |key, limit| {
        assert_eq!((*key, limit), (PUSH_KEY, 10));
        Ok(vec![Device { push_key: [5; 65], ..device(1) }])
    });
    let (cx, _) = service(DeviceContext::default(), vec![]);
    let cx = DevicePorts { devices: Arc::new(devices), changes, ..cx };
    assert_eq!(tell_of_key_change(&cx, 10).await.unwrap(), 1);
    let write = Write::NoteKeyChange { device: old.id, key: PUSH_KEY };
    let lost = Event::DeviceLost(old.lost(DeviceLoss::KeyChanged));
    assert_eq!(committed.only(), Change::new(None, now()).write(write).account_event(lost));
}

fn new_device() -> NewDevice {
    NewDevice {
        endpoint: "https://push.example.org/1".to_owned(),
        p256dh: String::new(),
        auth: String::new(),
        name: Some(text("Phone")),
        server_key: None,
    }
}

fn caller() -> Actor {
    grace_hopper()
}

#[tokio::test]
async fn a_device_belongs_to_the_session_and_the_present_key() {
    let (cx, committed) = service(DeviceContext::default(), vec![]);
    let (registered, is_known) = register(&cx, &caller(), new_device()).await.unwrap();
    let expected = Device { id: id(1000), session: caller().session, created_at: now(), ..device(1) };
    assert_eq!((&registered, is_known), (&expected, false));
    let write = Write::RegisterDevice { device: Box::new(expected), replaced: vec![] };
    let open = Write::SendOpenAlerts { user: caller().id(), valid_for: cx.alert_ttl };
    assert_eq!(committed.only(), Change::new(Some(caller().id()), now()).write(open).write(write));
}

#[tokio::test]
async fn the_former_user_of_a_browser_is_told() {
    let theirs = Device { user: id(ALAN), ..device(1) };
    let (cx, committed) = service(DeviceContext { same_endpoint: Some(theirs), own: vec![] }, stale(1));
    register(&cx, &caller(), new_device()).await.unwrap();
    let attempts = committed.attempts();
    assert_eq!(attempts.len(), 2, "decided again after a conflict");
    let [event] = attempts[1].events.as_slice() else { panic!("one event: {:?}", attempts[1].events) };
    let Event::DeviceLost(lost) = &event.event else { panic!("{event:?}") };
    assert_eq!((lost.user, lost.id, lost.reason), (id(ALAN), id(1), DeviceLoss::Moved));
}

#[tokio::test]
async fn registrations_are_refused() {
    let theirs = Device {
        user: id(ALAN),
        subscription: PushSubscription::new(new_device().endpoint, [4; 65], [8; 16]),
        ..device(1)
    };
    let (mut cx, committed) = service(DeviceContext { same_endpoint: Some(theirs), own: vec![] }, vec![]);
    let invalid = NewDevice { auth: "short".to_owned(), ..new_device() };
    let outcome = register(&cx, &caller(), invalid).await;
    assert_eq!(refusal(outcome), Refusal::SubscriptionInvalid(SubscriptionError::Auth));
    let other_key = NewDevice { server_key: Some([5; 65]), ..new_device() };
    assert_eq!(refusal(register(&cx, &caller(), other_key).await), Refusal::PushKeyChanged);
    let right_key = NewDevice { server_key: Some(PUSH_KEY), ..new_device() };
    assert_eq!(refusal(register(&cx, &caller(), right_key).await), Refusal::EndpointTaken);
    cx.push = None;
    assert_eq!(refusal(register(&cx, &caller(), new_device()).await), Refusal::PushNotConfigured);
    assert_eq!(push_key(&cx), Err(Refusal::PushNotConfigured));
    assert!(committed.is_empty());
}

#[tokio::test]
async fn only_an_own_device_is_removed() {
    let (cx, committed) = service(DeviceContext::default(), stale(1));
    assert_eq!(refusal(remove(&cx, &caller(), id(7)).await), Refusal::DeviceNotFound);
    remove(&cx, &caller(), id(7)).await.unwrap();
    let write = Write::RemoveDevice { user: caller().id(), device: id(7) };
    assert_eq!(committed.attempts()[1].writes, vec![write]);
}

#[tokio::test]
async fn devices_are_listed_with_the_key_that_decides_on_their_state() {
    let (cx, _) = service(DeviceContext { same_endpoint: None, own: vec![device(1)] }, vec![]);
    let listed = list(&cx, &caller()).await.unwrap();
    assert_eq!(listed, OwnDevices { devices: vec![device(1)], push_key: Some(PUSH_KEY) });
}
