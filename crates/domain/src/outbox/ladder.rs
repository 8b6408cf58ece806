//! The steps of a message.

use chrono::TimeDelta;

use super::{Connections, DueMessage, MessageDevice, OutboxKind, Target};
use crate::{DeliveryId, PushKey, Timestamp};

/// When each step of an alert is due, after the message was stored: the devices without a connection; the others; all again,
/// and the email; the telephone.
const ALERT_STEPS: [TimeDelta; 4] =
    [TimeDelta::zero(), TimeDelta::seconds(5), TimeDelta::seconds(15), TimeDelta::seconds(30)];
/// Time until it is checked again whether a device was sent the alert, which the end must not overtake.
const ALERT_CHECK_INTERVAL: TimeDelta = TimeDelta::seconds(1);
const EMAIL_STEP: u8 = 2;
const PHONE_STEP: u8 = 3;
// The step after the last one is that of devices which were registered since. Both databases store it: `Write::SendOpenAlerts`.

/// What this service can send with, besides push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfiguredChannels {
    /// Whether there is a mail server.
    pub email: bool,
    /// Whether there is a gateway to telephones.
    pub webhook: bool,
}

/// A delivery of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where it goes.
    pub target: Target,
    /// The delivery to repeat; `None` for a new one.
    pub again: Option<DeliveryId>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    /// The deliveries.
    pub deliveries: Vec<Planned>,
    /// The next step and when it is due; `None` after the last.
    pub next: Option<(u8, Timestamp)>,
}

impl DueMessage {
    /// Decides the step that is due. Devices that were registered under another key of the service are left out: no push
    /// service accepts messages for them.
    pub fn plan(
        &self,
        now: Timestamp,
        (push_key, channels): (Option<&PushKey>, ConfiguredChannels),
        connections: &dyn Connections,
    ) -> StepPlan {
        let message = &self.message;
        if now >= message.expires_at || message.is_overtaken() {
            return StepPlan { deliveries: Vec::new(), next: None };
        }
        let usable = self.devices.iter().filter(|of| !of.device.has_other_key(push_key));
        // One that is tried again already goes on with that.
        let idle = usable.filter(|of| !of.delivery.is_some_and(|delivery| delivery.is_pending));
        let chosen = idle.filter(|of| self.chooses(of, connections));
        let to_device = |of: &MessageDevice| Planned {
            target: Target::Device(Box::new(of.clone())),
            again: of.delivery.map(|delivery| delivery.id),
        };
        let deliveries = chosen.map(to_device).chain(self.to_address(channels)).collect();
        StepPlan { deliveries, next: self.next_step(channels).or_else(|| self.after_alerts(now)) }
    }

    fn chooses(&self, of: &MessageDevice, connections: &dyn Connections) -> bool {
        let Self { message, step, devices, .. } = self;
        let has_connection = |of: &MessageDevice| connections.has_connection(of.device.user, of.device.session);
        let is_connected = || connections.is_connected(message.user) || devices.iter().any(has_connection);
        match message.kind {
            OutboxKind::Alert if message.was_received_by(of) => false,
            OutboxKind::Alert => match step {
                0 => !has_connection(of),
                // The others: those of the first step are not sent it twice within five seconds.
                1 => of.delivery.is_none_or(|delivery| delivery.planned_at < message.created_at),
                2 => true,
                // Registered since the steps before.
                _ => of.delivery.is_none(),
            },
            // Replaces the alert that the device shows, even if a page of it is open.
            OutboxKind::Ended => {
                let is_told = message.state.is_owner || of.was_alerted || !is_connected();
                is_told && !of.is_alert_pending && of.delivery.is_none()
            }
            OutboxKind::Joined | OutboxKind::Arrived | OutboxKind::Unanswered | OutboxKind::Message => !is_connected(),
            // The answer to a check is due within less than a minute, and who need not come is on the way: a connection that says
            // nothing any more must not keep either from the device.
            OutboxKind::Check | OutboxKind::StandDown | OutboxKind::Test => true,
        }
    }

    /// The email or the telephone, each once for a helper and an emergency, and not once somebody else is on the way.
    fn to_address(&self, channels: ConfiguredChannels) -> Option<Planned> {
        let (addresses, state) = (&self.message.addresses, self.message.state);
        if self.message.kind != OutboxKind::Alert || state.is_helped {
            return None;
        }
        let (is_due, target) = match self.step {
            EMAIL_STEP => (channels.email && !self.is_emailed && addresses.email.is_some(), Target::Email),
            PHONE_STEP => (channels.webhook && !self.is_phoned && addresses.phone.is_some(), Target::Phone),
            _ => return None,
        };
        is_due.then_some(Planned { target, again: None })
    }

    fn next_step(&self, channels: ConfiguredChannels) -> Option<(u8, Timestamp)> {
        let next = self.step + 1;
        let after = ALERT_STEPS.get(usize::from(next)).filter(|_| self.message.kind == OutboxKind::Alert)?;
        let has_phone_step = channels.webhook && !self.is_phoned && self.message.addresses.phone.is_some();
        (next != PHONE_STEP || has_phone_step).then_some((next, self.message.created_at + *after))
    }

    /// The same step again, for the devices that are being sent the alert while the emergency ends.
    fn after_alerts(&self, now: Timestamp) -> Option<(u8, Timestamp)> {
        let waits = self.message.kind == OutboxKind::Ended && self.devices.iter().any(|of| of.is_alert_pending);
        waits.then(|| (self.step, now + ALERT_CHECK_INTERVAL))
    }
}
