//! The end of connections.

use std::time::Duration;

use allynet_domain::{Event, Timestamp};
use allynet_transport::testing::{Client, WEBSOCKET, as_event, within};
use serde_json::json;
use tokio::net::TcpSocket;

use crate::{
    CALL, assert_dismissed, assert_measured, assert_well, emergency_of_1,
    node::{Node, emergency, session, user},
};

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
    late.assert_ended().await;
}

#[tokio::test]
async fn draining_lets_what_is_being_done_end_and_tells_it() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    node.script.positions.send_replace(false);
    let storing = node.script.storing.notified();
    for latitude in [1, 2] {
        client.send(&format!(r#"42/emergencies,["location:update",{{"latitude":{latitude},"longitude":0}}]"#)).await;
    }
    within(storing).await;
    let gateway = node.gateway.clone();
    let mut draining = tokio::spawn(async move { gateway.drain(Duration::from_secs(5)).await });
    tokio::time::timeout(Duration::from_millis(200), &mut draining).await.unwrap_err();
    node.script.positions.send_replace(true);
    let (name, payload) = client.event().await;
    assert_eq!((name.as_str(), &payload["latitude"]), ("location:updated", &json!(1.0)));
    client.assert_ended().await;
    within(draining).await.unwrap();
    assert_eq!(node.script.stored.lock().unwrap().len(), 1, "what was waiting is not begun");
}
