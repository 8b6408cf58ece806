//! The inbox of one socket: what the client sent is handled in the order in which it arrived, one at a time.
//!
//! Socket.IO handlers run as detached tasks, in no order and without a limit. The part of a handler before
//! its future is polled does run in order of arrival: it pushes the work here.
//!
//! Knows nothing of sockets, events or who sent what.

use std::{
    collections::VecDeque,
    fmt,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt as _;
use metrics::Gauge;

use crate::session::in_flight::{UnderWay, Work};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A bounded queue of jobs that run one after the other.
///
/// An idle inbox has no task. Dropping the inbox closes it.
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
}

/// What all inboxes of a node share.
#[derive(Clone, Debug)]
pub(crate) struct Inboxes {
    /// How much waits in them.
    pub(crate) waiting: Gauge,
    /// What runs, in them and elsewhere.
    pub(crate) work: Work,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many jobs are waiting as the inbox holds.
    Full,
    /// The inbox was closed.
    Closed,
}

struct Shared {
    capacity: usize,
    all: Inboxes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    draining: bool,
    closed: bool,
}

impl Inbox {
    /// An inbox in which at most `capacity` jobs wait, besides the one that is running.
    pub fn new(capacity: usize) -> Self {
        Self::among(capacity, Inboxes { waiting: Gauge::noop(), work: Work::default() })
    }

    /// The same, as one of many: what waits and what runs is counted together.
    pub(crate) fn among(capacity: usize, all: Inboxes) -> Self {
        Self { shared: Arc::new(Shared { capacity, all, state: Mutex::default() }) }
    }

    /// Queues a job behind those pushed before. It starts when they have ended. Must be called within a
    /// Tokio runtime. A job that panics is logged, and the next one runs.
    ///
    /// # Errors
    ///
    /// [`Refused`], and the job is dropped.
    pub fn push(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Refused> {
        self.push_beyond(0, job)
    }

    /// The same, as if the inbox held so many more.
    ///
    /// # Errors
    ///
    /// [`Refused`], and the job is dropped.
    pub fn push_beyond(&self, more: usize, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Refused> {
        let mut state = self.shared.state();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.waiting.len() >= self.shared.capacity + more {
            return Err(Refused::Full);
        }
        if state.draining {
            state.waiting.push_back(Box::pin(job));
            self.shared.all.waiting.increment(1);
            return Ok(());
        }
        let Some(under_way) = self.shared.all.work.begin() else { return Err(Refused::Closed) };
        state.waiting.push_back(Box::pin(job));
        self.shared.all.waiting.increment(1);
        state.draining = true;
        drop(state);
        tokio::spawn(drain(Arc::clone(&self.shared), under_way));
        Ok(())
    }

    /// Whether [`push`](Self::push) would refuse for want of room.
    pub fn is_full(&self) -> bool {
        self.shared.state().waiting.len() >= self.shared.capacity
    }

    /// Discards what is waiting and takes nothing more. The job that is running goes on to its end.
    pub fn close(&self) {
        let discarded = {
            let mut state = self.shared.state();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        self.shared.all.waiting.decrement(u32::try_from(discarded.len()).unwrap_or(u32::MAX));
        // Outside the lock: a job may own anything, even what pushes here when it is dropped.
        drop(discarded);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; `None` ends the drain, decided under the same lock as a push.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        let job = state.waiting.pop_front();
        state.draining = job.is_some();
        if job.is_some() {
            self.all.waiting.decrement(1);
        }
        job
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.state().waiting.len();
        f.debug_struct("Shared").field("waiting", &waiting).finish_non_exhaustive()
    }
}

async fn drain(shared: Arc<Shared>, _under_way: UnderWay) {
    while let Some(job) = shared.next() {
        if AssertUnwindSafe(job).catch_unwind().await.is_err() {
            tracing::error!("the handler of a socket event panicked");
        }
        // The transport gets its turn to write the answer: those of many jobs at once are more than its queue holds.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Semaphore, mpsc, oneshot};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn jobs_run_in_the_order_of_their_arrival_one_at_a_time() {
        let inbox = Inbox::new(100);
        let running = Arc::new(AtomicUsize::new(0));
        let (done, mut order) = mpsc::unbounded_channel();
        for number in 0..100_u32 {
            let (running, done) = (Arc::clone(&running), done.clone());
            let job = async move {
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                for _ in 0..number % 7 {
                    tokio::task::yield_now().await;
                }
                running.fetch_sub(1, Ordering::SeqCst);
                done.send(number).unwrap();
            };
            inbox.push(job).unwrap();
        }
        for number in 0..100 {
            assert_eq!(order.recv().await, Some(number));
        }
    }

    #[tokio::test]
    async fn a_full_inbox_refuses_and_takes_again_after_a_job_ended() {
        let inbox = Inbox::new(2);
        let gate = Arc::new(Semaphore::new(0));
        let (done, mut ended) = mpsc::unbounded_channel();
        let job = || {
            let (gate, done) = (Arc::clone(&gate), done.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                done.send(()).unwrap();
            }
        };
        inbox.push(job()).unwrap();
        inbox.push(job()).unwrap();
        assert!(inbox.is_full());
        assert_eq!(inbox.push(job()), Err(Refused::Full));
        inbox.push_beyond(1, job()).unwrap();
        assert_eq!(inbox.push_beyond(1, job()), Err(Refused::Full));
        gate.add_permits(2);
        ended.recv().await.unwrap();
        ended.recv().await.unwrap();
        inbox.push(job()).unwrap();
        gate.add_permits(2);
        ended.recv().await.unwrap();
        ended.recv().await.unwrap();
    }

    #[tokio::test]
    async fn a_job_that_panics_does_not_stop_the_next_ones() {
        let inbox = Inbox::new(4);
        let (done, ended) = oneshot::channel();
        inbox.push(async { panic!("a job of the test") }).unwrap();
        inbox.push(async move { done.send(()).unwrap() }).unwrap();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn an_inbox_that_went_idle_starts_again() {
        let inbox = Inbox::new(1);
        for _ in 0..3 {
            let (done, ended) = oneshot::channel();
            inbox.push(async move { done.send(()).unwrap() }).unwrap();
            ended.await.unwrap();
            tokio::task::yield_now().await;
            assert!(!inbox.shared.state().draining);
        }
    }

    #[tokio::test]
    async fn closing_discards_what_waits_and_lets_the_running_job_end() {
        let inbox = Inbox::new(4);
        let (started, is_running) = oneshot::channel();
        let (gate, opened) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let running = async move {
            started.send(()).unwrap();
            opened.await.unwrap();
            done.send(()).unwrap();
        };
        inbox.push(running).unwrap();
        let (never, discarded) = oneshot::channel::<()>();
        inbox.push(async move { never.send(()).unwrap() }).unwrap();
        is_running.await.unwrap();

        inbox.close();
        assert!(discarded.await.is_err());
        assert_eq!(inbox.push(async {}), Err(Refused::Closed));
        drop(inbox);
        gate.send(()).unwrap();
        ended.await.unwrap();
    }
}
