//! Registry of the transports of all Socket.IO sessions, which closes a session together with its transport.
//!
//! The `disconnect` of the Socket.IO library leaves a namespace only: the transport stays open and the client may connect
//! again over it. [`Connections::close`] ends the Engine.IO session itself.
//!
//! Must not log a session id: on polling it authenticates requests.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use engineioxide::{TransportType, socket::Sid};
use http::{Response, StatusCode};
use http_body::Body;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};

use crate::{
    connection::Connection,
    engine::{EngineSession, opening_websocket},
    queued_bytes::QueuedBytes,
    session_trust::SessionTrust,
    sessions::Sessions,
    socket_writer::SocketWriter,
};

/// Time that a polling session which is being closed has to fetch what is queued for it.
const LAST_POLL_TIMEOUT: Duration = Duration::from_millis(500);

/// Time after which a connection that is being closed is taken to have ended.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Future of a boxed call.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Ends the polling session of an id inside the engine; resolves to whether the engine knew it.
pub(crate) type EndSession = dyn Fn(Sid) -> BoxFuture<bool> + Send + Sync;

/// The transports of all sessions of this process. A clone refers to the same ones.
///
/// It sees the sessions through [`SessionTrackingService`](crate::SessionTrackingService), which wraps the Socket.IO service.
#[derive(Clone, Default)]
pub struct Connections {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    /// Weak, because the service owns the event handlers and these own a clone of the registry.
    end_session: OnceLock<Weak<EndSession>>,
}

impl Connections {
    /// An empty registry. Created before the Socket.IO service, whose handlers need it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Closes a session and its transport. Returns at once; closing twice is a no-op.
    ///
    /// What was sent before still has half a second to arrive. Nothing that the client sends from now on is read, except
    /// what the server already holds in its buffers. The disconnect handler runs when the transport is gone, with the
    /// reason `TransportError` for WebSocket and `TransportClose` for polling.
    ///
    /// # Panics
    ///
    /// For a session that polls, outside of a Tokio runtime.
    pub fn close(&self, session: impl EngineSession + Send + Sync + 'static) {
        if session.transport() == TransportType::Websocket {
            return self.close_websocket(&session);
        }
        let started = self.sessions().start_closing(session.sid());
        if let Some(polled) = started {
            tokio::spawn(self.clone().close_polling(session, polled));
        }
    }

    /// Closes a session like [`close`](Self::close), and waits until nothing that is sent afterwards can reach the client.
    ///
    /// For a handshake: the official client reconnects by itself after a lost transport, and does not after a refusal.
    pub async fn close_and_wait(&self, session: impl EngineSession + Send + Sync) {
        if session.transport() == TransportType::Websocket {
            self.close_websocket(&session);
            for connection in self.websockets(&session) {
                // The writer gives up before that; a bound for the case that it does not.
                tokio::time::timeout(END_TIMEOUT, connection.ended.cancelled()).await.ok();
            }
            return;
        }
        let started = self.sessions().start_closing(session.sid());
        if let Some(polled) = started {
            self.clone().close_polling(session, polled).await;
        }
    }

    /// Records that the client of a session has shown a valid token, so that its connections are not counted by address.
    pub fn authenticate(&self, session: &impl EngineSession) {
        if let Some(trust) = trust(session) {
            trust.authenticate();
        }
        for connection in self.websockets(session) {
            connection.activity.authenticate();
        }
        if opening_websocket(session).is_none() {
            self.sessions().authenticate(session.sid());
        }
    }

    /// When anything came last from the client of a session: bytes on its WebSocket, such as the answer to a ping, or a request
    /// of a session that polls. `None` if nothing is known of it.
    pub fn last_received(&self, session: &impl EngineSession) -> Option<Instant> {
        let last_read = self.websockets(session).iter().map(|connection| connection.activity.last_read()).max();
        last_read.max(self.sessions().last_request(session.sid()))
    }

    /// Connections that carry a session as a WebSocket.
    fn websockets(&self, session: &impl EngineSession) -> Vec<Connection> {
        let mut connections = self.sessions().upgraded_connections(session.sid());
        connections.extend(opening_websocket(session).cloned());
        connections
    }

    fn close_websocket(&self, session: &impl EngineSession) {
        let connections = self.websockets(session);
        if connections.is_empty() {
            tracing::error!("cannot close a WebSocket: no connection is registered for it; leaving its namespace only");
            session.leave_namespace();
        }
        for connection in connections {
            connection.close.cancel();
        }
    }

    /// A polling session has no connection of its own, so the engine itself must end it. It does so when the client posts a
    /// close packet, and this is what is posted in the client's name, after the poll that fetches what is queued.
    async fn close_polling(self, session: impl EngineSession, polled: Arc<Notify>) {
        let answered = async {
            loop {
                polled.notified().await;
                // During an upgrade the engine answers every poll with a no-op, so that poll fetched nothing: wait for
                // the end of the upgrade instead, at most until the timeout.
                if self.sessions().upgraded_connections(session.sid()).is_empty() {
                    break;
                }
            }
        };
        tokio::time::timeout(LAST_POLL_TIMEOUT, answered).await.ok();

        // Without a service the process is shutting down, and every connection with it.
        let end_session = self.shared.end_session.get().and_then(Weak::upgrade);
        if let Some(end_session) = end_session
            && session.transport() == TransportType::Polling
        {
            let ended = end_session(session.sid()).await;
            // The client may have left, or completed its upgrade, in the same moment: then there is nothing to report.
            if !ended && session.transport() == TransportType::Polling && session.is_connected() {
                tracing::warn!("cannot close a polling session: the engine did not take the close packet");
                session.leave_namespace();
            }
        }
        // Last, because the entry keeps new requests of this session out until the engine has forgotten it.
        // A variable, or the lock would be held for the whole loop, while cancelling wakes others.
        let upgraded = self.sessions().remove(session.sid());
        for connection in upgraded {
            connection.close.cancel();
        }
    }

    /// Writer of a session's WebSocket. `None` while the session polls.
    pub(crate) fn writer(&self, session: &impl EngineSession) -> Option<Arc<SocketWriter>> {
        if session.transport() != TransportType::Websocket {
            return None;
        }
        if let Some(connection) = opening_websocket(session) {
            return Some(Arc::clone(&connection.writer));
        }
        self.sessions().upgraded_connections(session.sid()).pop().map(|connection| connection.writer)
    }

    /// Subtracts the polls of a session from `queued` as long as that lives.
    pub(crate) fn track_polls(&self, session: &impl EngineSession, queued: &Arc<QueuedBytes>) {
        if opening_websocket(session).is_none() {
            self.sessions().track_polls(session.sid(), queued);
        }
    }

    /// Registers how polling sessions are ended. `false` if that was registered before.
    pub(crate) fn register_end_session(&self, end_session: &Arc<EndSession>) -> bool {
        self.shared.end_session.set(Arc::downgrade(end_session)).is_ok()
    }

    /// Whether the client of a session has shown a valid token. Known for sessions that began on polling.
    pub(crate) fn is_authenticated(&self, sid: Sid) -> bool {
        self.sessions().is_authenticated(sid)
    }

    /// Records that the client of a session begins a request.
    pub(crate) fn record_request(&self, sid: Sid) {
        self.sessions().record_request(sid);
    }

    /// Whether a session is being closed.
    pub(crate) fn is_closing(&self, sid: Sid) -> bool {
        self.sessions().is_closing(sid)
    }

    /// Records what the response to a request says about the session that the request names or opens.
    pub(crate) fn answered(
        &self,
        sid: Option<Sid>,
        is_poll: bool,
        response: &Response<impl Body>,
        connection: Option<Connection>,
    ) {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(connection) = connection else {
                return tracing::error!("a WebSocket request carries no `Connection`: its session cannot be closed");
            };
            // Before the response is written, so that the writer sees its head from the first byte.
            connection.writer.expect_upgrade();
            connection.activity.upgrade();
            if let Some(sid) = sid {
                self.sessions().upgraded(sid, connection);
            }
        } else if let (Some(sid), true) = (sid, is_poll) {
            let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
            self.sessions().polled(sid, bytes.unwrap_or_default());
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.shared.sessions.lock()
    }
}

/// Trust in the client of a session. `None` if the session was opened without
/// [`SessionTrackingService`](crate::SessionTrackingService).
pub fn trust(session: &impl EngineSession) -> Option<&Arc<SessionTrust>> {
    session.opening_request().extensions.get()
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
