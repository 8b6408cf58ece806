//! What waits to be sent: never more than so much, the newest.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// A queue that refuses nothing and keeps nobody waiting who puts something in.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    capacity: usize,
    something: Notify,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { waiting: Mutex::default(), capacity, something: Notify::new() }
    }

    /// Puts something in; the oldest goes if there is no room, and is handed out.
    pub(crate) fn push(&self, item: T) -> Option<T> {
        let mut waiting = self.waiting();
        let lost = if waiting.len() >= self.capacity { waiting.pop_front() } else { None };
        waiting.push_back(item);
        drop(waiting);
        self.something.notify_one();
        lost
    }

    /// Takes the oldest out, so many at most.
    pub(crate) fn take(&self, most: usize) -> Vec<T> {
        let mut waiting = self.waiting();
        let taken = most.min(waiting.len());
        let taken = waiting.drain(..taken).collect();
        if !waiting.is_empty() {
            self.something.notify_one();
        }
        taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Waits until there is something, or was a moment ago.
    pub(crate) async fn something(&self) {
        self.something.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_put_in_first_comes_out_first_and_goes_first() {
        let queue = Queue::new(3);
        let lost: Vec<_> = (1..=5).filter_map(|item| queue.push(item)).collect();
        assert_eq!(lost, [1, 2]);
        queue.something().await;
        assert_eq!((queue.take(2), queue.is_empty()), (vec![3, 4], false));
        queue.something().await;
        assert_eq!((queue.take(2), queue.is_empty()), (vec![5], true));
        assert!(queue.take(2).is_empty());
    }
}
