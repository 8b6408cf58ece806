//! The newest events of the log, in memory: they bring new connections up to date and serve most replays without a
//! query.
//!
//! Knows nothing of connections.

use std::{collections::VecDeque, sync::Arc};

use allynet_domain::{Event, EventId, MessageId};

use crate::hub::log_entry::LogEntry;

/// A ring buffer of the newest log entries.
///
/// Holds every event of the log in the range `complete_after < id <= position`, less deleted messages. Ids have gaps.
#[derive(Debug)]
pub(crate) struct Ring {
    /// The lower end, exclusive: the id of the last event that was evicted, or that filling began after.
    complete_after: EventId,
    /// The upper end, inclusive: how far the log has been read.
    position: EventId,
    entries: VecDeque<Arc<LogEntry>>,
    capacity: usize,
}

impl Ring {
    /// An empty ring of a reader that begins after `position`.
    pub(crate) const fn new(position: EventId, capacity: usize) -> Self {
        Self { complete_after: position, position, entries: VecDeque::new(), capacity }
    }

    /// A ring of a reader at `position`, filled with all events after `complete_after`.
    pub(crate) fn filled(
        position: EventId,
        complete_after: EventId,
        entries: Vec<Arc<LogEntry>>,
        capacity: usize,
    ) -> Self {
        let mut ring = Self { complete_after, ..Self::new(position, capacity) };
        for entry in entries {
            ring.push(entry);
        }
        // The log may have been read beyond its last event: ids have gaps.
        ring.position = position;
        ring
    }

    /// The position up to which the log has been read.
    pub(crate) const fn position(&self) -> EventId {
        self.position
    }

    /// The position after which the ring is complete.
    pub(crate) const fn complete_after(&self) -> EventId {
        self.complete_after
    }

    /// Adds the next event of the log, and evicts the oldest if the ring is full.
    ///
    /// A deletion of a message also removes the message itself, as it does in the database: it must not be replayed. The deletion
    /// of an account removes everything before it.
    pub(crate) fn push(&mut self, entry: Arc<LogEntry>) {
        if let Event::MessageDeleted { message, .. } = &entry.logged.event {
            self.entries.retain(|other| !is_message(other, *message));
        }
        // The names of a deleted account are no longer in the earlier events of the log.
        if let Event::SessionsRevoked { former: Some(_), .. } = &entry.logged.event {
            self.entries.clear();
            self.complete_after = self.position;
        }
        if self.entries.len() >= self.capacity
            && let Some(oldest) = self.entries.pop_front()
        {
            self.complete_after = oldest.id();
        }
        self.position = entry.id();
        self.entries.push_back(entry);
    }

    /// All events after `mark`, in order, or `None` if the ring does not reach back that far.
    pub(crate) fn since(&self, mark: EventId) -> Option<impl Iterator<Item = &Arc<LogEntry>>> {
        if mark < self.complete_after {
            return None;
        }
        let first = self.entries.partition_point(|entry| entry.id() <= mark);
        Some(self.entries.range(first..))
    }
}

fn is_message(entry: &LogEntry, deleted: MessageId) -> bool {
    matches!(&entry.logged.event, Event::MessagePosted { message } if message.id == deleted)
}

#[cfg(test)]
mod tests {
    use allynet_domain::{LoggedEvent, Timestamp};

    use super::*;

    fn event(seq: i64) -> Arc<LogEntry> {
        let event = Event::AccountBlocked { user: uuid::Uuid::nil().into() };
        let id = EventId::new(seq);
        LogEntry::new(LoggedEvent { id, at: Timestamp::UNIX_EPOCH, emergency: None, actor: None, event })
    }

    fn since(ring: &Ring, mark: i64) -> Option<Vec<i64>> {
        Some(ring.since(EventId::new(mark))?.map(|event| event.id().get()).collect())
    }

    #[test]
    fn events_after_a_mark_are_returned_across_gaps_unless_the_ring_does_not_reach_back() {
        let mut ring = Ring::new(EventId::new(10), 3);
        assert_eq!((ring.position().get(), since(&ring, 10)), (10, Some(vec![])));
        assert_eq!(since(&ring, 9), None);
        for seq in [12, 13, 17] {
            ring.push(event(seq));
        }
        assert_eq!(since(&ring, 10).unwrap(), [12, 13, 17]);
        assert_eq!(since(&ring, 12).unwrap(), [13, 17]);
        ring.push(event(20));
        assert_eq!(ring.position().get(), 20);
        assert_eq!(since(&ring, 10), None);
        assert_eq!(since(&ring, 12).unwrap(), [13, 17, 20]);
        assert!(since(&ring, 99).unwrap().is_empty());
    }

    #[test]
    fn what_was_logged_before_the_deletion_of_an_account_is_read_from_the_log() {
        let mut ring = Ring::new(EventId::new(10), 9);
        ring.push(event(12));
        let user = uuid::Uuid::from_u128(1).into();
        let deleted = Event::SessionsRevoked { user, only: None, except: None, former: Some(user) };
        let id = EventId::new(14);
        ring.push(LogEntry::new(LoggedEvent {
            id,
            at: Timestamp::UNIX_EPOCH,
            emergency: None,
            actor: None,
            event: deleted,
        }));
        ring.push(event(15));
        assert_eq!((since(&ring, 11), since(&ring, 12).unwrap()), (None, vec![14, 15]));
    }

    #[test]
    fn a_filled_ring_reaches_back_and_keeps_the_position_of_the_reader() {
        let ring = Ring::filled(EventId::new(20), EventId::new(5), vec![event(7), event(9)], 3);
        assert_eq!((ring.position().get(), ring.complete_after().get()), (20, 5));
        assert_eq!((since(&ring, 4), since(&ring, 5).unwrap()), (None, vec![7, 9]));
        let overfull = Ring::filled(EventId::new(20), EventId::new(5), (6..=10).map(event).collect(), 3);
        assert_eq!((since(&overfull, 6), since(&overfull, 7).unwrap()), (None, vec![8, 9, 10]));
    }
}
