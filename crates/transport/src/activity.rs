//! Activity of a connection: the phase that it is in, when the peer last sent something, and whether its client has
//! authenticated.
//!
//! Decides what is overdue and in which order connections are closed for want of descriptors. Closes nothing.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Deadlines by phase. A request that is being handled and a WebSocket have none here: handlers have deadlines of their own,
/// and the engine sends heartbeats.
#[derive(Clone, Copy, Debug)]
pub struct PhaseTimeouts {
    /// Time in which the head of a request has to arrive, counted from its first byte, and for the first request of a
    /// connection from its opening.
    pub head: Duration,
    /// Time for which a connection may wait for another request.
    pub idle: Duration,
}

impl Default for PhaseTimeouts {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), idle: Duration::from_mins(1) }
    }
}

/// Activity of one connection, recorded by whatever reads from it and answers its requests.
#[derive(Debug)]
pub struct Activity {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    since: Instant,
    last_read: Instant,
    is_authenticated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The head of a request is awaited or incomplete.
    Head,
    /// A request was answered, and no byte of another has arrived.
    Idle,
    /// A request is being handled.
    Request,
    /// The connection is a WebSocket.
    WebSocket,
}

/// Order in which connections are closed for want of descriptors: the smallest first. `Never` is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Eviction {
    /// No token was shown and no request is in progress; with the time of the last byte.
    Silent(Instant),
    /// No token was shown.
    Anonymous(Instant),
    /// A token was shown, and no request is in progress.
    Idle(Instant),
    /// A token was shown, and the connection is in use.
    Never,
}

impl Default for Activity {
    fn default() -> Self {
        let now = Instant::now();
        let state = State { phase: Phase::Head, since: now, last_read: now, is_authenticated: false };
        Self { state: Mutex::new(state) }
    }
}

impl Activity {
    /// Records that a request begins: its head is complete.
    pub fn begin_request(&self) {
        self.state.lock().enter(Phase::Request);
    }

    /// Records that the request was answered. No-op for a connection that has become a WebSocket.
    pub fn end_request(&self) {
        self.state.lock().enter(Phase::Idle);
    }

    /// Records that the client has shown a valid token.
    pub fn authenticate(&self) {
        self.state.lock().is_authenticated = true;
    }

    /// Whether the client has shown a valid token.
    pub fn is_authenticated(&self) -> bool {
        self.state.lock().is_authenticated
    }

    /// Whether the head of a request is awaited or incomplete. `false` between two requests, while no byte of the second has
    /// arrived.
    pub fn awaits_head(&self) -> bool {
        self.state.lock().phase == Phase::Head
    }

    /// Records that the connection becomes a WebSocket.
    pub(crate) fn upgrade(&self) {
        self.state.lock().enter(Phase::WebSocket);
    }

    /// Records that bytes were read.
    pub(crate) fn read(&self) {
        let mut state = self.state.lock();
        state.last_read = Instant::now();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    /// Whether the phase has exceeded its deadline.
    pub(crate) fn is_overdue(&self, now: Instant, timeouts: PhaseTimeouts) -> bool {
        let State { phase, since, .. } = *self.state.lock();
        let timeout = match phase {
            Phase::Head => timeouts.head,
            Phase::Idle => timeouts.idle,
            Phase::Request | Phase::WebSocket => return false,
        };
        now.saturating_duration_since(since) >= timeout
    }

    /// Rank of the connection in the order of eviction.
    pub(crate) fn eviction(&self) -> Eviction {
        let State { phase, last_read, is_authenticated, .. } = *self.state.lock();
        let is_waiting = matches!(phase, Phase::Head | Phase::Idle);
        match (is_authenticated, is_waiting) {
            (false, true) => Eviction::Silent(last_read),
            (false, false) => Eviction::Anonymous(last_read),
            (true, true) => Eviction::Idle(last_read),
            (true, false) => Eviction::Never,
        }
    }

    /// When bytes were read last; at first, when the connection was opened.
    pub(crate) fn last_read(&self) -> Instant {
        self.state.lock().last_read
    }

    /// Time of the last byte of a client that has not authenticated.
    pub(crate) fn anonymous_since(&self) -> Option<Instant> {
        let State { last_read, is_authenticated, .. } = *self.state.lock();
        (!is_authenticated).then_some(last_read)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        if self.phase != Phase::WebSocket {
            self.phase = phase;
            self.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: PhaseTimeouts = PhaseTimeouts { head: Duration::from_secs(10), idle: Duration::from_mins(1) };

    fn overdue(activity: &Activity) -> bool {
        activity.is_overdue(Instant::now(), TIMEOUTS)
    }

    async fn seconds(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_a_shorter_deadline_than_an_idle_connection() {
        let activity = Activity::default();
        assert!(activity.awaits_head());
        seconds(9).await;
        activity.read();
        assert!(!overdue(&activity));
        seconds(1).await;
        assert!(overdue(&activity), "bytes of the same head are no progress");

        activity.begin_request();
        seconds(1000).await;
        assert!(!overdue(&activity), "a handler has its own deadline");
        activity.end_request();
        assert!(!activity.awaits_head());
        seconds(59).await;
        assert!(!overdue(&activity));
        activity.read();
        seconds(9).await;
        assert!(!overdue(&activity));
        seconds(1).await;
        assert!(overdue(&activity), "the second head has begun");

        activity.begin_request();
        activity.end_request();
        seconds(60).await;
        assert!(overdue(&activity));
    }

    #[tokio::test(start_paused = true)]
    async fn a_websocket_has_no_deadline() {
        let activity = Activity::default();
        activity.begin_request();
        activity.upgrade();
        activity.end_request();
        activity.read();
        seconds(1000).await;
        assert!(!overdue(&activity));
    }

    #[tokio::test(start_paused = true)]
    async fn silent_strangers_are_evicted_first_and_connections_in_use_never() {
        let in_use = Activity::default();
        in_use.authenticate();
        in_use.begin_request();
        let idle = Activity::default();
        idle.authenticate();
        let anonymous = Activity::default();
        anonymous.begin_request();
        seconds(1).await;
        let older = Activity::default();
        seconds(1).await;
        let newer = Activity::default();
        let mut ranks = [&newer, &older, &anonymous, &idle, &in_use].map(Activity::eviction);
        ranks.sort();
        assert_eq!(ranks, [&older, &newer, &anonymous, &idle, &in_use].map(Activity::eviction));
        assert_eq!(in_use.eviction(), Eviction::Never);
    }
}
