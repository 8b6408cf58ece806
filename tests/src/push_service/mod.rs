//! A push service for tests: RFC 8030 over TLS on loopback.
//!
//! It makes the subscriptions itself, so that it has their keys: it decrypts every message as the browser would, and checks
//! the VAPID token as a push service does. What it answers is set per subscription.

mod received;
mod subscription;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

pub use self::{
    received::{Received, Vapid},
    subscription::Subscription,
};
use crate::certificates::Certificates;

/// How a subscription is answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status; 0 closes the connection without one.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// How long the answer takes. A push service that hangs takes very long.
    pub delay: Duration,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// The running service. Its connections end with the runtime.
#[derive(Clone)]
pub struct PushService {
    address: SocketAddr,
    authority: Arc<str>,
    state: Arc<State>,
}

struct State {
    subscriptions: parking_lot::Mutex<HashMap<String, (Subscription, Answer)>>,
    received: watch::Sender<Vec<Received>>,
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
}

impl PushService {
    /// Starts a service on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let certificates = Certificates::new();
        let state = State {
            subscriptions: parking_lot::Mutex::default(),
            received: watch::Sender::new(Vec::new()),
            connections: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            max_in_flight: AtomicUsize::new(0),
        };
        let address = listener.local_addr().unwrap();
        let service = Self { address, authority: certificates.authority.clone().into(), state: Arc::new(state) };
        tokio::spawn(accept(listener, certificates, service.clone()));
        service
    }

    /// The certificate of the authority that its clients have to trust, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The exemption that lets the guard connect to it.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Makes a subscription that is answered with 201.
    pub fn subscribe(&self) -> Subscription {
        let mut subscriptions = self.state.subscriptions.lock();
        let token = format!("subscription-{}", subscriptions.len() + 1);
        let endpoint = format!("https://{}/push/{token}", self.host());
        let subscription = Subscription::new(token.clone(), endpoint);
        subscriptions.insert(token, (subscription.clone(), Answer::status(201)));
        subscription
    }

    /// Sets how a subscription is answered from now on.
    pub fn answer(&self, token: &str, answer: Answer) {
        self.state.subscriptions.lock().get_mut(token).unwrap().1 = answer;
    }

    /// Sets how all subscriptions are answered from now on.
    pub fn answer_all(&self, answer: &Answer) {
        for (_, present) in self.state.subscriptions.lock().values_mut() {
            *present = answer.clone();
        }
    }

    /// The messages so far, in the order in which they arrived.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.borrow().clone()
    }

    /// Waits until this many messages have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.state.received.subscribe();
        received.wait_for(|received| received.len() >= count).await.unwrap().clone()
    }

    /// Waits until more messages than this have arrived, and returns those after.
    pub async fn wait_for_more(&self, than: usize) -> Vec<Received> {
        let mut received = self.state.received.subscribe();
        received.wait_for(|received| received.len() > than).await.unwrap()[than..].to_vec()
    }

    /// Forgets the messages so far.
    pub fn forget(&self) {
        self.state.received.send_replace(Vec::new());
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// How many requests wait for an answer.
    pub fn in_flight(&self) -> usize {
        self.state.in_flight.load(Ordering::Relaxed)
    }

    /// The most requests that were waiting for an answer at once.
    pub fn max_in_flight(&self) -> usize {
        self.state.max_in_flight.load(Ordering::Relaxed)
    }

    async fn handle(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, ConnectionClosed> {
        let _in_flight = InFlight::begin(&self.state);
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| ConnectionClosed)?.to_bytes();
        let token = head.uri.path().strip_prefix("/push/").unwrap_or_default().to_owned();
        let known = self.state.subscriptions.lock().get(&token).cloned();
        let Some((subscription, answer)) = known else { return Ok(respond(&Answer::status(404))) };
        let origin = format!("https://{}", self.host());
        let received = Received::read(&token, &head, &body, &subscription, &origin, answer.status);
        self.state.received.send_modify(|all| all.push(received));
        sleep(answer.delay).await;
        if answer.status == 0 { Err(ConnectionClosed) } else { Ok(respond(&answer)) }
    }
}

/// A request that waits for an answer. It ends with its connection, too.
struct InFlight<'a>(&'a State);

impl<'a> InFlight<'a> {
    fn begin(state: &'a State) -> Self {
        let in_flight = state.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        state.max_in_flight.fetch_max(in_flight, Ordering::Relaxed);
        Self(state)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends a connection without an answer.
#[derive(Debug)]
struct ConnectionClosed;

impl std::fmt::Display for ConnectionClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is closed without an answer")
    }
}

impl std::error::Error for ConnectionClosed {}

fn respond(answer: &Answer) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(answer.body.clone().into())).unwrap()
}

async fn accept(listener: TcpListener, certificates: Certificates, service: PushService) {
    let certificates = Arc::new(certificates);
    while let Ok((stream, _)) = listener.accept().await {
        service.state.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(serve(stream, Arc::clone(&certificates), service.clone()));
    }
}

async fn serve(stream: TcpStream, certificates: Arc<Certificates>, service: PushService) {
    // A client that does not trust the authority ends the handshake, and one that gives up the connection.
    let Ok(stream) = certificates.acceptor.accept(stream).await else { return };
    let handle = service_fn(move |request| service.clone().handle(request));
    http1::Builder::new().serve_connection(TokioIo::new(stream), handle).await.ok();
}
