//! Packets reach a client in order and once, whether they are written directly or queued: answers among events, across an
//! upgrade, and when one session follows another on the same connection.

use std::time::Duration;

use allynet_domain::{Event, ResponseStatus, Timestamp};
use allynet_transport::testing::{Client, Http, as_event};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::node::{Node, emergency, raised, user};

const CALL: u128 = 7;
/// Id of the last event before the test.
const LAST_EVENT_BEFORE: i64 = 100;
const POSITION: &str = r#"{"latitude":1,"longitude":2}"#;

fn update() -> Event {
    let (status, updated_at) = (ResponseStatus::OnWay, Timestamp::UNIX_EPOCH);
    Event::HelperStatusUpdated {
        helper: user(3),
        status,
        notes: None,
        estimated_arrival: None,
        updated_at,
        anonymous: false,
        counts_until: None,
        stalled: false,
    }
}

/// Node on which users 1 and 2 have raised an emergency each.
async fn node() -> Node {
    let node = Node::start().await;
    node.script.live.lock().unwrap().extend([1, 2].map(|n| raised(emergency(CALL + n), user(n))));
    node
}

/// Id of an event of the log. `None` for other packets.
fn event_id(packet: &str) -> Option<i64> {
    as_event(packet)?.1["eventId"].as_i64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_and_events_each_keep_their_order() {
    const REQUESTS: usize = 300;
    let node = node().await;
    let mut client = node.connect(1).await;
    let (mut received, mut updates, mut acknowledged, mut appended) = (LAST_EVENT_BEFORE, 0, 0, LAST_EVENT_BEFORE);
    for request in 0..REQUESTS {
        client.send(&format!(r#"42/emergencies,{request}["location:update",{POSITION}]"#)).await;
        appended = node.happens(Some(emergency(CALL + 1)), update());
        while request >= acknowledged + 20 {
            receive(&mut client, (&mut received, &mut updates, &mut acknowledged)).await;
        }
    }
    while acknowledged < REQUESTS || received < appended {
        receive(&mut client, (&mut received, &mut updates, &mut acknowledged)).await;
    }
    assert_eq!(updates, REQUESTS);
}

/// Receives the next packet and checks it against those before.
async fn receive(client: &mut Client, (received, updates, acknowledged): (&mut i64, &mut usize, &mut usize)) {
    let packet = client.text().await;
    if let Some(number) = event_id(&packet) {
        *received += 1;
        assert_eq!(number, *received);
    } else if packet.starts_with(r#"42/emergencies,["location:updated","#) {
        *updates += 1;
    } else {
        assert!(packet.starts_with(&format!("43/emergencies,{acknowledged}[")), "{packet}");
        *acknowledged += 1;
        assert_eq!(updates, acknowledged, "an acknowledgement comes after its event");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_upgrades_receives_every_event_once_and_in_order() {
    for round in 0..10 {
        let node = node().await;
        let (query, mut http) = node.poll(1).await;
        let (stop, mut stopped) = mpsc::channel::<()>(1);
        let appending = async {
            let mut last = LAST_EVENT_BEFORE;
            while stopped.try_recv().is_err() {
                last = node.happens(Some(emergency(CALL + 1)), update());
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            last
        };
        let receiving = async {
            let mut received = Vec::new();
            for _ in 0..round {
                poll(&mut http, &query, &mut received).await;
            }
            let upgrade_query = query.replace("polling", "websocket");
            let mut client = Client::over(node.tcp().await, &upgrade_query).await;
            client.send("2probe").await;
            // As the official client does: it polls once more, and the server answers at once.
            poll(&mut http, &query, &mut received).await;
            assert_eq!(client.text().await, "3probe");
            client.send("5").await;
            let begun = received.len();
            while received.len() < begun + 300 {
                received.extend(event_id(&client.text().await));
            }
            stop.send(()).await.unwrap();
            (client, received)
        };
        let (last, (mut client, mut received)) = tokio::join!(appending, receiving);
        while received.last() != Some(&last) {
            received.extend(event_id(&client.text().await));
        }
        assert_eq!(received, (LAST_EVENT_BEFORE + 1..=last).collect::<Vec<_>>(), "round {round}");
    }
}

async fn poll(http: &mut Http, query: &str, received: &mut Vec<i64>) {
    let (status, body) = http.get(query).await;
    assert_eq!(status, 200);
    received.extend(body.split('\x1e').filter_map(event_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_session_on_a_connection_receives_nothing_of_the_first() {
    let node = node().await;
    let mut client = node.connect(1).await;
    for round in 0..50 {
        let who = 1 + round % 2;
        for n in [1, 2] {
            node.happens(Some(emergency(CALL + n)), update());
        }
        client.send("41/emergencies,").await;
        let connect = format!(r#"40/emergencies,{{"token":"{}"}}"#, 3 - who);
        client.send(&connect).await;
        for n in [1, 2] {
            node.happens(Some(emergency(CALL + n)), update());
        }
        let connected = loop {
            let Ok(packet) = timeout(Duration::from_millis(50), client.text()).await else {
                // Ignored while the first session is being removed, and after a connect that was accepted.
                client.send(&connect).await;
                continue;
            };
            if packet.starts_with("40") {
                break packet;
            }
            assert_eq!(as_event(&packet).unwrap().1["emergencyId"], json!(emergency(CALL + who)), "of the first");
        };
        assert!(connected.starts_with("40/emergencies,{"));
        let (name, ready): (String, Value) = client.event().await;
        assert_eq!((name.as_str(), &ready["userId"]), ("session:ready", &json!(user(3 - who))));
        let after = node.happens(Some(emergency(CALL + 3 - who)), update());
        loop {
            let (_, payload) = client.event().await;
            assert_eq!(payload["emergencyId"], json!(emergency(CALL + 3 - who)), "of the second");
            if payload["eventId"] == json!(after) {
                break;
            }
        }
    }
}
