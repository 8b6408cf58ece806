//! Acknowledgements of alerts by the devices of helpers, on their way to the task that stores them.

use std::sync::Arc;

use allynet_domain::{EmergencyId, LoggedEvent, UserId, port::Clock};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use socketioxide::AckError;
use tokio::sync::mpsc;

use crate::{metrics::Metrics, session::device::ClientAck};

/// Number of acknowledgements that may wait to be stored. Beyond it, those that arrive wait in tasks of their own.
const QUEUE_CAPACITY: usize = 8192;

/// An emergency and the helper who acknowledged its alert.
pub(crate) type Acknowledgement = (EmergencyId, UserId);

/// Receives acknowledgements from devices. Clones share the queue.
#[derive(Clone)]
pub(crate) struct Acknowledgements {
    queue: mpsc::Sender<Acknowledgement>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Acknowledgements {
    /// A receiver of acknowledgements, and the queue from which they are to be stored.
    pub(crate) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Acknowledgement>) {
        let (queue, acknowledged) = mpsc::channel(QUEUE_CAPACITY);
        (Self { queue, clock, metrics }, acknowledged)
    }

    /// Queues the first acknowledgement of an alert by any device of this helper. Returns at once.
    ///
    /// The futures end with an error after the acknowledgement timeout; if all do, the alert counts as not
    /// acknowledged.
    pub(crate) fn expect(&self, alert: &LoggedEvent, helper: UserId, mut acks: FuturesUnordered<ClientAck>) {
        let Some(emergency) = alert.emergency else { return };
        let (Self { queue, clock, metrics }, alerted_at) = (self.clone(), alert.at);
        tokio::spawn(async move {
            while let Some(ack) = acks.next().await {
                // An acknowledgement with a payload that cannot be decoded counts, too.
                if matches!(ack, Ok(_) | Err(AckError::Decode(_))) {
                    metrics.record_acknowledgement(alerted_at, clock.now());
                    // Fails only when the node has stopped storing: the alert is sent again by another one.
                    queue.send((emergency, helper)).await.ok();
                    return;
                }
            }
        });
    }
}
