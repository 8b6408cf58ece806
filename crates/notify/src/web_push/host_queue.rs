//! Bounds the requests in flight, per host and altogether, and lets hosts take turns.
//!
//! Hosts are chosen by strangers, and each can stop answering. So hosts share the permits, not requests: one host has at most
//! eight, a host that does not answer one, and half of them are for hosts that have accepted a push and answer promptly: a host
//! that takes its time would otherwise keep the permits from all others.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

/// Most requests in flight to one host.
const MAX_IN_FLIGHT_PER_HOST: usize = 8;
/// After this many timeouts in a row, a host has one request in flight at a time.
const TIMEOUTS_BEFORE_ONE_AT_A_TIME: u32 = 3;
/// Most requests in flight.
const MAX_IN_FLIGHT: usize = 64;
/// Most requests in flight to hosts that have not accepted a push since the start, or were slow.
const MAX_IN_FLIGHT_UNPROVEN: usize = MAX_IN_FLIGHT / 2;
/// A host is slow if an answer takes longer than this, its body included.
const MAX_PROMPT_TIME: Duration = Duration::from_secs(1);
/// How long a slow host counts as unproven. Without it, a host could be prompt once to be slow with eight.
const UNPROVEN_AFTER_SLOW: Duration = Duration::from_mins(1);
/// Most requests that wait, for one host and for all.
const MAX_WAITING_PER_HOST: usize = 1_024;
const MAX_WAITING: usize = 4 * MAX_WAITING_PER_HOST;
/// Most hosts without a request whose history is remembered.
const MAX_IDLE_HOSTS: usize = 1_024;

/// What a request says about its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostAnswer {
    /// It accepted the message.
    Accepted,
    /// It answered anything else, or refused the connection.
    Other,
    /// It did not answer in time.
    Timeout,
}

/// The queue in front of all hosts.
#[derive(Clone, Default)]
pub(super) struct HostQueue(Arc<Mutex<State>>);

/// A permit for one request to a host. It is free again when this is dropped; without [`leave`](Self::leave) nothing is noted
/// about the host.
pub(super) struct HostPermit {
    queue: HostQueue,
    host: Arc<str>,
    granted: Granted,
    granted_at: Instant,
}

/// The kind of a permit. It stays when the host becomes proven, or unproven, meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Granted {
    ToProven,
    ToUnproven,
}

impl HostQueue {
    /// Waits for a permit. `None` if there is none within `max_wait`, or too many wait. Cancel-safe.
    pub(super) async fn enter(&self, host: &str, max_wait: Duration) -> Option<HostPermit> {
        let host: Arc<str> = host.into();
        let granted = {
            let mut state = self.0.lock();
            let granted = state.enqueue(&host)?;
            state.grant();
            granted
        };
        let mut waiter = Waiter { queue: self, host: &host, granted };
        let granted = timeout(max_wait, &mut waiter.granted).await.ok()?.ok()?;
        Some(HostPermit { queue: self.clone(), host: Arc::clone(&host), granted, granted_at: Instant::now() })
    }
}

impl HostPermit {
    /// Frees the permit, and notes what the host did.
    pub(super) fn leave(self, answer: HostAnswer) {
        self.queue.0.lock().note(&self.host, answer, self.granted_at.elapsed());
    }
}

impl Drop for HostPermit {
    fn drop(&mut self) {
        self.queue.0.lock().release(&self.host, self.granted);
    }
}

/// A request that waits. If it stops to wait just after it was granted a permit, it gives the permit back.
struct Waiter<'a> {
    queue: &'a HostQueue,
    host: &'a Arc<str>,
    granted: oneshot::Receiver<Granted>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.granted.close();
        let mut state = self.queue.0.lock();
        // Empty once the permit was received: then a `HostPermit` owns it.
        if let Ok(granted) = self.granted.try_recv() {
            state.release(self.host, granted);
        } else {
            state.forget_waiters(self.host);
        }
    }
}

#[derive(Default)]
struct State {
    hosts: HashMap<Arc<str>, Host>,
    /// Hosts in order of their turns. Each has a request that waits and may have one more in flight.
    turns: Turns,
    in_flight: usize,
    in_flight_unproven: usize,
    waiting: usize,
}

/// The turns of proven hosts, and of all others.
#[derive(Default)]
struct Turns {
    proven: VecDeque<Arc<str>>,
    unproven: VecDeque<Arc<str>>,
    /// Whether the last permit went to a proven host: then an unproven one goes first.
    last_was_proven: bool,
}

#[derive(Default)]
struct Host {
    waiting: VecDeque<oneshot::Sender<Granted>>,
    in_flight: usize,
    timeouts_in_row: u32,
    has_accepted: bool,
    /// Until when it counts as unproven, because it was slow.
    unproven_until: Option<Instant>,
    /// Whether it is in one of the two queues of turns.
    has_turn: bool,
}

impl Host {
    fn is_proven(&self) -> bool {
        self.has_accepted && self.unproven_until.is_none_or(|until| Instant::now() >= until)
    }

    const fn max_in_flight(&self) -> usize {
        if self.timeouts_in_row >= TIMEOUTS_BEFORE_ONE_AT_A_TIME { 1 } else { MAX_IN_FLIGHT_PER_HOST }
    }
}

impl Turns {
    fn push(&mut self, host: Arc<str>, proven: bool) {
        if proven { self.proven.push_back(host) } else { self.unproven.push_back(host) }
    }

    /// Moves the turn of a host to the end of the other queue.
    fn move_to(&mut self, host: &Arc<str>, proven: bool) {
        let from = if proven { &mut self.unproven } else { &mut self.proven };
        from.retain(|other| other != host);
        self.push(Arc::clone(host), proven);
    }

    /// The next host. Proven and unproven ones alternate, as long as the unproven ones may have more in flight.
    fn next(&mut self, unproven_allowed: bool) -> Option<Arc<str>> {
        let unproven_first = self.last_was_proven || self.proven.is_empty();
        let host = if unproven_allowed && unproven_first { self.unproven.pop_front() } else { None };
        self.last_was_proven = host.is_none();
        host.or_else(|| self.proven.pop_front())
            .or_else(|| if unproven_allowed { self.unproven.pop_front() } else { None })
    }
}

impl State {
    /// Adds a request to those that wait. `None` if too many do.
    fn enqueue(&mut self, name: &Arc<str>) -> Option<oneshot::Receiver<Granted>> {
        let of_host = self.hosts.get(name).map_or(0, |host| host.waiting.len());
        if self.waiting >= MAX_WAITING || of_host >= MAX_WAITING_PER_HOST {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.hosts.entry(Arc::clone(name)).or_default().waiting.push_back(sender);
        self.waiting += 1;
        self.take_turn(name);
        Some(receiver)
    }

    /// Removes the requests to a host that have stopped to wait: they must not fill the queue.
    fn forget_waiters(&mut self, name: &Arc<str>) {
        let Some(host) = self.hosts.get_mut(name) else { return };
        let before = host.waiting.len();
        host.waiting.retain(|waiter| !waiter.is_closed());
        self.waiting -= before - host.waiting.len();
    }

    /// Gives a host a turn if it has use for one.
    fn take_turn(&mut self, name: &Arc<str>) {
        let Some(host) = self.hosts.get_mut(name) else { return };
        if !host.has_turn && !host.waiting.is_empty() && host.in_flight < host.max_in_flight() {
            host.has_turn = true;
            self.turns.push(Arc::clone(name), host.is_proven());
        }
    }

    /// Grants permits as long as there are any.
    fn grant(&mut self) {
        while self.in_flight < MAX_IN_FLIGHT {
            let unproven_allowed = self.in_flight_unproven < MAX_IN_FLIGHT_UNPROVEN;
            let Some(name) = self.turns.next(unproven_allowed) else { return };
            self.grant_to(&name);
            self.take_turn(&name);
        }
    }

    /// Grants a permit to the first request of a host that still waits.
    fn grant_to(&mut self, name: &Arc<str>) {
        let Some(host) = self.hosts.get_mut(name) else { return };
        host.has_turn = false;
        // It may have timed out while it waited for its turn.
        if host.in_flight >= host.max_in_flight() {
            return;
        }
        let granted = if host.is_proven() { Granted::ToProven } else { Granted::ToUnproven };
        while let Some(waiter) = host.waiting.pop_front() {
            self.waiting -= 1;
            if waiter.send(granted).is_ok() {
                host.in_flight += 1;
                self.in_flight += 1;
                self.in_flight_unproven += usize::from(granted == Granted::ToUnproven);
                return;
            }
        }
    }

    fn note(&mut self, name: &Arc<str>, answer: HostAnswer, took: Duration) {
        let Some(host) = self.hosts.get_mut(name) else { return };
        let was_proven = host.is_proven();
        if answer == HostAnswer::Timeout || took > MAX_PROMPT_TIME {
            host.unproven_until = Some(Instant::now() + UNPROVEN_AFTER_SLOW);
        }
        match answer {
            HostAnswer::Accepted => (host.has_accepted, host.timeouts_in_row) = (true, 0),
            HostAnswer::Other => host.timeouts_in_row = 0,
            HostAnswer::Timeout => host.timeouts_in_row = host.timeouts_in_row.saturating_add(1),
        }
        // The permits of the other kind may be the only free ones.
        let is_proven = host.is_proven();
        if host.has_turn && is_proven != was_proven {
            self.turns.move_to(name, is_proven);
        }
    }

    fn release(&mut self, name: &Arc<str>, granted: Granted) {
        // A host with a request in flight is not forgotten.
        if let Some(host) = self.hosts.get_mut(name) {
            host.in_flight -= 1;
            self.in_flight -= 1;
            self.in_flight_unproven -= usize::from(granted == Granted::ToUnproven);
        }
        self.take_turn(name);
        self.grant();
        self.forget_idle_hosts();
    }

    /// Forgets the history of hosts without requests when there are too many.
    fn forget_idle_hosts(&mut self) {
        if self.hosts.len() > MAX_IDLE_HOSTS {
            self.hosts.retain(|_, host| host.in_flight > 0 || !host.waiting.is_empty() || host.has_accepted);
        }
        if self.hosts.len() > 2 * MAX_IDLE_HOSTS {
            self.hosts.retain(|_, host| host.in_flight > 0 || !host.waiting.is_empty());
        }
    }
}

#[cfg(test)]
mod tests;
