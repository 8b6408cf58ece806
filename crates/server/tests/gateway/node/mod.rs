//! Node with scripted ports: the gateway behind the real listener, a log that the test writes, and accounts that are derived
//! from the token `<user>` or `<user> <seconds until it expires>`.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use allynet_domain::{
    EmergencyId, Event, EventId, LoggedEvent, Timestamp, UserId,
    port::{Error, Result},
};
use allynet_realtime::{Gateway, GatewayPorts, gateway};
use allynet_server::listener::serve;
use allynet_transport::{
    ConnectionTimeouts, Listener, SOCKET_IO_PATH,
    testing::{Client, Http, POLLING, WEBSOCKET},
};
use allynet_wire::{limits::Limits, origin::Origins};
use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, watch},
};
use tokio_util::sync::CancellationToken;

mod ports;
mod script;

use ports::{Feed, ports};
use script::LAST_EVENT_BEFORE;
pub(crate) use script::{Script, account, emergency, raised, session, user};

pub(crate) struct Node {
    pub(crate) script: Arc<Script>,
    pub(crate) gateway: Gateway,
    pub(crate) acknowledged: mpsc::UnboundedReceiver<(EmergencyId, UserId)>,
    measured: PrometheusHandle,
    address: SocketAddr,
    log: mpsc::UnboundedSender<Result<Vec<LoggedEvent>>>,
    last: AtomicI64,
    _stop: tokio_util::sync::DropGuard,
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::failing(0).await
    }

    /// Node whose log fails to open this many times.
    pub(crate) async fn failing(failures: u32) -> Self {
        Self::with(failures, Limits::none()).await
    }

    /// Node with rate limits.
    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with(0, limits).await
    }

    async fn with(failures: u32, limits: Limits) -> Self {
        let script = Arc::new(Script {
            live: Mutex::default(),
            as_of: Mutex::new(EventId::START),
            accounts: watch::Sender::new(true),
            looked_up: Notify::new(),
            positions: watch::Sender::new(true),
            storing: Notify::new(),
            stored: Mutex::default(),
            failures: failures.into(),
        });
        let (log, events) = mpsc::unbounded_channel();
        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let feed = Feed { script: Arc::clone(&script), events: Mutex::new(Some(events)) };
        let ports = GatewayPorts { limits, ..ports(&script, feed, acknowledge) };
        let recorder = PrometheusBuilder::new().build_recorder();
        let (service, gateway, dispatcher) =
            metrics::with_local_recorder(&recorder, || gateway(ports, Origins::default()));
        let router = Router::new().route_service(SOCKET_IO_PATH, service);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let stop = CancellationToken::new();
        let listener = Listener::new(tcp, ConnectionTimeouts::default(), stop.clone());
        tokio::spawn(serve(listener, router, stop.clone()));
        tokio::spawn(dispatcher.run(stop.clone()));
        let (last, stop) = (AtomicI64::new(LAST_EVENT_BEFORE), stop.drop_guard());
        let measured = recorder.handle();
        Self { script, gateway, acknowledged, measured, address, log, last, _stop: stop }
    }

    /// Appends to the log. Returns the id of the event.
    pub(crate) fn happens(&self, emergency: Option<EmergencyId>, event: Event) -> i64 {
        let seq = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        let at = Timestamp::UNIX_EPOCH;
        let event = LoggedEvent { id: EventId::new(seq), at, emergency, actor: None, event };
        self.log.send(Ok(vec![event])).unwrap();
        seq
    }

    /// Value of a metric, given with its labels.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        self.gateway.measure();
        let text = self.measured.render();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series} is not in {text}")).parse().unwrap()
    }

    /// Makes reading the log fail once.
    pub(crate) fn log_fails(&self) {
        self.log.send(Err(Error::unavailable("the test says so"))).unwrap();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// WebSocket that has received its session id, and no more.
    pub(crate) async fn websocket(&self) -> Client {
        let mut client = Client::over(self.tcp().await, WEBSOCKET).await;
        assert!(client.text().await.starts_with('0'));
        client
    }

    /// WebSocket of a user after `session:ready`.
    pub(crate) async fn connect(&self, who: u128) -> Client {
        self.attach(self.websocket().await, &who.to_string()).await
    }

    pub(crate) async fn attach(&self, mut client: Client, token: &str) -> Client {
        client.send(&format!(r#"40/emergencies,{{"token":"{token}"}}"#)).await;
        assert!(client.text().await.starts_with("40/emergencies,{"));
        let (name, ready) = client.event().await;
        assert_eq!((name.as_str(), ready["latestEventId"].as_i64().is_some()), ("session:ready", true));
        client
    }

    /// Polling session without a namespace: the connection it uses, and its query.
    pub(crate) async fn open_polling(&self) -> (Http, String) {
        let mut http = Http::over(self.tcp().await);
        let open: Value = serde_json::from_str(&http.get(POLLING).await.1[1..]).unwrap();
        (http, format!("{POLLING}&sid={}", open["sid"].as_str().unwrap()))
    }

    /// Polling session of a user after `session:ready`: its query, and the connection it uses.
    pub(crate) async fn poll(&self, who: u128) -> (String, Http) {
        let (mut http, query) = self.open_polling().await;
        let connect = format!(r#"40/emergencies,{{"token":"{who}"}}"#);
        assert_eq!(http.post(&query, &connect).await.0, 200);
        let mut greeting = String::new();
        while !greeting.contains("session:ready") {
            greeting += &http.poll(&query).await.1;
        }
        (query, http)
    }
}
