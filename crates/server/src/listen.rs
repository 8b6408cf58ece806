//! The listening socket and the graceful shutdown, from the first connection to the last one closed.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use allynet_realtime::Gateway;
use allynet_transport::{ConnectionLimits, ConnectionTimeouts, Listener};
use anyhow::Context as _;
use axum::Router;
use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    http::replace_server_answer,
    listener::{FIRST_REQUEST_TIMEOUT, serve},
    systemd,
};

/// Connections that the kernel keeps until they are accepted; it may allow fewer (`net.core.somaxconn`). When they are too
/// many it drops the first packet of a new one, and its client tries again after a second.
const MAX_PENDING_CONNECTIONS: u32 = 4096;
/// The time that requests in flight have to end after a signal to stop.
const REQUEST_DRAIN_TIMEOUT: Duration = Duration::from_secs(7);
/// The time that socket events in flight have to end, and then the sockets to close.
const SOCKET_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT; then drains requests and sockets, and closes the connections that are left.
///
/// The listening socket is the one that systemd passes, or else one that is bound to `address`.
/// `in_flight` counts the requests of `router`. `stop` is cancelled when the shutdown begins.
///
/// # Errors
/// Returns an error if the address cannot be bound or the listener fails.
pub(crate) async fn listen(
    (address, limits): (SocketAddr, ConnectionLimits),
    router: Router,
    in_flight: &TaskTracker,
    gateway: &Gateway,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    // Before anything is served, so that a signal during the start is not lost.
    let mut signals = ShutdownSignals::install()?;
    let tcp = match systemd::inherited_listener()? {
        Some(inherited) => inherited,
        None => bind(address).with_context(|| format!("ALLYNET_LISTEN: cannot listen on {address}"))?,
    };
    let bound = tcp.local_addr()?;
    let close_all = CancellationToken::new();
    let listener = Listener::new(tcp, ConnectionTimeouts::default(), close_all.clone());
    let listener = listener.with_limits(limits).with_failures(Arc::new(replace_server_answer));
    let mut serving = tokio::spawn(serve(listener, router, stop.clone()));
    tracing::info!("listening on http://{}", browsable(bound));
    systemd::notify_ready();

    tokio::select! {
        ended = &mut serving => return ended.context("the listener failed"),
        () = signals.received() => tracing::info!("stopping"),
    }
    stop.cancel();
    // The requests of connections that were established before are in flight only when they have arrived.
    sleep(FIRST_REQUEST_TIMEOUT).await;
    in_flight.close();
    if timeout(REQUEST_DRAIN_TIMEOUT, in_flight.wait()).await.is_err() {
        tracing::warn!("shutdown: requests in flight did not end within {REQUEST_DRAIN_TIMEOUT:?}");
    }
    // After the requests: their events still reach the sockets of this node.
    gateway.drain(SOCKET_DRAIN_TIMEOUT).await;
    // Only idle connections are left, such as those that a client or a proxy keeps open.
    close_all.cancel();
    if timeout(SOCKET_DRAIN_TIMEOUT, serving).await.is_err() {
        tracing::warn!("shutdown: connections did not close within {SOCKET_DRAIN_TIMEOUT:?}");
    }
    Ok(())
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted node takes its port over from connections that are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_PENDING_CONNECTIONS)
}

/// The address as a browser on this machine can open it: `0.0.0.0` is shown as `localhost`.
fn browsable(bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() { format!("localhost:{}", bound.port()) } else { bound.to_string() }
}

/// Handlers of the signals that stop the service.
struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl ShutdownSignals {
    fn install() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Completes at the first SIGTERM or SIGINT.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
