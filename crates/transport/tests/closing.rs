//! Over real sockets: the server closes a session for good, on every transport.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use allynet_transport::testing::{WEBSOCKET, within};
use socketioxide::socket::DisconnectReason;
use support::{ERROR, NAMESPACE, Server, upgrade_query};
use tokio::io::AsyncReadExt as _;

#[tokio::test]
async fn closing_a_websocket_sends_what_is_queued_first() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join(NAMESPACE).await;
    client.send(r#"42/emergencies,["kick",100]"#).await;
    for number in 0..100 {
        assert_eq!(client.text().await, format!(r#"42/emergencies,["before",{number}]"#));
    }
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
}

#[tokio::test]
async fn closing_a_websocket_that_was_upgraded_ends_its_session() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let websocket = upgrade_query(&query);
    let mut client = server.websocket(&websocket).await;
    client.upgrade().await;
    client.send(r#"42/emergencies,["kick",0]"#).await;
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);

    assert_eq!(http.post(&query, "40/emergencies,").await.0, 400);
    assert_eq!(http.get(&query).await.0, 400);
    server.websocket(&websocket).await.assert_ended().await;
}

#[tokio::test]
async fn closing_a_polling_session_sends_what_is_queued_first() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut poll = server.http().await;
    let kick = http.post(&query, r#"42/emergencies,["kick",0]"#);
    let (polled, kicked) = tokio::join!(poll.poll(&query), kick);
    assert_eq!((polled, kicked.0), ((200, ERROR.to_owned()), 200));
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);

    for body in ["40/emergencies,", r#"42/emergencies,["work",1]"#] {
        let (status, answer) = http.post(&query, body).await;
        assert_eq!((status, answer.contains("Session ID unknown")), (400, true));
    }
    assert_eq!(poll.get(&query).await.0, 400);
    server.websocket(&upgrade_query(&query)).await.assert_ended().await;
    assert!(server.handled.try_recv().is_err());
}

#[tokio::test]
async fn a_polling_session_that_is_being_closed_may_poll_and_nothing_else() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    assert_eq!(http.post(&query, r#"42/emergencies,["work",1]"#).await.0, 400);
    assert_eq!(http.poll(&query).await, (200, ERROR.to_owned()));
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);
    assert_eq!(http.get(&query).await.0, 400);
    assert!(server.handled.try_recv().is_err());
}

#[tokio::test]
async fn a_polling_session_that_never_polls_is_closed_soon() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn closing_a_session_during_its_upgrade_ends_it() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut client = server.websocket(&upgrade_query(&query)).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    client.send("5").await;
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn a_session_that_stops_halfway_through_its_upgrade_can_be_closed() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut client = server.websocket(&upgrade_query(&query)).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    assert_eq!(http.post(&query, r#"42/emergencies,["kick",0]"#).await.0, 200);
    server.disconnected().await;
    client.assert_ended().await;
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn a_session_that_has_left_and_joined_its_namespace_again_can_be_closed() {
    let mut server = Server::start().await;
    let (query, _http) = server.polling().await;
    let mut client = server.websocket(&upgrade_query(&query)).await;
    client.upgrade().await;
    client.send("41/emergencies,").await;
    assert_eq!(server.disconnected().await, DisconnectReason::ClientNSDisconnect);
    client.send("40/emergencies,").await;
    assert!(client.text().await.starts_with("40/emergencies,"));
    client.send(r#"42/emergencies,["kick",0]"#).await;
    assert_eq!(client.text().await, ERROR);
    client.assert_ended().await;
    server.disconnected().await;
}

#[tokio::test]
async fn closing_all_connections_ends_idle_http_and_websocket_connections() {
    let mut server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join(NAMESPACE).await;
    let (query, mut http) = server.polling().await;
    http.send("GET", &query, "").await;
    server.close_all.cancel();
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
    assert_eq!(within(http.stream.read_u8()).await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}
