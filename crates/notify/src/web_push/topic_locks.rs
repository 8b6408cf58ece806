//! One push in flight per device and topic, so that an older message cannot arrive after the newer one that replaces it.

use std::{collections::HashMap, sync::Arc};

use allynet_domain::port::{KeyedHash, PushMessage};
use parking_lot::Mutex;
use tokio::sync;

/// The endpoint of a device, and a topic.
type Key = (String, KeyedHash);

/// A lock per device and topic, in order of arrival. It exists only while it is held or waited for.
#[derive(Default)]
pub(super) struct TopicLocks(Mutex<HashMap<Key, Arc<sync::Mutex<()>>>>);

/// A lock that is held until this is dropped.
pub(super) struct TopicLock<'a> {
    // Dropped in this order: released first, then forgotten if this was the last use of it.
    _held: sync::OwnedMutexGuard<()>,
    _usage: Usage<'a>,
}

impl TopicLocks {
    /// Waits for the lock of a message. Cancel-safe.
    pub(super) async fn lock(&self, message: &PushMessage) -> TopicLock<'_> {
        let key = (message.subscription.endpoint().to_owned(), message.topic);
        let lock = Arc::clone(self.0.lock().entry(key.clone()).or_default());
        let usage = Usage { locks: self, key, lock: Some(Arc::clone(&lock)) };
        TopicLock { _held: lock.lock_owned().await, _usage: usage }
    }
}

/// One use of a lock: held, or waited for.
struct Usage<'a> {
    locks: &'a TopicLocks,
    key: Key,
    lock: Option<Arc<sync::Mutex<()>>>,
}

impl Drop for Usage<'_> {
    fn drop(&mut self) {
        let mut locks = self.locks.0.lock();
        // Dropped under the lock of the map, so that of two uses which end at once the second sees itself as the last.
        drop(self.lock.take());
        if locks.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use allynet_domain::port::{PushPayload, PushSubscription, PushUrgency};
    use futures_util::FutureExt as _;

    use super::*;

    fn message(endpoint: &str, topic: u8) -> PushMessage {
        PushMessage {
            subscription: PushSubscription::new(endpoint.to_owned(), [4; 65], [0; 16]),
            payload: PushPayload::new(Vec::new()).unwrap(),
            ttl: Duration::ZERO,
            urgency: PushUrgency::High,
            topic: KeyedHash::new([topic; 16]),
        }
    }

    #[tokio::test]
    async fn the_same_topic_of_a_device_is_locked_and_others_are_not() {
        let locks = TopicLocks::default();
        let first = locks.lock(&message("a", 1)).await;
        let (same, other_topic, other_device) = (message("a", 1), message("a", 2), message("b", 1));
        let mut second = Box::pin(locks.lock(&same));
        let third = Box::pin(locks.lock(&same));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(locks.lock(&other_topic).now_or_never().is_some());
        assert!(locks.lock(&other_device).now_or_never().is_some());
        drop(first);
        let second = second.now_or_never().unwrap();
        assert!(third.now_or_never().is_none());
        drop(second);
        assert!(locks.lock(&same).now_or_never().is_some());
        assert!(locks.0.lock().is_empty(), "no lock is left behind");
    }
}
