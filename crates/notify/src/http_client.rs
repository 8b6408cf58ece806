//! The HTTP client of this crate: one request, one answer, no redirects.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::connector::{Destinations, GuardedConnector, Resolver};

/// Most bytes of an answer's body that are read. A longer one costs the connection.
const MAX_ANSWER_BYTES: usize = 4_096;
/// Most bytes of an answer's head: the least that the library allows.
const MAX_HEAD_BYTES: usize = 8_192;
/// How long a connection is kept for the next request to its host.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most such connections per host.
const MAX_IDLE_PER_HOST: usize = 8;

/// Why there is no answer. What went wrong in detail is told to no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The time was over.
    Timeout,
    /// Resolving, connecting, TLS or HTTP failed, or the address must not be connected to.
    Failed,
}

/// Sends requests to the hosts that its connector lets through.
pub(crate) struct HttpClient(Client<GuardedConnector, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, destinations: Destinations, tls: Arc<ClientConfig>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(GuardedConnector::new(resolver, destinations, tls));
        Self(client)
    }

    /// Sends a request and returns status and headers of the answer. A redirect is an answer like any other.
    ///
    /// # Errors
    /// Returns an error if there is no answer in time.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<(StatusCode, HeaderMap), NoAnswer> {
        let exchange = async {
            let answer = self.0.request(request).await.map_err(|_| NoAnswer::Failed)?;
            let (head, body) = answer.into_parts();
            Ok((head.status, head.headers, body))
        };
        let deadline = Instant::now() + within;
        let (status, headers, body) = timeout_at(deadline, exchange).await.map_err(|_| NoAnswer::Timeout)??;
        // The body is of no interest; a connection whose answer was read to its end can be used again. The status counts
        // even if the body is too long, breaks off or does not end.
        timeout_at(deadline, Limited::new(body, MAX_ANSWER_BYTES).collect()).await.ok();
        Ok((status, headers))
    }
}
