//! The port `EmergencyQueue`: one fair queue per emergency, in the memory of this node.
//!
//! Correctness does not depend on it: on any number of nodes, the store rejects a change that was decided on stale data.
//! But when a whole wave of helpers answers at once, deciding again so often would leave the database no time for
//! anything else. In a queue each decides once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId,
    port::{EmergencyQueue, QueuePermit, Urgency},
};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// When a queue has not moved for this long, those that wait in it go ahead without a turn. Together with the deadline of
/// a statement it stays far below the five seconds in which a request that changes something is answered.
const STALLED_AFTER: Duration = Duration::from_millis(300);

/// The queues of all emergencies that are being changed at the moment. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct EmergencyQueues {
    queues: Arc<Mutex<HashMap<EmergencyId, Arc<Queue>>>>,
}

#[derive(Debug)]
struct Queue {
    /// Held by the one change that has the turn.
    turn: Arc<Semaphore>,
    /// Held by the one normal change that waits for the turn or has it. All other normal changes wait here, so that an
    /// urgent one, which goes straight to `turn`, waits for at most the change that has the turn.
    normal: Arc<Semaphore>,
    /// When a turn was last given.
    moved_at: Mutex<Instant>,
}

/// A change that is in a queue; leaves it when dropped. The permits are `None` for a change that goes ahead without a turn.
#[derive(Debug)]
struct QueuedChange {
    turn: Option<OwnedSemaphorePermit>,
    normal: Option<OwnedSemaphorePermit>,
    emergency: EmergencyId,
    /// `None` only while it is dropped.
    queue: Option<Arc<Queue>>,
    queues: EmergencyQueues,
}

#[async_trait]
impl EmergencyQueue for EmergencyQueues {
    async fn enter(&self, emergency: EmergencyId, urgency: Urgency) -> QueuePermit {
        Box::new(self.enter_queue(emergency, urgency).await)
    }
}

impl EmergencyQueues {
    async fn enter_queue(&self, emergency: EmergencyId, urgency: Urgency) -> QueuedChange {
        let mut queued = QueuedChange { turn: None, normal: None, emergency, queue: None, queues: self.clone() };
        // From here on the change leaves the queue when this future is dropped.
        let queue = &**queued.queue.insert(self.queue_of(emergency));
        if urgency == Urgency::Normal {
            queued.normal = queue.acquire(&queue.normal).await;
            if queued.normal.is_none() {
                return queued;
            }
        }
        queued.turn = queue.acquire(&queue.turn).await;
        if queued.turn.is_some() {
            *queue.moved_at.lock() = Instant::now();
        }
        queued
    }

    fn queue_of(&self, emergency: EmergencyId) -> Arc<Queue> {
        Arc::clone(self.queues.lock().entry(emergency).or_insert_with(|| Arc::new(Queue::new())))
    }
}

impl Queue {
    fn new() -> Self {
        let semaphore = || Arc::new(Semaphore::new(1));
        Self { turn: semaphore(), normal: semaphore(), moved_at: Mutex::new(Instant::now()) }
    }

    /// Waits for a permit; `None` when the queue has stalled.
    async fn acquire(&self, semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let mut permit = Box::pin(Arc::clone(semaphore).acquire_owned());
        loop {
            let moved_at = *self.moved_at.lock();
            match timeout_at(moved_at + STALLED_AFTER, &mut permit).await {
                Ok(permit) => return permit.ok(),
                Err(_) if *self.moved_at.lock() == moved_at => return None,
                // The queue moved while this one waited, so it waits on.
                Err(_) => {}
            }
        }
    }
}

impl Drop for QueuedChange {
    fn drop(&mut self) {
        // The turn goes first: the normal change that gets `normal` next finds it free.
        (self.turn, self.normal) = (None, None);
        let mut queues = self.queues.queues.lock();
        // References are taken and released only under the lock of the table, so that of two changes that leave at
        // once the second finds the count without the first.
        self.queue = None;
        if queues.get(&self.emergency).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.emergency);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};
    use uuid::Uuid;

    use super::*;

    fn nth(n: u128) -> EmergencyId {
        Uuid::from_u128(n).into()
    }

    async fn normal(queues: &EmergencyQueues) -> QueuedChange {
        queues.enter_queue(nth(1), Urgency::Normal).await
    }

    async fn urgent(queues: &EmergencyQueues) -> QueuedChange {
        queues.enter_queue(nth(1), Urgency::Urgent).await
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_in_order_and_other_emergencies_do_not_wait() {
        let queues = EmergencyQueues::default();
        let first = normal(&queues).await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(normal(&queues))).collect();
        assert!(waiting.iter_mut().all(|entered| entered.as_mut().now_or_never().is_none()));
        assert!(queues.enter_queue(nth(2), Urgency::Normal).now_or_never().is_some());
        drop(first);
        for at in 0..3 {
            tokio::time::advance(STALLED_AFTER / 2).await;
            let entered = waiting[at].as_mut().now_or_never().unwrap();
            assert!(entered.turn.is_some());
            assert!(waiting[at + 1..].iter_mut().all(|entered| entered.as_mut().now_or_never().is_none()));
        }
        drop(waiting);
        assert!(queues.queues.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_urgent_change_waits_only_for_the_one_that_has_the_turn() {
        let queues = EmergencyQueues::default();
        let first = normal(&queues).await;
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(normal(&queues))).collect();
        assert!(waiting.iter_mut().all(|entered| entered.as_mut().now_or_never().is_none()));
        let mut ending = Box::pin(urgent(&queues));
        assert!(ending.as_mut().now_or_never().is_none());
        drop(first);
        assert!(waiting.iter_mut().all(|entered| entered.as_mut().now_or_never().is_none()));
        let ended = ending.as_mut().now_or_never().unwrap();
        assert!(ended.turn.is_some());
        drop((ended, ending));
        assert!(waiting[0].as_mut().now_or_never().unwrap().turn.is_some());
        drop(waiting);
        assert!(queues.queues.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_queue_is_passed() {
        let queues = EmergencyQueues::default();
        let stuck = normal(&queues).await;
        let begin = Instant::now();
        let (all, ending) = tokio::join!(join_all((0..100).map(|_| normal(&queues))), urgent(&queues));
        assert_eq!(begin.elapsed(), STALLED_AFTER);
        assert!(all.iter().chain([&ending]).all(|entered| entered.turn.is_none()));
        drop((stuck, all, ending));
        assert!(queues.queues.lock().is_empty());
    }

    #[tokio::test]
    async fn a_change_that_is_cancelled_while_it_waits_leaves_nothing_behind() {
        let queues = EmergencyQueues::default();
        let first = normal(&queues).await;
        let mut gone = Box::pin(normal(&queues));
        assert!(gone.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(queues.queues.lock().is_empty());
        assert!(normal(&queues).await.turn.is_some());
    }
}
