//! Devices, for their user, and the push key.

use allynet_domain::{Device, DeviceId, DeviceKind, DeviceState, PushKey, Text, Timestamp};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// A device. Neither the endpoint nor its keys are shown: the browser has them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView<'a> {
    id: DeviceId,
    kind: DeviceKind,
    name: Option<&'a str>,
    created_at: Timestamp,
    last_sent_at: Option<Timestamp>,
    last_delivered_at: Option<Timestamp>,
    state: DeviceState,
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
