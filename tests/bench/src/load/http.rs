//! HTTP requests, one after the other on a kept-alive connection.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// More than the longest answer of a measured server.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection of a user with a token.
#[derive(Debug)]
pub(crate) struct Http {
    stream: TcpStream,
    host: SocketAddr,
    token: String,
    received: Vec<u8>,
}

impl Http {
    pub(crate) async fn connect(to: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: to, token: token.to_owned(), received: Vec::new() })
    }

    /// The status of the answer to `GET path`; the body is ignored.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<u16> {
        Ok(self.exchange("GET", path, "").await?.0)
    }

    /// The `data` of the answer to `POST path`, which must succeed.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Value> {
        let (status, answer) = self.exchange("POST", path, body).await?;
        if status >= 300 {
            bail!("POST {path}: {status} {}", String::from_utf8_lossy(&answer));
        }
        let mut answer: Value = serde_json::from_slice(&answer)?;
        Ok(answer["data"].take())
    }

    async fn exchange(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let exchanged = async {
            let head = format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                self.host,
                self.token,
                body.len()
            );
            self.stream.write_all((head + body).as_bytes()).await?;
            self.answer().await
        };
        timeout(REQUEST_TIMEOUT, exchanged).await.with_context(|| format!("{method} {path} is not answered"))?
    }

    async fn answer(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        self.received.clear();
        loop {
            if let Some((status, start, end)) = whole(&self.received)? {
                return Ok((status, self.received[start..end].to_vec()));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the connection was closed");
            }
        }
    }
}

/// The status and the range of the body; `None` if the answer is incomplete.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let start = head + 4;
    let head = std::str::from_utf8(&bytes[..head])?;
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).context("no HTTP/1.1")?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.and_then(|(_, value)| value.trim().parse().ok()).context("an answer without length")?;
    Ok((bytes.len() >= start + length).then_some((status, start, start + length)))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_answer_is_read_to_its_length() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole(answer).unwrap(), Some((201, 43, 45)));
        for cut in 0..answer.len() {
            assert_eq!(whole(&answer[..cut]).unwrap(), None, "{cut}");
        }
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
