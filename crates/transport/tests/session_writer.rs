//! Over real sockets: the writer of a session keeps the order of its packets across an upgrade, and bounds what waits.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use allynet_transport::{
    ConnectionTimeouts, MAX_QUEUED_BYTES,
    testing::{Client, WEBSOCKET, as_event, within},
};
use support::{NAMESPACE, Server, upgrade_query};
use tokio::net::TcpSocket;

/// Length of the text in each event where few large ones are sent.
const LARGE: usize = 4096;

/// Number of an event "next". `None` for other packets.
fn number(packet: &str) -> Option<u64> {
    let (name, argument, _) = as_event(packet)?;
    if name == "next" { argument["number"].as_u64() } else { None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_keep_their_order_across_an_upgrade() {
    // More packets than the bound on bytes lets wait: an upgrade needs room in the queue.
    const CAPACITY: usize = MAX_QUEUED_BYTES / 32;
    const AFTER_UPGRADE: usize = 300;
    // Several rounds, because the moment in which a packet could overtake others is short.
    for round in 0..32 {
        let polls_before = round % 4;
        let mut server = Server::with_engine(ConnectionTimeouts::default(), CAPACITY, Duration::from_secs(25)).await;
        let (query, mut http) = server.polling().await;
        assert_eq!(http.post(&query, r#"42/emergencies,["stream",1000000,0]"#).await.0, 200);
        let mut received = Vec::new();
        for _ in 0..polls_before {
            let (status, body) = http.get(&query).await;
            assert_eq!(status, 200);
            received.extend(body.split('\x1e').filter_map(number));
        }
        let mut client = server.websocket(&upgrade_query(&query)).await;
        client.upgrade().await;
        let polled = received.len();
        while received.len() < polled + AFTER_UPGRADE {
            received.extend(number(&client.text().await));
        }
        client.send(r#"42/emergencies,["stop"]"#).await;
        let sent = within(server.handled.recv()).await.unwrap();
        while received.last() != Some(&(sent - 1)) {
            received.extend(number(&client.text().await));
        }
        assert_eq!(received, (0..sent).collect::<Vec<_>>(), "after {polls_before} polls");
    }
}

#[tokio::test]
async fn bytes_that_wait_for_a_client_that_does_not_poll_are_bounded() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, &format!(r#"42/emergencies,["stream",1000,{LARGE}]"#)).await.0, 200);
    let accepted = within(server.handled.recv()).await.unwrap();
    let bytes = usize::try_from(accepted).unwrap() * LARGE;
    assert!((MAX_QUEUED_BYTES / 2..MAX_QUEUED_BYTES).contains(&bytes), "{bytes} bytes accepted");
    let mut received = Vec::new();
    while received.last() != Some(&(accepted - 1)) {
        let (status, body) = http.get(&query).await;
        assert_eq!(status, 200);
        received.extend(body.split('\x1e').filter_map(number));
    }
    assert_eq!(received, (0..accepted).collect::<Vec<_>>());
}

#[tokio::test]
async fn bytes_that_wait_for_a_websocket_that_does_not_read_are_bounded() {
    let mut server = Server::start().await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut client = Client::over(tcp.connect(server.address).await.unwrap(), WEBSOCKET).await;
    client.join(NAMESPACE).await;
    client.send(&format!(r#"42/emergencies,["stream",1000,{LARGE}]"#)).await;
    let accepted = within(server.handled.recv()).await.unwrap();
    assert!(accepted < 1000, "none was refused");
    let mut received = Vec::new();
    while received.last() != Some(&(accepted - 1)) {
        received.extend(number(&client.text().await));
    }
    assert_eq!(received, (0..accepted).collect::<Vec<_>>());
}
