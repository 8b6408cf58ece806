//! What a client hears comes in order and once, whichever way it takes: answers among events, across an upgrade, and when
//! one session follows another on the same connection.

use std::time::Duration;

use allynet_domain::{Event, ResponseStatus, Timestamp};
use allynet_transport::testing::{Client, Http, as_event};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::node::{Node, emergency, raised, user};

const CALL: u128 = 7;
/// The last event before anything happens here.
const BEFORE: i64 = 100;
const PLACE: &str = r#"{"latitude":1,"longitude":2}"#;

fn update() -> Event {
    let (status, updated_at) = (ResponseStatus::OnWay, Timestamp::UNIX_EPOCH);
    Event::HelperStatusUpdated { helper: user(3), status, notes: None, estimated_arrival: None, updated_at }
}

/// A node on which users 1 and 2 have raised an emergency each.
async fn node() -> Node {
    let node = Node::start().await;
    node.script.live.lock().unwrap().extend([1, 2].map(|n| raised(emergency(CALL + n), user(n))));
    node
}

/// Numbers of log events, as they come.
fn number(packet: &str) -> Option<i64> {
    as_event(packet)?.1["eventId"].as_i64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_and_events_each_keep_their_order() {
    const REQUESTS: usize = 300;
    let node = node().await;
    let mut client = node.connect(1).await;
    let (mut heard, mut told, mut acknowledged, mut happened) = (BEFORE, 0, 0, BEFORE);
    for request in 0..REQUESTS {
        client.send(&format!(r#"42/emergencies,{request}["location:update",{PLACE}]"#)).await;
        happened = node.happens(Some(emergency(CALL + 1)), update());
        while request >= acknowledged + 20 {
            take(&mut client, (&mut heard, &mut told, &mut acknowledged)).await;
        }
    }
    while acknowledged < REQUESTS || heard < happened {
        take(&mut client, (&mut heard, &mut told, &mut acknowledged)).await;
    }
    assert_eq!(told, REQUESTS);
}

/// Takes the next packet, whatever it is.
async fn take(client: &mut Client, (heard, told, acknowledged): (&mut i64, &mut usize, &mut usize)) {
    let packet = client.text().await;
    if let Some(number) = number(&packet) {
        *heard += 1;
        assert_eq!(number, *heard);
    } else if packet.starts_with(r#"42/emergencies,["location:updated","#) {
        *told += 1;
    } else {
        assert!(packet.starts_with(&format!("43/emergencies,{acknowledged}[")), "{packet}");
        *acknowledged += 1;
        assert_eq!(told, acknowledged, "who awaits the acknowledgement has seen the event");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_upgrades_hears_everything_once_and_in_order() {
    for round in 0..10 {
        let node = node().await;
        let (query, mut http) = node.poll(1).await;
        let (stop, mut stopped) = mpsc::channel::<()>(1);
        let happening = async {
            let mut last = BEFORE;
            while stopped.try_recv().is_err() {
                last = node.happens(Some(emergency(CALL + 1)), update());
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            last
        };
        let listening = async {
            let mut heard = Vec::new();
            for _ in 0..round {
                poll(&mut http, &query, &mut heard).await;
            }
            let carrier = query.replace("polling", "websocket");
            let mut client = Client::over(node.tcp().await, &carrier).await;
            client.send("2probe").await;
            // As the official client does: it polls once more, which the server ends.
            poll(&mut http, &query, &mut heard).await;
            assert_eq!(client.text().await, "3probe");
            client.send("5").await;
            let begun = heard.len();
            while heard.len() < begun + 300 {
                heard.extend(number(&client.text().await));
            }
            stop.send(()).await.unwrap();
            (client, heard)
        };
        let (last, (mut client, mut heard)) = tokio::join!(happening, listening);
        while heard.last() != Some(&last) {
            heard.extend(number(&client.text().await));
        }
        assert_eq!(heard, (BEFORE + 1..=last).collect::<Vec<_>>(), "round {round}");
    }
}

async fn poll(http: &mut Http, query: &str, heard: &mut Vec<i64>) {
    let (status, body) = http.get(query).await;
    assert_eq!(status, 200);
    heard.extend(body.split('\x1e').filter_map(number));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_session_on_a_connection_hears_nothing_of_the_first() {
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
                // While the first is not forgotten yet this is ignored, and so it is once it was heard.
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
