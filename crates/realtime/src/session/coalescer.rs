//! A slot that holds only the newest of a series of values, and every caller that waits for one to be processed.
//!
//! Knows neither what the values are nor when they are processed.

use std::fmt;

use parking_lot::Mutex;

/// Holds the newest value put into it, and the waiters of all values since the last [`take`](Self::take).
pub(crate) struct Coalescer<T, W> {
    slot: Mutex<Slot<T, W>>,
}

struct Slot<T, W> {
    newest: Option<T>,
    waiters: Vec<W>,
    closed: bool,
}

impl<T, W> Default for Coalescer<T, W> {
    fn default() -> Self {
        Self { slot: Mutex::new(Slot { newest: None, waiters: Vec::new(), closed: false }) }
    }
}

impl<T, W> Coalescer<T, W> {
    /// Replaces the value, and adds a waiter.
    ///
    /// Returns whether the slot was empty: then the caller must arrange for a `take`. Drops both once closed.
    pub(crate) fn put(&self, newest: T, waiter: W) -> bool {
        let mut slot = self.slot.lock();
        if slot.closed {
            return false;
        }
        slot.waiters.push(waiter);
        slot.newest.replace(newest).is_none()
    }

    /// Takes the newest value and the waiters of it and of those that it replaced, in the order of [`put`](Self::put).
    pub(crate) fn take(&self) -> Option<(T, Vec<W>)> {
        let mut slot = self.slot.lock();
        let newest = slot.newest.take()?;
        Some((newest, std::mem::take(&mut slot.waiters)))
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.slot.lock().newest.is_none()
    }

    /// Drops the value and its waiters, and accepts nothing more.
    pub(crate) fn close(&self) {
        self.slot.lock().closed = true;
        // Dropped outside the lock: a waiter may own something whose drop calls back into this slot.
        drop(self.take());
    }
}

impl<T, W> fmt::Debug for Coalescer<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalescer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_kept_with_all_waiters_in_order() {
        let slot = Coalescer::default();
        assert!(slot.is_empty() && slot.take().is_none());
        assert_eq!([slot.put(1, "a"), slot.put(2, "b"), slot.put(3, "c")], [true, false, false]);
        assert!(!slot.is_empty());
        assert_eq!(slot.take(), Some((3, vec!["a", "b", "c"])));
        assert_eq!(slot.take(), None);
        assert!(slot.put(4, "d"));
    }

    #[test]
    fn a_closed_coalescer_holds_nothing() {
        let slot = Coalescer::default();
        slot.put(1, "a");
        slot.close();
        assert!(slot.take().is_none());
        assert!(!slot.put(2, "b"));
        assert!(slot.is_empty());
    }
}
