//! The newest events of the log, in memory: what happened while a connection was being made, and what a client that
//! comes back has missed, without asking the database.
//!
//! Knows nothing of connections.

use std::{collections::VecDeque, sync::Arc};

use allynet_domain::{Event, EventId, MessageId};

use crate::hub::log_entry::Told;

/// The last events handed out by the log, at most a fixed number of them.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Everything after this, up to the newest, is here.
    reach: EventId,
    /// The log was read up to here.
    position: EventId,
    events: VecDeque<Arc<Told>>,
    capacity: usize,
}

impl Ring {
    /// Nothing yet, for a reader that stands at `position` of the log.
    pub(crate) const fn new(position: EventId, capacity: usize) -> Self {
        Self { reach: position, position, events: VecDeque::new(), capacity }
    }

    /// For a reader that stands at `position` and has read everything after `reach` already.
    pub(crate) fn filled(position: EventId, reach: EventId, events: Vec<Arc<Told>>, capacity: usize) -> Self {
        let mut ring = Self { reach, ..Self::new(position, capacity) };
        for event in events {
            ring.push(event);
        }
        ring.position = position;
        ring
    }

    /// The last event that was added, or where it began.
    pub(crate) const fn position(&self) -> EventId {
        self.position
    }

    /// Everything after this, up to the newest, is here.
    pub(crate) const fn reach(&self) -> EventId {
        self.reach
    }

    /// Adds the next event of the log; the oldest one may go. A message that was taken back is gone from here as it
    /// is from the log.
    pub(crate) fn push(&mut self, event: Arc<Told>) {
        if let Event::MessageDeleted { message, .. } = &event.logged.event {
            self.events.retain(|other| !is_message(other, *message));
        }
        if self.events.len() >= self.capacity
            && let Some(oldest) = self.events.pop_front()
        {
            self.reach = oldest.id();
        }
        self.position = event.id();
        self.events.push_back(event);
    }

    /// Everything after `mark`, in order; none if that is not all here any more.
    pub(crate) fn since(&self, mark: EventId) -> Option<impl Iterator<Item = &Arc<Told>>> {
        if mark < self.reach {
            return None;
        }
        let first = self.events.partition_point(|event| event.id() <= mark);
        Some(self.events.range(first..))
    }
}

fn is_message(event: &Told, deleted: MessageId) -> bool {
    matches!(&event.logged.event, Event::MessagePosted { message } if message.id == deleted)
}

#[cfg(test)]
mod tests {
    use allynet_domain::{LoggedEvent, Timestamp};

    use super::*;

    fn event(seq: i64) -> Arc<Told> {
        let event = Event::AccountBlocked { user: uuid::Uuid::nil().into() };
        let id = EventId::new(seq);
        Told::new(LoggedEvent { id, at: Timestamp::UNIX_EPOCH, emergency: None, actor: None, event })
    }

    fn since(ring: &Ring, mark: i64) -> Option<Vec<i64>> {
        Some(ring.since(EventId::new(mark))?.map(|event| event.id().get()).collect())
    }

    #[test]
    fn it_hands_out_what_came_after_a_mark_across_gaps_and_says_when_it_does_not_reach_back() {
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
    fn one_that_is_filled_reaches_back_and_stands_where_the_log_was_read_to() {
        let ring = Ring::filled(EventId::new(20), EventId::new(5), vec![event(7), event(9)], 3);
        assert_eq!((ring.position().get(), ring.reach().get()), (20, 5));
        assert_eq!((since(&ring, 4), since(&ring, 5).unwrap()), (None, vec![7, 9]));
        let overfull = Ring::filled(EventId::new(20), EventId::new(5), (6..=10).map(event).collect(), 3);
        assert_eq!((since(&overfull, 6), since(&overfull, 7).unwrap()), (None, vec![8, 9, 10]));
    }
}
