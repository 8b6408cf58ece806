//! How connections end.

use std::time::Duration;

use allynet_domain::{Event, Timestamp};
use allynet_transport::testing::{Client, WEBSOCKET, as_event, within};
use serde_json::json;
use tokio::net::TcpSocket;

use crate::{
    CALL, assert_closed_with, assert_metrics, assert_responsive, emergency_of_1,
    node::{Node, emergency, session, user},
};

#[tokio::test]
async fn connections_end_with_their_token_their_session_and_their_account() {
    let node = Node::start().await;
    let expiring = node.attach(node.websocket().await, "1 1").await;
    let blocked = node.connect(2).await;
    let (revoked, mut kept) = (node.connect(3).await, node.connect(4).await);
    node.happens(None, Event::AccountBlocked { user: user(2) });
    node.happens(None, Event::SessionsRevoked { user: user(3), only: None, except: None, former: None });
    node.happens(None, Event::SessionsRevoked { user: user(4), only: None, except: Some(session(4)), former: None });
    assert_closed_with(blocked, "account_blocked").await;
    assert_closed_with(revoked, "token_expired").await;
    assert_responsive(&mut kept).await;
    assert_closed_with(expiring, "token_expired").await;
    let presence = node.gateway.presence();
    assert_eq!((presence.is_online(user(4)), presence.helpers_online()), (true, 1));
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_closed_and_received_events_without_gaps() {
    let node = emergency_of_1().await;
    let tcp = TcpSocket::new_v4().unwrap();
    tcp.set_recv_buffer_size(4096).unwrap();
    let mut stalled = Client::over(tcp.connect(node.address()).await.unwrap(), WEBSOCKET).await;
    stalled.text().await;
    let mut stalled = node.attach(stalled, "1").await;
    let notes = allynet_domain::Text::parse(&"\u{1f198}".repeat(500)).unwrap();
    let update = || Event::HelperStatusUpdated {
        helper: user(3),
        status: allynet_domain::ResponseStatus::OnWay,
        notes: Some(notes.clone()),
        estimated_arrival: None,
        updated_at: Timestamp::UNIX_EPOCH,
        anonymous: false,
        counts_until: None,
        stalled: false,
    };
    let first = node.happens(Some(emergency(CALL)), update());
    while node.gateway.presence().helpers_online() > 0 {
        for _ in 0..100 {
            node.happens(Some(emergency(CALL)), update());
        }
        tokio::task::yield_now().await;
    }
    let mut expected = first;
    while let std::ops::ControlFlow::Continue(packet) = stalled.next().await {
        let (_, payload, _) = as_event(&packet).unwrap();
        assert_eq!(payload["eventId"], json!(expected));
        expected += 1;
    }
    assert!(expected > first);
    assert_metrics(
        &node,
        &[
            (r#"allynet_refused_emits_total{of="log"}"#, 1.0),
            (r#"allynet_refused_emits_total{of="other"}"#, 0.0),
            ("allynet_sockets", 0.0),
        ],
    );
}

#[tokio::test]
async fn draining_closes_every_connection_and_admits_no_more() {
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
async fn draining_completes_and_answers_the_event_in_progress() {
    let node = Node::start().await;
    let mut client = node.connect(1).await;
    node.script.positions.send_replace(false);
    let storing = node.script.storing.notified();
    client.send(r#"42/emergencies,["location:update",{"latitude":1,"longitude":0}]"#).await;
    within(storing).await;
    // Not earlier: a position that arrives before the first is taken from the inbox would be stored with it, as one.
    client.send(r#"42/emergencies,["location:update",{"latitude":2,"longitude":0}]"#).await;
    within(async {
        while node.metric("allynet_inbox_events") < 1.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
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
