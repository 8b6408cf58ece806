//! Acknowledgements of alerts by the devices of helpers, on their way to the task that stores them.
//!
//! Many clients never acknowledge. An alert also counts as received, which stops its repetitions, when anything came after it
//! from a device. That is not observed packet by packet: the time of the last bytes of each connection is known anyway, and is
//! compared once in a while, only for alerts without an acknowledgement.

use std::{sync::Arc, time::Duration};

use allynet_domain::{LoggedEvent, SessionId, UserId, port::Clock, usecase::alerts::Receipt};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use socketioxide::AckError;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};

use crate::{
    metrics::Metrics,
    session::device::{AwaitedAck, Device},
};

/// Number of receipts that may wait to be stored. Beyond it, those that arrive wait in tasks of their own.
const QUEUE_CAPACITY: usize = 8192;
/// How often the activity of a device is compared. Less than the time between the longest interval of pings, 25 seconds, and
/// the 30 seconds after which silence frees a place.
const ACTIVITY_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Receives acknowledgements from devices. Clones share the queue.
#[derive(Clone)]
pub(crate) struct Acknowledgements {
    queue: mpsc::Sender<Receipt>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Acknowledgements {
    /// A receiver of acknowledgements, and the queue from which receipts are to be stored.
    pub(crate) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Receipt>) {
        let (queue, receipts) = mpsc::channel(QUEUE_CAPACITY);
        (Self { queue, clock, metrics }, receipts)
    }

    /// Queues the acknowledgement of an alert by each device of this helper, and before the first one that anything came from
    /// a device. Returns at once.
    ///
    /// The futures end with an error after the acknowledgement timeout, which is longer than a silent client stays
    /// connected; if all do, the alert counts as not acknowledged.
    pub(crate) fn expect(&self, alert: &LoggedEvent, helper: UserId, sent: Vec<AwaitedAck>) {
        let Some(emergency) = alert.emergency else { return };
        let (Self { queue, clock, metrics }, alerted_at) = (self.clone(), alert.at);
        let (mut silent, mut acks) = (SilentDevices::default(), FuturesUnordered::new());
        for AwaitedAck { device, sent_at, ack } in sent {
            let session = device.session.identity.session;
            silent.0.push((device, sent_at));
            acks.push(async move { (session, ack.await) });
        }
        let receipt = move |session, is_acknowledged| Receipt { emergency, helper, session, is_acknowledged };
        tokio::spawn(async move {
            let mut checks = interval_at(Instant::now() + ACTIVITY_CHECK_INTERVAL, ACTIVITY_CHECK_INTERVAL);
            checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut is_acknowledged = false;
            loop {
                let ack = tokio::select! {
                    ack = acks.next() => ack,
                    _ = checks.tick(), if !silent.0.is_empty() => {
                        if let Some(session) = silent.take_active() {
                            // Fails only when the node has stopped storing: the alert is sent again by another one.
                            queue.send(receipt(session, false)).await.ok();
                        }
                        continue;
                    }
                };
                match ack {
                    // An acknowledgement with a payload that cannot be decoded counts, too.
                    Some((session, Ok(_) | Err(AckError::Decode(_)))) => {
                        if !is_acknowledged {
                            metrics.record_acknowledgement(alerted_at, clock.now());
                        }
                        is_acknowledged = true;
                        silent.0.clear();
                        queue.send(receipt(session, true)).await.ok();
                    }
                    Some((_, Err(_))) => {}
                    None => return,
                }
            }
        });
    }
}

/// Devices from which nothing has come since they were sent an alert, and when that was.
#[derive(Default)]
struct SilentDevices(Vec<(Device, Instant)>);

impl SilentDevices {
    /// The session of one from which anything has come; none is left after it. Drops devices that are gone.
    fn take_active(&mut self) -> Option<SessionId> {
        let active = self.0.iter().find(|(device, sent_at)| device.has_received_after(*sent_at));
        let session = active.map(|(device, _)| device.session.identity.session);
        self.0.retain(|(device, _)| session.is_none() && !device.session.is_over());
        session
    }
}
