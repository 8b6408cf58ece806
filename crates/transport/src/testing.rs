//! Socket.IO clients for tests that assemble every packet of the protocol themselves, over polling and over WebSocket.
//!
//! Must not know the server under test.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(missing_docs, clippy::missing_panics_doc, reason = "for tests")]

use std::{ops::ControlFlow, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::engine::SOCKET_IO_PATH;

/// Query that opens a session by polling.
pub const POLLING: &str = "EIO=4&transport=polling";
/// Query that opens a session as a WebSocket.
pub const WEBSOCKET: &str = "EIO=4&transport=websocket";
/// Heartbeat of the engine, which the clients skip.
const PING: &str = "2";
const TIMEOUT: Duration = Duration::from_secs(30);

/// Awaits a future for at most thirty seconds.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, future).await.expect("timed out")
}

/// Parses an event packet of any namespace but the main one: name, first argument, and the id under which an acknowledgement
/// is expected.
pub fn as_event(packet: &str) -> Option<(String, Value, String)> {
    let (_, rest) = packet.strip_prefix("42/")?.split_once(',')?;
    let (id, json) = rest.split_at(rest.find('[')?);
    let (name, payload): (String, Value) = serde_json::from_str(json).ok()?;
    Some((name, payload, id.to_owned()))
}

/// HTTP connection of a client that polls.
pub struct Http {
    pub stream: BufReader<TcpStream>,
}

impl Http {
    pub fn over(tcp: TcpStream) -> Self {
        Self { stream: BufReader::new(tcp) }
    }

    pub async fn get(&mut self, query: &str) -> (u16, String) {
        self.send("GET", query, "").await;
        self.answer().await
    }

    /// Polls until the body has a packet other than a heartbeat.
    pub async fn poll(&mut self, query: &str) -> (u16, String) {
        loop {
            self.send("GET", query, "").await;
            let (status, body) = self.polled().await;
            if !body.is_empty() {
                return (status, body);
            }
        }
    }

    /// Response to a poll that was sent, without heartbeats.
    pub async fn polled(&mut self) -> (u16, String) {
        let (status, body) = self.answer().await;
        let packets: Vec<_> = body.split('\x1e').filter(|packet| *packet != PING).collect();
        (status, packets.join(" "))
    }

    pub async fn post(&mut self, query: &str, body: &str) -> (u16, String) {
        self.send("POST", query, body).await;
        self.answer().await
    }

    pub async fn send(&mut self, method: &str, query: &str, body: &str) {
        let request = format!(
            "{method} {SOCKET_IO_PATH}?{query} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    pub async fn answer(&mut self) -> (u16, String) {
        within(async {
            let (mut status, mut length) = (0, 0);
            loop {
                let mut line = String::new();
                assert!(self.stream.read_line(&mut line).await.unwrap() > 0, "no response");
                let line = line.trim_end().to_lowercase();
                if let Some(rest) = line.strip_prefix("http/1.1 ") {
                    status = rest[..3].parse().unwrap();
                } else if let Some(rest) = line.strip_prefix("content-length: ") {
                    length = rest.parse().unwrap();
                } else if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.unwrap();
            (status, String::from_utf8(body).unwrap())
        })
        .await
    }
}

/// WebSocket of a client.
pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub async fn over(tcp: TcpStream, query: &str) -> Self {
        let url = format!("ws://test{SOCKET_IO_PATH}?{query}");
        Self { socket: within(client_async(url, tcp)).await.unwrap().0 }
    }

    pub async fn send(&mut self, text: &str) {
        within(self.socket.send(Message::text(text))).await.unwrap();
    }

    /// Sends, unless the server has closed the connection.
    pub async fn try_send_text(&mut self, text: &str) {
        within(self.socket.send(Message::text(text))).await.ok();
    }

    /// Sends, unless the server has closed the connection.
    pub async fn try_send_binary(&mut self, bytes: &[u8]) {
        within(self.socket.send(Message::binary(bytes.to_vec()))).await.ok();
    }

    /// Next packet other than a heartbeat, or `Break` when the connection has ended.
    pub async fn next(&mut self) -> ControlFlow<(), String> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) if text.as_str() == PING => {}
                Some(Ok(Message::Text(text))) => return ControlFlow::Continue(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return ControlFlow::Break(()),
                Some(Ok(other)) => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Next packet other than a heartbeat.
    pub async fn text(&mut self) -> String {
        match self.next().await {
            ControlFlow::Continue(text) => text,
            ControlFlow::Break(()) => panic!("the connection has ended"),
        }
    }

    /// Next packet, which is an event without acknowledgement: its name and its first argument.
    pub async fn event(&mut self) -> (String, Value) {
        let packet = self.text().await;
        let (name, payload, id) = as_event(&packet).unwrap_or_else(|| panic!("no event: {packet}"));
        assert_eq!(id, "", "{packet}");
        (name, payload)
    }

    /// Connects to a namespace after this WebSocket has opened its session.
    pub async fn join(&mut self, namespace: &str) {
        assert!(self.text().await.starts_with('0'));
        let connect = format!("40{namespace},");
        self.send(&connect).await;
        assert!(self.text().await.starts_with(&connect));
    }

    /// Upgrades a session from polling to this WebSocket.
    pub async fn upgrade(&mut self) {
        self.send("2probe").await;
        assert_eq!(self.text().await, "3probe");
        self.send("5").await;
    }

    /// Asserts that the server closes the connection and sends nothing more.
    pub async fn assert_ended(mut self) {
        assert_eq!(self.next().await, ControlFlow::Break(()));
        // Not only the WebSocket: nothing more may come over the TCP connection.
        let mut rest = Vec::new();
        within(self.socket.get_mut().read_to_end(&mut rest)).await.ok();
        assert!(rest.is_empty());
    }
}

pub use crate::socket_writer::text_messages;
