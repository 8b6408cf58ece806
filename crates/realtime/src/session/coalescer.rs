//! What was put off: the newest of it, and everybody who waits for it. Knows neither what it is nor when its time comes.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Holds the newest of what is put into it, and who waits for that.
pub(crate) struct Slot<T, W> {
    held: Mutex<Held<T, W>>,
}

struct Held<T, W> {
    newest: Option<T>,
    waiting: Vec<W>,
    closed: bool,
}

impl<T, W> Default for Slot<T, W> {
    fn default() -> Self {
        Self { held: Mutex::new(Held { newest: None, waiting: Vec::new(), closed: false }) }
    }
}

impl<T, W> Slot<T, W> {
    /// Replaces what is held. Tells whether nothing was, and so somebody has to come and take it.
    pub(crate) fn put(&self, newest: T, waiting: W) -> bool {
        let mut held = self.held();
        if held.closed {
            return false;
        }
        held.waiting.push(waiting);
        held.newest.replace(newest).is_none()
    }

    /// The newest, and all who wait for it or for what it replaced, in the order in which they came.
    pub(crate) fn take(&self) -> Option<(T, Vec<W>)> {
        let mut held = self.held();
        let newest = held.newest.take()?;
        Some((newest, std::mem::take(&mut held.waiting)))
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.held().newest.is_none()
    }

    /// Forgets what is held, and holds nothing more.
    pub(crate) fn close(&self) {
        self.held().closed = true;
        // Outside the lock: who waits may own anything.
        drop(self.take());
    }

    fn held(&self) -> MutexGuard<'_, Held<T, W>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, W> fmt::Debug for Slot<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_wins_and_everybody_is_remembered_in_order() {
        let slot = Slot::default();
        assert!(slot.is_empty() && slot.take().is_none());
        assert_eq!([slot.put(1, "a"), slot.put(2, "b"), slot.put(3, "c")], [true, false, false]);
        assert!(!slot.is_empty());
        assert_eq!(slot.take(), Some((3, vec!["a", "b", "c"])));
        assert_eq!(slot.take(), None);
        assert!(slot.put(4, "d"));
    }

    #[test]
    fn a_closed_slot_holds_nothing() {
        let slot = Slot::default();
        slot.put(1, "a");
        slot.close();
        assert!(slot.take().is_none());
        assert!(!slot.put(2, "b"));
        assert!(slot.is_empty());
    }
}
