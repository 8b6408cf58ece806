//! Inboxes over real sockets: events are handled in the order in which a client sent them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use allynet_realtime::{Inbox, PushError};
use allynet_transport::{
    SOCKET_IO_PATH,
    testing::{Client, WEBSOCKET, within},
};
use axum::Router;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef, State},
    handler::ConnectHandler as _,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};

const NAMESPACE: &str = "/emergencies";

#[derive(Clone)]
struct App {
    handled: mpsc::UnboundedSender<u64>,
    permits: Arc<Semaphore>,
}

struct Server {
    address: SocketAddr,
    handled: mpsc::UnboundedReceiver<u64>,
    permits: Arc<Semaphore>,
}

impl Server {
    async fn start() -> Self {
        let (handled, handlings) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(0));
        let (service, io) = SocketIo::builder().with_state(App { handled, permits: Arc::clone(&permits) }).build_svc();
        io.ns(NAMESPACE, (async || {}).with(register));
        let router = Router::new().route_service(SOCKET_IO_PATH, service);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(tcp, router).await.unwrap() });
        Self { address, handled: handlings, permits }
    }

    async fn connect(&self) -> Client {
        let mut client = Client::over(TcpStream::connect(self.address).await.unwrap(), WEBSOCKET).await;
        client.join(NAMESPACE).await;
        client
    }
}

/// Registers the events. Runs as connect middleware, so that no event can arrive before its handler.
async fn register(socket: SocketRef) -> Result<(), Infallible> {
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
            app.permits.acquire().await.unwrap().forget();
            app.handled.send(0).ok();
        };
        let answer = match inbox.push(job) {
            Ok(()) => "taken",
            Err(PushError::Full) => "full",
            Err(PushError::Closed) => "closed",
        };
        ack.send(answer).unwrap();
        std::future::ready(())
    });
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_socket_are_handled_in_the_order_in_which_they_were_sent() {
    let mut server = Server::start().await;
    let mut client = server.connect().await;
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
    let mut client = server.connect().await;
    for id in 0..4 {
        client.send(&format!(r#"42/emergencies,{id}["gated"]"#)).await;
        assert_eq!(client.text().await, format!(r#"43/emergencies,{id}["taken"]"#));
    }
    // The first one may or may not have left the queue: a fifth and a sixth cannot both fit.
    client.send(r#"42/emergencies,4["gated"]"#).await;
    client.text().await;
    client.send(r#"42/emergencies,5["gated"]"#).await;
    assert_eq!(client.text().await, r#"43/emergencies,5["full"]"#);
    server.permits.add_permits(4);
    for _ in 0..4 {
        within(server.handled.recv()).await.unwrap();
    }
}
