//! The outbox: messages to users who may have no connection, stored by the change that causes them and sent by any node.
//!
//! A message goes to one user, and is taken in steps ([`DueMessage::plan`]): an alert is sent to the devices without a
//! connection first, then to the others, then again, and once by email and to the telephone, if the helper wants that. Each
//! step looks for the devices of that moment. One message to one target is a delivery, which is tried again until it was
//! accepted or the message expires ([`settle`]).

mod ladder;
mod settling;

use chrono::TimeDelta;

use crate::{
    DeliveryId, Device, DeviceId, Email, EmergencyId, EmergencyType, EventId, Locale, Metres, OutboxId, PushKey,
    Recipient, Secret, SessionId, Timestamp, UserId, string_enum,
};

pub use self::{
    ladder::{ConfiguredChannels, Planned, StepPlan},
    settling::{DeliveryNote, DeviceNote, SendOutcome, settle},
};

/// Time for which a claim of a step or a push excludes other nodes. A node that dies meanwhile loses it.
pub const LEASE: TimeDelta = TimeDelta::seconds(10);
/// The same for an email or a request to the gateway, which take longer to answer.
pub const SLOW_LEASE: TimeDelta = TimeDelta::seconds(45);
/// Time after a push was planned in which a device can confirm it.
pub const RECEIPT_VALID_FOR: TimeDelta = TimeDelta::hours(24);
/// Time after which messages are deleted. Longer than the longest emergency, whose end is sent to the devices that were sent
/// the alert.
pub const OUTBOX_RETENTION: TimeDelta = TimeDelta::hours(48);
/// Minimum time between two pushes of messages of one emergency to one user.
pub const MESSAGE_PUSH_INTERVAL: TimeDelta = TimeDelta::seconds(5);

string_enum! {
    /// What a message of the outbox tells.
    OutboxKind {
        Alert = "alert",
        Check = "check",
        StandDown = "stand_down",
        Ended = "ended",
        Joined = "joined",
        Arrived = "arrived",
        Unanswered = "unanswered",
        Message = "message",
        Test = "test",
    }
}

string_enum! {
    /// Messages of one class, emergency and device replace each other while a push service stores them.
    TopicClass {
        Alert = "alert",
        Progress = "progress",
        Message = "message",
        Test = "test",
    }
}

string_enum! {
    /// How a delivery is sent.
    SendChannel {
        WebPush = "webpush",
        Email = "email",
        Webhook = "webhook",
    }
}

impl SendChannel {
    /// Time for which a claim of a delivery excludes other nodes.
    pub const fn lease(self) -> TimeDelta {
        match self {
            Self::WebPush => LEASE,
            Self::Email | Self::Webhook => SLOW_LEASE,
        }
    }
}

impl OutboxKind {
    /// The class of its topic.
    pub const fn topic_class(self) -> TopicClass {
        match self {
            Self::Alert | Self::Check | Self::StandDown | Self::Ended => TopicClass::Alert,
            Self::Joined | Self::Arrived | Self::Unanswered => TopicClass::Progress,
            Self::Message => TopicClass::Message,
            Self::Test => TopicClass::Test,
        }
    }
}

/// A message to several users, as decided by a use case.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxMessage {
    /// What it tells.
    pub kind: OutboxKind,
    /// The emergency; `None` for a test.
    pub emergency: Option<EmergencyId>,
    /// What kind of emergency it is.
    pub emergency_kind: Option<EmergencyType>,
    /// The event of the same content, as an index into the events of the change.
    pub event: Option<usize>,
    /// The recipients.
    pub recipients: Vec<OutboxRecipient>,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
    /// Not stored for a recipient who was sent one of this kind and emergency at this time or later.
    pub unless_since: Option<Timestamp>,
}

/// A recipient of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutboxRecipient {
    /// The user.
    pub user: UserId,
    /// How far away the emergency is, for an alert or a check.
    pub distance: Option<Metres>,
    /// Whether it repeats an alert: devices that have received it are left out.
    pub is_repeat: bool,
    /// The only device to send it to, for a test.
    pub device: Option<DeviceId>,
}

impl OutboxRecipient {
    /// A recipient of anything but an alert or a test.
    pub const fn user(user: UserId) -> Self {
        Self { user, distance: None, is_repeat: false, device: None }
    }

    /// A recipient of an alert.
    pub fn alerted(recipient: &Recipient, is_repeat: bool) -> Self {
        let distance = Some(recipient.shown_distance());
        Self { user: recipient.helper, distance, is_repeat, device: None }
    }
}

/// A stored message to one user.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredMessage {
    /// The id.
    pub id: OutboxId,
    /// What it tells.
    pub kind: OutboxKind,
    /// The recipient.
    pub user: UserId,
    /// The emergency; `None` for a test.
    pub emergency: Option<EmergencyId>,
    /// What kind of emergency it is.
    pub emergency_kind: Option<EmergencyType>,
    /// The event of the same content.
    pub event: Option<EventId>,
    /// How far away the emergency is, for an alert or a check.
    pub distance: Option<Metres>,
    /// When it was stored; for an alert that was repeated, the last time.
    pub created_at: Timestamp,
    /// What a device received at this time or later is this message; for a repeated alert the time of the first one.
    pub counts_since: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
    /// How the recipient can be reached besides their devices.
    pub addresses: Addresses,
    /// What has become of the alert and its emergency.
    pub state: AlertState,
}

/// How the recipient of a message can be reached besides their devices, as far as they want it for alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The language of texts.
    pub locale: Locale,
    /// The email address; `None` if alerts by email are not wanted.
    pub email: Option<Email>,
    /// The telephone number; `None` if there is none, or alerts by telephone are not wanted.
    pub phone: Option<Secret>,
}

impl StoredMessage {
    /// Whether this message is not to be sent any more. An alert if the emergency has ended, or the person has seen or answered it
    /// or is away; a check, or that the helper need not come, if it has ended or the helper does not respond any more; the end if the
    /// emergency goes on; and any message while a sound of the recipient's device could give away a silent call of theirs.
    pub fn is_overtaken(&self) -> bool {
        let AlertState { is_live, seen_at, is_answered, is_away, is_silenced, .. } = self.state;
        let is_over = match self.kind {
            OutboxKind::Alert => {
                !is_live || is_answered || is_away || seen_at.is_some_and(|at| at >= self.counts_since)
            }
            OutboxKind::Check | OutboxKind::StandDown => !is_live || !is_answered,
            OutboxKind::Ended => is_live,
            OutboxKind::Joined
            | OutboxKind::Arrived
            | OutboxKind::Unanswered
            | OutboxKind::Message
            | OutboxKind::Test => false,
        };
        is_over || is_silenced
    }

    /// Whether this device has received this alert.
    pub fn was_received_by(&self, device: &MessageDevice) -> bool {
        self.kind == OutboxKind::Alert && device.received_at.is_some_and(|at| at >= self.counts_since)
    }
}

/// What has become of an alert and its emergency when a message is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct AlertState {
    /// Whether the emergency is live.
    pub is_live: bool,
    /// When a person saw the alert.
    pub seen_at: Option<Timestamp>,
    /// Whether the helper has accepted or declined.
    pub is_answered: bool,
    /// Whether the emergency does not reach the helper now: because of quiet hours or a pause, because emergencies of as many other
    /// owners as the limit says rang the helper within the day before this one did, or because the account was blocked or rejected.
    pub is_away: bool,
    /// Whether another helper is responding.
    pub is_helped: bool,
    /// Whether the recipient raised the emergency.
    pub is_owner: bool,
    /// Whether the recipient has a live emergency that is silent.
    pub is_silenced: bool,
}

/// A device of the recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDevice {
    /// The device.
    pub device: Device,
    /// When it last received an alert of this emergency, or acknowledged it by its connection.
    pub received_at: Option<Timestamp>,
    /// Whether an alert of this emergency was sent to it, whatever the push service answered.
    pub was_alerted: bool,
    /// Whether an alert of this emergency is being sent to it, or waits to be sent again.
    pub is_alert_pending: bool,
    /// The delivery of this message to it, if there is one.
    pub delivery: Option<DeliveryState>,
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A device, by push.
    Device(Box<MessageDevice>),
    /// The email address of the recipient ([`Addresses`]).
    Email,
    /// The telephone of the recipient, through the gateway of the operator.
    Phone,
}

impl Target {
    /// How it is reached.
    pub const fn channel(&self) -> SendChannel {
        match self {
            Self::Device(_) => SendChannel::WebPush,
            Self::Email => SendChannel::Email,
            Self::Phone => SendChannel::Webhook,
        }
    }

    /// The device; `None` for an address.
    pub fn device(&self) -> Option<&Device> {
        match self {
            Self::Device(of) => Some(&of.device),
            Self::Email | Self::Phone => None,
        }
    }
}

/// A delivery as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryState {
    /// The id.
    pub id: DeliveryId,
    /// The step that planned it last.
    pub step: u8,
    /// When that was, or when it was sent.
    pub planned_at: Timestamp,
    /// Whether it waits for another attempt.
    pub is_pending: bool,
    /// Number of attempts since it was last planned.
    pub attempts: u16,
}

/// A message whose next step is due, and claimed by this node.
#[derive(Debug, Clone, PartialEq)]
pub struct DueMessage {
    /// The message.
    pub message: StoredMessage,
    /// The number of the step, from 0.
    pub step: u8,
    /// When the claim ends. It identifies the claim, too.
    pub lease_until: Timestamp,
    /// The devices to which it may be sent.
    pub devices: Vec<MessageDevice>,
    /// Whether it was sent by email before, or is being sent.
    pub is_emailed: bool,
    /// The same for the telephone.
    pub is_phoned: bool,
}

/// A delivery whose next attempt is due, and claimed by this node.
#[derive(Debug, Clone, PartialEq)]
pub struct DueDelivery {
    /// The message.
    pub message: StoredMessage,
    /// Where it goes.
    pub target: Target,
    /// The delivery.
    pub delivery: DeliveryState,
    /// When the claim ends. It identifies the claim, too.
    pub lease_until: Timestamp,
}

impl DueDelivery {
    /// Whether another attempt is worth nothing any more.
    pub fn is_over(&self, now: Timestamp, push_key: Option<&PushKey>) -> bool {
        let Self { message, target, .. } = self;
        let is_useless = match target {
            Target::Device(of) => message.was_received_by(of) || of.device.has_other_key(push_key),
            Target::Email => message.state.is_helped || message.addresses.email.is_none(),
            Target::Phone => message.state.is_helped || message.addresses.phone.is_none(),
        };
        now >= message.expires_at || message.is_overtaken() || is_useless
    }
}

/// How the recipient of a message is connected.
pub trait Connections: Send + Sync {
    /// Whether this session of a user has a connection to this node.
    fn has_connection(&self, user: UserId, session: SessionId) -> bool;

    /// Whether this user has a connection to any node, as far as this one knows.
    fn is_connected(&self, user: UserId) -> bool;
}

string_enum! {
    /// How far a message has got, as its receiver reports it.
    ReceiptState {
        Delivered = "delivered",
        Seen = "seen",
    }
}

/// The message that a receipt belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptTarget {
    /// The device; `None` for a telephone.
    pub device: Option<DeviceId>,
    /// The recipient.
    pub user: UserId,
    /// What it told.
    pub kind: OutboxKind,
    /// The emergency; `None` for a test, and for an emergency that was deleted.
    pub emergency: Option<EmergencyId>,
    /// When it was received.
    pub delivered_at: Option<Timestamp>,
    /// When a person saw it.
    pub seen_at: Option<Timestamp>,
    /// Whether it was planned since what counts for the message; `false` for an alert that was renewed meanwhile.
    pub is_current: bool,
    /// When the alert was first sent, if nothing has confirmed it yet, over a connection neither.
    pub undelivered_since: Option<Timestamp>,
}

/// The first confirmation of an alert, if it is a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstReceipt {
    /// How the confirmed message was sent.
    pub channel: SendChannel,
    /// Time since the alert.
    pub after: TimeDelta,
}

#[cfg(test)]
mod tests;
