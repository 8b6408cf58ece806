//! Devices, for their user, and the push key.

use allynet_domain::{Device, DeviceId, DeviceKind, DeviceState, PushKey, Text, Timestamp};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Serialize;

use crate::documents::schema::Word;

/// A device. Neither the endpoint nor its keys are shown: the browser has them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Device")]
pub struct DeviceView<'a> {
    /// The id of the device.
    #[schemars(with = "uuid::Uuid")]
    id: DeviceId,
    /// How the device is reached.
    #[schemars(with = "Word<DeviceKind>")]
    kind: DeviceKind,
    /// What its user calls it.
    #[schemars(length(max = 50), example = &"My phone")]
    name: Option<&'a str>,
    /// When it was registered.
    created_at: Timestamp,
    /// When a push service last took a push for it.
    last_sent_at: Option<Timestamp>,
    /// When it last confirmed a push.
    last_delivered_at: Option<Timestamp>,
    /// `failing` if the push service refuses pushes to it.
    #[schemars(with = "Word<DeviceState>")]
    state: DeviceState,
    /// The service has another push key than the device was registered under: subscribe again.
    key_changed: bool,
}

impl<'a> DeviceView<'a> {
    /// A device while the service has this push key, if it has one.
    pub fn new(device: &'a Device, present: Option<&PushKey>) -> Self {
        Self {
            id: device.id,
            kind: device.kind(),
            name: device.name.as_ref().map(Text::as_str),
            created_at: device.created_at,
            last_sent_at: device.last_sent_at,
            last_delivered_at: device.last_delivered_at,
            state: device.state(present),
            key_changed: device.has_other_key(present),
        }
    }
}

/// A push key as browsers take it: base64url without padding.
pub fn push_key(key: &PushKey) -> String {
    URL_SAFE_NO_PAD.encode(key)
}
