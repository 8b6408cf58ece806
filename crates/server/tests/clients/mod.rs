//! Socket.IO clients by hand: every byte of the protocol is the test's own. Knows nothing of the server under test.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{ops::ControlFlow, time::Duration};

use allynet_realtime::SOCKET_IO_PATH;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

pub(crate) const OPEN: &str = "EIO=4&transport=polling";
const PING: &str = "2";

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it takes too long")
}

/// An event packet taken apart: name, first argument, and the id under which an acknowledgement is expected.
pub(crate) fn as_event(packet: &str) -> Option<(String, Value, String)> {
    let rest = packet.strip_prefix("42/emergencies,")?;
    let (id, json) = rest.split_at(rest.find('[')?);
    let (name, payload): (String, Value) = serde_json::from_str(json).ok()?;
    Some((name, payload, id.to_owned()))
}

pub(crate) struct Http {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Http {
    pub(crate) fn over(tcp: TcpStream) -> Self {
        Self { stream: BufReader::new(tcp) }
    }

    pub(crate) async fn get(&mut self, query: &str) -> (u16, String) {
        self.send("GET", query, "").await;
        self.answer().await
    }

    /// Polls until something comes that is no heartbeat.
    pub(crate) async fn poll(&mut self, query: &str) -> (u16, String) {
        loop {
            self.send("GET", query, "").await;
            let (status, body) = self.polled().await;
            if !body.is_empty() {
                return (status, body);
            }
        }
    }

    /// The answer of a poll, without the heartbeats in it.
    pub(crate) async fn polled(&mut self) -> (u16, String) {
        let (status, body) = self.answer().await;
        let packets: Vec<_> = body.split('\x1e').filter(|packet| *packet != PING).collect();
        (status, packets.join(" "))
    }

    pub(crate) async fn post(&mut self, query: &str, body: &str) -> (u16, String) {
        self.send("POST", query, body).await;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, method: &str, query: &str, body: &str) {
        let request = format!(
            "{method} {SOCKET_IO_PATH}?{query} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    pub(crate) async fn answer(&mut self) -> (u16, String) {
        within(async {
            let (mut status, mut length) = (0, 0);
            loop {
                let mut line = String::new();
                assert!(self.stream.read_line(&mut line).await.unwrap() > 0, "no answer");
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

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub(crate) async fn over(tcp: TcpStream, query: &str) -> Self {
        let url = format!("ws://test{SOCKET_IO_PATH}?{query}");
        Self { socket: within(client_async(url, tcp)).await.unwrap().0 }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        within(self.socket.send(Message::text(text))).await.unwrap();
    }

    /// Sends, or finds that the server has closed the connection.
    pub(crate) async fn try_send_text(&mut self, text: &str) {
        within(self.socket.send(Message::text(text))).await.ok();
    }

    /// Sends, or finds that the server has closed the connection.
    pub(crate) async fn try_send_binary(&mut self, bytes: &[u8]) {
        within(self.socket.send(Message::binary(bytes.to_vec()))).await.ok();
    }

    /// The next packet that is no heartbeat, or `Break` when the connection has ended.
    pub(crate) async fn next(&mut self) -> ControlFlow<(), String> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Message::Text(text))) if text.as_str() == PING => {}
                Some(Ok(Message::Text(text))) => return ControlFlow::Continue(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return ControlFlow::Break(()),
                Some(Ok(other)) => panic!("unexpected {other:?}"),
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            ControlFlow::Continue(text) => text,
            ControlFlow::Break(()) => panic!("the connection has ended"),
        }
    }

    /// The next event in the namespace: its name and its first argument.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        let packet = self.text().await;
        let (name, payload, id) = as_event(&packet).unwrap_or_else(|| panic!("no event: {packet}"));
        assert_eq!(id, "", "{packet}");
        (name, payload)
    }

    /// Joins the namespace of a session that this WebSocket opened.
    pub(crate) async fn join(&mut self) {
        assert!(self.text().await.starts_with('0'));
        self.send("40/emergencies,").await;
        assert!(self.text().await.starts_with("40/emergencies,"));
    }

    /// Takes over a session from polling.
    pub(crate) async fn upgrade(&mut self) {
        self.send("2probe").await;
        assert_eq!(self.text().await, "3probe");
        self.send("5").await;
    }

    pub(crate) async fn assert_ended(mut self) {
        assert_eq!(self.next().await, ControlFlow::Break(()));
        // Not only the WebSocket: nothing more can come over the TCP connection.
        let mut rest = Vec::new();
        within(self.socket.get_mut().read_to_end(&mut rest)).await.ok();
        assert!(rest.is_empty());
    }
}

pub(crate) const WEBSOCKET: &str = "EIO=4&transport=websocket";
