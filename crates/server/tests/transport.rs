//! Over real sockets: the server can end a connection for good, on every transport.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod clients;
#[path = "../src/listener.rs"]
mod listener;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use allynet_realtime::{Connections, Inbox, Refused, SOCKET_IO_PATH};
use axum::{Router, middleware::map_request, routing::get};
use clients::{Client, Http, OPEN, WEBSOCKET, within};
use listener::{Listener, Patience, Peer, attach_connection};
use serde_json::{Value, json};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef, State},
    handler::ConnectHandler as _,
    socket::DisconnectReason,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Semaphore, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "/emergencies";
const BIG: usize = 64 * 1024;
const QUEUE: usize = 256;

// --- the server under test

#[derive(Clone)]
struct App {
    connections: Connections,
    disconnected: mpsc::UnboundedSender<DisconnectReason>,
    handled: mpsc::UnboundedSender<u64>,
    gate: Arc<Semaphore>,
}

struct Server {
    address: SocketAddr,
    close_all: CancellationToken,
    disconnected: mpsc::UnboundedReceiver<DisconnectReason>,
    handled: mpsc::UnboundedReceiver<u64>,
    gate: Arc<Semaphore>,
}

impl Server {
    async fn start() -> Self {
        Self::with(Patience::default()).await
    }

    async fn with(patience: Patience) -> Self {
        let (disconnected, disconnections) = mpsc::unbounded_channel();
        let (handled, handlings) = mpsc::unbounded_channel();
        let (connections, gate) = (Connections::new(), Arc::new(Semaphore::new(0)));
        let app = App { connections: connections.clone(), disconnected, handled, gate: Arc::clone(&gate) };
        let (service, io) = SocketIo::builder().with_state(app).max_buffer_size(QUEUE).build_svc();
        io.ns(NAMESPACE, (async || {}).with(register));
        let router = Router::new()
            .route("/health", get(async || "well"))
            .route_service(SOCKET_IO_PATH, connections.wrap(service))
            .layer(map_request(attach_connection));

        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let close_all = CancellationToken::new();
        let listener = Listener::new(tcp, patience, close_all.clone());
        let service = router.into_make_service_with_connect_info::<Peer>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, close_all, disconnected: disconnections, handled: handlings, gate }
    }

    async fn disconnected(&mut self) -> DisconnectReason {
        within(self.disconnected.recv()).await.unwrap()
    }

    async fn websocket(&self, query: &str) -> Client {
        Client::over(TcpStream::connect(self.address).await.unwrap(), query).await
    }

    async fn http(&self) -> Http {
        Http::over(TcpStream::connect(self.address).await.unwrap())
    }

    /// A session on polling that has joined the namespace: its query, and the connection it uses.
    async fn polling(&self) -> (String, Http) {
        let mut http = self.http().await;
        let (status, open) = http.get(OPEN).await;
        assert_eq!(status, 200);
        let open: Value = serde_json::from_str(&open[1..]).unwrap();
        let query = format!("{OPEN}&sid={}", open["sid"].as_str().unwrap());
        assert_eq!(http.post(&query, "40/emergencies,").await.0, 200);
        assert!(http.poll(&query).await.1.starts_with("40/emergencies,"));
        (query, http)
    }
}

/// Runs as connect middleware, so that no event can come before the handlers.
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
        connections.close(&socket);
        std::future::ready(())
    });
    socket.on("flood", move |socket: SocketRef| {
        for _ in 0..QUEUE / 2 {
            socket.emit("big", &"x".repeat(BIG)).unwrap();
        }
        std::future::ready(())
    });
    let connections = app.connections.clone();
    socket.on("overflow", move |socket: SocketRef| {
        while socket.emit("small", &0).is_ok() {}
        connections.close(&socket);
        std::future::ready(())
    });
    let worker = Arc::new(Inbox::new(1000));
    socket.on("work", move |Data(number): Data<u64>, State(app): State<App>| {
        let job = async move {
            for _ in 0..number % 7 {
                tokio::task::yield_now().await;
            }
            app.handled.send(number).ok();
        };
        worker.push(job).unwrap();
        std::future::ready(())
    });
    let inbox = Arc::new(Inbox::new(4));
    socket.on("gated", move |ack: AckSender, State(app): State<App>| {
        let job = async move {
            app.gate.acquire().await.unwrap().forget();
            app.handled.send(0).ok();
        };
        let answer = match inbox.push(job) {
            Ok(()) => "taken",
            Err(Refused::Full) => "full",
            Err(Refused::Closed) => "closed",
        };
        ack.send(answer).unwrap();
        std::future::ready(())
    });
    Ok(())
}

const ERROR: &str = r#"42/emergencies,["error",{"code":"account_blocked"}]"#;

// --- closing

#[tokio::test]
async fn a_kicked_websocket_gets_what_was_queued_and_is_gone() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join().await;
    client.send(r#"42/emergencies,["kick",100]"#).await;
    for number in 0..100 {
        assert_eq!(client.text().await, format!(r#"42/emergencies,["before",{number}]"#));
    }
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
}

#[tokio::test]
async fn a_kicked_websocket_that_came_from_polling_is_gone() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let websocket = query.replace("polling", "websocket");
    let mut client = server.websocket(&websocket).await;
    client.upgrade().await;
    client.send(r#"42/emergencies,["kick",0]"#).await;
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);

    assert_eq!(http.post(&query, "40/emergencies,").await.0, 400);
    assert_eq!(http.get(&query).await.0, 400);
    server.websocket(&websocket).await.assert_ended().await;
}

#[tokio::test]
async fn a_kicked_polling_client_gets_what_was_queued_and_is_gone() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut poll = server.http().await;
    let kick = http.post(&query, r#"42/emergencies,["kick",0]"#);
    let (polled, kicked) = tokio::join!(poll.poll(&query), kick);
    assert_eq!((polled, kicked.0), ((200, ERROR.to_owned()), 200));
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);

    for body in ["40/emergencies,", r#"42/emergencies,["work",1]"#] {
        let (status, answer) = http.post(&query, body).await;
        assert_eq!((status, answer.contains("Session ID unknown")), (400, true));
    }
    assert_eq!(poll.get(&query).await.0, 400);
    server.websocket(&query.replace("polling", "websocket")).await.assert_ended().await;
    assert!(server.handled.try_recv().is_err());
}

#[tokio::test]
async fn a_kicked_polling_client_that_was_not_polling_can_fetch_the_error_but_do_nothing() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    assert_eq!(http.post(&query, r#"42/emergencies,["work",1]"#).await.0, 400);
    assert_eq!(http.poll(&query).await, (200, ERROR.to_owned()));
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);
    assert_eq!(http.get(&query).await.0, 400);
    assert!(server.handled.try_recv().is_err());
}

#[tokio::test]
async fn a_kicked_polling_client_that_never_polls_is_gone_soon() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn a_client_kicked_during_its_upgrade_is_gone() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut client = server.websocket(&query.replace("polling", "websocket")).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    client.send("5").await;
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn a_client_that_stops_halfway_through_its_upgrade_can_be_kicked() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut client = server.websocket(&query.replace("polling", "websocket")).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    server.disconnected().await;
    client.assert_ended().await;
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn leaving_the_namespace_and_joining_again_does_not_protect_from_a_kick() {
    let mut server = Server::start().await;
    let (query, _http) = server.polling().await;
    let mut client = server.websocket(&query.replace("polling", "websocket")).await;
    client.upgrade().await;
    client.send("41/emergencies,").await;
    assert_eq!(server.disconnected().await, DisconnectReason::ClientNSDisconnect);
    client.send("40/emergencies,").await;
    assert!(client.text().await.starts_with("40/emergencies,"));
    client.send(r#"42/emergencies,["kick",0]"#).await;
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    server.disconnected().await;
}

#[tokio::test]
async fn closing_all_ends_idle_http_and_websocket_connections() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join().await;
    let (query, mut http) = server.polling().await;
    http.send("GET", &query, "").await;
    server.close_all.cancel();
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert_eq!(within(http.stream.read_u8()).await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

// --- clients that do not read

/// A WebSocket whose owner reads nothing, over a connection that takes little.
async fn deaf_client(server: &Server) -> Client {
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut client = Client::over(tcp.connect(server.address).await.unwrap(), WEBSOCKET).await;
    client.join().await;
    client
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed() {
    let stalled = Duration::from_millis(300);
    let mut server = Server::with(Patience { stalled, ..Patience::default() }).await;
    let mut client = deaf_client(&server).await;
    let start = Instant::now();
    client.send(r#"42/emergencies,["flood"]"#).await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert!(start.elapsed() >= stalled);
}

#[tokio::test]
async fn a_client_that_reads_over_a_narrow_connection_is_kept() {
    let stalled = Duration::from_secs(3);
    let mut server = Server::with(Patience { stalled, ..Patience::default() }).await;
    let mut client = deaf_client(&server).await;
    client.send(r#"42/emergencies,["flood"]"#).await;
    for _ in 0..QUEUE / 2 {
        assert!(client.text().await.len() > BIG);
    }
    client.send(r#"42/emergencies,["work",5]"#).await;
    assert_eq!(within(server.handled.recv()).await, Some(5));
}

#[tokio::test]
async fn a_kicked_client_that_does_not_read_is_gone_soon() {
    let closing = Duration::from_millis(100);
    let mut server = Server::with(Patience { closing, ..Patience::default() }).await;
    let mut client = deaf_client(&server).await;
    client.send(r#"42/emergencies,["flood"]"#).await;
    client.send(r#"42/emergencies,["kick",0]"#).await;
    let start = Instant::now();
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_client_whose_queue_is_full_can_be_cut_off() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join().await;
    client.send(r#"42/emergencies,["overflow"]"#).await;
    for _ in 0..QUEUE {
        assert_eq!(client.text().await, r#"42/emergencies,["small",0]"#);
    }
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
}

// --- the order of events

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_socket_are_handled_in_the_order_in_which_it_sent_them() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join().await;
    for number in 0..500 {
        client.send(&format!(r#"42/emergencies,["work",{number}]"#)).await;
    }
    for number in 0..500 {
        assert_eq!(within(server.handled.recv()).await, Some(number));
    }
}

#[tokio::test]
async fn events_beyond_the_capacity_of_the_inbox_are_refused_with_an_answer() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join().await;
    for id in 0..4 {
        client.send(&format!(r#"42/emergencies,{id}["gated"]"#)).await;
        assert_eq!(client.text().await, format!(r#"43/emergencies,{id}["taken"]"#));
    }
    // The first one may or may not have left the queue: a fifth and a sixth cannot both fit.
    client.send(r#"42/emergencies,4["gated"]"#).await;
    client.text().await;
    client.send(r#"42/emergencies,5["gated"]"#).await;
    assert_eq!(client.text().await, r#"43/emergencies,5["full"]"#);
    server.gate.add_permits(4);
    for _ in 0..4 {
        within(server.handled.recv()).await.unwrap();
    }
}
