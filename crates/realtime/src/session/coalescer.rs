//! Runs of values of which only the newest counts, and every caller that waits for one to be processed.
//!
//! Knows neither what the values are nor when they are processed.

use std::{collections::VecDeque, fmt};

use parking_lot::Mutex;

/// A queue of runs. A value joins the last run, of which only the newest value is processed, unless that run was
/// [sealed](Self::seal).
pub(crate) struct Coalescer<T, W> {
    max_waiters: usize,
    state: Mutex<State<T, W>>,
}

struct State<T, W> {
    runs: VecDeque<Run<T, W>>,
    waiters: usize,
    closed: bool,
}

struct Run<T, W> {
    newest: T,
    waiters: Vec<W>,
    is_scheduled: bool,
    is_sealed: bool,
}

/// Outcome of putting a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Put<W> {
    /// The value begins a run: the caller must arrange for one `take`.
    First,
    /// The value joined a run, or the coalescer is closed.
    Joined,
    /// As many callers wait as may. The value was not taken.
    Full(W),
}

impl<T, W> Coalescer<T, W> {
    /// No runs. At most this many callers may wait.
    pub(crate) fn new(max_waiters: usize) -> Self {
        Self { max_waiters, state: Mutex::new(State { runs: VecDeque::new(), waiters: 0, closed: false }) }
    }

    /// Adds a value and its waiter. In a run, the value replaces the one held if it `supersedes` it.
    pub(crate) fn put(&self, newer: T, waiter: W, supersedes: impl FnOnce(&T, &T) -> bool) -> Put<W> {
        let mut state = self.state.lock();
        if state.closed {
            return Put::Joined;
        }
        if state.waiters >= self.max_waiters {
            return Put::Full(waiter);
        }
        state.waiters += 1;
        if let Some(run) = state.runs.back_mut().filter(|run| !run.is_sealed) {
            if supersedes(&newer, &run.newest) {
                run.newest = newer;
            }
            run.waiters.push(waiter);
            return Put::Joined;
        }
        state.runs.push_back(Run { newest: newer, waiters: vec![waiter], is_scheduled: false, is_sealed: false });
        Put::First
    }

    /// Notes that the `take` of the last run has its place in the order of other work.
    pub(crate) fn schedule(&self) {
        if let Some(run) = self.state.lock().runs.back_mut() {
            run.is_scheduled = true;
        }
    }

    /// Lets the next value begin a run of its own if the last run is scheduled: other work came behind it, which the value
    /// must not overtake.
    pub(crate) fn seal(&self) {
        if let Some(run) = self.state.lock().runs.back_mut() {
            run.is_sealed = run.is_scheduled;
        }
    }

    /// Takes the newest value of the oldest run, and the waiters of all its values in the order of [`put`](Self::put).
    pub(crate) fn take(&self) -> Option<(T, Vec<W>)> {
        let mut state = self.state.lock();
        let Run { newest, waiters, .. } = state.runs.pop_front()?;
        state.waiters -= waiters.len();
        Some((newest, waiters))
    }

    /// Whether the next value would join a run.
    pub(crate) fn is_open(&self) -> bool {
        self.state.lock().runs.back().is_some_and(|run| !run.is_sealed)
    }

    /// Drops all values and their waiters, and accepts nothing more.
    pub(crate) fn close(&self) {
        let runs = {
            let mut state = self.state.lock();
            (state.closed, state.waiters) = (true, 0);
            std::mem::take(&mut state.runs)
        };
        // Dropped outside the lock: a waiter may own something whose drop calls back into this coalescer.
        drop(runs);
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

    const ALWAYS: fn(&i32, &i32) -> bool = |_, _| true;

    #[test]
    fn the_newest_value_is_kept_with_all_waiters_in_order() {
        let slot = Coalescer::new(3);
        assert!(!slot.is_open() && slot.take().is_none());
        let greater = |newer: &i32, held: &i32| newer > held;
        assert_eq!(slot.put(1, "a", greater), Put::First);
        assert_eq!(slot.put(3, "b", greater), Put::Joined);
        assert_eq!(slot.put(2, "c", greater), Put::Joined);
        assert!(slot.is_open());
        assert_eq!(slot.take(), Some((3, vec!["a", "b", "c"])));
        assert_eq!(slot.take(), None);
        assert_eq!(slot.put(4, "d", greater), Put::First);
    }

    #[test]
    fn a_run_ends_when_other_work_comes_behind_it() {
        let runs = Coalescer::new(9);
        assert_eq!(runs.put(1, "a", ALWAYS), Put::First);
        // Not scheduled yet: the other work is done before the run anyway.
        runs.seal();
        assert_eq!(runs.put(2, "b", ALWAYS), Put::Joined);
        runs.schedule();
        assert_eq!(runs.put(3, "c", ALWAYS), Put::Joined);
        runs.seal();
        assert!(!runs.is_open());
        assert_eq!(runs.put(4, "d", ALWAYS), Put::First);
        assert_eq!(runs.take(), Some((3, vec!["a", "b", "c"])));
        assert_eq!(runs.put(5, "e", ALWAYS), Put::Joined);
        assert_eq!(runs.take(), Some((5, vec!["d", "e"])));
        assert_eq!(runs.take(), None);
    }

    #[test]
    fn more_waiters_than_the_maximum_are_given_back() {
        let slot = Coalescer::new(1);
        assert_eq!(slot.put(1, "a", ALWAYS), Put::First);
        assert_eq!(slot.put(2, "b", ALWAYS), Put::Full("b"));
        assert_eq!(slot.take(), Some((1, vec!["a"])));
        assert_eq!(slot.put(2, "b", ALWAYS), Put::First);
    }

    #[test]
    fn a_closed_coalescer_holds_nothing() {
        let slot = Coalescer::new(3);
        assert_eq!(slot.put(1, "a", ALWAYS), Put::First);
        slot.close();
        assert!(slot.take().is_none());
        assert_eq!(slot.put(2, "b", ALWAYS), Put::Joined);
        assert!(!slot.is_open());
    }
}
