//! The HTTP client of this crate: one request, one answer, no redirects.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header::CONNECTION};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use crate::connector::{Destinations, GuardedConnector, OpenConnections, Resolver};

/// Most bytes of an answer's body that are read. A longer one costs the connection.
const MAX_ANSWER_BYTES: usize = 4_096;
/// Most bytes of an answer's head: the least that the library allows.
const MAX_HEAD_BYTES: usize = 8_192;
/// How long a connection is kept for the next request to its host.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most such connections per host.
const MAX_IDLE_PER_HOST: usize = 8;
/// No connection is kept while there are more than this, in use or idle. Strangers choose the hosts, and every connection
/// takes a descriptor and the buffers of TLS.
const MAX_KEPT: usize = 256;

/// Why there is no answer. What went wrong in detail is told to no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The time was over.
    Timeout,
    /// Resolving, connecting, TLS or HTTP failed, or the address must not be connected to.
    Failed,
}

/// Sends requests to the hosts that its connector lets through.
pub(crate) struct HttpClient {
    client: Client<GuardedConnector, Full<Bytes>>,
    open: OpenConnections,
}

impl HttpClient {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, destinations: Destinations, tls: Arc<ClientConfig>) -> Self {
        let connector = GuardedConnector::new(resolver, destinations, tls);
        let open = connector.open_connections().clone();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector);
        Self { client, open }
    }

    /// Sends a request and returns status and headers of the answer. A redirect is an answer like any other.
    ///
    /// # Errors
    /// Returns an error if there is no answer in time.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<(StatusCode, HeaderMap), NoAnswer> {
        if self.open.count() > MAX_KEPT {
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|_| NoAnswer::Failed)?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::{sleep, timeout},
    };

    use super::*;
    use crate::{connector::SystemResolver, trust::ExtraCa};

    const DEADLINE: Duration = Duration::from_mins(1);

    /// Answers every request on every connection.
    async fn serve() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 1_024];
                    while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn the_connections_to_many_hosts_are_bounded() {
        let tls = ExtraCa::default().client_config().unwrap();
        let client = HttpClient::new(Arc::new(SystemResolver::new()), Destinations::Operator, tls);
        let mut most = 0;
        for _ in 0..MAX_KEPT + 50 {
            let url = format!("http://127.0.0.1:{}/", serve().await);
            let request = Request::post(url).body(Full::new(Bytes::from_static(b"push"))).unwrap();
            assert_eq!(client.send(request, DEADLINE).await.unwrap().0, StatusCode::CREATED);
            most = most.max(client.open.count());
        }
        assert!(most > MAX_KEPT, "connections are kept: {most}");
        // One may still be closing.
        let closed = async {
            while client.open.count() > MAX_KEPT + 1 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(IDLE_TIMEOUT / 2, closed).await.unwrap();
    }
}
