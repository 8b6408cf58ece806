//! Which transport carries which Socket.IO session, and how the server really ends one.
//!
//! `SocketRef::disconnect` leaves a namespace only: the transport stays, and the client may connect again
//! over it. [`Connections::close`] ends the Engine.IO session itself.
//!
//! Knows nothing of events, users or rooms. Never logs a session id: on polling it is a bearer.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode, Uri};
use socketioxide::{TransportType, extract::SocketRef, socket::Sid};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

/// The path of the Socket.IO endpoint, as clients write it. The service of [`Connections::wrap`] is mounted here.
pub const SOCKET_IO_PATH: &str = "/socket.io/";

/// How long a session on polling that is being ended waits for the poll that takes what is queued for it.
const GRACE: Duration = Duration::from_millis(500);

/// A session id that no session can have: the engine answers it with 400 "Session ID unknown".
const NO_SESSION: &str = "/socket.io/?EIO=4&transport=polling&sid=ended";

/// The number of remembered sessions below which looking for dead ones is not worth it.
const PURGE_MIN: usize = 64;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type EndSession = dyn Fn(Sid) -> BoxFuture<bool> + Send + Sync;

/// One accepted TCP connection. The server puts it into the extensions of each request that arrives on it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end of it (a proxy, if there is one in front).
    pub peer: SocketAddr,
    /// Cancelling it closes the connection: reads fail at once, writes after what is queued had a bounded
    /// chance. It MUST be cancelled as well when the connection ends by itself.
    pub close: CancellationToken,
}

/// The transports of all sessions of this process. A clone refers to the same ones.
#[derive(Clone, Default)]
pub struct Connections {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    end_session: OnceLock<Weak<EndSession>>,
}

/// Sessions that were upgraded to WebSocket, and sessions on polling that are being ended.
#[derive(Default)]
struct Sessions {
    by_sid: HashMap<Sid, Session>,
    purge_at: usize,
}

#[derive(Default)]
struct Session {
    /// The connections that were upgraded to WebSocket for this session. One, unless the client misbehaves.
    carriers: Vec<CancellationToken>,
    /// Set while the session is being ended; told of each poll that was answered.
    ending: Option<Arc<Notify>>,
}

impl Connections {
    /// No connections yet. Made before the Socket.IO service, whose handlers need it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches `service`, the one Socket.IO service of the process.
    ///
    /// Requests need a [`Connection`] in their extensions. Calling it again replaces nothing: sessions
    /// of a second service cannot be ended.
    pub fn wrap<S, B: 'static>(&self, service: S) -> Watched<S>
    where
        S: Service<Request<String>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let inner = service.clone();
        let end_session: Arc<EndSession> = Arc::new(move |sid| Box::pin(post_close_packet(inner.clone(), sid)));
        // Weak, because the service owns the handlers and these own `self`.
        if self.shared.end_session.set(Arc::downgrade(&end_session)).is_err() {
            tracing::error!("a second Socket.IO service is watched; its polling sessions cannot be ended");
        }
        Watched { inner: service, connections: self.clone(), _end_session: end_session }
    }

    /// Ends the Engine.IO session of `socket`, transport and all, and returns at once.
    ///
    /// What was emitted before still has a chance of about half a second to arrive. Nothing that the client
    /// sends from now on is read, except for what the server already holds in its buffers. The disconnect
    /// handler runs when the transport is gone: its reason is `TransportError` for WebSocket and
    /// `TransportClose` for polling. Must be called within a Tokio runtime; closing twice does no harm.
    pub fn close(&self, socket: &SocketRef) {
        if socket.transport_type() == TransportType::Websocket {
            return self.close_websocket(socket);
        }
        let started = self.sessions().start_ending(socket.id);
        if let Some(polled) = started {
            tokio::spawn(self.clone().end_polling(socket.clone(), polled));
        }
    }

    fn close_websocket(&self, socket: &SocketRef) {
        let mut tokens = self.sessions().carriers(socket.id);
        tokens.extend(opening_websocket(socket));
        if tokens.is_empty() {
            tracing::error!("no connection is known for a WebSocket: it leaves the namespace only");
            socket.clone().disconnect().ok();
        }
        for token in tokens {
            token.cancel();
        }
    }

    async fn end_polling(self, socket: SocketRef, polled: Arc<Notify>) {
        // While an upgrade is going on polls are answered with nothing: then it is worth waiting for its end.
        let answered = async {
            loop {
                polled.notified().await;
                if self.sessions().carriers(socket.id).is_empty() {
                    break;
                }
            }
        };
        tokio::time::timeout(GRACE, answered).await.ok();

        // Without a service the process is about to end, and every connection with it.
        let end_session = self.shared.end_session.get().and_then(Weak::upgrade);
        if let Some(end_session) = end_session
            && socket.transport_type() == TransportType::Polling
        {
            let ended = end_session(socket.id).await;
            // The client may have gone, or changed its transport, in the same moment.
            if !ended && socket.transport_type() == TransportType::Polling && socket.connected() {
                tracing::warn!("a polling session could not be ended: it leaves the namespace only");
                socket.clone().disconnect().ok();
            }
        }
        let carriers = self.sessions().remove(socket.id);
        for carrier in carriers {
            carrier.cancel();
        }
    }

    /// What an answered request with a session id says about the session.
    fn answered(&self, sid: Sid, method: &Method, status: StatusCode, on: Option<Connection>) {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            if *method == Method::GET {
                self.sessions().polled(sid);
            }
            return;
        }
        if let Some(connection) = on {
            self.sessions().upgraded(sid, connection.close);
        } else {
            tracing::error!("a WebSocket request carries no `Connection`: it cannot be closed");
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Marks the session as being ended. `None` when it already is.
    fn start_ending(&mut self, sid: Sid) -> Option<Arc<Notify>> {
        let session = self.by_sid.entry(sid).or_default();
        if session.ending.is_some() {
            return None;
        }
        let polled = Arc::new(Notify::new());
        session.ending = Some(Arc::clone(&polled));
        Some(polled)
    }

    fn is_ending(&self, sid: Sid) -> bool {
        self.by_sid.get(&sid).is_some_and(|session| session.ending.is_some())
    }

    fn polled(&self, sid: Sid) {
        if let Some(polled) = self.by_sid.get(&sid).and_then(|session| session.ending.as_ref()) {
            polled.notify_one();
        }
    }

    fn upgraded(&mut self, sid: Sid, carrier: CancellationToken) {
        self.purge();
        let session = self.by_sid.entry(sid).or_default();
        session.carriers.retain(|carrier| !carrier.is_cancelled());
        session.carriers.push(carrier);
    }

    fn carriers(&self, sid: Sid) -> Vec<CancellationToken> {
        self.by_sid.get(&sid).map(|session| session.carriers.clone()).unwrap_or_default()
    }

    fn remove(&mut self, sid: Sid) -> Vec<CancellationToken> {
        self.by_sid.remove(&sid).map(|session| session.carriers).unwrap_or_default()
    }

    /// Forgets sessions whose connections have ended, when the map has doubled since the last time.
    fn purge(&mut self) {
        if self.by_sid.len() < self.purge_at.max(PURGE_MIN) {
            return;
        }
        self.by_sid.retain(|_, session| {
            session.ending.is_some() || session.carriers.iter().any(|carrier| !carrier.is_cancelled())
        });
        self.purge_at = self.by_sid.len() * 2;
    }
}

/// The Socket.IO service, watched by [`Connections`].
#[derive(Clone)]
pub struct Watched<S> {
    inner: S,
    connections: Connections,
    _end_session: Arc<EndSession>,
}

impl<S, B, R> Service<Request<B>> for Watched<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(sid) = session_id(request.uri()) else {
            return Box::pin(self.inner.call(request));
        };
        let connection = request.extensions().get::<Connection>().cloned();
        let method = request.method().clone();
        let polls = method == Method::GET && !asks_for_websocket(request.uri());
        if !polls && self.connections.sessions().is_ending(sid) {
            *request.uri_mut() = Uri::from_static(NO_SESSION);
        }
        let response = self.inner.call(request);
        let connections = self.connections.clone();
        Box::pin(async move {
            let response = response.await?;
            connections.answered(sid, &method, response.status(), connection);
            Ok(response)
        })
    }
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

/// Sends the Engine.IO packet "close" in the name of the client; tells whether the session took it.
async fn post_close_packet<S, B>(service: S, sid: Sid) -> bool
where
    S: Service<Request<String>, Response = Response<B>>,
{
    let uri = format!("{SOCKET_IO_PATH}?EIO=4&transport=polling&sid={sid}");
    let Ok(request) = Request::post(uri).body("1".to_owned()) else {
        return false;
    };
    match service.oneshot(request).await {
        Ok(response) => response.status().is_success(),
        Err(_) => false,
    }
}

/// The connection on which the session was opened, if it was opened as a WebSocket.
fn opening_websocket(socket: &SocketRef) -> Option<CancellationToken> {
    let request = socket.req_parts();
    if !asks_for_websocket(&request.uri) {
        return None;
    }
    request.extensions.get::<Connection>().map(|connection| connection.close.clone())
}

/// The session id of a request, read exactly as the engine reads it.
fn session_id(uri: &Uri) -> Option<Sid> {
    parameter(uri, "sid=")?.parse().ok()
}

fn asks_for_websocket(uri: &Uri) -> bool {
    parameter(uri, "transport=").is_some_and(|transport| transport.starts_with("websocket"))
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_whose_connections_ended_are_forgotten() {
        let mut sessions = Sessions::default();
        let living = (Sid::new(), CancellationToken::new());
        sessions.upgraded(living.0, living.1.clone());
        for _ in 0..10 * PURGE_MIN {
            let ended = CancellationToken::new();
            sessions.upgraded(Sid::new(), ended.clone());
            ended.cancel();
        }
        assert!(sessions.by_sid.len() <= PURGE_MIN, "{} remembered", sessions.by_sid.len());
        assert_eq!(sessions.carriers(living.0), [living.1]);
    }

    #[test]
    fn many_living_sessions_are_all_kept() {
        let mut sessions = Sessions::default();
        let tokens: Vec<_> = (0..3 * PURGE_MIN).map(|_| (Sid::new(), CancellationToken::new())).collect();
        for (sid, token) in &tokens {
            sessions.upgraded(*sid, token.clone());
        }
        for (sid, token) in tokens {
            assert_eq!(sessions.remove(sid), [token]);
        }
    }

    #[test]
    fn a_session_is_ended_once() {
        let mut sessions = Sessions::default();
        let sid = Sid::new();
        assert!(!sessions.is_ending(sid));
        assert!(sessions.start_ending(sid).is_some());
        assert!(sessions.start_ending(sid).is_none());
        assert!(sessions.is_ending(sid));
        sessions.remove(sid);
        assert!(!sessions.is_ending(sid));
    }
}
