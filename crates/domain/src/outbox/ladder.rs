//! The steps of a message.

use chrono::TimeDelta;

use super::{Connections, DueMessage, MessageDevice, OutboxKind};
use crate::{DeliveryId, PushKey, Timestamp};

/// When each step of an alert is due, after the message was stored: the devices without a connection; the others; all again.
const ALERT_STEPS: [TimeDelta; 3] = [TimeDelta::zero(), TimeDelta::seconds(5), TimeDelta::seconds(15)];

/// A delivery of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned<'a> {
    /// The device.
    pub device: &'a MessageDevice,
    /// The delivery to repeat; `None` for a new one.
    pub again: Option<DeliveryId>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan<'a> {
    /// The deliveries.
    pub deliveries: Vec<Planned<'a>>,
    /// The next step and when it is due; `None` after the last.
    pub next: Option<(u8, Timestamp)>,
}

impl DueMessage {
    /// Decides the step that is due. Devices that were registered under another key of the service are left out: no push
    /// service accepts messages for them.
    pub fn plan<'a>(
        &'a self,
        now: Timestamp,
        push_key: Option<&PushKey>,
        connections: &dyn Connections,
    ) -> StepPlan<'a> {
        let Self { message, step, devices, .. } = self;
        if now >= message.expires_at || message.is_overtaken() {
            return StepPlan { deliveries: Vec::new(), next: None };
        }
        let has_connection = |of: &MessageDevice| connections.has_connection(of.device.user, of.device.session);
        let is_connected = || connections.is_connected(message.user) || devices.iter().any(has_connection);
        let is_chosen = |of: &MessageDevice| match message.kind {
            OutboxKind::Alert if message.was_received_by(of) => false,
            OutboxKind::Alert => match step {
                0 => !has_connection(of),
                // The others: those of the first step are not sent it twice within five seconds.
                1 => of.delivery.is_none_or(|delivery| delivery.planned_at < message.created_at),
                _ => true,
            },
            // Replaces the alert that the device shows, even if a page of it is open.
            OutboxKind::Ended => of.was_alerted || !is_connected(),
            OutboxKind::Joined | OutboxKind::Arrived | OutboxKind::Unanswered | OutboxKind::Message => !is_connected(),
            OutboxKind::Test => true,
        };
        let usable = devices.iter().filter(|of| !of.device.has_other_key(push_key));
        // One that is tried again already goes on with that.
        let idle = usable.filter(|of| !of.delivery.is_some_and(|delivery| delivery.is_pending));
        let planned =
            |device: &'a MessageDevice| Planned { device, again: device.delivery.map(|delivery| delivery.id) };
        let deliveries = idle.filter(|of| is_chosen(of)).map(planned).collect();
        let next = ALERT_STEPS.get(usize::from(*step) + 1).filter(|_| message.kind == OutboxKind::Alert);
        StepPlan { deliveries, next: next.map(|&after| (step + 1, message.created_at + after)) }
    }
}
