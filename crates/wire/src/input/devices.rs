//! Bodies of the routes of devices.

use allynet_domain::{DeviceKind, PushKey, outbox::ReceiptState, port::ReceiptToken, usecase::devices::NewDevice};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Fields;
use crate::Problem;

/// `POST /devices`.
///
/// # Errors
/// `invalid_input` with all invalid fields. The values of the subscription are judged later.
pub fn register(body: &Value) -> Result<NewDevice, Problem> {
    let mut f = Fields::body(body);
    let kind = f.parsed::<DeviceKind>("kind");
    let kind = f.require("kind", kind);
    let endpoint = required_string(&mut f, "endpoint");
    let keys = f.object("keys", |f| {
        let (p256dh, auth) = (required_string(f, "p256dh"), required_string(f, "auth"));
        p256dh.zip(auth)
    });
    let name = f.text("name");
    let server_key = f.string("applicationServerKey").and_then(|text| {
        let key = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| PushKey::try_from(bytes).ok());
        key.or_else(|| {
            f.wrong("applicationServerKey", "must be 65 octets in base64url without padding");
            None
        })
    });
    let read = kind.zip(endpoint).zip(keys).map(|((DeviceKind::WebPush, endpoint), (p256dh, auth))| NewDevice {
        endpoint,
        p256dh,
        auth,
        name,
        server_key,
    });
    f.finish(read)
}

/// `POST /alerts/receipts`.
///
/// # Errors
/// `invalid_input` with all invalid fields.
pub fn receipt(body: &Value) -> Result<(ReceiptToken, ReceiptState), Problem> {
    let mut f = Fields::body(body);
    let token = f.string("receipt").and_then(|text| {
        let token = URL_SAFE_NO_PAD.decode(text).ok().and_then(|octets| octets.try_into().ok());
        if token.is_none() {
            f.wrong("receipt", "must be 32 octets in base64url without padding");
        }
        token.map(ReceiptToken::new)
    });
    let token = f.require("receipt", token);
    let state = f.parsed::<ReceiptState>("state");
    let state = f.require("state", state);
    f.finish(token.zip(state))
}

fn required_string(f: &mut Fields<'_>, field: &'static str) -> Option<String> {
    let text = f.string(field);
    f.require(field, text).map(ToOwned::to_owned)
}
