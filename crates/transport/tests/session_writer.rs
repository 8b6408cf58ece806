//! Over real sockets: the writer of a session keeps the order of its packets across an upgrade, and bounds what waits.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use allynet_transport::{
    MAX_QUEUED_BYTES,
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
    const COUNT: u64 = 2000;
    for polls_before in 0..4 {
        let server = Server::start().await;
        let (query, mut http) = server.polling().await;
        let start = format!(r#"42/emergencies,["stream",{COUNT},0]"#);
        assert_eq!(http.post(&query, &start).await.0, 200);
        let mut received = Vec::new();
        for _ in 0..polls_before {
            let (status, body) = http.get(&query).await;
            assert_eq!(status, 200);
            received.extend(body.split('\x1e').filter_map(number));
        }
        let mut client = server.websocket(&upgrade_query(&query)).await;
        client.upgrade().await;
        while received.last() != Some(&(COUNT - 1)) {
            received.extend(number(&client.text().await));
        }
        assert_eq!(received, (0..COUNT).collect::<Vec<_>>(), "after {polls_before} polls");
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
