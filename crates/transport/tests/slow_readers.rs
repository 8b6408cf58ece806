//! Over real sockets: clients that do not read what they are sent.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use allynet_transport::{
    ConnectionTimeouts,
    testing::{Client, WEBSOCKET, within},
};
use socketioxide::socket::DisconnectReason;
use support::{BIG_PAYLOAD_BYTES, NAMESPACE, QUEUE, Server};
use tokio::{net::TcpSocket, time::Instant};

/// WebSocket that reads nothing by itself, over a connection with small buffers.
async fn narrow_client(server: &Server) -> Client {
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut client = Client::over(tcp.connect(server.address).await.unwrap(), WEBSOCKET).await;
    client.join(NAMESPACE).await;
    client
}

#[tokio::test]
async fn a_client_that_stops_reading_is_closed() {
    let stalled_write = Duration::from_millis(300);
    let mut server = Server::with(ConnectionTimeouts { stalled_write, ..ConnectionTimeouts::default() }).await;
    let mut client = narrow_client(&server).await;
    let start = Instant::now();
    client.send(r#"42/emergencies,["flood"]"#).await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert!(start.elapsed() >= stalled_write);
}

#[tokio::test]
async fn a_client_that_reads_slowly_stays_connected() {
    let stalled_write = Duration::from_secs(3);
    let mut server = Server::with(ConnectionTimeouts { stalled_write, ..ConnectionTimeouts::default() }).await;
    let mut client = narrow_client(&server).await;
    client.send(r#"42/emergencies,["flood"]"#).await;
    for _ in 0..QUEUE / 2 {
        assert!(client.text().await.len() > BIG_PAYLOAD_BYTES);
    }
    client.send(r#"42/emergencies,["work",5]"#).await;
    assert_eq!(within(server.handled.recv()).await, Some(5));
}

#[tokio::test]
async fn closing_a_client_that_does_not_read_does_not_wait_for_it() {
    let closing = Duration::from_millis(100);
    let mut server = Server::with(ConnectionTimeouts { closing, ..ConnectionTimeouts::default() }).await;
    let mut client = narrow_client(&server).await;
    client.send(r#"42/emergencies,["flood"]"#).await;
    client.send(r#"42/emergencies,["kick",0]"#).await;
    let start = Instant::now();
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_client_whose_queue_is_full_can_be_closed() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join(NAMESPACE).await;
    client.send(r#"42/emergencies,["overflow"]"#).await;
    for _ in 0..QUEUE {
        assert_eq!(client.text().await, r#"42/emergencies,["small",0]"#);
    }
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
}
