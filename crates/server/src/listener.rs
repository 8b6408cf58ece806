//! Accepts TCP connections that can be closed from outside and that do not wait for a peer that stopped reading.
//!
//! Knows nothing of HTTP or Socket.IO beyond handing each request the connection on which it arrived.

use std::{
    io::{self, ErrorKind, IoSlice},
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use allynet_realtime::{Connection, Lane};
use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    serve::IncomingStream,
};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The pause after an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How many bytes that cannot be sent yet the kernel takes for one connection: the rest waits where it is counted.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// How long a connection waits for its peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// A write that makes no progress for so long closes the connection.
    pub(crate) stalled: Duration,
    /// A connection that is being closed may write for so long what is queued already.
    pub(crate) closing: Duration,
    /// Sent data that the peer's host does not acknowledge for so long closes the connection (`TCP_USER_TIMEOUT`).
    pub(crate) unacknowledged: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            stalled: Duration::from_secs(8),
            closing: Duration::from_millis(500),
            unacknowledged: Duration::from_secs(20),
        }
    }
}

/// A TCP listener for `axum::serve`, together with `into_make_service_with_connect_info::<Peer>()`.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    patience: Patience,
    close_all: CancellationToken,
}

impl Listener {
    /// Cancelling `close_all` closes every connection accepted before or after; it does not stop accepting.
    pub(crate) fn new(tcp: TcpListener, patience: Patience, close_all: CancellationToken) -> Self {
        Self { tcp, patience, close_all }
    }

    fn wrap(&self, stream: TcpStream, peer: SocketAddr) -> Stream {
        if let Err(error) = tune(&stream, self.patience) {
            tracing::debug!(%error, "cannot set the options of a connection");
        }
        let (close, tcp) = (self.close_all.child_token(), Arc::new(stream));
        let lane = Lane::new(Arc::clone(&tcp));
        Stream {
            tcp,
            closed: Box::pin(close.clone().cancelled_owned()),
            connection: Connection { peer, close, lane },
            patience: self.patience,
            last_write: None,
            blocked: None,
            given_up: false,
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            match self.tcp.accept().await {
                Ok((stream, peer)) => return (self.wrap(stream, peer), peer),
                Err(error) if is_about_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections, trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

fn tune(stream: &TcpStream, patience: Patience) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(stream);
        socket.set_tcp_user_timeout(Some(patience.unacknowledged))?;
        socket.set_tcp_notsent_lowat(UNSENT)?;
    }
    Ok(())
}

fn is_about_the_peer(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// An accepted connection. It closes when its token is cancelled, and cancels its token when it ends.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: Arc<TcpStream>,
    connection: Connection,
    patience: Patience,
    /// The reader's view of the token: it must wake the reader, who is not the writer's task.
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until when writing goes on. Set as soon as it is seen that the connection is being closed.
    last_write: Option<Instant>,
    /// Runs out while a write makes no progress.
    blocked: Option<Blocked>,
    given_up: bool,
}

impl Stream {
    fn begin_closing(&mut self) -> Instant {
        let patience = self.patience.closing;
        *self.last_write.get_or_insert_with(|| Instant::now() + patience)
    }

    fn before_write(&mut self) -> io::Result<()> {
        if self.connection.close.is_cancelled() && self.begin_closing() <= Instant::now() {
            self.give_up();
        }
        if self.given_up { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn after_write(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            // It was not its turn.
            Poll::Ready(Ok(0)) => return written,
            Poll::Ready(_) => {
                self.blocked = None;
                return written;
            }
            Poll::Pending => {}
        }
        let (close, patience) = (&self.connection.close, self.patience);
        let last_write = self.last_write;
        let blocked = self.blocked.get_or_insert_with(|| Blocked::new(close.clone(), patience, last_write));
        // Whoever finds the connection blocked, the one who reads or the one who writes: both are woken.
        let waker = self.connection.lane.waker();
        if blocked.0.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            return Poll::Pending;
        }
        tracing::debug!(peer = %self.connection.peer, "the peer does not read: connection closed");
        self.give_up();
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// Ends the connection at once, whoever still holds it; the cancelled token wakes the reader.
    fn give_up(&mut self) {
        self.given_up = true;
        self.blocked = None;
        self.connection.close.cancel();
        self.connection.lane.shut_down();
    }

    /// Writes what others than the transport have sent, and the kernel did not take at once.
    fn drain(&mut self) -> io::Result<()> {
        if self.connection.lane.waits() {
            self.before_write()?;
            let drained = self.connection.lane.poll_drain();
            if let Poll::Ready(Err(error)) = self.after_write(drained) {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Resolves when a blocked write has waited long enough.
struct Blocked(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Blocked {
    fn new(close: CancellationToken, patience: Patience, last_write: Option<Instant>) -> Self {
        Self(Box::pin(async move {
            if tokio::time::timeout(patience.stalled, close.cancelled()).await.is_ok() {
                let last_write = last_write.unwrap_or_else(|| Instant::now() + patience.closing);
                tokio::time::sleep_until(last_write).await;
            }
        }))
    }
}

impl std::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blocked")
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.closed.as_mut().poll(cx).is_ready() {
            self.begin_closing();
            // An error and not the end of the stream: after the latter a WebSocket refuses to send what is queued.
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        self.connection.lane.remember_reader(cx);
        self.drain()?;
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.tcp.try_read_buf(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.before_write()?;
        self.connection.lane.remember_writer(cx);
        let written = self.connection.lane.poll_write(data);
        self.after_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.before_write()?;
        self.connection.lane.remember_writer(cx);
        let written = self.connection.lane.poll_write_vectored(data);
        self.after_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(Shutdown::Write))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.lane.shut_down();
        self.connection.close.cancel();
    }
}

/// The connection of a request, as axum hands it over.
#[derive(Clone, Debug)]
pub(crate) struct Peer(Connection);

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(stream.io().connection.clone())
    }
}

/// Puts the [`Connection`] of a request into its extensions: for `axum::middleware::map_request`.
pub(crate) async fn attach_connection(mut request: Request) -> Request {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().cloned();
    if let Some(ConnectInfo(Peer(connection))) = peer {
        request.extensions_mut().insert(connection);
    }
    request
}
