//! A single HTTP request on its own connection. A lost connection is a regular outcome.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
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
}

impl Request {
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: "POST", path: path.into(), body }
    }

    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self { method: "PUT", path: path.into(), body }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), body: Value::Null }
    }

    /// Sends the request and waits for the answer.
    pub async fn send(&self, to: SocketAddr, token: &str) -> io::Result<Answer> {
        timeout(REQUEST_TIMEOUT, self.exchange(to, token)).await.map_err(|_| io::Error::from(ErrorKind::TimedOut))?
    }

    async fn exchange(&self, to: SocketAddr, token: &str) -> io::Result<Answer> {
        let mut tcp = TcpStream::connect(to).await?;
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
