//! Server with the listener and the session tracking of this crate around a Socket.IO service with a few events.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use allynet_transport::{
    Connection, ConnectionTimeouts, Connections, EngineSession, Listener, Namespace, SOCKET_IO_PATH,
    SessionTrackingService, SessionWriter, Stream, WriteError,
    testing::{Client, Http, POLLING, within},
};
use axum::{
    Router,
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::map_request,
    routing::get,
    serve::IncomingStream,
};
use http::request::Parts;
use serde_json::{Value, json};
use socketioxide::{
    SocketIo, TransportType,
    extract::{AckSender, Data, SocketRef, State},
    handler::ConnectHandler as _,
    socket::{DisconnectReason, Sid},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

pub(crate) const NAMESPACE: &str = "/emergencies";
/// Length of the text in each event "big".
pub(crate) const BIG_PAYLOAD_BYTES: usize = 64 * 1024;
/// Capacity, in packets, of the queue of the engine.
pub(crate) const QUEUE: usize = 256;
/// Event that a client is sent before it is closed.
pub(crate) const ERROR: &str = r#"42/emergencies,["error",{"code":"account_blocked"}]"#;

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) connections: Connections,
    disconnected: mpsc::UnboundedSender<DisconnectReason>,
    handled: mpsc::UnboundedSender<u64>,
    stop: CancellationToken,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) close_all: CancellationToken,
    pub(crate) handled: mpsc::UnboundedReceiver<u64>,
    disconnected: mpsc::UnboundedReceiver<DisconnectReason>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(ConnectionTimeouts::default()).await
    }

    pub(crate) async fn with(timeouts: ConnectionTimeouts) -> Self {
        Self::with_engine(timeouts, QUEUE, Duration::from_secs(25)).await
    }

    /// Server whose engine queues this many packets for a session, and sends heartbeats at this interval.
    pub(crate) async fn with_engine(timeouts: ConnectionTimeouts, queue: usize, heartbeat: Duration) -> Self {
        let (disconnected, disconnections) = mpsc::unbounded_channel();
        let (handled, handlings) = mpsc::unbounded_channel();
        let connections = Connections::new();
        let app = App { connections: connections.clone(), disconnected, handled, stop: CancellationToken::new() };
        let (service, io) =
            SocketIo::builder().with_state(app).max_buffer_size(queue).ping_interval(heartbeat).build_svc();
        io.ns(NAMESPACE, (async || {}).with(register));
        let router = Router::new()
            .route("/health", get(async || "well"))
            .route_service(SOCKET_IO_PATH, SessionTrackingService::new(service, connections))
            .layer(map_request(attach_connection));

        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let close_all = CancellationToken::new();
        let listener = AxumListener(Listener::new(tcp, timeouts, close_all.clone()));
        let service = router.into_make_service_with_connect_info::<ConnectionInfo>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, close_all, handled: handlings, disconnected: disconnections }
    }

    /// Reason of the next disconnection.
    pub(crate) async fn disconnected(&mut self) -> DisconnectReason {
        within(self.disconnected.recv()).await.unwrap()
    }

    pub(crate) async fn websocket(&self, query: &str) -> Client {
        Client::over(TcpStream::connect(self.address).await.unwrap(), query).await
    }

    pub(crate) async fn http(&self) -> Http {
        Http::over(TcpStream::connect(self.address).await.unwrap())
    }

    /// A polling session that has joined the namespace: its query, and the connection it uses.
    pub(crate) async fn polling(&self) -> (String, Http) {
        let mut http = self.http().await;
        let (status, open) = http.get(POLLING).await;
        assert_eq!(status, 200);
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        let query = format!("{POLLING}&sid={}", open["sid"].as_str().unwrap());
        assert_eq!(http.post(&query, "40/emergencies,").await.0, 200);
        assert!(http.poll(&query).await.1.starts_with("40/emergencies,"));
        (query, http)
    }
}

/// Query with which a polling session is upgraded.
pub(crate) fn upgrade_query(polling: &str) -> String {
    polling.replace("polling", "websocket")
}

/// Registers the events. Runs as connect middleware, so that no event can arrive before its handler.
async fn register(socket: SocketRef, State(app): State<App>) -> Result<(), Infallible> {
    socket.on_disconnect(async |reason: DisconnectReason, State(app): State<App>| {
        app.disconnected.send(reason).ok();
    });
    let connections = app.connections.clone();
    socket.on("kick", move |socket: SocketRef, Data(before): Data<u32>| {
        for number in 0..before {
            socket.emit("before", &number).unwrap();
        }
        socket.emit("error", &json!({ "code": "account_blocked" })).unwrap();
        connections.close(EngineSocket(socket));
        std::future::ready(())
    });
    socket.on("flood", move |socket: SocketRef| {
        for _ in 0..QUEUE / 2 {
            socket.emit("big", &"x".repeat(BIG_PAYLOAD_BYTES)).unwrap();
        }
        std::future::ready(())
    });
    let connections = app.connections.clone();
    socket.on("overflow", move |socket: SocketRef| {
        while socket.emit("small", &0).is_ok() {}
        connections.close(EngineSocket(socket));
        std::future::ready(())
    });
    socket.on("work", move |Data(number): Data<u64>, State(app): State<App>| {
        app.handled.send(number).ok();
        std::future::ready(())
    });
    socket.on("echo", move |socket: SocketRef, Data(argument): Data<Value>, ack: AckSender| {
        socket.emit("echo", &argument).unwrap();
        ack.send(&argument).unwrap();
        std::future::ready(())
    });
    socket.on("count", move |socket: SocketRef, Data(numbers): Data<u32>| {
        for number in 0..numbers {
            socket.emit("number", &number).unwrap();
        }
        std::future::ready(())
    });
    let connections = app.connections.clone();
    socket.on("stream", move |socket: SocketRef, Data((count, size)): Data<(usize, usize)>, State(app): State<App>| {
        let writer = SessionWriter::new(&connections, &EngineSocket(socket.clone()));
        tokio::spawn(stream(socket, writer, (count, size), app));
        std::future::ready(())
    });
    socket.on("stop", move |State(app): State<App>| {
        app.stop.cancel();
        std::future::ready(())
    });
    socket.on("session", move |socket: SocketRef, ack: AckSender| {
        let peer = socket.req_parts().extensions.get::<Connection>().unwrap().peer;
        let transport: &str = socket.transport_type().into();
        ack.send(&json!({ "transport": transport, "port": peer.port() })).unwrap();
        std::future::ready(())
    });
    Ok(())
}

/// Sends events through a session's writer until one is refused or the client sends "stop", at most this many with a text of
/// this size. Reports how many were accepted.
async fn stream(socket: SocketRef, writer: SessionWriter, (count, size): (usize, usize), app: App) {
    let (namespace, session) = (Namespace::new(NAMESPACE), EngineSocket(socket.clone()));
    let first = namespace.event("first", &0).unwrap();
    writer.send_first(&session, &first, || socket.emit("first", &0)).unwrap();
    let mut accepted = 0;
    while accepted < count && !app.stop.is_cancelled() {
        let argument = json!({ "number": accepted, "text": "x".repeat(size) });
        let packet = namespace.event("next", &argument).unwrap();
        if let Err(error) = writer.send(&session, &packet, true, || socket.emit("next", &argument)) {
            assert!(matches!(error, WriteError::Full), "{error:?}");
            break;
        }
        accepted += 1;
        // Some microseconds: short enough that packets wait in the queue of the engine when an upgrade is completed.
        tokio::task::yield_now().await;
    }
    app.handled.send(accepted as u64).unwrap();
}

/// Socket as the session that this crate knows.
pub(crate) struct EngineSocket(pub(crate) SocketRef);

impl EngineSession for EngineSocket {
    fn sid(&self) -> Sid {
        self.0.id
    }

    fn transport(&self) -> TransportType {
        self.0.transport_type()
    }

    fn opening_request(&self) -> &Parts {
        self.0.req_parts()
    }

    fn is_connected(&self) -> bool {
        self.0.connected()
    }

    fn leave_namespace(&self) {
        self.0.clone().disconnect().ok();
    }
}

struct AxumListener(Listener);

impl axum::serve::Listener for AxumListener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[derive(Clone)]
struct ConnectionInfo(Connection);

impl Connected<IncomingStream<'_, AxumListener>> for ConnectionInfo {
    fn connect_info(stream: IncomingStream<'_, AxumListener>) -> Self {
        Self(stream.io().connection().clone())
    }
}

async fn attach_connection(ConnectInfo(info): ConnectInfo<ConnectionInfo>, mut request: Request) -> Request {
    request.extensions_mut().insert(info.0);
    request
}
