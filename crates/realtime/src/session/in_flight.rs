//! Tracking of work that is in progress for clients, so that shutdown can wait for it.

use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// Counter of work in progress on this node. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight {
    tasks: TaskTracker,
}

/// One piece of work, in progress until this is dropped.
#[derive(Debug)]
pub(crate) struct InFlightGuard {
    _token: TaskTrackerToken,
}

impl InFlight {
    /// Registers the start of a piece of work, or returns `None` once [`finish`](Self::finish) was called.
    pub(crate) fn begin(&self) -> Option<InFlightGuard> {
        // Count first, check second. `finish` closes first and waits second, so work that begins at the same time
        // either is waited for or sees the tracker closed.
        let token = self.tasks.token();
        (!self.tasks.is_closed()).then_some(InFlightGuard { _token: token })
    }

    /// Refuses new work and waits until all work in progress has ended.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn finish_waits_for_work_in_progress_and_no_work_begins_after_it() {
        let in_flight = InFlight::default();
        let (first, second) = (in_flight.begin(), in_flight.begin());
        assert!(first.is_some() && second.is_some());
        let mut finished = Box::pin(in_flight.finish());
        assert!(finished.as_mut().now_or_never().is_none());
        assert!(in_flight.begin().is_none());
        drop(first);
        assert!(finished.as_mut().now_or_never().is_none());
        drop(second);
        finished.await;
        assert!(in_flight.begin().is_none());
    }
}
