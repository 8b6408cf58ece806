//! The namespace over real sockets with scripted ports: what clients send, whatever it is, and what becomes of their
//! connections.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod clients;
#[path = "../src/listener.rs"]
mod listener;
mod node;

use std::time::Duration;

use allynet_domain::{EmergencyStatus, Event, Metres, Recipient, Timestamp};
use clients::{Client, WEBSOCKET, as_event, within};
use node::{Node, account, emergency, raised, session, user};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

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

// --- the handshake

#[tokio::test]
async fn who_may_not_connect_is_told_why() {
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
        // Being refused is not the end: the next attempt may be better.
        node.attach(client, "1").await;
    }
    let mut client = Client::over(node.tcp().await, &format!("{WEBSOCKET}&token=%31")).await;
    assert!(client.text().await.starts_with('0'));
    client.send("40/emergencies,").await;
    assert!(client.text().await.starts_with("40/emergencies,"));
    assert_eq!(client.event().await.1["userId"], json!(user(1)));
}

#[tokio::test]
async fn a_connection_is_told_its_rooms_and_its_place_in_the_log_first() {
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
async fn a_session_that_is_revoked_during_the_handshake_is_not_let_in() {
    let node = emergency_of_1().await;
    let mut witness = node.connect(1).await;
    node.script.accounts.send_replace(false);
    let mut client = node.websocket().await;
    let looked_up = node.script.looked_up.notified();
    client.send(r#"40/emergencies,{"token":"2"}"#).await;
    within(looked_up).await;
    let (only, except) = (Some(session(2)), None);
    node.happens(None, Event::SessionsRevoked { user: user(2), only, except });
    node.happens(Some(emergency(CALL)), changed());
    assert_eq!(witness.event().await.0, "emergency:status_changed");
    node.script.accounts.send_replace(true);
    assert!(client.text().await.starts_with("40/emergencies,"));
    assert_dismissed(client, "token_expired").await;
    assert!(!node.gateway.presence().is_online(user(2)));
}

#[tokio::test]
async fn who_comes_back_as_an_emergency_ends_is_told_the_end() {
    let node = Node::start().await;
    let (participants, at) = (vec![user(1)], Timestamp::UNIX_EPOCH);
    let ended = Event::EmergencyEnded { status: EmergencyStatus::Resolved, at, alerted: vec![], participants };
    // The database knows of the end already, and the emergency is live no more; this node does not know yet.
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
        let told = client.event().await;
        assert_eq!((told.0.as_str(), &told.1["eventId"]), (name, &json!(seq)));
    }
}

#[tokio::test]
async fn a_node_that_is_too_far_behind_lets_nobody_in() {
    let node = Node::start().await;
    *node.script.as_of.lock().unwrap() = allynet_domain::EventId::new(101);
    let mut client = node.websocket().await;
    client.send(r#"40/emergencies,{"token":"1"}"#).await;
    let refused = r#"44/emergencies,{"message":"The service cannot do this right now; try again"}"#;
    assert_eq!(client.text().await, refused);
    node.happens(None, Event::SessionsRevoked { user: user(9), only: None, except: None });
    node.attach(client, "1").await;
}

#[tokio::test]
async fn a_log_that_cannot_be_read_for_a_while_loses_nothing() {
    let node = Node::failing(1).await;
    node.script.live.lock().unwrap().push(raised(emergency(CALL), user(1)));
    assert!(!node.gateway.is_following());
    let mut client = node.connect(1).await;
    assert!(node.gateway.is_following());
    node.log_fails();
    let seq = node.happens(Some(emergency(CALL)), changed());
    assert_eq!(client.event().await.1["eventId"], json!(seq));
}

// --- what clients send

#[tokio::test]
async fn wrong_payloads_are_answered_and_cost_nothing_else() {
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
    assert_well(&mut client).await;
}

#[tokio::test]
async fn rooms_are_joined_and_left_by_those_who_may() {
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

    // Who may help no longer may not look on either.
    node.happens(None, Event::HelperRightsChanged { user: user(2), on_duty: false, may_help: false });
    let (_, left) = ask(&mut owner, "emergency:leave", r#",{"emergencyId":"current"}"#).await;
    assert_eq!(left, ("emergency:left".to_owned(), json!({ "emergencyId": emergency(CALL), "room": room })));
    let first = node.happens(Some(emergency(CALL)), changed());
    ask(&mut owner, "emergency:join", r#",{"emergencyId":"current"}"#).await;
    let second = node.happens(Some(emergency(CALL)), changed());
    assert_eq!(owner.event().await.1["eventId"], json!(second), "not {first}");
    assert_well(&mut looker_on).await;

    for (who, id) in [(&mut looker_on, "current"), (&mut owner, "507f1f77bcf86cd799439011")] {
        let payload = format!(r#",{{"emergencyId":"{id}"}}"#);
        let (acknowledgement, _) = ask(who, "emergency:join", &payload).await;
        assert_eq!(acknowledgement["error"]["code"], "emergency_not_found");
    }
}

#[tokio::test]
async fn who_leaves_right_after_responding_is_not_put_back_by_a_node_that_learns_of_it_later() {
    let node = emergency_of_1().await;
    let (mut owner, mut helper) = (node.connect(1).await, node.connect(2).await);
    // The response is committed, and this node has not met it yet.
    *node.script.as_of.lock().unwrap() = allynet_domain::EventId::new(101);
    let payload = format!(r#"42/emergencies,5["emergency:leave",{{"emergencyId":"{}"}}]"#, emergency(CALL));
    helper.send(&payload).await;
    let (card, at) = (account(user(2)).helper_card(), Timestamp::UNIX_EPOCH);
    let joined = Event::HelperJoined { helper: card, joined_at: at, estimated_arrival: None };
    node.happens(Some(emergency(CALL)), joined);
    assert_eq!(owner.event().await.0, "helper:joined");
    assert_eq!(helper.event().await.0, "helper:joined");
    assert_eq!(helper.event().await.0, "emergency:left");
    assert!(helper.text().await.starts_with("43/emergencies,5"));
    node.happens(Some(emergency(CALL)), changed());
    let mut heard = owner.event().await.0;
    while heard == "emergency:alerts" {
        heard = owner.event().await.0;
    }
    assert_eq!(heard, "emergency:status_changed");
    assert_well(&mut helper).await;
}

#[tokio::test]
async fn events_are_answered_in_order_and_too_many_at_once_are_refused() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    node.script.positions.send_replace(false);
    let update = |n: u32| format!(r#"42/emergencies,{n}["location:update",{{"latitude":{n},"longitude":0}}]"#);
    let storing = node.script.storing.notified();
    client.send(&update(0)).await;
    within(storing).await;
    for number in 1..70 {
        client.send(&update(number)).await;
    }
    // One is being handled and 64 wait.
    let mut refused = Vec::new();
    while refused.len() < 5 {
        let packet = client.text().await;
        if let Some(acknowledgement) = packet.strip_prefix("43/emergencies,") {
            assert!(acknowledgement.contains("rate_limited"), "{acknowledgement}");
            refused.push(acknowledgement.split_once('[').unwrap().0.parse::<u32>().unwrap());
        }
    }
    assert_measured(&node, &[("allynet_inbox_events", 64.0)]);
    node.script.positions.send_replace(true);
    let mut stored = Vec::new();
    while stored.len() < 65 {
        if let Some(("location:updated", payload, _)) =
            as_event(&client.text().await).as_ref().map(|(n, p, i)| (n.as_str(), p, i))
        {
            stored.push(payload["latitude"].as_f64().unwrap());
        }
    }
    assert_eq!(refused, [65, 66, 67, 68, 69]);
    assert_eq!(stored, (0..65).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn hostile_packets_hurt_nobody_else() {
    let node = emergency_of_1().await;
    let mut witness = node.connect(1).await;
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
        assert_well(&mut witness).await;
    }
    let seq = node.happens(Some(emergency(CALL)), changed());
    assert_eq!(witness.event().await.1["eventId"], json!(seq));
}

#[tokio::test]
async fn binary_attachments_are_a_wrong_payload() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    client.send(r#"451-/emergencies,["location:update",{"_placeholder":true,"num":0}]"#).await;
    client.try_send_binary(b"\x01\x02").await;
    assert_eq!(client.event().await.1["code"], "invalid_payload");
    assert_well(&mut client).await;
}

// --- alerts

#[tokio::test]
async fn the_first_acknowledgement_of_any_device_is_recorded_whatever_it_says() {
    let mut node = Node::start().await;
    let (mut phone, mut tablet) = (node.connect(2).await, node.connect(2).await);
    for (round, answer) in ["[]", r#"["seen",1]"#, "[null]"].into_iter().enumerate() {
        let call = raised(emergency(CALL), user(1)).call;
        let recipients = [2, 3].map(|who| Recipient { helper: user(who), distance: Metres::new(12.4) }).to_vec();
        let (status, radius) = (EmergencyStatus::Active, Metres::new(5000.0));
        node.happens(Some(emergency(CALL)), Event::HelpersAlerted { call, status, wave: 1, radius, recipients });
        let mut ids = Vec::new();
        for device in [&mut phone, &mut tablet] {
            let (name, payload, id) = as_event(&device.text().await).unwrap();
            assert_eq!((name.as_str(), &payload["distance"]), ("emergency:nearby", &json!(12)));
            ids.push(id);
        }
        tablet.send(&format!("43/emergencies,{}{answer}", ids[1])).await;
        assert_eq!(within(node.acknowledged.recv()).await, Some((emergency(CALL), user(2))), "{round}");
        phone.send(&format!("43/emergencies,{}[]", ids[0])).await;
        assert_well(&mut phone).await;
        assert!(node.acknowledged.try_recv().is_err());
    }
    // The second device's answer is not counted.
    assert_measured(
        &node,
        &[
            ("allynet_alert_acknowledgement_seconds_count", 3.0),
            (r#"allynet_deliveries_total{event="emergency:nearby"}"#, 6.0),
            ("allynet_event_lag_seconds_count", 3.0),
        ],
    );
}

// --- the end of connections

#[tokio::test]
async fn connections_end_with_their_token_their_session_and_their_account() {
    let node = Node::start().await;
    let expiring = node.attach(node.websocket().await, "1 1").await;
    let blocked = node.connect(2).await;
    let (revoked, mut kept) = (node.connect(3).await, node.connect(4).await);
    node.happens(None, Event::AccountBlocked { user: user(2) });
    node.happens(None, Event::SessionsRevoked { user: user(3), only: None, except: None });
    node.happens(None, Event::SessionsRevoked { user: user(4), only: None, except: Some(session(4)) });
    assert_dismissed(blocked, "account_blocked").await;
    assert_dismissed(revoked, "token_expired").await;
    assert_well(&mut kept).await;
    assert_dismissed(expiring, "token_expired").await;
    let presence = node.gateway.presence();
    assert_eq!((presence.is_online(user(4)), presence.helpers_online()), (true, 1));
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_cut_off_and_none_of_what_it_got_is_skipped() {
    let node = emergency_of_1().await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut deaf = Client::over(tcp.connect(node.address()).await.unwrap(), WEBSOCKET).await;
    deaf.text().await;
    let mut deaf = node.attach(deaf, "1").await;
    let notes = allynet_domain::Text::parse(&"\u{1f198}".repeat(500)).unwrap();
    let update = || Event::HelperStatusUpdated {
        helper: user(3),
        status: allynet_domain::ResponseStatus::OnWay,
        notes: Some(notes.clone()),
        estimated_arrival: None,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    let first = node.happens(Some(emergency(CALL)), update());
    while node.gateway.presence().helpers_online() > 0 {
        for _ in 0..100 {
            node.happens(Some(emergency(CALL)), update());
        }
        tokio::task::yield_now().await;
    }
    let mut expected = first;
    while let std::ops::ControlFlow::Continue(packet) = deaf.next().await {
        let (_, payload, _) = as_event(&packet).unwrap();
        assert_eq!(payload["eventId"], json!(expected));
        expected += 1;
    }
    assert!(expected > first);
    assert_measured(
        &node,
        &[
            (r#"allynet_refused_emits_total{of="log"}"#, 1.0),
            (r#"allynet_refused_emits_total{of="other"}"#, 0.0),
            ("allynet_sockets", 0.0),
        ],
    );
}

#[tokio::test]
async fn sockets_rooms_and_what_is_told_live_or_again_is_measured() {
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
    assert_measured(
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

#[tokio::test]
async fn draining_closes_every_connection_and_lets_nobody_in() {
    let node = Node::start().await;
    let client = node.connect(1).await;
    let (query, mut http) = node.poll(2).await;
    assert_eq!(node.gateway.presence().helpers_online(), 2);
    within(node.gateway.drain(Duration::from_secs(5))).await;
    assert_eq!(node.gateway.presence().helpers_online(), 0);
    client.assert_ended().await;
    assert_eq!(http.get(&query).await.0, 400);
    let mut late = node.websocket().await;
    late.send(r#"40/emergencies,{"token":"1"}"#).await;
    assert!(late.text().await.starts_with("40/emergencies,"));
    late.assert_ended().await;
}
