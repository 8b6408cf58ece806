//! TCP listener whose connections can be closed from outside and do not wait for a peer that stopped reading.
//!
//! Must not know HTTP.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::stream::{ConnectionTimeouts, Stream};

/// Delay after an accept that failed for want of a resource, such as file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Number of unsent bytes that the kernel takes for one connection (`TCP_NOTSENT_LOWAT`). What exceeds it waits where it is
/// counted.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 128 * 1024;

/// TCP listener that accepts [`Stream`]s.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    timeouts: ConnectionTimeouts,
    close_all: CancellationToken,
}

impl Listener {
    /// Wraps a bound listener. Cancelling `close_all` closes every connection that was or will be accepted; it does not stop
    /// accepting.
    pub fn new(tcp: TcpListener, timeouts: ConnectionTimeouts, close_all: CancellationToken) -> Self {
        Self { tcp, timeouts, close_all }
    }

    /// Accepts the next connection. Errors are logged and retried.
    pub async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, peer)) => return (self.wrap(tcp, peer), peer),
                Err(error) if is_caused_by_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "accept failed, retrying");
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

    fn wrap(&self, tcp: TcpStream, peer: SocketAddr) -> Stream {
        if let Err(error) = set_options(&tcp, self.timeouts) {
            tracing::debug!(%error, %peer, "cannot set socket options");
        }
        Stream::new(tcp, peer, self.timeouts, self.close_all.child_token())
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
