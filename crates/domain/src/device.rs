//! Devices: where users are reached without a connection.
//!
//! Not to be confused with a connection of a client, which needs no registration.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Refusal, SessionId, Text, Timestamp, UserId, port::PushSubscription, string_enum};

/// Maximum number of devices of a user. One more takes the place of the one that is longest without a delivery.
pub const MAX_DEVICES: usize = 10;
/// Number of refused pushes in a row after which a device counts as failing.
pub const FAILING_AFTER: u16 = 3;

/// The public key under which browsers subscribe (VAPID): an uncompressed point of P-256.
pub type PushKey = [u8; 65];

string_enum! {
    /// The channel that reaches a device.
    DeviceKind {
        WebPush = "webpush",
    }
}

string_enum! {
    /// Whether pushes reach a device.
    DeviceState {
        Active = "active",
        Failing = "failing",
    }
}

string_enum! {
    /// Why a device was lost, so that no push reaches it any more: the push service does not know its subscription, another
    /// user registered the same browser, a newer device took its place, or the service has another push key.
    DeviceLoss {
        Gone = "gone",
        Moved = "moved",
        Limit = "limit",
        KeyChanged = "key_changed",
    }
}

/// A device of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The id.
    pub id: DeviceId,
    /// The user.
    pub user: UserId,
    /// The session that registered it, and with which it ends.
    pub session: SessionId,
    /// What the user calls it.
    pub name: Option<Text<50>>,
    /// Where its messages are sent. No other device has the same endpoint.
    pub subscription: PushSubscription,
    /// The key of the service under which it was registered.
    pub push_key: PushKey,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When a push service last accepted a message for it.
    pub last_sent_at: Option<Timestamp>,
    /// When it last confirmed a message.
    pub last_delivered_at: Option<Timestamp>,
    /// Number of pushes in a row that were refused.
    pub refused: u16,
    /// Since when the push service does not know its subscription.
    pub unknown_since: Option<Timestamp>,
    /// The test messages that its user asked for.
    pub tests: DeviceTests,
}

/// Minimum time between two test messages to a device.
const TEST_INTERVAL: TimeDelta = TimeDelta::seconds(5);
/// Maximum number of test messages to a device in [`TEST_WINDOW`].
const MAX_TESTS: u16 = 10;
const TEST_WINDOW: TimeDelta = TimeDelta::hours(1);

/// The test messages to a device, as far as they limit further ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceTests {
    /// When the last one was asked for.
    pub last_at: Option<Timestamp>,
    /// When the present period of an hour began.
    pub window_from: Option<Timestamp>,
    /// How many were asked for since then.
    pub count: u16,
}

impl DeviceTests {
    /// Counts a test at `now`.
    ///
    /// # Errors
    /// [`Refusal::TooSoon`] after too many.
    pub fn another(self, now: Timestamp) -> Result<Self, Refusal> {
        let too_soon = |until: Timestamp| Refusal::TooSoon { retry_after: until - now };
        let next = self.last_at.map(|last| last + TEST_INTERVAL).filter(|&next| next > now);
        if let Some(next) = next {
            return Err(too_soon(next));
        }
        match self.window_from.map(|from| from + TEST_WINDOW).filter(|&end| end > now) {
            Some(end) if self.count >= MAX_TESTS => Err(too_soon(end)),
            Some(_) => Ok(Self { last_at: Some(now), count: self.count + 1, ..self }),
            None => Ok(Self { last_at: Some(now), window_from: Some(now), count: 1 }),
        }
    }
}

impl Device {
    /// The channel that reaches it.
    pub const fn kind(&self) -> DeviceKind {
        DeviceKind::WebPush
    }

    /// Whether it was registered under another key than the present one of the service, so that no push service accepts
    /// messages for it.
    pub fn has_other_key(&self, present: Option<&PushKey>) -> bool {
        present != Some(&self.push_key)
    }

    /// Whether pushes reach it, as far as is known, while the service has this key.
    pub fn state(&self, present: Option<&PushKey>) -> DeviceState {
        if self.refused >= FAILING_AFTER || self.has_other_key(present) {
            DeviceState::Failing
        } else {
            DeviceState::Active
        }
    }

    /// The last time at which it is known to have worked; devices with an earlier one give way first.
    fn worked_at(&self) -> Timestamp {
        self.last_delivered_at.unwrap_or(self.created_at)
    }
}

/// A device that was removed, for the user that had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostDevice {
    /// The device.
    pub id: DeviceId,
    /// The user that had it.
    pub user: UserId,
    /// What the user called it.
    pub name: Option<Text<50>>,
    /// Why.
    pub reason: DeviceLoss,
}

/// Devices that stand in the way of a new one, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceContext {
    /// The device with the same endpoint, of any user.
    pub same_endpoint: Option<Device>,
    /// The devices of the user, newest first.
    pub own: Vec<Device>,
}

/// A registration: the device as it is stored from now on, and those that go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRegistration {
    /// The device.
    pub device: Device,
    /// Whether the caller had this endpoint before.
    pub is_known: bool,
    /// The devices that are removed.
    pub replaced: Vec<DeviceId>,
    /// Those of them whose user is told.
    pub lost: Vec<LostDevice>,
}

/// The error of registering an endpoint of another user without the keys of its browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointTaken;

impl DeviceContext {
    /// The context of a registration of `endpoint` by `user`, from the devices of this user, newest first, and the one with
    /// this endpoint.
    pub fn of(user: UserId, endpoint: &str, devices: Vec<Device>) -> Self {
        let same_endpoint = devices.iter().find(|device| device.subscription.endpoint() == endpoint).cloned();
        let own = devices.into_iter().filter(|device| device.user == user).collect();
        Self { same_endpoint, own }
    }

    /// Decides a registration.
    ///
    /// The same endpoint of the caller keeps its id and what is known of it. One of another user moves with its keys, which
    /// only the browser has. A session has one device, a user [`MAX_DEVICES`].
    ///
    /// # Errors
    /// [`EndpointTaken`].
    pub fn register(self, new: Device) -> Result<DeviceRegistration, EndpointTaken> {
        let mut registration =
            DeviceRegistration { device: new, is_known: false, replaced: Vec::new(), lost: Vec::new() };
        let device = &mut registration.device;
        if let Some(known) = self.same_endpoint {
            if known.user == device.user {
                registration.is_known = true;
                device.id = known.id;
                device.created_at = known.created_at;
                device.last_sent_at = known.last_sent_at;
                device.last_delivered_at = known.last_delivered_at;
                device.tests = known.tests;
            } else if known.subscription == device.subscription {
                registration.replaced.push(known.id);
                registration.lost.push(known.lost(DeviceLoss::Moved));
            } else {
                return Err(EndpointTaken);
            }
        }
        let (id, session) = (device.id, device.session);
        let others = self.own.into_iter().filter(|other| other.id != id);
        let (of_session, mut rest): (Vec<_>, Vec<_>) = others.partition(|other| other.session == session);
        registration.replaced.extend(of_session.iter().map(|other| other.id));
        rest.sort_by_key(|other| (other.worked_at(), other.id));
        let excess = (rest.len() + 1).saturating_sub(MAX_DEVICES);
        for oldest in rest.into_iter().take(excess) {
            registration.replaced.push(oldest.id);
            registration.lost.push(oldest.lost(DeviceLoss::Limit));
        }
        Ok(registration)
    }
}

impl Device {
    /// The device as one that was removed for this reason.
    pub fn lost(self, reason: DeviceLoss) -> LostDevice {
        LostDevice { id: self.id, user: self.user, name: self.name, reason }
    }
}

#[cfg(test)]
mod tests;
