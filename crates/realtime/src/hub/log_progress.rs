//! How far this node has followed the event log, for parts that must wait for it.
//!
//! Knows nothing of connections.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use allynet_domain::{EventId, port};
use tokio::sync::watch;

/// How long a request waits for this node to deliver an event that the database already knows.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client that has seen more of the log than this node waits for it.
///
/// A lost notification delays a node by a second, until it polls; this is a little more.
const CLIENT_AHEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Progress of this node in the event log.
#[derive(Debug)]
pub(crate) struct LogProgress {
    opened: watch::Sender<bool>,
    /// The last event that the hub has taken in: its recipients and the effects on rooms are known.
    reached: watch::Sender<EventId>,
    /// The last event that was handed to all its recipients on this node, as were all before it.
    delivered: watch::Sender<EventId>,
    failing: AtomicBool,
}

impl LogProgress {
    /// No progress: the log is not followed yet.
    pub(crate) fn new() -> Self {
        Self {
            opened: watch::Sender::new(false),
            reached: watch::Sender::new(EventId::START),
            delivered: watch::Sender::new(EventId::START),
            failing: AtomicBool::new(false),
        }
    }

    /// Records that the log is followed from `position`.
    pub(crate) fn open(&self, position: EventId) {
        // `send_replace`, unlike `send`, stores the value when there is no receiver.
        self.reached.send_replace(position);
        self.delivered.send_replace(position);
        self.opened.send_replace(true);
    }

    /// Records that the hub has taken in this event and all before it.
    pub(crate) fn reached(&self, event: EventId) {
        self.reached.send_replace(event);
    }

    /// Records that this event and all before it were handed to all their recipients.
    pub(crate) fn delivered(&self, event: EventId) {
        self.delivered.send_replace(event);
    }

    /// Records whether reading the log fails at present.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    /// Whether the log is followed, and reading it does not fail.
    pub(crate) fn is_following(&self) -> bool {
        *self.opened.borrow() && !self.failing.load(Ordering::Relaxed)
    }

    /// Waits until the log is followed for the first time.
    pub(crate) async fn until_open(&self) {
        // An error would mean that the sender was dropped, which lives as long as `self`.
        self.opened.subscribe().wait_for(|opened| *opened).await.ok();
    }

    /// Waits until this event and all before it were handed to all their recipients.
    pub(crate) async fn until_delivered(&self, event: EventId) {
        self.delivered.subscribe().wait_for(|delivered| *delivered >= event).await.ok();
    }

    /// Waits until the hub has taken in everything that a read of the database may have been based on.
    ///
    /// The database may be ahead of this node. Without the wait, a connection could enter the rooms of an emergency
    /// that the node has yet to see ending, or would not be sent an end that is already part of the read. Broadcasts that
    /// are still being delivered to other connections do not matter.
    ///
    /// # Errors
    ///
    /// `Unavailable` if that takes longer than five seconds.
    pub(crate) async fn catch_up_to(&self, as_of: EventId) -> port::Result<()> {
        let caught_up = tokio::time::timeout(CATCH_UP_TIMEOUT, self.until_reached(as_of)).await;
        caught_up.map_err(|_| port::Error::unavailable("this node is too far behind the event log"))
    }

    /// Gives this node some time to reach an event that a client has seen on another node.
    pub(crate) async fn wait_for_client(&self, last_event: EventId) {
        if last_event == EventId::UNKNOWN {
            return;
        }
        tokio::time::timeout(CLIENT_AHEAD_TIMEOUT, self.until_reached(last_event)).await.ok();
    }

    async fn until_reached(&self, event: EventId) {
        self.reached.subscribe().wait_for(|reached| *reached >= event).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn catching_up_waits_for_the_event_and_fails_if_the_node_is_too_far_behind() {
        let progress = LogProgress::new();
        progress.open(EventId::new(10));
        progress.catch_up_to(EventId::new(10)).await.unwrap();
        let mut waiting = Box::pin(progress.catch_up_to(EventId::new(12)));
        assert!(waiting.as_mut().now_or_never().is_none());
        progress.reached(EventId::new(11));
        assert!(waiting.as_mut().now_or_never().is_none());
        progress.reached(EventId::new(13));
        waiting.await.unwrap();
        // Time is paused: it jumps to the deadline.
        let behind = progress.catch_up_to(EventId::new(14)).await;
        assert!(matches!(behind, Err(port::Error::Unavailable(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_ahead_of_the_node_is_not_kept_waiting_for_ever() {
        let progress = LogProgress::new();
        progress.open(EventId::new(10));
        progress.wait_for_client(EventId::new(99)).await;
    }

    #[tokio::test]
    async fn no_node_is_waited_for_to_reach_an_unknown_event() {
        let progress = LogProgress::new();
        progress.open(EventId::new(10));
        assert!(progress.wait_for_client(EventId::UNKNOWN).now_or_never().is_some());
    }

    #[test]
    fn the_log_is_followed_once_it_is_open_and_while_reading_it_does_not_fail() {
        let progress = LogProgress::new();
        assert!(!progress.is_following());
        progress.open(EventId::START);
        assert!(progress.is_following());
        progress.set_failing(true);
        assert!(!progress.is_following());
        progress.set_failing(false);
        assert!(progress.is_following());
    }
}
