//! What this crate relies on in `engineioxide` and `socketioxide`, a test per assumption: when an update of either breaks one of
//! them, its test fails. `docs/transport.md` says what rests on each.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use allynet_transport::{
    ConnectionTimeouts, Namespace, SOCKET_IO_PATH,
    testing::{Client, POLLING, WEBSOCKET, within},
};
use http::{Request, header::CONTENT_LENGTH};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use socketioxide::{SocketIo, socket::DisconnectReason};
use support::{NAMESPACE, QUEUE, Server, upgrade_query};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tower::ServiceExt as _;

/// First byte of a text message that is one frame.
const FINAL_TEXT_FRAME: u8 = 0x81;
const HEARTBEAT: &str = "2";

/// WebSocket whose frames the test reads byte by byte.
struct RawWebSocket {
    stream: BufReader<TcpStream>,
    /// Response to the upgrade, with the empty line at its end.
    head: String,
}

impl RawWebSocket {
    async fn open(server: &Server, query: &str) -> Self {
        let mut stream = BufReader::new(TcpStream::connect(server.address).await.unwrap());
        let request = format!(
            "GET {SOCKET_IO_PATH}?{query} HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(within(stream.read_u8()).await.unwrap().into());
        }
        Self { stream, head }
    }

    /// Next frame: its first byte and its payload.
    async fn frame(&mut self) -> (u8, String) {
        let kind = within(self.stream.read_u8()).await.unwrap();
        let length = match within(self.stream.read_u8()).await.unwrap() {
            126 => self.stream.read_u16().await.unwrap().into(),
            // More than 125 is an extended length or the mask bit.
            length => {
                assert!(length < 126, "masked or too long: {length}");
                u64::from(length)
            }
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        within(self.stream.read_exact(&mut payload)).await.unwrap();
        (kind, String::from_utf8(payload).unwrap())
    }

    /// Sends a short text, masked with zeros.
    async fn send(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126);
        let frame = [&[FINAL_TEXT_FRAME, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat();
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn join(&mut self) {
        assert!(self.frame().await.1.starts_with('0'));
        self.send("40/emergencies,").await;
        assert!(self.packet().await.1.starts_with("40/emergencies,"));
    }

    /// Next frame other than a heartbeat, which comes at any time.
    async fn packet(&mut self) -> (u8, String) {
        loop {
            let (kind, payload) = self.frame().await;
            assert_eq!(kind, FINAL_TEXT_FRAME);
            if payload != HEARTBEAT {
                return (kind, payload);
            }
        }
    }
}

// --- frames

#[tokio::test]
async fn the_upgrade_response_is_written_before_any_frame() {
    let server = Server::start().await;
    let mut socket = RawWebSocket::open(&server, WEBSOCKET).await;
    assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
    let (kind, payload) = socket.frame().await;
    assert_eq!((kind, &payload[..1]), (FINAL_TEXT_FRAME, "0"));
}

#[tokio::test]
async fn each_packet_is_one_unmasked_text_frame() {
    let server = Server::start().await;
    let mut socket = RawWebSocket::open(&server, WEBSOCKET).await;
    socket.join().await;
    socket.send(r#"42/emergencies,["count",3]"#).await;
    for number in 0..3 {
        assert_eq!(socket.packet().await, (FINAL_TEXT_FRAME, format!(r#"42/emergencies,["number",{number}]"#)));
    }
}

#[tokio::test]
async fn packets_of_the_library_have_the_text_that_this_crate_encodes() {
    let server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join(NAMESPACE).await;
    let namespace = Namespace::new(NAMESPACE);
    for argument in [
        json!({ "text": "a\"b\\c\n\u{1}\u{e9}\u{1f198}/", "number": 1.5, "none": null, "list": [1, [2]] }),
        json!({ "large": 1e21, "small": -1e-7, "integer": i64::MAX }),
        json!("text"),
    ] {
        client.send(&format!(r#"42/emergencies,7["echo",{argument}]"#)).await;
        assert_eq!(client.text().await, namespace.event("echo", &argument).unwrap().payload());
        assert_eq!(client.text().await, namespace.acknowledgement(7, &argument).unwrap().payload());
    }
}

#[tokio::test]
async fn the_library_sends_no_event_or_acknowledgement_by_itself() {
    let server = Server::with_engine(ConnectionTimeouts::default(), QUEUE, Duration::from_millis(20)).await;
    let mut opened = RawWebSocket::open(&server, WEBSOCKET).await;
    opened.send("40/emergencies,").await;
    for _ in 0..4 {
        let (_, packet) = opened.frame().await;
        assert!(!packet.starts_with("42") && !packet.starts_with("43"), "{packet}");
        opened.send("3").await;
    }
    let (query, _http) = server.polling().await;
    let mut upgraded = RawWebSocket::open(&server, &upgrade_query(&query)).await;
    upgraded.send("2probe").await;
    assert_eq!(upgraded.frame().await.1, "3probe");
    upgraded.send("5").await;
    // Answers the heartbeat that the client has polled, so that there is a next one.
    upgraded.send("3").await;
    assert_eq!(upgraded.frame().await.1, HEARTBEAT);
}

// --- the queue

#[tokio::test]
async fn the_queue_of_the_engine_keeps_its_order() {
    let server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join(NAMESPACE).await;
    client.send(r#"42/emergencies,["count",200]"#).await;
    for number in 0..200 {
        assert_eq!(client.text().await, format!(r#"42/emergencies,["number",{number}]"#));
    }
}

#[tokio::test]
async fn what_was_queued_for_polls_leaves_over_the_websocket_first() {
    let server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, r#"42/emergencies,["count",50]"#).await.0, 200);
    let mut client = server.websocket(&upgrade_query(&query)).await;
    client.upgrade().await;
    client.send(r#"42/emergencies,["echo","after"]"#).await;
    for number in 0..50 {
        assert_eq!(client.text().await, format!(r#"42/emergencies,["number",{number}]"#));
    }
    assert_eq!(client.text().await, r#"42/emergencies,["echo","after"]"#);
}

// --- polling

#[tokio::test]
async fn the_body_of_a_poll_has_an_exact_size() {
    let (service, io) = SocketIo::new_svc();
    io.ns("/", async || {});
    let request = |query: &str| Request::get(format!("{SOCKET_IO_PATH}?{query}")).body(String::new()).unwrap();
    let open = service.clone().oneshot(request(POLLING)).await.unwrap();
    let open = open.into_body().collect().await.unwrap().to_bytes();
    let open: Value = serde_json::from_slice(&open[1..]).unwrap();
    let query = format!("{POLLING}&sid={}", open["sid"].as_str().unwrap());
    let connect = Request::post(format!("{SOCKET_IO_PATH}?{query}")).body("40".to_owned()).unwrap();
    assert_eq!(service.clone().oneshot(connect).await.unwrap().status(), 200);
    let poll = within(service.oneshot(request(&query))).await.unwrap();
    let exact = poll.body().size_hint().exact().unwrap();
    assert_eq!(poll.headers()[CONTENT_LENGTH], exact.to_string());
    let body = poll.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"40"));
    assert_eq!(body.len() as u64, exact);
}

#[tokio::test]
async fn a_close_packet_ends_a_polling_session_and_its_waiting_poll() {
    let mut server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut poll = server.http().await;
    poll.send("GET", &query, "").await;
    assert_eq!(http.post(&query, "1").await.0, 200);
    assert_eq!(poll.answer().await.0, 200);
    assert_eq!(server.disconnected().await, DisconnectReason::TransportClose);
    assert_eq!(http.get(&query).await.0, 400);
}

#[tokio::test]
async fn polls_during_an_upgrade_are_answered_with_a_no_op() {
    let server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&query, r#"42/emergencies,["count",1]"#).await.0, 200);
    let mut client = server.websocket(&upgrade_query(&query)).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    assert_eq!(http.get(&query).await, (200, "6".to_owned()));
}

// --- sessions

#[tokio::test]
async fn a_session_changes_its_transport_when_the_upgrade_is_complete() {
    let server = Server::start().await;
    let (query, mut http) = server.polling().await;
    let mut client = server.websocket(&upgrade_query(&query)).await;
    client.send("2probe").await;
    assert_eq!(client.text().await, "3probe");
    // Its answer waits in the queue until the upgrade is complete.
    assert_eq!(http.post(&query, r#"42/emergencies,1["session"]"#).await.0, 200);
    client.send("5").await;
    client.send(r#"42/emergencies,2["session"]"#).await;
    assert_eq!(session(&mut client, 1).await["transport"], "polling");
    assert_eq!(session(&mut client, 2).await["transport"], "websocket");
}

/// What the next packet, the acknowledgement of an event "session", says of the session.
async fn session(client: &mut Client, id: u32) -> Value {
    let packet = client.text().await;
    let answer = packet.strip_prefix(&format!("43/emergencies,{id}")).unwrap();
    let (answer,): (Value,) = serde_json::from_str(answer).unwrap();
    answer
}

#[tokio::test]
async fn a_session_keeps_the_extensions_of_its_opening_request() {
    let server = Server::start().await;
    let mut client = server.websocket(WEBSOCKET).await;
    client.join(NAMESPACE).await;
    let port = client.socket.get_ref().local_addr().unwrap().port();
    client.send(r#"42/emergencies,1["session"]"#).await;
    assert_eq!(session(&mut client, 1).await["port"], port);
}

// --- addresses

#[tokio::test]
async fn a_session_id_is_taken_from_the_first_pair_and_not_decoded() {
    let server = Server::start().await;
    let (query, mut http) = server.polling().await;
    assert_eq!(http.post(&format!("{query}&sid=another"), "3").await.0, 200);
    let (front, sid) = query.split_once("sid=").unwrap();
    assert_eq!(http.post(&format!("{front}sid=another&sid={sid}"), "3").await.0, 400);
    // The first character, percent-encoded.
    let encoded = format!("%{:02x}{}", sid.as_bytes()[0], &sid[1..]);
    assert_eq!(http.post(&format!("{front}sid={encoded}"), "3").await.0, 400);
}

#[tokio::test]
async fn a_session_id_that_cannot_exist_is_refused_and_opens_no_session() {
    let server = Server::start().await;
    let mut http = server.http().await;
    let query = format!("{POLLING}&sid=ended");
    for (status, body) in [http.get(&query).await, http.post(&query, "40/emergencies,").await] {
        assert_eq!((status, body.contains("Session ID unknown")), (400, true), "{body}");
    }
}

/// The engine reads `transport=` up to the next `=`. Such a WebSocket must be tracked like any other.
#[tokio::test]
async fn a_websocket_whose_transport_is_spelled_oddly_can_be_closed() {
    let mut server = Server::start().await;
    let mut client = server.websocket("EIO=4&transport=websocket=x").await;
    client.join(NAMESPACE).await;
    client.send(r#"42/emergencies,["kick",0]"#).await;
    assert_eq!(client.text().await, support::ERROR);
    client.assert_ended().await;
    assert_eq!(server.disconnected().await, DisconnectReason::TransportError);
}
