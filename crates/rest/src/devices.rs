//! `/api/v1/devices`: the caller's devices; and the push key, which is open to all.

use allynet_domain::{
    SendChannel,
    outbox::FirstReceipt,
    usecase::{
        devices::{self, DevicePorts, OwnDevices},
        outbox::{self, SendingPorts, confirm},
    },
};
use allynet_wire::{
    client::ClientAddress,
    data,
    input::devices::{receipt as parse_receipt, register as parse},
    limits::{Limit, LimitKey, Limits},
    views::{DeviceView, push_key as encode},
};
use axum::{Extension, extract::State};
use metrics::{Histogram, describe_histogram, histogram};

use crate::{
    answer::{Answer, accepted, created, ok},
    caller::Caller,
    input::{JsonBody, PathDevice},
    routes::{Resource, Routes},
};

const RECEIPT_DELAY: &str = "allynet_alert_receipt_seconds";

/// Describes the metrics of receipts.
pub fn describe_metrics() {
    describe_histogram!(
        RECEIPT_DELAY,
        metrics::Unit::Seconds,
        "Time from an alert to the first confirmation that it arrived, if that is a receipt"
    );
}

/// The route of the push key.
pub(crate) fn push_key(cx: DevicePorts) -> Routes {
    Resource::new().get("/api/v1/push/key", key).with_state(cx)
}

/// Routes of the caller's devices.
pub(crate) fn routes(cx: DevicePorts) -> Routes {
    Resource::new()
        .get("/api/v1/devices", list)
        .post("/api/v1/devices", register)
        .delete("/api/v1/devices/{deviceId}", remove)
        .post("/api/v1/devices/{deviceId}/test", test)
        .with_state(cx)
}

/// The ports and limits of receipts.
#[derive(Clone)]
pub(crate) struct ReceiptState {
    sending: SendingPorts,
    limits: Limits,
    metrics: ReceiptMetrics,
}

impl ReceiptState {
    pub(crate) fn new(sending: SendingPorts, limits: Limits) -> Self {
        Self { sending, limits, metrics: ReceiptMetrics::new() }
    }
}

/// The time until the first receipt of an alert, by the channel that it came by.
#[derive(Clone)]
struct ReceiptMetrics {
    push: Histogram,
    webhook: Histogram,
}

impl ReceiptMetrics {
    fn new() -> Self {
        let delay = |channel: SendChannel| histogram!(RECEIPT_DELAY, "channel" => channel.as_str());
        Self { push: delay(SendChannel::WebPush), webhook: delay(SendChannel::Webhook) }
    }

    fn record(&self, first: FirstReceipt) {
        let histogram = match first.channel {
            SendChannel::WebPush => &self.push,
            SendChannel::Webhook => &self.webhook,
            // Emails have no receipt.
            SendChannel::Email => return,
        };
        histogram.record(first.after.to_std().unwrap_or_default().as_secs_f64());
    }
}

/// The route of receipts, open to all: the receipt is the secret.
pub(crate) fn receipts(cx: ReceiptState) -> Routes {
    Resource::new().post("/api/v1/alerts/receipts", take_receipt).with_state(cx)
}

/// The answer is the same for a known, unknown, used, expired or ignored receipt.
async fn take_receipt(
    State(cx): State<ReceiptState>,
    address: Option<Extension<ClientAddress>>,
    JsonBody(body): JsonBody,
) -> Answer {
    let (token, state) = parse_receipt(&body)?;
    let key = address.map(|Extension(address)| LimitKey::Address(address));
    if key.is_none_or(|key| cx.limits.take_rule(Limit::Receipts, key).is_ok())
        && let Some(first) = confirm(&cx.sending, &token, state).await?
    {
        cx.metrics.record(first);
    }
    ok(data::ReceiptTaken { received: true })
}

async fn key(State(cx): State<DevicePorts>) -> Answer {
    ok(data::PushKey { public_key: encode(&devices::push_key(&cx)?) })
}

async fn list(State(cx): State<DevicePorts>, Caller(actor): Caller) -> Answer {
    let OwnDevices { devices, push_key } = devices::list(&cx, &actor).await?;
    ok(data::Devices { devices: devices.iter().map(|device| DeviceView::new(device, push_key.as_ref())).collect() })
}

async fn register(State(cx): State<DevicePorts>, Caller(actor): Caller, JsonBody(body): JsonBody) -> Answer {
    let (device, is_known) = devices::register(&cx, &actor, parse(&body)?).await?;
    // It was registered under the present key.
    let data = data::Device { device: DeviceView::new(&device, Some(&device.push_key)) };
    if is_known { ok(data) } else { created(data) }
}

async fn test(State(cx): State<DevicePorts>, Caller(actor): Caller, PathDevice(device): PathDevice) -> Answer {
    let device = outbox::test_device(&cx, &actor, device).await?;
    let push_key = devices::push_key(&cx)?;
    accepted(data::Device { device: DeviceView::new(&device, Some(&push_key)) })
}

async fn remove(State(cx): State<DevicePorts>, Caller(actor): Caller, PathDevice(device): PathDevice) -> Answer {
    devices::remove(&cx, &actor, device).await?;
    ok(data::DeviceDeleted { device_id: device, deleted: true })
}
