//! Cases of the port `Devices`, and of the writes behind it.

use allynet_domain::{
    Account, Device, DeviceContext, DeviceId, DeviceTests, MAX_DEVICES, Session, Write,
    port::{Error, PushSubscription, Reachability},
    testing,
};
use futures_util::future::join_all;

use super::{Store, at, id, place};

/// A device of a session, whose endpoint ends in `endpoint`, registered at this second.
fn device_of(session: &Session, endpoint: &str, second: i64) -> Device {
    let endpoint = format!("https://push.example.org/{endpoint}");
    Device {
        id: id(),
        user: session.user,
        session: session.id,
        subscription: PushSubscription::new(endpoint, [4; 65], [7; 16]),
        created_at: at(second),
        ..testing::device(1)
    }
}

impl Store {
    async fn try_register(&self, device: &Device, replaced: Vec<DeviceId>) -> Result<(), Error> {
        self.try_write(Write::RegisterDevice { device: Box::new(device.clone()), replaced }).await
    }

    async fn register_device(&self, device: &Device) {
        self.try_register(device, vec![]).await.unwrap();
    }

    async fn devices_of(&self, account: &Account) -> Vec<Device> {
        self.devices.list(account.id).await.unwrap()
    }

    async fn with_session(&self) -> (Account, Session) {
        let account = self.register().await;
        let session = self.open(&account).await;
        (account, session)
    }
}

pub async fn devices_are_listed_newest_first_as_they_were_registered(store: Store) {
    let (account, first) = store.with_session().await;
    let second = store.open(&account).await;
    let (_, of_another) = store.with_session().await;
    let older = Device { name: None, last_sent_at: Some(at(5)), refused: 2, ..device_of(&first, "1", 0) };
    let newer = Device { last_delivered_at: Some(at(6)), ..device_of(&second, "2", 1) };
    for device in [&older, &newer, &device_of(&of_another, "3", 2)] {
        store.register_device(device).await;
    }
    assert_eq!(store.devices_of(&account).await, [newer, older]);
}

pub async fn a_registration_is_decided_on_own_devices_and_the_one_with_the_endpoint(store: Store) {
    let (ada, of_ada) = store.with_session().await;
    let (bo, of_bo) = store.with_session().await;
    let (adas, bos) = (device_of(&of_ada, "a", 0), device_of(&of_bo, "b", 1));
    store.register_device(&adas).await;
    store.register_device(&bos).await;
    let found = store.devices.context(ada.id, bos.subscription.endpoint()).await.unwrap();
    assert_eq!(found, DeviceContext { same_endpoint: Some(bos.clone()), own: vec![adas] });
    let own = store.devices.context(bo.id, bos.subscription.endpoint()).await.unwrap();
    assert_eq!(own, DeviceContext { same_endpoint: Some(bos.clone()), own: vec![bos] });
}

pub async fn an_endpoint_and_a_session_have_one_device(store: Store) {
    let (account, session) = store.with_session().await;
    let (_, other) = store.with_session().await;
    let device = device_of(&session, "1", 0);
    store.register_device(&device).await;
    for taken in [device_of(&other, "1", 1), device_of(&session, "2", 1)] {
        assert!(matches!(store.try_register(&taken, vec![]).await, Err(Error::Stale)));
    }
    let replacement = device_of(&session, "2", 1);
    store.try_register(&replacement, vec![device.id]).await.unwrap();
    assert_eq!(store.devices_of(&account).await, [replacement]);
}

pub async fn a_device_registered_again_has_a_new_session_and_new_keys(store: Store) {
    let (account, session) = store.with_session().await;
    let device = Device { last_sent_at: Some(at(1)), refused: 3, ..device_of(&session, "1", 0) };
    store.register_device(&device).await;
    let later = store.open(&account).await;
    let endpoint = device.subscription.endpoint().to_owned();
    let again = Device {
        session: later.id,
        name: None,
        subscription: PushSubscription::new(endpoint, [5; 65], [8; 16]),
        push_key: [6; 65],
        refused: 0,
        unknown_since: None,
        tests: DeviceTests::default(),
        ..device
    };
    store.register_device(&again).await;
    assert_eq!(store.devices_of(&account).await, [again]);
}

pub async fn a_new_device_begins_with_the_tests_of_its_user(store: Store) {
    let (account, session) = store.with_session().await;
    let mut replaced = vec![];
    for n in 0..3_u16 {
        let device = device_of(&session, &n.to_string(), 0);
        store.try_register(&device, replaced).await.unwrap();
        let [Device { tests: before, .. }] = store.devices_of(&account).await.try_into().unwrap();
        let window_from = (n > 0).then(|| at(0));
        assert_eq!(before, DeviceTests { last_at: None, window_from, count: n });
        let after = before.another(at(i64::from(n) * 10)).unwrap();
        store.write(Write::CountDeviceTest { user: account.id, device: device.id, before, after }).await;
        replaced = vec![device.id];
    }
    // An hour after the first one it begins anew.
    let [device] = store.devices_of(&account).await.try_into().unwrap();
    let after = device.tests.another(at(3_600)).unwrap();
    store.write(Write::CountDeviceTest { user: account.id, device: device.id, before: device.tests, after }).await;
    let other = store.open(&account).await;
    store.register_device(&device_of(&other, "other", 1)).await;
    let newest = &store.devices_of(&account).await[0];
    assert_eq!(newest.tests, DeviceTests { last_at: None, window_from: Some(at(3_600)), count: 1 });
    let (stranger, session) = store.with_session().await;
    store.register_device(&device_of(&session, "stranger", 1)).await;
    assert_eq!(store.devices_of(&stranger).await[0].tests, DeviceTests::default());
}

pub async fn of_many_registrations_at_once_no_more_than_the_limit_are_stored(store: Store) {
    let account = store.register().await;
    let mut devices = Vec::new();
    for n in 0..MAX_DEVICES + 2 {
        let session = store.open(&account).await;
        devices.push(device_of(&session, &n.to_string(), 0));
    }
    let nodes = [store.another().await, store.another().await];
    let registering = devices.iter().zip(nodes.iter().cycle());
    let outcomes = join_all(registering.map(|(device, node)| node.try_register(device, vec![]))).await;
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((stored, store.devices_of(&account).await.len()), (MAX_DEVICES, MAX_DEVICES));
    assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(|error| matches!(error, Error::Stale)));
}

pub async fn devices_go_with_their_sessions_and_with_a_blocked_account(store: Store) {
    let account = store.register().await;
    let mut devices = Vec::new();
    for n in 0..3 {
        let session = store.open(&account).await;
        devices.push(device_of(&session, &n.to_string(), n));
        store.register_device(devices.last().unwrap()).await;
    }
    let (user, [first, second, third]) = (account.id, <[Device; 3]>::try_from(devices).unwrap());
    store.write(Write::RevokeSessions { user, only: Some(first.session), except: None }).await;
    assert_eq!(store.devices_of(&account).await, [third.clone(), second.clone()]);
    assert!(matches!(store.try_register(&first, vec![]).await, Err(Error::Stale)), "its session is over");
    store.write(Write::RevokeSessions { user, only: None, except: Some(second.session) }).await;
    assert_eq!(store.devices_of(&account).await, std::slice::from_ref(&second));
    store.write(Write::SetBlocked { user, blocked: false, reason: None }).await;
    assert_eq!(store.devices_of(&account).await, std::slice::from_ref(&second));
    store.write(Write::SetBlocked { user, blocked: true, reason: None }).await;
    assert_eq!(store.devices_of(&account).await, []);
    assert!(matches!(store.try_register(&second, vec![]).await, Err(Error::Stale)), "its account is blocked");
}

pub async fn only_its_user_removes_a_device(store: Store) {
    let (account, session) = store.with_session().await;
    let (other, _) = store.with_session().await;
    let device = device_of(&session, "1", 0);
    store.register_device(&device).await;
    let remove = |user| Write::RemoveDevice { user, device: device.id };
    assert!(matches!(store.try_write(remove(other.id)).await, Err(Error::Stale)));
    store.write(remove(account.id)).await;
    assert_eq!(store.devices_of(&account).await, []);
    assert!(matches!(store.try_write(remove(account.id)).await, Err(Error::Stale)));
}

pub async fn whether_alerts_reach_a_user_is_read_from_devices_and_position(store: Store) {
    let (account, session) = store.with_session().await;
    let none = Reachability { devices: vec![], located_at: None };
    assert_eq!(store.devices.reachability(account.id).await.unwrap(), none);
    store.locate(account.id, place(0.0, 0.0)).await;
    let reached = |devices| Reachability { devices, located_at: Some(at(0)) };
    assert_eq!(store.devices.reachability(account.id).await.unwrap(), reached(vec![]));
    let second = store.open(&account).await;
    let (older, newer) = (device_of(&session, "1", 0), device_of(&second, "2", 1));
    store.register_device(&older).await;
    store.register_device(&newer).await;
    assert_eq!(store.devices.reachability(account.id).await.unwrap(), reached(vec![newer, older]));
}

pub async fn a_user_is_told_once_of_each_new_key(store: Store) {
    let (_, session) = store.with_session().await;
    let (_, of_another) = store.with_session().await;
    let device = device_of(&session, "1", 0);
    let present = Device { push_key: [6; 65], ..device_of(&of_another, "2", 0) };
    store.register_device(&device).await;
    store.register_device(&present).await;
    let other = async |key: u8| store.devices.with_other_key(&[key; 65], 10).await.unwrap();
    assert_eq!(other(6).await, std::slice::from_ref(&device));
    let told = |key| Write::NoteKeyChange { device: device.id, key: [key; 65] };
    store.write(told(6)).await;
    assert_eq!(other(6).await, []);
    assert!(matches!(store.try_write(told(6)).await, Err(Error::Stale)));
    assert_eq!(other(8).await.len(), 2);
    assert_eq!(store.devices.with_other_key(&[8; 65], 1).await.unwrap().len(), 1);
    store.write(told(8)).await;
    assert_eq!(other(8).await, [present]);
}
