//! Handshake, from the first packet to `session:ready`, and what the client is sent of the time before.

use allynet_domain::{EmergencyStatus, Event, Timestamp};
use allynet_transport::testing::{Client, WEBSOCKET, within};
use serde_json::json;

use crate::{
    CALL, assert_closed_with, changed, emergency_of_1,
    node::{Node, emergency, raised, session, user},
};

#[tokio::test]
async fn a_refused_handshake_says_why_and_may_be_repeated() {
    let node = Node::start().await;
    for (auth, message) in [
        ("", "Authentication error: No token provided"),
        (r#"{"token":""}"#, "Authentication error: No token provided"),
        (r#"{"token":7}"#, "Authentication error: No token provided"),
        ("[1]", "Authentication error: No token provided"),
        (r#"{"token":"nonsense"}"#, "Authentication error: Invalid token"),
        (r#"{"token":"14"}"#, "Authentication error: Invalid token"),
        (r#"{"token":"old"}"#, "Authentication error: Token expired"),
        (r#"{"token":"13"}"#, "Authentication error: Account is inactive or blocked"),
    ] {
        let mut client = node.websocket().await;
        client.send(&format!("40/emergencies,{auth}")).await;
        assert_eq!(client.text().await, format!(r#"44/emergencies,{{"message":"{message}"}}"#), "{auth}");
        // The connection stays open for another attempt.
        node.attach(client, "1").await;
    }
    let mut client = Client::over(node.tcp().await, &format!("{WEBSOCKET}&token=%31")).await;
    assert!(client.text().await.starts_with('0'));
    client.send("40/emergencies,").await;
    assert!(client.text().await.starts_with("40/emergencies,"));
    assert_eq!(client.event().await.1["userId"], json!(user(1)));
}

#[tokio::test]
async fn session_ready_comes_first_with_rooms_and_the_latest_event() {
    let node = emergency_of_1().await;
    let mut client = node.websocket().await;
    client.send(r#"40/emergencies,{"token":"1"}"#).await;
    client.text().await;
    let (name, ready) = client.event().await;
    assert_eq!(name, "session:ready");
    let room = format!("emergency:{}", emergency(CALL));
    assert_eq!(ready["rooms"], json!([format!("user:{}", user(1)), "helpers", room]));
    assert_eq!((&ready["userId"], &ready["latestEventId"]), (&json!(user(1)), &json!(100)));
    let seq = node.happens(Some(emergency(CALL)), changed());
    let (name, payload) = client.event().await;
    assert_eq!((name.as_str(), &payload["eventId"]), ("emergency:status_changed", &json!(seq)));
}

#[tokio::test]
async fn a_session_revoked_during_its_handshake_is_not_admitted() {
    let node = emergency_of_1().await;
    let mut witness = node.connect(1).await;
    node.script.accounts.send_replace(false);
    let mut client = node.websocket().await;
    let looked_up = node.script.looked_up.notified();
    client.send(r#"40/emergencies,{"token":"2"}"#).await;
    within(looked_up).await;
    let (only, except) = (Some(session(2)), None);
    node.happens(None, Event::SessionsRevoked { user: user(2), only, except, former: None });
    node.happens(Some(emergency(CALL)), changed());
    assert_eq!(witness.event().await.0, "emergency:status_changed");
    node.script.accounts.send_replace(true);
    assert!(client.text().await.starts_with("40/emergencies,"));
    assert_closed_with(client, "token_expired").await;
    assert!(!node.gateway.presence().is_online(user(2)));
}

#[tokio::test]
async fn a_client_that_reconnects_as_an_emergency_ends_receives_the_end() {
    let node = Node::start().await;
    let (participants, at) = (vec![user(1)], Timestamp::UNIX_EPOCH);
    let ended = Event::EmergencyEnded {
        status: EmergencyStatus::Resolved,
        at,
        alerted: vec![],
        participants,
        hidden_from: vec![],
        announced: true,
        critical: false,
    };
    // The database has the end already, so the emergency is not live; this node has not read it from the log.
    *node.script.as_of.lock().unwrap() = allynet_domain::EventId::new(102);
    let mut client = node.websocket().await;
    let looked_up = node.script.looked_up.notified();
    client.send(r#"40/emergencies,{"token":"1","lastEventId":100}"#).await;
    within(looked_up).await;
    node.happens(Some(emergency(CALL)), changed());
    node.happens(Some(emergency(CALL)), ended);
    assert!(client.text().await.starts_with("40/emergencies,"));
    let (name, ready) = client.event().await;
    assert_eq!((name.as_str(), &ready["latestEventId"]), ("session:ready", &json!(102)));
    for (name, seq) in [("emergency:status_changed", 101), ("emergency:ended", 102)] {
        let received = client.event().await;
        assert_eq!((received.0.as_str(), &received.1["eventId"]), (name, &json!(seq)));
    }
}

#[tokio::test]
async fn a_node_too_far_behind_the_log_closes_the_transport_without_an_answer() {
    let node = Node::start().await;
    *node.script.as_of.lock().unwrap() = allynet_domain::EventId::new(101);
    let mut client = node.websocket().await;
    client.send(r#"40/emergencies,{"token":"1"}"#).await;
    client.assert_ended().await;
    let (mut http, session) = node.open_polling().await;
    assert_eq!(http.post(&session, r#"40/emergencies,{"token":"1"}"#).await.0, 200);
    loop {
        let (status, body) = http.get(&session).await;
        assert!(!body.contains("44/emergencies"), "{body}");
        if status == 400 {
            break;
        }
    }
    node.happens(None, Event::SessionsRevoked { user: user(9), only: None, except: None, former: None });
    node.connect(1).await;
}

#[tokio::test]
async fn a_client_that_disconnects_and_connects_again_on_one_transport_is_always_answered() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    for round in 0..200 {
        client.send("41/emergencies,").await;
        client.send(r#"40/emergencies,{"token":"1"}"#).await;
        let answer = client.text().await;
        assert!(answer.starts_with("40/emergencies,"), "{round}: {answer}");
        assert_eq!(client.event().await.0, "session:ready", "{round}");
    }
}

#[tokio::test]
async fn a_log_that_is_unreadable_for_a_while_loses_no_event() {
    let node = Node::failing(1).await;
    node.script.live.lock().unwrap().push(raised(emergency(CALL), user(1)));
    assert!(!node.gateway.is_following());
    let mut client = node.connect(1).await;
    assert!(node.gateway.is_following());
    node.log_fails();
    let seq = node.happens(Some(emergency(CALL)), changed());
    assert_eq!(client.event().await.1["eventId"], json!(seq));
}
