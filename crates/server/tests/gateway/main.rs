//! The namespace over real sockets with scripted ports: what clients send, whatever it is, and what becomes of their
//! connections.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod ends;
mod entering;
mod limits;
mod node;
mod order;
mod sent;
mod slow_readers;
mod told;

use allynet_domain::{EmergencyStatus, Event, Timestamp};
use allynet_transport::testing::Client;
use node::{Node, emergency, raised, user};
use serde_json::{Value, json};

const CALL: u128 = 7;

fn changed() -> Event {
    Event::StatusChanged { status: EmergencyStatus::Active, updated_at: Timestamp::UNIX_EPOCH }
}

/// A node on which user 1 has raised an emergency.
async fn emergency_of_1() -> Node {
    let node = Node::start().await;
    node.script.live.lock().unwrap().push(raised(emergency(CALL), user(1)));
    node
}

/// Sends an event and returns its acknowledgement and the event that answers it, which comes before it.
async fn ask(client: &mut Client, event: &str, payload: &str) -> (Value, (String, Value)) {
    client.send(&format!(r#"42/emergencies,5["{event}"{payload}]"#)).await;
    let answer = client.event().await;
    let packet = client.text().await;
    let acknowledgement = packet.strip_prefix("43/emergencies,5").unwrap_or_else(|| panic!("{packet}"));
    let acknowledgement: (Value,) = serde_json::from_str(acknowledgement).unwrap();
    (acknowledgement.0, answer)
}

async fn assert_well(client: &mut Client) {
    let (acknowledgement, (name, _)) = ask(client, "location:update", r#",{"latitude":1,"longitude":2}"#).await;
    let expected = json!({ "ok": true, "latitude": 1.0, "longitude": 2.0, "message": "Location updated successfully" });
    assert_eq!((acknowledgement, name.as_str()), (expected, "location:updated"));
}

async fn assert_dismissed(mut client: Client, code: &str) {
    let (name, error) = client.event().await;
    assert_eq!((name.as_str(), &error["code"], &error["event"]), ("error", &json!(code), &Value::Null));
    client.assert_ended().await;
}

fn assert_measured(node: &Node, expected: &[(&str, f64)]) {
    for &(series, value) in expected {
        assert!((node.measured(series) - value).abs() < 1e-9, "{series} is {}", node.measured(series));
    }
}
