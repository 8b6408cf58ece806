//! Map from Engine.IO sessions to the connections that carry them.
//!
//! Only sessions that began on polling are in it: one that was opened as a WebSocket has its connection in the extensions of
//! its opening request.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use engineioxide::socket::Sid;
use tokio::{sync::Notify, time::Instant};

use crate::{connection::Connection, queued_bytes::QueuedBytes};

/// Number of sessions below which the map is not searched for dead ones.
const PURGE_MIN_SESSIONS: usize = 64;

/// Sessions that began on polling.
#[derive(Default)]
pub(crate) struct Sessions {
    by_sid: HashMap<Sid, Session>,
    /// Size at which the map is purged next.
    purge_at: usize,
}

#[derive(Default)]
struct Session {
    /// Connections that were upgraded to WebSocket for this session. One, unless the client misbehaves.
    upgraded: Vec<Connection>,
    /// Bytes that wait for its next poll. Alive as long as the session's writer.
    queued: Weak<QueuedBytes>,
    /// Set while the session is being closed; notified of each answered poll.
    closing: Option<Arc<Notify>>,
    /// Whether the client has shown a valid token.
    is_authenticated: bool,
    /// When the client began its last request.
    last_request: Option<Instant>,
}

impl Sessions {
    /// Marks a session as closing. `None` if it already is.
    pub(crate) fn start_closing(&mut self, sid: Sid) -> Option<Arc<Notify>> {
        let session = self.by_sid.entry(sid).or_default();
        if session.closing.is_some() {
            return None;
        }
        let polled = Arc::new(Notify::new());
        session.closing = Some(Arc::clone(&polled));
        Some(polled)
    }

    /// Whether a session is being closed.
    pub(crate) fn is_closing(&self, sid: Sid) -> bool {
        self.by_sid.get(&sid).is_some_and(|session| session.closing.is_some())
    }

    /// Records that the client of a session has shown a valid token, for the connections that carry its requests.
    pub(crate) fn authenticate(&mut self, sid: Sid) {
        let session = self.by_sid.entry(sid).or_default();
        session.is_authenticated = true;
        for connection in &session.upgraded {
            connection.activity.authenticate();
        }
    }

    /// Whether the client of a session has shown a valid token.
    pub(crate) fn is_authenticated(&self, sid: Sid) -> bool {
        self.by_sid.get(&sid).is_some_and(|session| session.is_authenticated)
    }

    /// Records that the client of a session begins a request. No-op for an unknown session: the id comes from the client.
    pub(crate) fn record_request(&mut self, sid: Sid) {
        if let Some(session) = self.by_sid.get_mut(&sid) {
            session.last_request = Some(Instant::now());
        }
    }

    /// When the client of a session began its last request.
    pub(crate) fn last_request(&self, sid: Sid) -> Option<Instant> {
        self.by_sid.get(&sid)?.last_request
    }

    /// Subtracts the polls of a session from `queued` as long as that lives.
    pub(crate) fn track_polls(&mut self, sid: Sid, queued: &Arc<QueuedBytes>) {
        self.purge();
        self.by_sid.entry(sid).or_default().queued = Arc::downgrade(queued);
    }

    /// Records that a poll was answered with a body of this many bytes.
    pub(crate) fn polled(&self, sid: Sid, bytes: usize) {
        let Some(session) = self.by_sid.get(&sid) else { return };
        if let Some(polled) = &session.closing {
            polled.notify_one();
        }
        if let Some(queued) = session.queued.upgrade() {
            queued.subtract(bytes);
        }
    }

    /// Records that a connection was upgraded to WebSocket for a session.
    pub(crate) fn upgraded(&mut self, sid: Sid, connection: Connection) {
        self.purge();
        let session = self.by_sid.entry(sid).or_default();
        if session.is_authenticated {
            connection.activity.authenticate();
        }
        session.upgraded.retain(|connection| !connection.close.is_cancelled());
        session.upgraded.push(connection);
    }

    /// Connections that were upgraded for a session, the newest last.
    pub(crate) fn upgraded_connections(&self, sid: Sid) -> Vec<Connection> {
        self.by_sid.get(&sid).map(|session| session.upgraded.clone()).unwrap_or_default()
    }

    /// Removes a session; returns the connections that were upgraded for it.
    pub(crate) fn remove(&mut self, sid: Sid) -> Vec<Connection> {
        self.by_sid.remove(&sid).map(|session| session.upgraded).unwrap_or_default()
    }

    /// Removes dead sessions when the map has doubled since the last purge: amortized constant time per session.
    fn purge(&mut self) {
        if self.by_sid.len() < self.purge_at.max(PURGE_MIN_SESSIONS) {
            return;
        }
        self.by_sid.retain(|_, session| {
            session.closing.is_some()
                || session.queued.strong_count() > 0
                || session.upgraded.iter().any(|connection| !connection.close.is_cancelled())
        });
        self.purge_at = self.by_sid.len() * 2;
    }
}

#[cfg(test)]
mod tests;
