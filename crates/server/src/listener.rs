//! HTTP server on the listener of the transport crate.
//!
//! Not `axum::serve`, which offers neither a limit for the head of a request nor a hook at the begin and end of each.

use std::{convert::Infallible, pin::pin};

use allynet_transport::{Connection, Listener, Stream};
use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Largest head of a request in bytes. Browsers send at most a few thousand; a reverse proxy accepts 8 or 16 KB.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Serves `router` on every connection until `stop` is cancelled; then accepts no more, and returns when all connections have
/// ended.
///
/// Each request carries its [`Connection`] in its extensions.
pub async fn serve(mut listener: Listener, router: Router, stop: CancellationToken) {
    let router = router.with_state(());
    let connections = TaskTracker::new();
    while let Some((stream, _)) = stop.run_until_cancelled(listener.accept()).await {
        connections.spawn(serve_connection(stream, router.clone(), stop.clone()));
    }
    // Before the wait: what arrives from now on is refused by the kernel.
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(stream: Stream, router: Router, stop: CancellationToken) {
    let connection = stream.connection().clone();
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), connection.clone(), request));
    let mut http = http1::Builder::new();
    // Deadlines for heads and idle connections are those of the listener, which distinguishes the two.
    http.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let served = tokio::select! {
        served = &mut serving => served,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        // Concerns only the peer that caused it: a malformed head, a reset, a deadline.
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(
    router: Router,
    connection: Connection,
    request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    let activity = connection.activity.clone();
    request.extensions_mut().insert(connection);
    activity.begin_request();
    let response = router.oneshot(request).await;
    activity.end_request();
    response
}
