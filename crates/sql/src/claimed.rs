//! Rows of claimed messages and deliveries, which both databases decode to the same.

use allynet_domain::{
    SendChannel, Timestamp,
    outbox::{DeliveryState, DueDelivery, DueMessage, MessageDevice, StoredMessage, Target},
};

/// A message, with one of its devices and the delivery to it, or a delivery to an address.
#[derive(Debug)]
pub struct Claimed {
    /// The message.
    pub message: StoredMessage,
    /// Its step that is due.
    pub step: u8,
    /// One of the recipient's devices.
    pub device: Option<MessageDevice>,
    /// How the delivery is sent.
    pub channel: Option<SendChannel>,
    /// The delivery.
    pub delivery: Option<DeliveryState>,
    /// Whether the message was sent by email.
    pub is_emailed: bool,
    /// Whether the message was sent to a telephone.
    pub is_phoned: bool,
}

impl Claimed {
    /// The messages of these rows, of which those of one message follow each other.
    pub fn due_messages(rows: Vec<Self>, lease_until: Timestamp) -> Vec<DueMessage> {
        let mut due: Vec<DueMessage> = Vec::new();
        for Self { message, step, device, is_emailed, is_phoned, .. } in rows {
            match due.last_mut() {
                Some(last) if last.message.id == message.id => last.devices.extend(device),
                _ => {
                    let devices = device.into_iter().collect();
                    due.push(DueMessage { message, step, lease_until, devices, is_emailed, is_phoned });
                }
            }
        }
        due
    }

    /// The delivery that was claimed: a push until `lease_until`, any other until `slow_lease_until`. `None` if its device was
    /// removed meanwhile.
    pub fn due_delivery(self, lease_until: Timestamp, slow_lease_until: Timestamp) -> Option<DueDelivery> {
        let channel = self.channel?;
        let target = match channel {
            SendChannel::WebPush => Target::Device(Box::new(self.device?)),
            SendChannel::Email => Target::Email,
            SendChannel::Webhook => Target::Phone,
        };
        let lease_until = if channel == SendChannel::WebPush { lease_until } else { slow_lease_until };
        Some(DueDelivery { message: self.message, target, delivery: self.delivery?, lease_until })
    }
}
