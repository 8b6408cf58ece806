//! HTTP server on the listener of the transport crate.
//!
//! Not `axum::serve`, which offers neither a limit for the head of a request nor a hook at the begin and end of each.

use std::{convert::Infallible, pin::pin, time::Duration};

use allynet_transport::{Connection, Listener, Stream};
use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Largest head of a request in bytes. Browsers send at most a few thousand; a reverse proxy accepts 8 or 16 KB.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The time after the end of accepting in which the request of a new connection may still arrive: that of a client, or of a
/// proxy, which connected before it could know of the shutdown.
pub(crate) const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_millis(250);
/// Maximum number of connections that are taken from the queue of the kernel at the end.
const MAX_LAST_CONNECTIONS: usize = 4096;

/// Serves `router` on every connection until `stop` is cancelled; then accepts no more, and returns when all connections have
/// ended.
///
/// A connection that was established before is not closed unread: its request has 250 milliseconds to arrive.
/// Each request carries its [`Connection`] in its extensions.
pub async fn serve(mut listener: Listener, router: Router, stop: CancellationToken) {
    let router = router.with_state(());
    let connections = TaskTracker::new();
    while let Some((stream, _)) = stop.run_until_cancelled(listener.accept()).await {
        connections.spawn(serve_connection(stream, router.clone(), stop.clone()));
    }
    // The kernel has established these already, and would reset them with the listener.
    for _ in 0..MAX_LAST_CONNECTIONS {
        let Ok((stream, _)) = timeout(Duration::ZERO, listener.accept()).await else { break };
        connections.spawn(serve_connection(stream, router.clone(), stop.clone()));
    }
    // Before the wait: what arrives from now on is refused by the kernel.
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(stream: Stream, router: Router, stop: CancellationToken) {
    let connection = stream.connection().clone();
    let activity = connection.activity.clone();
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), connection.clone(), request));
    let mut http = http1::Builder::new();
    // Deadlines for heads and idle connections are those of the listener, which distinguishes the two.
    http.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES);
    let mut serving = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let served = tokio::select! {
        served = &mut serving => served,
        () = async {
            stop.cancelled().await;
            // hyper drops a connection that it has not read from yet.
            if activity.awaits_head() {
                sleep(FIRST_REQUEST_TIMEOUT).await;
            }
        } => {
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

#[cfg(test)]
mod tests {
    use allynet_transport::ConnectionTimeouts;
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

    async fn answer_on(mut connection: TcpStream) -> String {
        connection.write_all(REQUEST).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_connection_from_before_the_shutdown_is_not_closed_unread() {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let listener = Listener::new(tcp, ConnectionTimeouts::default(), CancellationToken::new());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, Router::new().route("/", get(|| async { "answer" })), stop.clone()));
        let accepted = TcpStream::connect(address).await.unwrap();
        // Connections are accepted in order: the first one is accepted when the second one has its answer.
        assert!(answer_on(TcpStream::connect(address).await.unwrap()).await.ends_with("answer"));
        let in_kernel = TcpStream::connect(address).await.unwrap();
        let silent = TcpStream::connect(address).await.unwrap();
        stop.cancel();
        tokio::task::yield_now().await;
        assert!(answer_on(accepted).await.ends_with("answer"));
        assert!(answer_on(in_kernel).await.ends_with("answer"));
        timeout(Duration::from_secs(5), serving).await.expect("a silent connection is not waited for").unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "the listener is closed");
        drop(silent);
    }
}
