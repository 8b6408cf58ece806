//! Sender of events to connections: what is addressed to users or to an emergency at once, broadcasts a few connections at a
//! time in between. Each connection is sent its events in the order of the log.
//!
//! Knows neither the log nor what an event means.

use std::sync::Arc;

use allynet_domain::{EventId, PlacePolicy, UserId, View, Viewer};

use crate::{
    hub::{
        log_entry::{EncodedEvent, LogEntry},
        members::MemberId,
        state::Hub,
    },
    outbound::broadcasts::{BroadcastQueue, Slice},
    session::{
        device::{AwaitedAck, Device},
        state::NotAccepted,
    },
};

/// Number of connections that are sent something before other tasks have a turn: each is a system call.
const SENDS_PER_TURN: usize = 64;
/// Number of connections beyond which an event does not go before broadcasts, even if it is addressed to them: alerts of
/// other emergencies would wait for all of them.
const MAX_ADDRESSED: usize = 256;

/// The devices of one view that are sent an event, in the order of their ids.
type Recipients<D> = (View, Vec<(MemberId, D)>);

/// A device as the sender needs it.
pub(crate) trait Recipient: Clone {
    /// The future acknowledgement of an event.
    type Ack;

    /// Sends an event of the log, and returns its future acknowledgement if the event asks for one.
    fn deliver(&self, event: &EncodedEvent) -> Result<Option<Self::Ack>, NotAccepted>;

    /// Ends the connection of a device that did not accept an event.
    fn cut_slow(&self);
}

impl Recipient for Device {
    type Ack = AwaitedAck;

    fn deliver(&self, event: &EncodedEvent) -> Result<Option<AwaitedAck>, NotAccepted> {
        self.deliver(event)
    }

    fn cut_slow(&self) {
        self.cut_slow();
    }
}

/// The sender, with the broadcasts in progress.
pub(crate) struct FanoutSender<'a, D> {
    hub: &'a Hub<D>,
    places: PlacePolicy,
    broadcasts: BroadcastQueue<D>,
    /// Sends since other tasks had a turn.
    sent_in_turn: usize,
    /// The last event whose sending was begun with [`send`](Self::send) and has returned.
    dispatched: EventId,
}

/// The outcome of sending to several devices.
pub(crate) struct Sent<A> {
    pub(crate) event: Arc<EncodedEvent>,
    /// The number of devices that accepted it.
    pub(crate) accepted: u64,
    /// The user and the acknowledgements of an event that asks for them.
    pub(crate) acks: Option<(UserId, Vec<A>)>,
    /// The event, if it was a broadcast that is complete now.
    pub(crate) completes: Option<Arc<LogEntry>>,
}

impl<'a, D: Recipient> FanoutSender<'a, D> {
    /// A sender without broadcasts, after everything up to `position` was sent.
    pub(crate) fn new(hub: &'a Hub<D>, places: PlacePolicy, position: EventId) -> Self {
        Self { hub, places, broadcasts: BroadcastQueue::default(), sent_in_turn: 0, dispatched: position }
    }

    /// The number of deliveries that wait in broadcasts.
    pub(crate) const fn waiting(&self) -> usize {
        self.broadcasts.waiting()
    }

    /// Whether [`send_slice`](Self::send_slice) has to be called before the next event is sent.
    pub(crate) fn is_full(&self) -> bool {
        self.broadcasts.is_full()
    }

    /// The event up to which everything was handed to all recipients.
    pub(crate) fn delivered(&self) -> EventId {
        self.broadcasts.first().map_or(self.dispatched, |first| EventId::new(first.get() - 1))
    }

    /// Sends the next event of the log to the devices that it is addressed to, and queues what are many. `note` is called
    /// with each outcome. Returns whether nothing of the event waits.
    pub(crate) async fn send(
        &mut self,
        entry: &Arc<LogEntry>,
        addressed: Vec<Recipients<D>>,
        others: Vec<Recipients<D>>,
        mut note: impl FnMut(Sent<D::Ack>),
    ) -> bool {
        let mut is_complete = true;
        for (limit, deliveries) in [(MAX_ADDRESSED, addressed), (SENDS_PER_TURN, others)] {
            for (view, devices) in deliveries {
                let Some(event) = entry.encoded_for(view, &self.places) else { continue };
                if devices.len() > limit {
                    self.broadcasts.push(Arc::clone(entry), event, devices);
                    is_complete = false;
                } else {
                    note(self.send_to_all(event, view.viewer, &devices).await);
                }
            }
        }
        // Events that are sent to no device count, too.
        self.end_turn_after(1).await;
        self.dispatched = entry.id();
        is_complete
    }

    /// Records that the log has an event up to `position` that cannot be sent.
    pub(crate) fn skip(&mut self, position: EventId) {
        self.dispatched = position;
    }

    /// Sends broadcasts until `future` completes. `note` is called with each outcome, and the event up to which everything
    /// was handed to all recipients.
    pub(crate) async fn broadcast_until<T>(
        &mut self,
        future: impl Future<Output = T>,
        mut note: impl FnMut(&Self, Sent<D::Ack>),
    ) -> T {
        tokio::pin!(future);
        loop {
            tokio::select! {
                // The future first: it returns new events, of which some may be alerts.
                biased;
                output = &mut future => return output,
                sent = self.send_slice(), if !self.broadcasts.is_empty() => {
                    if let Some(sent) = sent {
                        note(self, sent);
                    }
                }
            }
        }
    }

    /// Lets other tasks run, and then sends a few deliveries of the oldest broadcast.
    ///
    /// Cancel-safe: nothing is taken from the broadcast before the last await.
    pub(crate) async fn send_slice(&mut self) -> Option<Sent<D::Ack>> {
        tokio::task::yield_now().await;
        let Slice { event, recipients, completes } = self.broadcasts.take_slice(SENDS_PER_TURN)?;
        let accepted =
            recipients.iter().filter(|(id, device)| self.send_one(*id, device, &event).is_ok()).count() as u64;
        Some(Sent { event, accepted, acks: None, completes })
    }

    /// Sends an event to each device, after everything that waits for that device.
    async fn send_to_all(
        &mut self,
        event: Arc<EncodedEvent>,
        viewer: Viewer,
        devices: &[(MemberId, D)],
    ) -> Sent<D::Ack> {
        let (mut acks, mut accepted) = (Vec::new(), 0);
        for (id, device) in devices {
            let waiting = self.broadcasts.take_waiting(*id);
            let sends = waiting.len() + 1;
            // Ends at the first that is not accepted: what follows it must not be sent either.
            let is_up_to_date = waiting.iter().all(|earlier| self.send_one(*id, device, earlier).is_ok());
            if is_up_to_date && let Ok(ack) = self.send_one(*id, device, &event) {
                acks.extend(ack);
                accepted += 1;
            }
            self.end_turn_after(sends).await;
        }
        let acks = match viewer {
            Viewer::User(user) if !acks.is_empty() => Some((user, acks)),
            _ => None,
        };
        Sent { event, accepted, acks, completes: None }
    }

    /// Sends an event to a device. One that does not accept it is removed and cut off, so that it never misses an event
    /// unnoticed: its client reconnects and is replayed to.
    fn send_one(&mut self, id: MemberId, device: &D, event: &EncodedEvent) -> Result<Option<D::Ack>, NotAccepted> {
        let sent = device.deliver(event);
        if sent.is_err() {
            self.hub.remove(id);
            // Until it is closed it might accept later events, after which its client would resume.
            self.broadcasts.take_waiting(id);
            device.cut_slow();
        }
        sent
    }

    async fn end_turn_after(&mut self, sends: usize) {
        self.sent_in_turn += sends;
        if self.sent_in_turn >= SENDS_PER_TURN {
            self.sent_in_turn = 0;
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests;
