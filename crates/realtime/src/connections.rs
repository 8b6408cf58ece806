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
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use socketioxide::{TransportType, extract::SocketRef, socket::Sid};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt as _};

use crate::lane::Lane;

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
    /// The way out of it. Everything that is written goes through it.
    pub lane: Arc<Lane>,
}

/// How many bytes wait for a client that polls.
#[derive(Debug, Default)]
pub(crate) struct Owed(AtomicUsize);

impl Owed {
    /// How many there are.
    pub(crate) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// So many more.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A poll took so many. It took what is no payload as well, which is little.
    fn settle(&self, bytes: usize) {
        let rest = |owed: usize| Some(owed.saturating_sub(bytes));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).ok();
    }
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

/// Sessions that began on polling: what waits for them, to which connection they were upgraded, and which are being ended.
#[derive(Default)]
struct Sessions {
    by_sid: HashMap<Sid, Session>,
    purge_at: usize,
}

#[derive(Default)]
struct Session {
    /// The connections that were upgraded to WebSocket for this session. One, unless the client misbehaves.
    carriers: Vec<Connection>,
    /// What waits for it while it polls.
    owed: Weak<Owed>,
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
        let mut connections = self.sessions().carriers(socket.id);
        connections.extend(opening_websocket(socket).cloned());
        if connections.is_empty() {
            tracing::error!("no connection is known for a WebSocket: it leaves the namespace only");
            socket.clone().disconnect().ok();
        }
        for connection in connections {
            connection.close.cancel();
        }
    }

    /// The way out to a client on WebSocket. None while it polls.
    pub(crate) fn lane(&self, socket: &SocketRef) -> Option<Arc<Lane>> {
        if socket.transport_type() != TransportType::Websocket {
            return None;
        }
        if let Some(connection) = opening_websocket(socket) {
            return Some(Arc::clone(&connection.lane));
        }
        self.sessions().carriers(socket.id).pop().map(|connection| connection.lane)
    }

    /// Counts what polls take of what waits for a session, as long as `owed` lives.
    pub(crate) fn count_polled(&self, socket: &SocketRef, owed: &Arc<Owed>) {
        if opening_websocket(socket).is_none() {
            self.sessions().count_polled(socket.id, owed);
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
            carrier.close.cancel();
        }
    }

    /// What an answered request says about the session that it names, or opens.
    fn answered(&self, sid: Option<Sid>, polls: bool, response: &Response<impl Body>, on: Option<Connection>) {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(connection) = on else {
                return tracing::error!("a WebSocket request carries no `Connection`: it cannot be closed");
            };
            connection.lane.expect_frames();
            if let Some(sid) = sid {
                self.sessions().upgraded(sid, connection);
            }
        } else if let (Some(sid), true) = (sid, polls) {
            let taken = response.body().size_hint().exact().and_then(|taken| usize::try_from(taken).ok());
            self.sessions().polled(sid, taken.unwrap_or_default());
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

    fn count_polled(&mut self, sid: Sid, owed: &Arc<Owed>) {
        self.purge();
        self.by_sid.entry(sid).or_default().owed = Arc::downgrade(owed);
    }

    fn polled(&self, sid: Sid, taken: usize) {
        let Some(session) = self.by_sid.get(&sid) else { return };
        if let Some(polled) = &session.ending {
            polled.notify_one();
        }
        if let Some(owed) = session.owed.upgrade() {
            owed.settle(taken);
        }
    }

    fn upgraded(&mut self, sid: Sid, carrier: Connection) {
        self.purge();
        let session = self.by_sid.entry(sid).or_default();
        session.carriers.retain(|carrier| !carrier.close.is_cancelled());
        session.carriers.push(carrier);
    }

    fn carriers(&self, sid: Sid) -> Vec<Connection> {
        self.by_sid.get(&sid).map(|session| session.carriers.clone()).unwrap_or_default()
    }

    fn remove(&mut self, sid: Sid) -> Vec<Connection> {
        self.by_sid.remove(&sid).map(|session| session.carriers).unwrap_or_default()
    }

    /// Forgets sessions that have ended, when the map has doubled since the last time.
    fn purge(&mut self) {
        if self.by_sid.len() < self.purge_at.max(PURGE_MIN) {
            return;
        }
        self.by_sid.retain(|_, session| {
            session.ending.is_some()
                || session.owed.strong_count() > 0
                || session.carriers.iter().any(|carrier| !carrier.close.is_cancelled())
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
    R: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (sid, upgrades) = (session_id(request.uri()), asks_for_websocket(request.uri()));
        if sid.is_none() || upgrades {
            own_bytes(&mut request);
        }
        if sid.is_none() && !upgrades {
            return Box::pin(self.inner.call(request));
        }
        let connection = request.extensions().get::<Connection>().cloned();
        let polls = *request.method() == Method::GET && !upgrades;
        if !polls && sid.is_some_and(|sid| self.connections.sessions().is_ending(sid)) {
            *request.uri_mut() = Uri::from_static(NO_SESSION);
        }
        let response = self.inner.call(request);
        let connections = self.connections.clone();
        Box::pin(async move {
            let response = response.await?;
            connections.answered(sid, polls, &response, connection);
            Ok(response)
        })
    }
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

/// Copies the address and the headers of a request. As they come they are parts of the 16 KB into which it was read, and a
/// session keeps them for as long as it lives.
fn own_bytes<B>(request: &mut Request<B>) {
    // What was read once can be read again.
    if let Ok(uri) = Uri::try_from(request.uri().to_string()) {
        *request.uri_mut() = uri;
    }
    let copied = request.headers().iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    *request.headers_mut() = copied.collect::<HeaderMap>();
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
fn opening_websocket(socket: &SocketRef) -> Option<&Connection> {
    let request = socket.req_parts();
    if !asks_for_websocket(&request.uri) {
        return None;
    }
    request.extensions.get::<Connection>()
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
mod tests;
