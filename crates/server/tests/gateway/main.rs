//! The namespace over real sockets, with scripted ports: handshake, client events, deliveries, limits, order, and the end of
//! connections.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod client_events;
mod closing;
mod deliveries;
mod handshake;
mod limits;
mod node;
mod order;
mod slow_readers;

use allynet_domain::{EmergencyStatus, Event, Timestamp};
use allynet_transport::testing::Client;
use node::{Node, emergency, raised, user};
use serde_json::{Value, json};

const CALL: u128 = 7;

fn changed() -> Event {
    Event::StatusChanged { status: EmergencyStatus::Active, updated_at: Timestamp::UNIX_EPOCH }
}

/// Node on which user 1 has raised an emergency.
async fn emergency_of_1() -> Node {
    let node = Node::start().await;
    node.script.live.lock().unwrap().push(raised(emergency(CALL), user(1)));
    node
}

/// Sends an event. Returns its acknowledgement, and the answering event that precedes the acknowledgement.
async fn ask(client: &mut Client, event: &str, payload: &str) -> (Value, (String, Value)) {
    client.send(&format!(r#"42/emergencies,5["{event}"{payload}]"#)).await;
    let answer = client.event().await;
    let packet = client.text().await;
    let acknowledgement = packet.strip_prefix("43/emergencies,5").unwrap_or_else(|| panic!("{packet}"));
    let acknowledgement: (Value,) = serde_json::from_str(acknowledgement).unwrap();
    (acknowledgement.0, answer)
}

/// Asserts that the connection still handles events.
async fn assert_responsive(client: &mut Client) {
    let (acknowledgement, (name, _)) = ask(client, "location:update", r#",{"latitude":1,"longitude":2}"#).await;
    let message = "Location updated successfully";
    let expected = json!({ "ok": true, "latitude": 1.0, "longitude": 2.0, "message": message, "stored": true });
    assert_eq!((acknowledgement, name.as_str()), (expected, "location:updated"));
}

/// Asserts that the server sends `error` with this code and closes the connection.
async fn assert_closed_with(mut client: Client, code: &str) {
    let (name, error) = client.event().await;
    assert_eq!((name.as_str(), &error["code"], &error["event"]), ("error", &json!(code), &Value::Null));
    client.assert_ended().await;
}

/// Asserts the values of metrics, given with their labels.
fn assert_metrics(node: &Node, expected: &[(&str, f64)]) {
    for &(series, value) in expected {
        assert!((node.metric(series) - value).abs() < 1e-9, "{series} is {}", node.metric(series));
    }
}
