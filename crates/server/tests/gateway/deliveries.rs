//! Deliveries to clients, their acknowledgements, and the metrics of both.

use allynet_domain::{EmergencyStatus, Event, Metres, Recipient};
use allynet_transport::testing::{as_event, within};
use serde_json::json;

use crate::{
    CALL, ask, assert_metrics, assert_responsive, changed, emergency_of_1,
    node::{Node, emergency, raised, user},
};

#[tokio::test]
async fn the_acknowledgement_of_every_device_is_stored_whatever_its_content() {
    let mut node = Node::start().await;
    let (mut phone, mut tablet) = (node.connect(2).await, node.connect(2).await);
    for (round, answer) in ["[]", r#"["seen",1]"#, "[null]"].into_iter().enumerate() {
        let call = raised(emergency(CALL), user(1)).call().clone();
        let recipients = [2, 3].map(|who| Recipient::new(user(who), Metres::new(12.4))).to_vec();
        let (status, radius) = (EmergencyStatus::Active, Metres::new(5000.0));
        node.happens(
            Some(emergency(CALL)),
            Event::HelpersAlerted { call, status, wave: 1, radius, recipients, decision: None },
        );
        let mut ids = Vec::new();
        for device in [&mut phone, &mut tablet] {
            let (name, payload, id) = as_event(&device.text().await).unwrap();
            assert_eq!((name.as_str(), &payload["distance"]), ("emergency:nearby", &json!(12)));
            ids.push(id);
        }
        tablet.send(&format!("43/emergencies,{}{answer}", ids[1])).await;
        assert_eq!(within(node.acknowledged.recv()).await, Some((emergency(CALL), user(2))), "{round}");
        // The store counts the helper once; that of the second device keeps pushes from it.
        phone.send(&format!("43/emergencies,{}[]", ids[0])).await;
        assert_eq!(within(node.acknowledged.recv()).await, Some((emergency(CALL), user(2))), "{round}");
        // A second one of the same device is none.
        phone.send(&format!("43/emergencies,{}[]", ids[0])).await;
        assert_responsive(&mut phone).await;
        assert!(node.acknowledged.try_recv().is_err());
    }
    // The time to the first one is measured.
    assert_metrics(
        &node,
        &[
            ("allynet_alert_acknowledgement_seconds_count", 3.0),
            (r#"allynet_deliveries_total{event="emergency:nearby"}"#, 6.0),
            ("allynet_event_lag_seconds_count", 3.0),
        ],
    );
}

#[tokio::test]
async fn sockets_rooms_live_deliveries_and_replays_are_measured() {
    let node = emergency_of_1().await;
    let (mut owner, mut other) = (node.connect(1).await, node.connect(2).await);
    ask(&mut other, "emergency:join", &format!(r#",{{"emergencyId":"{}"}}"#, emergency(CALL))).await;
    let first = node.happens(Some(emergency(CALL)), changed());
    for client in [&mut owner, &mut other] {
        assert_eq!(client.event().await.0, "emergency:status_changed");
    }
    let mut back = node.websocket().await;
    back.send(&format!(r#"40/emergencies,{{"token":"1","lastEventId":{}}}"#, first - 1)).await;
    assert!(back.text().await.starts_with("40/emergencies,{"));
    assert_eq!(
        (back.event().await.0.as_str(), back.event().await.0.as_str()),
        ("session:ready", "emergency:status_changed")
    );
    assert_metrics(
        &node,
        &[
            ("allynet_sockets", 3.0),
            (r#"allynet_rooms{kind="helpers"}"#, 1.0),
            (r#"allynet_rooms{kind="user"}"#, 2.0),
            (r#"allynet_rooms{kind="emergency"}"#, 1.0),
            (r#"allynet_rooms{kind="participants"}"#, 1.0),
            (r#"allynet_deliveries_total{event="emergency:status_changed"}"#, 2.0),
            ("allynet_replayed_deliveries_total", 1.0),
            ("allynet_inbox_events", 0.0),
        ],
    );
}
