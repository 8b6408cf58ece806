//! A single HTTP request on its own connection. A lost connection is a regular outcome.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// More than the maximum time of any answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The answer of a node.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// A request to a node.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    source: Ipv4Addr,
}

impl Request {
    fn new(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body, source: Ipv4Addr::LOCALHOST }
    }

    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new("POST", path, body)
    }

    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new("PUT", path, body)
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path, Value::Null)
    }

    /// The same request from another address of this host.
    #[must_use]
    pub fn from_address(self, source: Ipv4Addr) -> Self {
        Self { source, ..self }
    }

    /// Sends the request and waits for the answer.
    pub async fn send(&self, to: SocketAddr, token: &str) -> io::Result<Answer> {
        timeout(REQUEST_TIMEOUT, self.exchange(to, token)).await.map_err(|_| io::Error::from(ErrorKind::TimedOut))?
    }

    async fn exchange(&self, to: SocketAddr, token: &str) -> io::Result<Answer> {
        let mut tcp = connect(self.source, to).await?;
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.method,
            self.path,
            body.len()
        );
        tcp.write_all((head + &body).as_bytes()).await?;
        let mut bytes = Vec::new();
        tcp.read_to_end(&mut bytes).await?;
        read(&bytes).ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))
    }
}

/// Connects from an address of this host.
pub async fn connect(source: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    socket.connect(to).await
}

/// Parses an answer; `None` if it is incomplete.
fn read(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if length.is_some_and(|length: usize| body.len() < length) {
        return None;
    }
    Some(Answer { status, body: serde_json::from_str(body).unwrap_or_default() })
}
