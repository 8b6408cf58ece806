//! Clients that stop reading while events keep coming: they are closed in time, and other clients do not wait for them.

use std::time::Duration;

use allynet_domain::{Event, ResponseStatus, Text, Timestamp};
use allynet_transport::testing::{Client, WEBSOCKET, as_event};
use serde_json::json;
use tokio::{net::TcpSocket, time::Instant};

use crate::node::{Node, emergency, raised, user};

const CALL: u128 = 7;
/// Time after which a client that does not read must be closed, on a busy machine.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that may wait for it, in all queues and buffers.
const MAX_HELD_BYTES: usize = 1_000_000;
/// Time in which an event must reach a client that reads, on a busy machine: less than until the other one is closed.
const MAX_LATENCY: Duration = Duration::from_secs(5);

/// Event of the largest size: each character of the text takes six bytes on the wire.
fn update() -> Event {
    let notes = Some(Text::parse(&"\u{1}".repeat(500)).unwrap());
    let (status, updated_at) = (ResponseStatus::OnWay, Timestamp::UNIX_EPOCH);
    Event::HelperStatusUpdated {
        helper: user(3),
        status,
        notes,
        estimated_arrival: None,
        updated_at,
        anonymous: false,
        counts_until: None,
        stalled: false,
    }
}

/// Node on which users 1 and 2 have raised an emergency each.
async fn two_rooms() -> Node {
    let node = Node::start().await;
    let emergencies = [1, 2].map(|n| raised(emergency(CALL + n), user(n)));
    node.script.live.lock().unwrap().extend(emergencies);
    node
}

/// Appends events until user 1 is closed; user 2 gets each of its own at once.
async fn append_until_closed(node: &Node, reader: &mut Client) {
    let (begin, mut held) = (Instant::now(), 0);
    while node.gateway.presence().helpers_online() > 1 {
        assert!(begin.elapsed() < CLOSE_TIMEOUT, "it is still connected");
        assert!(held < MAX_HELD_BYTES, "it is still connected with {held} unread bytes");
        for _ in 0..20 {
            node.happens(Some(emergency(CALL + 1)), update());
            held += 6 * 500;
        }
        let at = Instant::now();
        let seq = node.happens(Some(emergency(CALL + 2)), update());
        let (_, payload, _) = as_event(&reader.text().await).unwrap();
        assert_eq!(payload["eventId"], json!(seq));
        assert!(at.elapsed() < MAX_LATENCY, "{:?}", at.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_websocket_that_stops_reading_is_closed_and_no_other_client_waits() {
    let node = two_rooms().await;
    let mut reader = node.connect(2).await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut stalled = Client::over(tcp.connect(node.address()).await.unwrap(), WEBSOCKET).await;
    stalled.text().await;
    let _stalled = node.attach(stalled, "1").await;
    append_until_closed(&node, &mut reader).await;
}

#[tokio::test]
async fn a_client_that_stops_polling_is_closed_and_no_other_client_waits() {
    let node = two_rooms().await;
    let mut reader = node.connect(2).await;
    let _idle = node.poll(1).await;
    append_until_closed(&node, &mut reader).await;
}

#[tokio::test]
async fn a_client_that_reads_may_receive_more_than_may_wait_for_it() {
    let node = two_rooms().await;
    let (query, mut polling) = node.poll(1).await;
    let mut websocket = node.connect(2).await;
    for _ in 0..MAX_HELD_BYTES / (6 * 500) {
        let seqs = [1, 2].map(|n| node.happens(Some(emergency(CALL + n)), update()));
        let (status, body) = polling.poll(&query).await;
        assert_eq!(status, 200);
        let (_, polled, _) = as_event(&body).unwrap();
        let (_, written) = websocket.event().await;
        assert_eq!([polled["eventId"].as_i64(), written["eventId"].as_i64()], seqs.map(Some));
    }
}
