//! The listener, from the first connection to the last one closed.

use std::{future::IntoFuture as _, net::SocketAddr, time::Duration};

use allynet_realtime::Gateway;
use allynet_transport::{ConnectionTimeouts, SOCKET_IO_PATH};
use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::listener::{ConnectionInfo, Listener};

/// How long requests may take to end, once the service is to stop.
const GRACE: Duration = Duration::from_secs(7);
/// How long what was asked for over sockets may take to end, and the sockets to be closed.
const SOCKET_GRACE: Duration = Duration::from_secs(1);

/// Serves until told to stop; then lets requests end, tells clients what they did, and closes what is left.
pub(crate) async fn listen(
    address: SocketAddr,
    router: Router,
    gateway: &Gateway,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut told = Told::listen()?;
    let tcp =
        TcpListener::bind(address).await.with_context(|| format!("ALLYNET_LISTEN: cannot listen on {address}"))?;
    let bound = tcp.local_addr()?;
    let close_all = CancellationToken::new();
    let listener = Listener::new(tcp, ConnectionTimeouts::default(), close_all.clone());
    let running = TaskTracker::new();
    let router = router.layer(from_fn(answer)).layer(from_fn_with_state(running.clone(), count));
    let service = router.into_make_service_with_connect_info::<ConnectionInfo>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut serving = tokio::spawn(serving.into_future());
    tracing::info!("listening on http://{}", reachable(bound));

    tokio::select! {
        ended = &mut serving => return ended?.context("the listener failed"),
        () = told.wait() => tracing::info!("stopping"),
    }
    stop.cancel();
    running.close();
    if timeout(GRACE, running.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    gateway.drain(SOCKET_GRACE).await;
    // What is left are connections on which nothing happens.
    close_all.cancel();
    if timeout(SOCKET_GRACE, serving).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
    Ok(())
}

/// Somebody waits for the answer of a request: what it asks of PostgreSQL has to come in time as a whole.
async fn answer(request: Request, next: Next) -> Response {
    allynet_postgres::answering(next.run(request)).await
}

/// Counts a request as running until it is answered. Socket.IO is not counted: a poll waits for what may not come.
async fn count(State(running): State<TaskTracker>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(SOCKET_IO_PATH) {
        return next.run(request).await;
    }
    running.track_future(next.run(request)).await
}

/// An address that a person on this machine can open.
fn reachable(bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() { format!("localhost:{}", bound.port()) } else { bound.to_string() }
}

/// The signals that end the service.
struct Told {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Told {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
