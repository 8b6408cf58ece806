//! Devices: registering and removing them.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::{
    Actor, Change, Device, DeviceId, DeviceLoss, DeviceTests, EndpointTaken, Error, Event, PushKey, Refusal, Text,
    Write,
    port::{self, PushSubscription},
    usecase::retry::retry_stale,
};

/// The ports of these use cases.
#[derive(Clone)]
pub struct DevicePorts {
    /// Devices.
    pub devices: Arc<dyn port::Devices>,
    /// Web Push; `None` if the service has no push key.
    pub push: Option<PushPorts>,
    /// Commits changes.
    pub changes: Arc<dyn port::Changes>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
    /// How long a message is worth sending.
    pub alert_ttl: TimeDelta,
    /// Pauses before a repeated attempt.
    pub backoff: Arc<dyn port::Backoff>,
}

/// The ports of Web Push.
#[derive(Clone)]
pub struct PushPorts {
    /// Judges subscriptions.
    pub endpoints: Arc<dyn port::PushEndpoints>,
    /// The push key of the service.
    pub identity: Arc<dyn port::PushIdentity>,
}

/// A subscription as a browser gives it.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// The URL of the endpoint.
    pub endpoint: String,
    /// The public key of the browser, in base64url.
    pub p256dh: String,
    /// The authentication secret of the browser, in base64url.
    pub auth: String,
    /// What the user calls the device.
    pub name: Option<Text<50>>,
    /// The key under which the browser subscribed, if it says so.
    pub server_key: Option<PushKey>,
}

/// The devices of a user and the key that decides on their state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDevices {
    /// The devices, newest first.
    pub devices: Vec<Device>,
    /// The present key of the service, if it has one.
    pub push_key: Option<PushKey>,
}

/// The push key of the service.
///
/// # Errors
/// [`Refusal::PushNotConfigured`].
pub fn push_key(cx: &DevicePorts) -> Result<PushKey, Refusal> {
    Ok(push(cx)?.identity.public_key())
}

fn push(cx: &DevicePorts) -> Result<&PushPorts, Refusal> {
    cx.push.as_ref().ok_or(Refusal::PushNotConfigured)
}

/// Registers the device of the caller's session, in place of an earlier one, and sends it the caller's open alerts. Returns whether
/// the caller had this endpoint before.
///
/// # Errors
/// [`Refusal::PushNotConfigured`], [`Refusal::SubscriptionInvalid`], [`Refusal::PushKeyChanged`],
/// [`Refusal::EndpointTaken`].
pub async fn register(cx: &DevicePorts, actor: &Actor, new: NewDevice) -> Result<(Device, bool), Error> {
    let PushPorts { endpoints, identity } = push(cx)?;
    let NewDevice { endpoint, p256dh, auth, name, server_key } = new;
    let parsed = endpoints.parse(&endpoint, &p256dh, &auth);
    let subscription = parsed.map_err(Refusal::SubscriptionInvalid)?;
    let push_key = identity.public_key();
    if server_key.is_some_and(|key| key != push_key) {
        return Err(Refusal::PushKeyChanged.into());
    }
    retry_stale(&*cx.backoff, || try_register(cx, actor, subscription.clone(), name.clone(), push_key)).await
}

async fn try_register(
    cx: &DevicePorts,
    actor: &Actor,
    subscription: PushSubscription,
    name: Option<Text<50>>,
    push_key: PushKey,
) -> Result<(Device, bool), Error> {
    let (user, now) = (actor.id(), cx.clock.now());
    let context = cx.devices.context(user, subscription.endpoint()).await?;
    let device = Device {
        id: cx.ids.next().into(),
        user,
        session: actor.session,
        name,
        subscription,
        push_key,
        created_at: now,
        last_sent_at: None,
        last_delivered_at: None,
        refused: 0,
        unknown_since: None,
        tests: DeviceTests::default(),
    };
    let decided = context.register(device).map_err(|EndpointTaken| Refusal::EndpointTaken)?;
    let device = decided.device.clone();
    let write = Write::RegisterDevice { device: Box::new(decided.device), replaced: decided.replaced };
    // A helper who has just subscribed, or with a new phone, may have been alerted to an emergency that is still open.
    let open = Write::SendOpenAlerts { user, valid_for: cx.alert_ttl };
    let change = Change::new(Some(user), now).write(open).write(write);
    let lost = decided.lost.into_iter().map(Event::DeviceLost);
    cx.changes.commit(lost.fold(change, Change::account_event)).await?;
    Ok((device, decided.is_known))
}

/// The caller's devices.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn list(cx: &DevicePorts, actor: &Actor) -> Result<OwnDevices, Error> {
    let devices = cx.devices.list(actor.id()).await?;
    Ok(OwnDevices { devices, push_key: push_key(cx).ok() })
}

/// Tells users whose devices were registered under another push key, at most `limit`, that no push reaches them. Returns their
/// number.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn tell_of_key_change(cx: &DevicePorts, limit: u32) -> Result<usize, Error> {
    let Some(push) = &cx.push else { return Ok(0) };
    let key = push.identity.public_key();
    retry_stale(&*cx.backoff, || async {
        let devices = cx.devices.with_other_key(&key, limit).await?;
        let count = devices.len();
        if count == 0 {
            return Ok(0);
        }
        let told = devices.into_iter().fold(Change::new(None, cx.clock.now()), |change, device| {
            let change = change.write(Write::NoteKeyChange { device: device.id, key });
            change.account_event(Event::DeviceLost(device.lost(DeviceLoss::KeyChanged)))
        });
        cx.changes.commit(told).await?;
        Ok(count)
    })
    .await
}

/// Removes a device of the caller.
///
/// # Errors
/// [`Refusal::DeviceNotFound`].
pub async fn remove(cx: &DevicePorts, actor: &Actor, device: DeviceId) -> Result<(), Error> {
    let user = actor.id();
    let change = Change::new(Some(user), cx.clock.now()).write(Write::RemoveDevice { user, device });
    match cx.changes.commit(change).await {
        Err(port::Error::Stale) => Err(Refusal::DeviceNotFound.into()),
        committed => Ok(committed?),
    }
}

#[cfg(test)]
mod tests;
