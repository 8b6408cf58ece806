//! TCP listener whose connections can be closed from outside, have deadlines and a maximum number, and do not wait for a
//! peer that stopped reading.
//!
//! Must not know HTTP.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Interval, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use crate::{
    open_connections::{ConnectionLimits, OpenConnections},
    stream::{ConnectionTimeouts, RewriteFailure, Stream},
};

/// Delay after an accept that failed for want of a resource, such as file descriptors: connections that were closed to make
/// room end in it.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Interval at which connections are compared with their deadlines and limits.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Number of unsent bytes that the kernel takes for one connection (`TCP_NOTSENT_LOWAT`). What exceeds it waits where it is
/// counted.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 128 * 1024;

/// TCP listener that accepts [`Stream`]s.
pub struct Listener {
    tcp: TcpListener,
    timeouts: ConnectionTimeouts,
    close_all: CancellationToken,
    open: OpenConnections,
    rewrite_failure: Option<Arc<RewriteFailure>>,
    sweeps: Interval,
}

impl Listener {
    /// Wraps a bound listener. Cancelling `close_all` closes every connection that was or will be accepted; it does not stop
    /// accepting.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn new(tcp: TcpListener, timeouts: ConnectionTimeouts, close_all: CancellationToken) -> Self {
        let open = OpenConnections::new(ConnectionLimits::default());
        let mut sweeps = tokio::time::interval(SWEEP_INTERVAL);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { tcp, timeouts, close_all, open, rewrite_failure: None, sweeps }
    }

    /// Sets the limits of connections.
    #[must_use]
    pub fn with_limits(self, limits: ConnectionLimits) -> Self {
        Self { open: OpenConnections::new(limits), ..self }
    }

    /// Replaces answers that the HTTP server writes by itself, such as those to a malformed head.
    #[must_use]
    pub fn with_failures(self, rewrite_failure: Arc<RewriteFailure>) -> Self {
        Self { rewrite_failure: Some(rewrite_failure), ..self }
    }

    /// Accepts the next connection. Errors are logged and retried. Meanwhile, and only then, connections are closed that
    /// exceed a deadline or a limit.
    ///
    /// Cancel safe.
    pub async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            let accepted = tokio::select! {
                biased;
                _ = self.sweeps.tick() => {
                    self.open.sweep();
                    continue;
                }
                accepted = self.tcp.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    if let Some(stream) = self.wrap(tcp, peer) {
                        return (stream, peer);
                    }
                }
                Err(error) if is_caused_by_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "accept failed, retrying");
                    self.open.make_room();
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }

    /// Address that the listener is bound to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// `None` if there is no room for the connection, which is closed.
    fn wrap(&self, tcp: TcpStream, peer: SocketAddr) -> Option<Stream> {
        if let Err(error) = set_options(&tcp, self.timeouts) {
            tracing::debug!(%error, %peer, "cannot set socket options");
        }
        let stream = Stream::new(tcp, peer, self.timeouts, self.close_all.child_token());
        let open = self.open.add(stream.connection())?;
        Some(stream.registered(open, self.rewrite_failure.clone()))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("tcp", &self.tcp).field("open", &self.open).finish_non_exhaustive()
    }
}

fn set_options(tcp: &TcpStream, timeouts: ConnectionTimeouts) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(tcp);
        socket.set_tcp_user_timeout(Some(timeouts.unacknowledged))?;
        socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES)?;
    }
    Ok(())
}

/// Whether the connection was gone before it was accepted, which concerns no other connection.
fn is_caused_by_peer(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}
