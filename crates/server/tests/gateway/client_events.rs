//! Events and malformed packets from clients.

use allynet_domain::{Event, Timestamp};
use allynet_transport::testing::within;
use serde_json::json;

use crate::{
    CALL, ask, assert_metrics, assert_responsive, changed, emergency_of_1,
    node::{Node, account, emergency, user},
};

#[tokio::test]
async fn invalid_payloads_are_answered_and_leave_the_connection_usable() {
    let node = emergency_of_1().await;
    let mut client = node.connect(1).await;
    let deep = format!(",{}{}", "[".repeat(30_000), "]".repeat(30_000));
    for event in ["emergency:join", "emergency:leave", "location:update"] {
        for payload in ["", ",null", ",[]", ",\"text\"", ",7", ",true", ",{}", ",{\"x\":null}", ",[[],{}],1", &deep] {
            let (acknowledgement, (name, error)) = ask(&mut client, event, payload).await;
            let failed = (&acknowledgement["ok"], &acknowledgement["error"]["code"]);
            assert_eq!(failed, (&json!(false), &json!("invalid_payload")), "{event}{payload:.80}");
            assert_eq!(
                (name.as_str(), &error["code"], &error["event"]),
                ("error", &json!("invalid_payload"), &json!(event))
            );
        }
    }
    for (payload, message) in [(r#",{"emergencyId":""}"#, "Emergency ID is required"), ("", "Emergency ID is required")]
    {
        assert_eq!(ask(&mut client, "emergency:join", payload).await.0["error"]["message"], message);
    }
    for position in [r#"{"latitude":91,"longitude":0}"#, r#"{"latitude":"1","longitude":0}"#, r#"{"latitude":1}"#] {
        let (acknowledgement, _) = ask(&mut client, "location:update", &format!(",{position}")).await;
        assert_eq!(acknowledgement["error"]["code"], "invalid_payload", "{position}");
    }
    for name in ["nonsense", "", "error", "disconnect", "session:ready", "emergency:created"] {
        let (acknowledgement, (_, error)) = ask(&mut client, name, "").await;
        assert_eq!((&acknowledgement["error"]["code"], &error["event"]), (&json!("unknown_event"), &json!(name)));
    }
    assert_responsive(&mut client).await;
}

#[tokio::test]
async fn rooms_are_joined_and_left_by_users_with_access() {
    let node = emergency_of_1().await;
    let (mut owner, mut looker_on) = (node.connect(1).await, node.connect(2).await);
    let payload = format!(r#",{{"emergencyId":"{}"}}"#, emergency(CALL));
    let room = format!("emergency:{}", emergency(CALL));
    let joined =
        json!({ "emergencyId": emergency(CALL), "room": room, "message": "Successfully joined emergency room" });
    let (acknowledgement, answer) = ask(&mut looker_on, "emergency:join", &payload).await;
    assert_eq!(answer, ("emergency:joined".to_owned(), joined));
    assert_eq!((&acknowledgement["ok"], &acknowledgement["room"]), (&json!(true), &json!(room)));
    node.happens(Some(emergency(CALL)), changed());
    for client in [&mut owner, &mut looker_on] {
        assert_eq!(client.event().await.0, "emergency:status_changed");
    }

    // A user who may not help any more may not look on either.
    node.happens(
        None,
        Event::HelperRightsChanged { user: user(2), on_duty: false, critical_only: false, may_help: false },
    );
    let (_, left) = ask(&mut owner, "emergency:leave", r#",{"emergencyId":"current"}"#).await;
    assert_eq!(left, ("emergency:left".to_owned(), json!({ "emergencyId": emergency(CALL), "room": room })));
    let first = node.happens(Some(emergency(CALL)), changed());
    ask(&mut owner, "emergency:join", r#",{"emergencyId":"current"}"#).await;
    let second = node.happens(Some(emergency(CALL)), changed());
    assert_eq!(owner.event().await.1["eventId"], json!(second), "not {first}");
    assert_responsive(&mut looker_on).await;

    for (who, id) in [(&mut looker_on, "current"), (&mut owner, "507f1f77bcf86cd799439011")] {
        let payload = format!(r#",{{"emergencyId":"{id}"}}"#);
        let (acknowledgement, _) = ask(who, "emergency:join", &payload).await;
        assert_eq!(acknowledgement["error"]["code"], "emergency_not_found");
    }
}

#[tokio::test]
async fn leaving_right_after_responding_holds_when_the_node_reads_the_response_later() {
    let node = emergency_of_1().await;
    let (mut owner, mut helper) = (node.connect(1).await, node.connect(2).await);
    // The response is committed; this node has not read it from the log.
    *node.script.as_of.lock().unwrap() = allynet_domain::EventId::new(101);
    let payload = format!(r#"42/emergencies,5["emergency:leave",{{"emergencyId":"{}"}}]"#, emergency(CALL));
    helper.send(&payload).await;
    let (card, at) = (account(user(2)).helper_card(), Timestamp::UNIX_EPOCH);
    let joined = Event::HelperJoined {
        helper: card,
        joined_at: at,
        estimated_arrival: None,
        transport: allynet_domain::dispatch::Transport::Foot,
        separated_from: vec![],
    };
    node.happens(Some(emergency(CALL)), joined);
    assert_eq!(owner.event().await.0, "helper:joined");
    assert_eq!(helper.event().await.0, "helper:joined");
    assert_eq!(helper.event().await.0, "emergency:left");
    assert!(helper.text().await.starts_with("43/emergencies,5"));
    node.happens(Some(emergency(CALL)), changed());
    let mut received = owner.event().await.0;
    while received == "emergency:alerts" {
        received = owner.event().await.0;
    }
    assert_eq!(received, "emergency:status_changed");
    assert_responsive(&mut helper).await;
}

#[tokio::test]
async fn events_are_answered_in_order_and_refused_beyond_the_inbox_capacity() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    node.script.positions.send_replace(false);
    let storing = node.script.storing.notified();
    client.send(r#"42/emergencies,0["location:update",{"latitude":0,"longitude":0}]"#).await;
    within(storing).await;
    for number in 1..70 {
        client.send(&format!(r#"42/emergencies,{number}["emergency:leave",{{"emergencyId":"current"}}]"#)).await;
    }
    // One is in progress and 64 wait.
    let mut refused = Vec::new();
    while refused.len() < 5 {
        let packet = client.text().await;
        if let Some(acknowledgement) = packet.strip_prefix("43/emergencies,") {
            assert!(acknowledgement.contains("rate_limited"), "{acknowledgement}");
            refused.push(acknowledgement.split_once('[').unwrap().0.parse::<u32>().unwrap());
        }
    }
    assert_metrics(&node, &[("allynet_inbox_events", 64.0)]);
    node.script.positions.send_replace(true);
    let mut answered = Vec::new();
    while answered.len() < 65 {
        if let Some(acknowledgement) = client.text().await.strip_prefix("43/emergencies,") {
            answered.push(acknowledgement.split_once('[').unwrap().0.parse::<u32>().unwrap());
        }
    }
    assert_eq!(refused, [65, 66, 67, 68, 69]);
    assert_eq!(answered, (0..65).collect::<Vec<_>>());
}

#[tokio::test]
async fn positions_without_another_event_between_them_take_one_place_in_the_inbox() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    node.script.positions.send_replace(false);
    let update = |n: u32| format!(r#"42/emergencies,{n}["location:update",{{"latitude":{},"longitude":0}}]"#, n % 90);
    let leave = |n: u32| format!(r#"42/emergencies,{n}["emergency:leave",{{"emergencyId":"current"}}]"#);
    let storing = node.script.storing.notified();
    client.send(&update(0)).await;
    within(storing).await;
    for number in 1..600 {
        client.send(&update(number)).await;
    }
    for number in [600, 602] {
        client.send(&leave(number)).await;
        client.send(&update(number + 1)).await;
    }
    node.script.positions.send_replace(true);
    let mut answered = Vec::new();
    while answered.len() < 604 {
        if let Some(acknowledgement) = client.text().await.strip_prefix("43/emergencies,") {
            assert!(!acknowledgement.contains("rate_limited"), "{acknowledgement}");
            answered.push(acknowledgement.split_once('[').unwrap().0.parse::<u32>().unwrap());
        }
    }
    assert_eq!(answered, (0..604).collect::<Vec<_>>());
    let latitudes: Vec<_> = node.script.stored.lock().unwrap().iter().map(|fix| fix.position.latitude()).collect();
    assert_eq!(latitudes, [0.0, 59.0, 61.0, 63.0]);
}

#[tokio::test]
async fn malformed_packets_do_not_affect_other_connections() {
    let node = emergency_of_1().await;
    let mut other_client = node.connect(1).await;
    let deep = format!("42/emergencies,{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let large = format!(r#"42/emergencies,["location:update","{}"]"#, "x".repeat(17_000_000));
    for packet in [
        r#"42["location:update",{}]"#,
        "42/emergencies,{broken",
        "42/emergencies,[]",
        "42/emergencies,[7]",
        "42/emergencies,[null,{}]",
        "42/emergencies,{}",
        "42/emergencies,",
        "42/emergencies",
        "49/emergencies,",
        "4",
        "",
        "9",
        "x",
        "40/emergencies,{broken",
        r#"40/emergencies,{"token":"1"}"#,
        r#"44/emergencies,{"message":"no"}"#,
        r#"44{"message":"no"}"#,
        r#"42/nowhere,["location:update",{}]"#,
        "40/nowhere,",
        "43/emergencies,999[]",
        "43/emergencies,[]",
        "43/emergencies,99999999999999999999999[]",
        r#"42/emergencies,99999999999999999999999["location:update",{}]"#,
        "461-/emergencies,1[]",
        r#"451-/emergencies,["location:update",{"_placeholder":true,"num":0}]"#,
        r#"45999999999999-/emergencies,["location:update"]"#,
        "41/emergencies,",
        "41",
        &deep,
        &large,
    ] {
        for joined in [true, false] {
            let mut client = if joined { node.connect(2).await } else { node.websocket().await };
            client.try_send_text(packet).await;
            client.try_send_text(r#"42/emergencies,["emergency:leave",null]"#).await;
            client.try_send_binary(b"\x00\xffunexpected").await;
            client.try_send_binary(r#"42/emergencies,["location:update",{}]"#.as_bytes()).await;
            client.try_send_text("2").await;
        }
        assert_responsive(&mut other_client).await;
    }
    let seq = node.happens(Some(emergency(CALL)), changed());
    assert_eq!(other_client.event().await.1["eventId"], json!(seq));
}

#[tokio::test]
async fn binary_attachments_are_an_invalid_payload() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    client.send(r#"451-/emergencies,["location:update",{"_placeholder":true,"num":0}]"#).await;
    client.try_send_binary(b"\x01\x02").await;
    assert_eq!(client.event().await.1["code"], "invalid_payload");
    assert_responsive(&mut client).await;
}
