//! Those who say something to the same emergency do so one after the other.
//!
//! That nothing is lost when many decide at once is held by the store, on any number of nodes: whoever was too late
//! decides again. A whole wave that answers in the same instant would do so so often that the database has time for
//! nothing else. Here a node lets them take turns instead. Nobody waits behind somebody who gets no further.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use allynet_domain::EmergencyId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// For so long nobody's turn may have come before those who wait go on without one. With what the database may take
/// after that it is still less than the two seconds in which every request is answered.
const PATIENCE: Duration = Duration::from_millis(300);

/// The emergencies about which somebody is deciding. A clone refers to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    queues: Arc<Mutex<HashMap<EmergencyId, Arc<Queue>>>>,
}

#[derive(Debug)]
struct Queue {
    place: Arc<Semaphore>,
    /// When somebody's turn came last.
    moved_at: Mutex<Instant>,
}

/// Whose turn it is until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    of: EmergencyId,
    queue: Arc<Queue>,
    turns: Turns,
}

impl Turns {
    /// Waits for a turn. Cancel-safe.
    pub(crate) async fn take(&self, of: EmergencyId) -> Turn {
        let queue = Arc::clone(self.queues().entry(of).or_insert_with(|| Arc::new(Queue::new())));
        let mut turn = Turn { permit: None, of, queue, turns: self.clone() };
        turn.permit = turn.queue.wait().await;
        turn
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<EmergencyId, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn new() -> Self {
        Self { place: Arc::new(Semaphore::new(1)), moved_at: Mutex::new(Instant::now()) }
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let mut place = Box::pin(Arc::clone(&self.place).acquire_owned());
        loop {
            let moved_at = *self.moved_at();
            match timeout_at(moved_at + PATIENCE, &mut place).await {
                Ok(permit) => {
                    *self.moved_at() = Instant::now();
                    return permit.ok();
                }
                Err(_) if *self.moved_at() == moved_at => return None,
                Err(_) => {}
            }
        }
    }

    fn moved_at(&self) -> MutexGuard<'_, Instant> {
        self.moved_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        let mut queues = self.turns.queues();
        // One is in the table and one is this: nobody else waits.
        if Arc::strong_count(&self.queue) == 2 {
            queues.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    fn nth(n: u128) -> EmergencyId {
        Uuid::from_u128(n).into()
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_in_order_and_those_about_others_at_once() {
        let turns = Turns::default();
        let first = turns.take(nth(1)).await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(turns.take(nth(1)))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        assert!(turns.take(nth(2)).now_or_never().is_some());
        drop(first);
        for at in 0..3 {
            tokio::time::advance(PATIENCE / 2).await;
            let turn = waiting[at].as_mut().now_or_never().unwrap();
            assert!(turn.permit.is_some());
            assert!(waiting[at + 1..].iter_mut().all(|turn| turn.as_mut().now_or_never().is_none()));
        }
        drop(waiting);
        assert!(turns.queues().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_behind_one_who_gets_no_further() {
        let turns = Turns::default();
        let stuck = turns.take(nth(1)).await;
        let begin = Instant::now();
        let all = futures_util::future::join_all((0..100).map(|_| turns.take(nth(1)))).await;
        assert_eq!(begin.elapsed(), PATIENCE);
        assert!(all.iter().all(|turn| turn.permit.is_none()));
        drop((stuck, all));
        assert!(turns.queues().is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_while_they_wait_leaves_nothing_behind() {
        let turns = Turns::default();
        let first = turns.take(nth(1)).await;
        let mut gone = Box::pin(turns.take(nth(1)));
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(turns.queues().is_empty());
        assert!(turns.take(nth(1)).await.permit.is_some());
    }
}
