//! Event numbers that were lost when a database was restored from a backup.

use crate::EventId;

/// How far beyond the newest known number the numbers begin after a restore. More events than that were not lost.
const SKIPPED_NUMBERS: i64 = 1 << 32;

/// A range of event numbers that may have been given to events that are no longer in the log, because the database was
/// restored from an older backup. No event has, or will ever have, such a number.
///
/// A client that saw one of these events cannot resume after it: what it knows may not have happened any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostEvents {
    /// The last event before the range.
    pub after: EventId,
    /// The last number of the range.
    pub through: EventId,
}

impl LostEvents {
    /// The range that a restored database skips, whose newest event is `newest`. `high_water` is the newest number that is
    /// known to have been given, from outside of the database.
    pub fn after_restore(newest: EventId, high_water: Option<EventId>) -> Self {
        let known = high_water.map_or(newest, |high_water| high_water.max(newest));
        Self { after: newest, through: EventId::new(known.get().saturating_add(SKIPPED_NUMBERS)) }
    }

    /// The range that a database skips if `high_water` shows that it was restored; `None` if it was not.
    pub fn detect(newest: EventId, high_water: EventId) -> Option<Self> {
        (high_water > newest).then(|| Self::after_restore(newest, Some(high_water)))
    }

    /// Whether a client that saw `last` may have seen lost events.
    pub fn include(&self, last: EventId) -> bool {
        self.after < last && last <= self.through
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_after_a_restore_are_beyond_all_that_were_given() {
        let number = EventId::new;
        let lost = LostEvents::after_restore(number(100), None);
        assert_eq!((lost.after.get(), lost.through.get()), (100, 100 + (1 << 32)));
        assert_eq!(LostEvents::after_restore(number(100), Some(number(170))).through.get(), 170 + (1 << 32));
        assert_eq!(LostEvents::after_restore(number(100), Some(number(70))).through.get(), 100 + (1 << 32));
        assert_eq!(LostEvents::detect(number(100), number(100)), None);
        assert_eq!(LostEvents::detect(number(100), number(101)).unwrap().through.get(), 101 + (1 << 32));
        let is_lost = [100, 101, lost.through.get(), lost.through.get() + 1].map(|last| lost.include(number(last)));
        assert_eq!(is_lost, [false, true, true, false]);
    }
}
