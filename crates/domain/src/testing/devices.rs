//! Devices.

#[cfg(any(test, feature = "mocks"))]
use std::sync::Arc;

use super::{GRACE_HOPPER, at, id, text};
use crate::{Device, DeviceTests, PushKey, port::PushSubscription};
#[cfg(any(test, feature = "mocks"))]
use crate::{
    port::{MockPushEndpoints, MockPushIdentity, SubscriptionError},
    usecase::devices::PushPorts,
};

/// The push key of the service.
pub const PUSH_KEY: PushKey = [4; 65];

/// The device with this number of [`GRACE_HOPPER`], of the session with the same number, and registered at that second. Its
/// endpoint is no one else's.
pub fn device(n: u128) -> Device {
    Device {
        id: id(n),
        user: id(GRACE_HOPPER),
        session: id(n),
        name: Some(text("Phone")),
        subscription: PushSubscription::new(format!("https://push.example.org/{n}"), [4; 65], [7; 16]),
        push_key: PUSH_KEY,
        created_at: at(n.try_into().unwrap()),
        last_sent_at: None,
        last_delivered_at: None,
        refused: 0,
        unknown_since: None,
        tests: DeviceTests::default(),
    }
}

/// The ports of Web Push with [`PUSH_KEY`]. They accept every subscription but one whose secret is the text `short`; all of
/// them have the keys of [`device`].
#[cfg(any(test, feature = "mocks"))]
pub fn push_ports() -> PushPorts {
    let mut endpoints = MockPushEndpoints::new();
    endpoints.expect_parse().returning(|endpoint, _, auth| match auth {
        "short" => Err(SubscriptionError::Auth),
        _ => Ok(PushSubscription::new(endpoint.to_owned(), [4; 65], [7; 16])),
    });
    let mut identity = MockPushIdentity::new();
    identity.expect_public_key().return_const(PUSH_KEY);
    PushPorts { endpoints: Arc::new(endpoints), identity: Arc::new(identity) }
}
