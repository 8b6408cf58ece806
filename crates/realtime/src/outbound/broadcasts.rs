//! Broadcasts in progress: events for many connections, which are sent to a few of them at a time.
//!
//! Between two slices the dispatcher sends what is addressed to few connections, such as an alert, and so that never waits
//! for a broadcast to others. A connection is still sent its events in the order of the log: what waits for it is taken out
//! and sent first ([`BroadcastQueue::take_waiting`]).
//!
//! Knows nothing of sockets, payloads or the hub.

use std::{collections::VecDeque, sync::Arc};

use allynet_domain::EventId;

use crate::hub::{
    log_entry::{EncodedEvent, LogEntry},
    members::MemberId,
};

/// Deliveries that may wait, over all broadcasts. Each takes 24 bytes. A single broadcast may exceed it.
const MAX_WAITING_DELIVERIES: usize = 1_000_000;
/// Broadcasts that may wait. A connection is looked up in each of them before it is sent anything else.
const MAX_WAITING_BROADCASTS: usize = 256;

/// Broadcasts in the order of the log, each with the connections that were not sent it yet.
#[derive(Debug)]
pub(crate) struct BroadcastQueue<D> {
    broadcasts: VecDeque<Broadcast<D>>,
    /// The deliveries that wait, over all broadcasts.
    waiting: usize,
}

#[derive(Debug)]
struct Broadcast<D> {
    entry: Arc<LogEntry>,
    event: Arc<EncodedEvent>,
    /// In the order of their ids. `None` where it was sent ahead of its turn.
    recipients: Vec<(MemberId, Option<D>)>,
    /// The first recipient whose turn has not come.
    next: usize,
}

/// A few deliveries of the oldest broadcast.
#[derive(Debug)]
pub(crate) struct Slice<D> {
    pub(crate) event: Arc<EncodedEvent>,
    pub(crate) recipients: Vec<(MemberId, D)>,
    /// The event, if these are its last deliveries.
    pub(crate) completes: Option<Arc<LogEntry>>,
}

impl<D> Default for BroadcastQueue<D> {
    fn default() -> Self {
        Self { broadcasts: VecDeque::new(), waiting: 0 }
    }
}

impl<D> BroadcastQueue<D> {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.broadcasts.is_empty()
    }

    /// Whether slices have to be sent before another broadcast is added.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting > MAX_WAITING_DELIVERIES || self.broadcasts.len() >= MAX_WAITING_BROADCASTS
    }

    /// The number of deliveries that wait.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// The event of the oldest broadcast: everything before it was handed to all its recipients.
    pub(crate) fn first(&self) -> Option<EventId> {
        self.broadcasts.front().map(|broadcast| broadcast.entry.id())
    }

    /// Adds the broadcast of an event later than all that wait. The recipients MUST be in the order of their ids.
    pub(crate) fn push(&mut self, entry: Arc<LogEntry>, event: Arc<EncodedEvent>, recipients: Vec<(MemberId, D)>) {
        debug_assert!(recipients.is_sorted_by_key(|(id, _)| *id), "recipients are looked up by binary search");
        self.waiting += recipients.len();
        let recipients = recipients.into_iter().map(|(id, device)| (id, Some(device))).collect();
        self.broadcasts.push_back(Broadcast { entry, event, recipients, next: 0 });
    }

    /// Takes out the events that wait for a connection, in the order of the log. They MUST be sent before anything later is,
    /// or nothing may be sent to the connection any more.
    pub(crate) fn take_waiting(&mut self, id: MemberId) -> Vec<Arc<EncodedEvent>> {
        let mut taken = Vec::new();
        for Broadcast { event, recipients, next, .. } in &mut self.broadcasts {
            let rest = &mut recipients[*next..];
            let found = rest.binary_search_by_key(&id, |(id, _)| *id).ok().and_then(|index| rest.get_mut(index));
            if found.is_some_and(|(_, device)| device.take().is_some()) {
                taken.push(Arc::clone(event));
            }
        }
        self.waiting -= taken.len();
        taken
    }

    /// Takes at most `count` deliveries of the oldest broadcast; `None` if nothing waits.
    pub(crate) fn take_slice(&mut self, count: usize) -> Option<Slice<D>> {
        let broadcast = self.broadcasts.front_mut()?;
        let mut recipients = Vec::with_capacity(count);
        while recipients.len() < count
            && let Some((id, device)) = broadcast.recipients.get_mut(broadcast.next)
        {
            recipients.extend(device.take().map(|device| (*id, device)));
            broadcast.next += 1;
        }
        self.waiting -= recipients.len();
        let event = Arc::clone(&broadcast.event);
        let completes = if broadcast.next == broadcast.recipients.len() {
            self.broadcasts.pop_front().map(|broadcast| broadcast.entry)
        } else {
            None
        };
        Some(Slice { event, recipients, completes })
    }
}

#[cfg(test)]
mod tests;
