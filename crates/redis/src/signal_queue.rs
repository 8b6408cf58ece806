//! A bounded queue that drops its oldest item when it is full, so that `push` never waits.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A ring of the newest `capacity` items, for one consumer.
#[derive(Debug)]
pub(crate) struct SignalQueue<T> {
    items: Mutex<VecDeque<T>>,
    capacity: usize,
    pushed: Notify,
}

impl<T> SignalQueue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { items: Mutex::default(), capacity, pushed: Notify::new() }
    }

    /// Appends an item; returns the oldest one if it had to be dropped.
    pub(crate) fn push(&self, item: T) -> Option<T> {
        let mut items = self.items.lock();
        let dropped = if items.len() >= self.capacity { items.pop_front() } else { None };
        items.push_back(item);
        drop(items);
        self.pushed.notify_one();
        dropped
    }

    /// Removes up to `limit` of the oldest items.
    pub(crate) fn take(&self, limit: usize) -> Vec<T> {
        let mut items = self.items.lock();
        let count = limit.min(items.len());
        let taken = items.drain(..count).collect();
        if !items.is_empty() {
            // One permit may stand for many pushes: without this the rest would wait for the next push.
            self.pushed.notify_one();
        }
        taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.lock().is_empty()
    }

    /// Waits for an item. May complete once for items that were taken in the meantime.
    pub(crate) async fn wait(&self) {
        self.pushed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn items_leave_in_order_and_the_oldest_are_dropped_first() {
        let queue = SignalQueue::new(3);
        let dropped: Vec<_> = (1..=5).filter_map(|item| queue.push(item)).collect();
        assert_eq!(dropped, [1, 2]);
        queue.wait().await;
        assert_eq!((queue.take(2), queue.is_empty()), (vec![3, 4], false));
        queue.wait().await;
        assert_eq!((queue.take(2), queue.is_empty()), (vec![5], true));
        assert!(queue.take(2).is_empty());
    }
}
