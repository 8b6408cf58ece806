//! The newest events of the log, in memory: what happened while a connection was being made, and what a client that
//! comes back has missed, without asking the database.
//!
//! Knows nothing of connections.

use std::{collections::VecDeque, sync::Arc};

use allynet_domain::{EventId, LoggedEvent};

/// The last events handed out by the log, at most a fixed number of them.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Everything after this, up to the newest, is here.
    reach: EventId,
    events: VecDeque<Arc<LoggedEvent>>,
    capacity: usize,
}

impl Ring {
    /// Nothing yet, for a reader that stands at `position` of the log.
    pub(crate) const fn new(position: EventId, capacity: usize) -> Self {
        Self { reach: position, events: VecDeque::new(), capacity }
    }

    /// The last event that was added, or where it began.
    pub(crate) fn position(&self) -> EventId {
        self.events.back().map_or(self.reach, |event| event.id)
    }

    /// Adds the next event of the log; the oldest one may go.
    pub(crate) fn push(&mut self, event: Arc<LoggedEvent>) {
        if self.events.len() >= self.capacity
            && let Some(oldest) = self.events.pop_front()
        {
            self.reach = oldest.id;
        }
        self.events.push_back(event);
    }

    /// Everything after `mark`, in order; none if that is not all here any more.
    pub(crate) fn since(&self, mark: EventId) -> Option<impl Iterator<Item = &Arc<LoggedEvent>>> {
        if mark < self.reach {
            return None;
        }
        let first = self.events.partition_point(|event| event.id <= mark);
        Some(self.events.range(first..))
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::{Event, Timestamp};

    use super::*;

    fn event(seq: i64) -> Arc<LoggedEvent> {
        let event = Event::AccountBlocked { user: uuid::Uuid::nil().into() };
        let id = EventId::new(seq);
        Arc::new(LoggedEvent { id, at: Timestamp::UNIX_EPOCH, emergency: None, actor: None, event })
    }

    fn since(ring: &Ring, mark: i64) -> Option<Vec<i64>> {
        Some(ring.since(EventId::new(mark))?.map(|event| event.id.get()).collect())
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
}
