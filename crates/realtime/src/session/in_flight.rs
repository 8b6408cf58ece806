//! What is being done for clients at this moment, so that nothing is taken away under it when the service stops.

use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// What is under way. A clone refers to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    tasks: TaskTracker,
}

/// Something that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay {
    _token: TaskTrackerToken,
}

impl Work {
    /// Something begins; none when nothing may begin any more.
    pub(crate) fn begin(&self) -> Option<UnderWay> {
        // First counted, then asked: whoever waits for the end either waits for this, or it does not begin.
        let token = self.tasks.token();
        (!self.tasks.is_closed()).then_some(UnderWay { _token: token })
    }

    /// Lets nothing begin any more, and waits until everything has ended.
    pub(crate) async fn end(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn what_began_is_waited_for_and_nothing_begins_after() {
        let work = Work::default();
        let (first, second) = (work.begin(), work.begin());
        assert!(first.is_some() && second.is_some());
        let mut ended = Box::pin(work.end());
        assert!(ended.as_mut().now_or_never().is_none());
        assert!(work.begin().is_none());
        drop(first);
        assert!(ended.as_mut().now_or_never().is_none());
        drop(second);
        ended.await;
        assert!(work.begin().is_none());
    }
}
