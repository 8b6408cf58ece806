//! Open connections of a listener: their deadlines, and their number in total and by peer.
//!
//! A connection that has to make room is closed, never a listener blocked: a client that shows a token is always accepted.
//! Must not know HTTP.

use std::{cmp::Reverse, collections::HashMap, fmt, net::IpAddr, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::{
    activity::{Eviction, PhaseTimeouts},
    connection::Connection,
};

/// Time without a byte after which a connection may be closed because its peer has too many. A client needs less to send
/// its first request, or its token on a WebSocket.
const SILENCE_BEFORE_EVICTION: Duration = Duration::from_secs(2);
/// Largest number of connections that are closed at once to make room, so that the search for them is amortized.
const MAX_EVICTED_AT_ONCE: usize = 64;

/// The address by which a peer is counted, or `None` if it is not counted by address.
pub type PeerKey = dyn Fn(IpAddr) -> Option<IpAddr> + Send + Sync;

/// Limits of a listener's connections.
#[derive(Clone)]
pub struct ConnectionLimits {
    /// Deadlines by phase.
    pub timeouts: PhaseTimeouts,
    /// Maximum number of connections.
    pub total: usize,
    /// Maximum number of connections of one peer whose clients have not authenticated.
    pub anonymous_per_peer: usize,
    /// How peers are counted.
    pub peer_key: Arc<PeerKey>,
}

impl Default for ConnectionLimits {
    /// Deadlines only.
    fn default() -> Self {
        let timeouts = PhaseTimeouts::default();
        Self { timeouts, total: usize::MAX, anonymous_per_peer: usize::MAX, peer_key: Arc::new(|_| None) }
    }
}

impl fmt::Debug for ConnectionLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeouts, total, anonymous_per_peer, peer_key: _ } = self;
        let mut f = f.debug_struct("ConnectionLimits");
        f.field("timeouts", timeouts).field("total", total).field("anonymous_per_peer", anonymous_per_peer);
        f.finish_non_exhaustive()
    }
}

/// The open connections of a listener. Clones refer to the same ones.
#[derive(Clone, Debug)]
pub(crate) struct OpenConnections {
    limits: ConnectionLimits,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    by_id: HashMap<u64, Entry>,
    last_id: u64,
    evicted: u64,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    peer: Option<IpAddr>,
}

/// Registration of an open connection. The connection counts until this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    id: u64,
    open: Arc<Mutex<Open>>,
}

impl OpenConnections {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, open: Arc::default() }
    }

    /// Registers a connection that was accepted. `None` if there is no room and nothing may be closed to make some.
    pub(crate) fn add(&self, connection: &Connection) -> Option<OpenConnection> {
        let peer = (self.limits.peer_key)(connection.peer.ip().to_canonical());
        let mut open = self.open();
        if open.by_id.len() >= self.limits.total && open.evict(self.limits.total) == 0 {
            return None;
        }
        open.last_id += 1;
        let id = open.last_id;
        open.by_id.insert(id, Entry { connection: connection.clone(), peer });
        Some(OpenConnection { id, open: Arc::clone(&self.open) })
    }

    /// Closes connections that may be closed to make room, because the process has no descriptor left.
    pub(crate) fn make_room(&self) {
        let mut open = self.open();
        let count = open.by_id.len();
        open.evict(count);
    }

    /// Closes connections that are overdue, and the longest silent ones of peers with too many. To be called every second.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut open = self.open();
        let mut closed = Vec::new();
        let mut anonymous: HashMap<IpAddr, Vec<(Instant, u64)>> = HashMap::new();
        for (&id, Entry { connection, peer }) in &open.by_id {
            if connection.activity.is_overdue(now, self.limits.timeouts) {
                closed.push(id);
            } else if let (Some(peer), Some(last_read)) = (*peer, connection.activity.anonymous_since()) {
                anonymous.entry(peer).or_default().push((last_read, id));
            }
        }
        let overdue = closed.len();
        for mut of_peer in anonymous.into_values() {
            let excess = of_peer.len().saturating_sub(self.limits.anonymous_per_peer);
            of_peer.sort_unstable();
            of_peer.truncate(excess);
            let is_silent = |(last_read, _): &(Instant, u64)| now - *last_read >= SILENCE_BEFORE_EVICTION;
            closed.extend(of_peer.into_iter().filter(is_silent).map(|(_, id)| id));
        }
        open.evicted += (closed.len() - overdue) as u64;
        for id in closed {
            open.close(id);
        }
        let evicted = std::mem::take(&mut open.evicted);
        drop(open);
        if evicted > 0 {
            tracing::warn!(evicted, "too many connections: closed the longest silent ones");
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock()
    }
}

impl Open {
    /// Closes the first connections in the order of eviction, a share of `total`, and returns how many.
    fn evict(&mut self, total: usize) -> usize {
        let count = (total / 16).clamp(1, MAX_EVICTED_AT_ONCE);
        let ranked = self.by_id.iter().map(|(&id, entry)| (entry.connection.activity.eviction(), Reverse(id)));
        let mut ranked: Vec<_> = ranked.filter(|(eviction, _)| *eviction != Eviction::Never).collect();
        if ranked.len() > count {
            ranked.select_nth_unstable(count);
            ranked.truncate(count);
        }
        for (_, Reverse(id)) in &ranked {
            self.close(*id);
        }
        self.evicted += ranked.len() as u64;
        ranked.len()
    }

    /// Closes a connection, which counts no more from now on: its descriptor is free a moment later.
    fn close(&mut self, id: u64) {
        if let Some(Entry { connection, .. }) = self.by_id.remove(&id) {
            connection.close.cancel();
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let entry = self.open.lock().by_id.remove(&self.id);
        // After the lock is released: the last clone of a connection closes a descriptor.
        drop(entry);
    }
}

#[cfg(test)]
mod tests;
