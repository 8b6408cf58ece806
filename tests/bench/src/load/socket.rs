//! A client: raw packets over a WebSocket without any state but its TCP connection. Ten thousand clients must cost less than
//! the server that writes to them, so all share one read buffer, allocate nothing and parse no JSON.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::{
    io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    time::timeout_at,
};

use super::{
    frames::{self, Kind},
    packets::{self, Event, PONG, Packet},
};

/// Enough for many events per read.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// The maximum size of the answer to the upgrade.
const MAX_UPGRADE_RESPONSE_BYTES: usize = 4096;

thread_local! {
    /// The read buffer that all clients of a thread share.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER_BYTES]);
}

/// A connected client.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// The start of an incomplete frame.
    begun: Vec<u8>,
}

impl Socket {
    /// Connects, sends the token, and waits for `session:ready`.
    pub(crate) async fn connect(to: SocketAddr, token: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {to}\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let begun = upgraded(&mut stream).await?;
        let mut socket = Self { stream, begun };
        socket.send(&packets::enter(token)).await?;
        let mut is_ready = false;
        while !is_ready {
            socket.listen(|event| is_ready |= event.name == b"session:ready").await?;
        }
        Ok(socket)
    }

    /// Sends a packet.
    pub(crate) async fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(packet.len() + 8);
        frames::write_text(&mut frame, packet);
        self.stream.write_all(&frame).await
    }

    /// Waits for data, and passes on every event in it.
    pub(crate) async fn listen(&mut self, mut hear: impl FnMut(Event<'_>)) -> io::Result<()> {
        let answers = poll_fn(|cx| self.poll_listen(cx, &mut hear)).await?;
        if answers.is_empty() { Ok(()) } else { self.stream.write_all(&answers).await }
    }

    /// The same until a time; returns whether data arrived.
    pub(crate) async fn listen_until(&mut self, until: Instant, mut hear: impl FnMut(Event<'_>)) -> io::Result<bool> {
        let listening = poll_fn(|cx| self.poll_listen(cx, &mut hear));
        // Only the reading ends early: half an answer would break the stream.
        let Ok(answers) = timeout_at(until.into(), listening).await else { return Ok(false) };
        let answers = answers?;
        if !answers.is_empty() {
            self.stream.write_all(&answers).await?;
        }
        Ok(true)
    }

    fn poll_listen(&mut self, cx: &mut Context<'_>, hear: &mut impl FnMut(Event<'_>)) -> Poll<io::Result<Vec<u8>>> {
        READ.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let read = buffer.filled();
            if read.is_empty() {
                return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
            }
            let mut answers = Vec::new();
            if self.begun.is_empty() {
                let taken = take(read, &mut answers, hear)?;
                self.begun.extend(&read[taken..]);
            } else {
                self.begun.extend(read);
                let taken = take(&self.begun, &mut answers, hear)?;
                self.begun.drain(..taken);
            }
            Poll::Ready(Ok(answers))
        })
    }
}

/// Handles all complete frames; returns their total length in bytes.
fn take(bytes: &[u8], answers: &mut Vec<u8>, hear: &mut impl FnMut(Event<'_>)) -> io::Result<usize> {
    let mut taken = 0;
    loop {
        let rest = &bytes[taken..];
        let frame = frames::first(rest).map_err(|frame| io::Error::other(format!("{frame:?}")))?;
        let Some((kind, payload)) = frame else { return Ok(taken) };
        taken += payload.end;
        let payload = &rest[payload];
        match kind {
            Kind::Text => match packets::read(payload) {
                Packet::Ping => frames::write_text(answers, PONG),
                Packet::Event(event) => {
                    hear(event);
                    if let Some(answer) = event.answer() {
                        frames::write_text(answers, &answer);
                    }
                }
                Packet::Refused => return Err(io::Error::other(String::from_utf8_lossy(payload))),
                Packet::Other => {}
            },
            Kind::Ping => frames::write_pong(answers, payload),
            Kind::Pong => {}
            Kind::Close => return Err(ErrorKind::ConnectionAborted.into()),
        }
    }
}

/// Reads the answer to the upgrade; returns the bytes that followed it.
async fn upgraded(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut answer = Vec::with_capacity(512);
    loop {
        if let Some(end) = answer.windows(4).position(|end| end == b"\r\n\r\n") {
            if answer.starts_with(b"HTTP/1.1 101") {
                return Ok(answer.split_off(end + 4));
            }
            return Err(io::Error::other(String::from_utf8_lossy(&answer)));
        }
        if answer.len() > MAX_UPGRADE_RESPONSE_BYTES || stream.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_server(text: &str) -> Vec<u8> {
        let mut frame = vec![0x81, u8::try_from(text.len()).unwrap()];
        frame.extend(text.as_bytes());
        frame
    }

    fn taken(bytes: &[u8]) -> (usize, Vec<u8>, Vec<String>) {
        let (mut answers, mut heard) = (Vec::new(), Vec::new());
        let taken = take(bytes, &mut answers, &mut |event| heard.push(String::from_utf8(event.name.to_vec()).unwrap()));
        (taken.unwrap(), answers, heard)
    }

    #[test]
    fn every_event_that_came_is_told_and_the_rest_is_kept() {
        let first = from_server(r#"42/emergencies,["a",{}]"#);
        let second = from_server(r#"42/emergencies,["b",{}]"#);
        let bytes = [&first[..], &second, &second[..5]].concat();
        let (taken, answers, heard) = taken(&bytes);
        assert_eq!((taken, answers.len()), (first.len() + second.len(), 0));
        assert_eq!(heard, ["a", "b"]);
    }

    #[test]
    fn pings_and_alerts_are_answered() {
        let bytes = [from_server("2"), from_server(r#"42/emergencies,5["emergency:nearby",{}]"#)].concat();
        let (_, answers, heard) = taken(&bytes);
        let mut expected = Vec::new();
        frames::write_text(&mut expected, b"3");
        frames::write_text(&mut expected, b"43/emergencies,5[]");
        assert_eq!((answers, heard), (expected, vec!["emergency:nearby".to_owned()]));
    }

    #[test]
    fn a_refusal_is_an_error_that_says_why() {
        let refused = take(&from_server(r#"44/emergencies,{"message":"no"}"#), &mut Vec::new(), &mut |_| {});
        assert!(refused.unwrap_err().to_string().contains("no"));
    }
}
