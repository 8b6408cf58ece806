//! Bounds what the connections of a client take: counts them, in use and idle, and reads only so much for a request.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// Most bytes that are read for a request. HTTP allows any number of informational answers before the final one, so that the
/// limits of its head and body bound nothing.
const MAX_READ: usize = 64 << 10;
/// Most bytes that are read at once.
const READ_BUFFER_BYTES: usize = 4_096;

/// The number of connections, shared by all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenConnections(Arc<AtomicUsize>);

/// A connection that counts until it is dropped, and fails if too much is received on it.
#[derive(Debug)]
pub(crate) struct CountedStream<T> {
    stream: T,
    /// Bytes read since the last request was written.
    read: usize,
    _one: One,
}

/// One in the count until it is dropped.
#[derive(Debug)]
pub(super) struct One(OpenConnections);

impl OpenConnections {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts a connection that is being made.
    pub(super) fn count_one(&self) -> One {
        self.0.fetch_add(1, Ordering::Relaxed);
        One(self.clone())
    }
}

impl One {
    /// Counts it from now on as long as this stream exists.
    pub(super) const fn with<T>(self, stream: T) -> CountedStream<T> {
        CountedStream { stream, read: 0, _one: self }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Connection> Connection for CountedStream<T> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl<T: Read + Unpin> Read for CountedStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // A cursor does not tell how much was read into it.
        let mut bytes = [0; READ_BUFFER_BYTES];
        let room = buffer.remaining().min(bytes.len());
        let mut read = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, read.unfilled()))?;
        self.read += read.filled().len();
        if self.read > MAX_READ {
            return Poll::Ready(Err(io::Error::other("the answer is too long")));
        }
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for CountedStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn only_so_much_is_read_for_a_request() {
        let (client, mut server) = duplex(1 << 20);
        let open = OpenConnections::default();
        let mut client = TokioIo::new(open.count_one().with(TokioIo::new(client)));
        assert_eq!(open.count(), 1);
        server.write_all(&vec![b'a'; 1 << 18]).await.unwrap();
        let mut answer = vec![0; MAX_READ];
        for _ in 0..2 {
            client.write_all(b"request").await.unwrap();
            client.read_exact(&mut answer).await.unwrap();
        }
        assert!(answer.iter().all(|byte| *byte == b'a'));
        assert!(client.read(&mut answer).await.is_err());
        drop(client);
        assert_eq!(open.count(), 0);
    }
}
