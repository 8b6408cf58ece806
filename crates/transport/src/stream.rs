//! Accepted connection as the HTTP server and the WebSocket read and write it.

use std::{
    fmt,
    io::{self, ErrorKind, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{connection::Connection, open_connections::OpenConnection, socket_writer::SocketWriter};

/// Deadlines of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimeouts {
    /// Time without progress after which a blocked write closes the connection.
    pub stalled_write: Duration,
    /// Time in which a connection that is being closed may still write what is queued.
    pub closing: Duration,
    /// Time without acknowledgement by the peer's host after which sent data closes the connection (`TCP_USER_TIMEOUT`).
    pub unacknowledged: Duration,
}

impl Default for ConnectionTimeouts {
    fn default() -> Self {
        Self {
            stalled_write: Duration::from_secs(8),
            closing: Duration::from_millis(500),
            unacknowledged: Duration::from_secs(20),
        }
    }
}

/// Accepted connection. It closes when its token is cancelled, and cancels its token when it ends.
///
/// A closing connection goes through three steps: reads fail, which makes the HTTP server or the engine end; what is queued may
/// be written until [`ConnectionTimeouts::closing`] has passed; then both directions are shut down.
pub struct Stream {
    tcp: Arc<TcpStream>,
    connection: Connection,
    timeouts: ConnectionTimeouts,
    /// Resolves when the token is cancelled. Polled by the reading task only, which is not the one that writes.
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// End of the time for writing, once the connection was seen to be closing.
    write_deadline: Option<Instant>,
    /// Runs while a write makes no progress.
    stall: Option<StallTimer>,
    is_shut_down: bool,
    /// Registration among the open connections of the listener.
    open: Option<OpenConnection>,
    rewrite_failure: Option<Arc<RewriteFailure>>,
}

/// Function that replaces an answer which the HTTP server writes by itself. Its argument begins with `HTTP/1.1 4`; `None`
/// leaves the answer as it is.
pub type RewriteFailure = dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync;

/// Beginning of an answer that refuses a request.
const CLIENT_ERROR: &[u8] = b"HTTP/1.1 4";

impl Stream {
    pub(crate) fn new(
        tcp: TcpStream,
        peer: SocketAddr,
        timeouts: ConnectionTimeouts,
        close: CancellationToken,
    ) -> Self {
        let tcp = Arc::new(tcp);
        let writer = SocketWriter::new(Arc::clone(&tcp));
        Self {
            tcp,
            cancelled: Box::pin(close.clone().cancelled_owned()),
            connection: Connection::new(peer, close, writer),
            timeouts,
            write_deadline: None,
            stall: None,
            is_shut_down: false,
            open: None,
            rewrite_failure: None,
        }
    }

    /// Holds the place among the open connections until the connection ends.
    pub(crate) fn registered(mut self, open: OpenConnection, rewrite_failure: Option<Arc<RewriteFailure>>) -> Self {
        self.open = Some(open);
        self.rewrite_failure = rewrite_failure;
        self
    }

    /// Handle to the connection, for the extensions of its requests.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes another answer in place of one that the HTTP server makes by itself. Returns the length of the answer that was
    /// replaced; `None` if it has to be written.
    fn replace_failure(&self, answer: &[u8]) -> Option<usize> {
        if !answer.starts_with(CLIENT_ERROR) {
            return None;
        }
        let replacement = self.rewrite_failure.as_deref()?(answer)?;
        // Some hundred bytes on a connection on which little was written: they fit, or the peer does not read anyway.
        match self.connection.writer.poll_write(&replacement) {
            Poll::Ready(Ok(_)) => Some(answer.len()),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    fn start_closing(&mut self) -> Instant {
        let timeout = self.timeouts.closing;
        *self.write_deadline.get_or_insert_with(|| Instant::now() + timeout)
    }

    /// Fails if nothing may be written any more.
    fn check_writable(&mut self) -> io::Result<()> {
        if self.connection.close.is_cancelled() && self.start_closing() <= Instant::now() {
            self.shut_down();
        }
        if self.is_shut_down { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// Keeps the stall timer while writes are blocked, and closes the connection when it fires.
    fn after_write(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            // A frame of the engine has to be continued first: neither progress nor a blocked connection.
            Poll::Ready(Ok(0)) => return written,
            Poll::Ready(_) => {
                self.stall = None;
                return written;
            }
            Poll::Pending => {}
        }
        let (close, timeouts, write_deadline) = (&self.connection.close, self.timeouts, self.write_deadline);
        let stall = self.stall.get_or_insert_with(|| StallTimer::new(close.clone(), timeouts, write_deadline));
        // The timer is polled by either task and the other may be the one that is polled next: it wakes both.
        let waker = self.connection.writer.waker();
        if stall.0.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            return Poll::Pending;
        }
        tracing::debug!(peer = %self.connection.peer, "write stalled: connection closed");
        self.shut_down();
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// Ends the connection at once, even if another task still holds it. The cancelled token wakes the reading task.
    fn shut_down(&mut self) {
        self.is_shut_down = true;
        self.stall = None;
        self.connection.close.cancel();
        self.connection.writer.shut_down();
        self.connection.ended.cancel();
    }

    /// Writes what sessions have sent past the engine and the kernel did not take at once.
    fn drain(&mut self) -> io::Result<()> {
        if self.connection.writer.has_pending() {
            self.check_writable()?;
            let drained = self.connection.writer.poll_drain();
            if let Poll::Ready(Err(error)) = self.after_write(drained) {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Resolves when a write has been blocked for too long.
struct StallTimer(Pin<Box<dyn Future<Output = ()> + Send>>);

impl StallTimer {
    fn new(close: CancellationToken, timeouts: ConnectionTimeouts, write_deadline: Option<Instant>) -> Self {
        Self(Box::pin(async move {
            // When the connection begins to close while it is blocked, the shorter deadline of closing counts from then on.
            if tokio::time::timeout(timeouts.stalled_write, close.cancelled()).await.is_ok() {
                let deadline = write_deadline.unwrap_or_else(|| Instant::now() + timeouts.closing);
                tokio::time::sleep_until(deadline).await;
            }
        }))
    }
}

impl fmt::Debug for StallTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StallTimer")
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cancelled.as_mut().poll(cx).is_ready() {
            self.start_closing();
            // An error and not the end of the stream: on EOF a WebSocket refuses to send what is queued.
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        // Registered before the check for pending frames: a frame that is kept after the check wakes this task.
        self.connection.writer.register_reader(cx);
        self.drain()?;
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.tcp.try_read_buf(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => {
                    // The end of the stream is no sign of the client: its host may have sent it.
                    if read.as_ref().is_ok_and(|&bytes| bytes > 0) {
                        self.connection.activity.read();
                    }
                    return Poll::Ready(read.map(drop));
                }
            }
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.check_writable()?;
        self.connection.writer.register_writer(cx);
        if let Some(written) = self.replace_failure(data) {
            return Poll::Ready(Ok(written));
        }
        let written = self.connection.writer.poll_write(data);
        self.after_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_writable()?;
        self.connection.writer.register_writer(cx);
        if let [head] = data
            && let Some(written) = self.replace_failure(head)
        {
            return Poll::Ready(Ok(written));
        }
        let written = self.connection.writer.poll_write_vectored(data);
        self.after_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is buffered for the engine. Frames that sessions sent are written by whichever task is polled next.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(Shutdown::Write))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        drop(self.open.take());
        self.connection.writer.shut_down();
        self.connection.close.cancel();
        self.connection.ended.cancel();
    }
}
