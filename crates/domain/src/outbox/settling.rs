//! What follows from the answer of a push service, a mail server or a gateway.

use chrono::TimeDelta;

use super::{DeliveryState, DueDelivery};
use crate::{
    DeliveryId, Device, DeviceId, EmergencyId, FAILING_AFTER, OutboxKind, Timestamp, UserId,
    port::{MailOutcome, PushOutcome, WebhookOutcome},
};

/// Delays between attempts after failures that can pass; the last one stays.
const RETRY_DELAYS: [TimeDelta; 5] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(2),
    TimeDelta::seconds(4),
    TimeDelta::seconds(8),
    TimeDelta::seconds(15),
];
/// Delays between attempts at the gateway, of which there are four: at once, and 5, 30 and 120 seconds later.
const WEBHOOK_DELAYS: [TimeDelta; 3] = [TimeDelta::seconds(5), TimeDelta::seconds(25), TimeDelta::seconds(90)];
/// Delay after an attempt for which no request was made.
const BUSY_DELAY: TimeDelta = TimeDelta::seconds(1);
/// Time after which a subscription that the push service still does not know is gone.
const UNKNOWN_UNTIL_GONE: TimeDelta = TimeDelta::minutes(10);

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    /// Of a push.
    Push(PushOutcome),
    /// Of an email.
    Mail(MailOutcome),
    /// Of a request to the gateway.
    Webhook(WebhookOutcome),
    /// No attempt was made: too many others are under way, or this node has no such channel.
    Busy,
}

impl SendOutcome {
    /// Whether the other side accepted the message.
    pub const fn is_sent(self) -> bool {
        matches!(
            self,
            Self::Push(PushOutcome::Sent { .. }) | Self::Mail(MailOutcome::Sent) | Self::Webhook(WebhookOutcome::Sent)
        )
    }

    const fn is_attempt(self) -> bool {
        !matches!(self, Self::Busy | Self::Push(PushOutcome::Busy))
    }
}

/// What became of an attempt, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryNote {
    /// The delivery.
    pub delivery: DeliveryId,
    /// When the claim ends under which the attempt was made. It identifies the claim, too.
    pub lease_until: Timestamp,
    /// The recipient.
    pub user: UserId,
    /// The emergency of an alert; `None` for every other message.
    pub alert_of: Option<EmergencyId>,
    /// Whether the other side accepted it.
    pub is_sent: bool,
    /// When to try again; `None` if the attempt was the last.
    pub retry_at: Option<Timestamp>,
    /// The number of attempts so far.
    pub attempts: u16,
    /// What the answer says about the device; `None` if nothing.
    pub device: Option<DeviceNote>,
}

/// The new state of a device after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNote {
    /// The device.
    pub device: DeviceId,
    /// Number of pushes in a row that were refused.
    pub refused: u16,
    /// Since when the push service does not know its subscription.
    pub unknown_since: Option<Timestamp>,
    /// Whether it is gone, and to be removed.
    pub is_gone: bool,
}

impl DeliveryNote {
    /// The note of a delivery that is worth nothing any more.
    pub fn over(due: &DueDelivery) -> Self {
        let DueDelivery { message, delivery, lease_until, .. } = due;
        let DeliveryState { id, attempts, .. } = *delivery;
        Self {
            delivery: id,
            lease_until: *lease_until,
            user: message.user,
            alert_of: None,
            is_sent: false,
            retry_at: None,
            attempts,
            device: None,
        }
    }
}

/// What follows from an answer. `jitter` is from 0.8 to 1.2, and stretches the delay before another attempt.
pub fn settle(due: &DueDelivery, outcome: SendOutcome, now: Timestamp, jitter: f64) -> DeliveryNote {
    let DueDelivery { message, target, delivery, lease_until } = due;
    let attempts = usize::from(delivery.attempts);
    let delay = match outcome {
        SendOutcome::Busy | SendOutcome::Push(PushOutcome::Busy) => Some(BUSY_DELAY),
        SendOutcome::Push(PushOutcome::RetryAfter(wait)) => Some(TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)),
        SendOutcome::Push(PushOutcome::Failed) | SendOutcome::Mail(MailOutcome::Failed) => {
            Some(stretched(RETRY_DELAYS[attempts.min(RETRY_DELAYS.len() - 1)], jitter))
        }
        SendOutcome::Webhook(WebhookOutcome::Failed) => WEBHOOK_DELAYS.get(attempts).copied(),
        SendOutcome::Push(_)
        | SendOutcome::Mail(MailOutcome::Sent | MailOutcome::Rejected)
        | SendOutcome::Webhook(WebhookOutcome::Sent) => None,
    };
    let device = match (outcome, target.device()) {
        (SendOutcome::Push(outcome), Some(device)) => judge_device(device, outcome, now),
        _ => None,
    };
    DeliveryNote {
        delivery: delivery.id,
        lease_until: *lease_until,
        user: message.user,
        alert_of: message.emergency.filter(|_| message.kind == OutboxKind::Alert),
        is_sent: outcome.is_sent(),
        retry_at: delay.and_then(|delay| now.checked_add_signed(delay)).filter(|&at| at < message.expires_at),
        attempts: delivery.attempts.saturating_add(u16::from(outcome.is_attempt())),
        device,
    }
}

fn stretched(delay: TimeDelta, jitter: f64) -> TimeDelta {
    let milliseconds = delay.as_seconds_f64() * 1_000.0 * jitter;
    #[expect(clippy::cast_possible_truncation, reason = "18,000 at most")]
    TimeDelta::milliseconds(milliseconds as i64)
}

/// What the answer of a push service says about the device; `None` if nothing.
fn judge_device(device: &Device, outcome: PushOutcome, now: Timestamp) -> Option<DeviceNote> {
    let Device { id, refused, unknown_since, .. } = device;
    let known = DeviceNote { device: *id, refused: *refused, unknown_since: *unknown_since, is_gone: false };
    let refused_once_more = refused.saturating_add(1);
    match outcome {
        PushOutcome::Sent { .. } => Some(DeviceNote { refused: 0, unknown_since: None, ..known }),
        PushOutcome::Gone => Some(DeviceNote { is_gone: true, ..known }),
        PushOutcome::Unknown => {
            let since = unknown_since.unwrap_or(now);
            let is_gone = now - since >= UNKNOWN_UNTIL_GONE;
            let failing = refused_once_more.max(FAILING_AFTER);
            Some(DeviceNote { refused: failing, unknown_since: Some(since), is_gone, ..known })
        }
        PushOutcome::Refused { .. } => Some(DeviceNote { refused: refused_once_more, ..known }),
        PushOutcome::RetryAfter(_) | PushOutcome::Failed | PushOutcome::Busy => None,
    }
}
