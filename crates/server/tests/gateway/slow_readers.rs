//! Clients that stop reading while the log moves on: they are cut off in good time, and nobody else waits for them.

use std::time::Duration;

use allynet_domain::{Event, ResponseStatus, Text, Timestamp};
use allynet_transport::testing::{Client, WEBSOCKET, as_event};
use serde_json::json;
use tokio::{net::TcpSocket, time::Instant};

use crate::node::{Node, emergency, raised, user};

const CALL: u128 = 7;
/// How long a client that does not read may stay.
const LIMIT: Duration = Duration::from_secs(10);
/// How much may wait for it, wherever.
const HELD: usize = 1_000_000;
/// How long an event may take to one who reads.
const LATENCY: Duration = Duration::from_secs(1);

/// As large as it may be: each character takes six on the wire.
fn update() -> Event {
    let notes = Some(Text::parse(&"\u{1}".repeat(500)).unwrap());
    let (status, updated_at) = (ResponseStatus::OnWay, Timestamp::UNIX_EPOCH);
    Event::HelperStatusUpdated { helper: user(3), status, notes, estimated_arrival: None, updated_at }
}

/// A node on which users 1 and 2 have raised emergencies with one room each; everything happens in both.
async fn two_rooms() -> Node {
    let node = Node::start().await;
    let emergencies = [1, 2].map(|n| raised(emergency(CALL + n), user(n)));
    node.script.live.lock().unwrap().extend(emergencies);
    node
}

/// Lets things happen until user 1 is gone; user 2 gets each of them at once.
async fn until_gone(node: &Node, witness: &mut Client) {
    let (begin, mut held) = (Instant::now(), 0);
    while node.gateway.presence().helpers_online() > 1 {
        assert!(begin.elapsed() < LIMIT, "it is still there");
        assert!(held < HELD, "it is still there with {held} bytes that it has not read");
        for _ in 0..20 {
            node.happens(Some(emergency(CALL + 1)), update());
            held += 6 * 500;
        }
        let at = Instant::now();
        let seq = node.happens(Some(emergency(CALL + 2)), update());
        let (_, payload, _) = as_event(&witness.text().await).unwrap();
        assert_eq!(payload["eventId"], json!(seq));
        assert!(at.elapsed() < LATENCY, "{:?}", at.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_websocket_that_stops_reading_is_cut_off_and_nobody_else_waits() {
    let node = two_rooms().await;
    let mut witness = node.connect(2).await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut deaf = Client::over(tcp.connect(node.address()).await.unwrap(), WEBSOCKET).await;
    deaf.text().await;
    let _deaf = node.attach(deaf, "1").await;
    until_gone(&node, &mut witness).await;
}

#[tokio::test]
async fn a_client_that_stops_polling_is_cut_off_and_nobody_else_waits() {
    let node = two_rooms().await;
    let mut witness = node.connect(2).await;
    let _idle = node.poll(1).await;
    until_gone(&node, &mut witness).await;
}

/// What a client may owe at once is no limit on what it may hear: one that reads is never cut off.
#[tokio::test]
async fn a_client_that_reads_may_hear_more_than_it_may_owe_on_both_transports() {
    let node = two_rooms().await;
    let (query, mut polling) = node.poll(1).await;
    let mut websocket = node.connect(2).await;
    for _ in 0..HELD / (6 * 500) {
        let seqs = [1, 2].map(|n| node.happens(Some(emergency(CALL + n)), update()));
        let (status, body) = polling.poll(&query).await;
        assert_eq!(status, 200);
        let (_, polled, _) = as_event(&body).unwrap();
        let (_, written) = websocket.event().await;
        assert_eq!([polled["eventId"].as_i64(), written["eventId"].as_i64()], seqs.map(Some));
    }
}
