//! WebSocket frames, encoded once and written to every socket: the cost of the kernel. Implements only the parts of HTTP and
//! WebSocket that the driver uses.

use std::{
    io::ErrorKind,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::payloads;

const OPEN: &str =
    r#"0{"sid":"AAAAAAAAAAAAAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#;
const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

#[derive(Default)]
struct Sockets(Mutex<Vec<TcpStream>>);

impl Sockets {
    fn add(&self, socket: TcpStream) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    }

    /// Writes to all sockets. Drops those that are closed or whose buffer is full.
    fn tell(&self, frame: &[u8]) {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|socket| socket.try_write(frame).is_ok_and(|written| written == frame.len()));
    }
}

/// A text frame from a server (RFC 6455 §5.2).
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length @ ..126) => frame.push(length.to_le_bytes()[0]),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend(text.as_bytes());
    frame
}

fn event((name, payload): (&str, &str)) -> Vec<u8> {
    frame(&format!(r#"42/emergencies,["{name}",{payload}]"#))
}

/// Serves until it is killed.
pub(crate) async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    let sockets = Arc::<Sockets>::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // An error ends only its own connection.
        tokio::spawn(converse(stream, Arc::clone(&sockets)));
    }
}

async fn converse(mut stream: TcpStream, sockets: Arc<Sockets>) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(4096);
    loop {
        request.clear();
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        if request.starts_with(b"GET /socket.io/") {
            stream.write_all(&[UPGRADE, &frame(OPEN)].concat()).await?;
            // Any greeting of the driver is accepted.
            stream.read_buf(&mut request).await?;
            stream.write_all(&event(payloads::READY)).await?;
            sockets.add(stream);
            return Ok(());
        }
        if request.starts_with(b"POST ") {
            // A body that arrives in a packet of its own must not be taken for a request.
            read_body(&mut stream, &mut request).await?;
            let ends = request.windows(7).take(100).any(|part| part == b"/cancel");
            sockets.tell(&event(if ends { payloads::ENDED } else { payloads::CREATED }));
        }
        let answer = payloads::answer();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).await?;
    }
}

/// Reads what `content-length` announces.
async fn read_body(stream: &mut TcpStream, request: &mut Vec<u8>) -> std::io::Result<()> {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let announced = head.split_once("content-length:").and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
    let mut missing = announced.unwrap_or(0usize).saturating_sub(body.len());
    while missing > 0 {
        let read = stream.read_buf(request).await?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        missing = missing.saturating_sub(read);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn the_length_of_a_frame_is_written_as_short_as_it_can_be() {
        assert_eq!(frame("ab"), [0x81, 2, b'a', b'b']);
        assert_eq!(frame(&"x".repeat(126))[..4], [0x81, 126, 0, 126]);
        assert_eq!(frame(&"x".repeat(65_536))[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
