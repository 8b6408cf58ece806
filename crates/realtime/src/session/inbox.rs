//! The inbox of one connection: a bounded queue that runs jobs one at a time, in the order of their arrival.
//!
//! Socket.IO handlers run as detached tasks, without an order and without a limit. The part of a handler before its
//! future is first polled does run in the order of arrival, and pushes the job here.
//!
//! Knows nothing of sockets, events or users.

use std::{collections::VecDeque, fmt, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt as _;
use metrics::Gauge;
use parking_lot::Mutex;

use crate::session::in_flight::{InFlight, InFlightGuard};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A bounded queue of jobs that run one after the other.
///
/// An idle inbox has no task. Dropping the inbox closes it.
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
}

/// The reason for which a job was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// The queue is at its capacity.
    Full,
    /// The inbox was closed, or the service is stopping.
    Closed,
}

struct Shared {
    capacity: usize,
    /// Jobs that wait in all inboxes of the node.
    queued: Gauge,
    in_flight: InFlight,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Whether a task runs the queue. Changes only under the lock, together with the queue.
    draining: bool,
    closed: bool,
}

impl Inbox {
    /// An inbox in which at most `capacity` jobs wait, besides the one that is running.
    pub fn new(capacity: usize) -> Self {
        Self::instrumented(capacity, Gauge::noop(), InFlight::default())
    }

    /// An inbox that counts waiting jobs in `queued`, and its running task in `in_flight`.
    pub(crate) fn instrumented(capacity: usize, queued: Gauge, in_flight: InFlight) -> Self {
        Self { shared: Arc::new(Shared { capacity, queued, in_flight, state: Mutex::default() }) }
    }

    /// Queues a job, which starts when all jobs pushed before it have ended.
    ///
    /// Must be called within a Tokio runtime. A job that panics is logged, and the next one runs.
    ///
    /// # Errors
    ///
    /// [`PushError`]; the job is dropped.
    pub fn push(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), PushError> {
        self.push_with_reserve(0, job)
    }

    /// Queues a job as if the capacity were greater by `reserve`.
    ///
    /// # Errors
    ///
    /// [`PushError`]; the job is dropped.
    pub fn push_with_reserve(
        &self,
        reserve: usize,
        job: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), PushError> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(PushError::Closed);
        }
        if state.queue.len() >= self.shared.capacity + reserve {
            return Err(PushError::Full);
        }
        // A drain that is running sees this job before it ends: it decides to end under the same lock.
        if state.draining {
            state.queue.push_back(Box::pin(job));
            self.shared.queued.increment(1);
            return Ok(());
        }
        let Some(guard) = self.shared.in_flight.begin() else { return Err(PushError::Closed) };
        state.queue.push_back(Box::pin(job));
        self.shared.queued.increment(1);
        state.draining = true;
        drop(state);
        tokio::spawn(drain(Arc::clone(&self.shared), guard));
        Ok(())
    }

    /// Whether [`push`](Self::push) would fail with [`PushError::Full`].
    pub fn is_full(&self) -> bool {
        self.shared.state.lock().queue.len() >= self.shared.capacity
    }

    /// Discards all waiting jobs and accepts no more. The running job continues to its end.
    pub fn close(&self) {
        let discarded = {
            let mut state = self.shared.state.lock();
            state.closed = true;
            std::mem::take(&mut state.queue)
        };
        self.shared.queued.decrement(u32::try_from(discarded.len()).unwrap_or(u32::MAX));
        // Dropped outside the lock: a job may own something whose drop pushes to this inbox.
        drop(discarded);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Takes the next job. `None` ends the drain: the decision is made under the lock, so a concurrent push either
    /// finds the drain still running or starts another.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let job = state.queue.pop_front();
        state.draining = job.is_some();
        if job.is_some() {
            self.queued.decrement(1);
        }
        job
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = self.state.lock().queue.len();
        f.debug_struct("Shared").field("queued", &queued).finish_non_exhaustive()
    }
}

async fn drain(shared: Arc<Shared>, _guard: InFlightGuard) {
    while let Some(job) = shared.next() {
        if AssertUnwindSafe(job).catch_unwind().await.is_err() {
            tracing::error!("a socket event handler panicked");
        }
        // Lets the transport write the answer: the answers of many jobs at once exceed the transport's queue.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Semaphore, mpsc, oneshot};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn jobs_run_one_at_a_time_in_the_order_of_arrival() {
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
    async fn a_full_inbox_rejects_jobs_until_a_running_one_ends() {
        let inbox = Inbox::new(2);
        let permits = Arc::new(Semaphore::new(0));
        let (done, mut ended) = mpsc::unbounded_channel();
        let job = || {
            let (permits, done) = (Arc::clone(&permits), done.clone());
            async move {
                permits.acquire().await.unwrap().forget();
                done.send(()).unwrap();
            }
        };
        inbox.push(job()).unwrap();
        inbox.push(job()).unwrap();
        assert!(inbox.is_full());
        assert_eq!(inbox.push(job()), Err(PushError::Full));
        inbox.push_with_reserve(1, job()).unwrap();
        assert_eq!(inbox.push_with_reserve(1, job()), Err(PushError::Full));
        permits.add_permits(2);
        ended.recv().await.unwrap();
        ended.recv().await.unwrap();
        inbox.push(job()).unwrap();
        permits.add_permits(2);
        ended.recv().await.unwrap();
        ended.recv().await.unwrap();
    }

    #[tokio::test]
    async fn a_panicking_job_does_not_stop_the_next() {
        let inbox = Inbox::new(4);
        let (done, ended) = oneshot::channel();
        inbox.push(async { panic!("a job of the test") }).unwrap();
        inbox.push(async move { done.send(()).unwrap() }).unwrap();
        ended.await.unwrap();
    }

    #[tokio::test]
    async fn an_idle_inbox_starts_again() {
        let inbox = Inbox::new(1);
        for _ in 0..3 {
            let (done, ended) = oneshot::channel();
            inbox.push(async move { done.send(()).unwrap() }).unwrap();
            ended.await.unwrap();
            tokio::task::yield_now().await;
            assert!(!inbox.shared.state.lock().draining);
        }
    }

    #[tokio::test]
    async fn closing_discards_waiting_jobs_and_the_running_job_ends() {
        let inbox = Inbox::new(4);
        let (started, is_running) = oneshot::channel();
        let (finish, finished) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let running = async move {
            started.send(()).unwrap();
            finished.await.unwrap();
            done.send(()).unwrap();
        };
        inbox.push(running).unwrap();
        let (never, discarded) = oneshot::channel::<()>();
        inbox.push(async move { never.send(()).unwrap() }).unwrap();
        is_running.await.unwrap();

        inbox.close();
        assert!(discarded.await.is_err());
        assert_eq!(inbox.push(async {}), Err(PushError::Closed));
        drop(inbox);
        finish.send(()).unwrap();
        ended.await.unwrap();
    }
}
