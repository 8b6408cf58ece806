//! `/api/v1/devices`: the caller's devices; and the push key, which is open to all.

use allynet_domain::usecase::devices::{self, DevicePorts, OwnDevices};
use allynet_wire::{
    data,
    input::devices::register as parse,
    views::{DeviceView, push_key as encode},
};
use axum::extract::State;

use crate::{
    answer::{Answer, created, ok},
    caller::Caller,
    input::{JsonBody, PathDevice},
    routes::{Resource, Routes},
};

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
        .with_state(cx)
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

async fn remove(State(cx): State<DevicePorts>, Caller(actor): Caller, PathDevice(device): PathDevice) -> Answer {
    devices::remove(&cx, &actor, device).await?;
    ok(data::DeviceDeleted { device_id: device, deleted: true })
}
