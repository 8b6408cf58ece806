//! Requests to servers of the operator: whether one answers, for `allynet check`, and what is sent to a collector of traces.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::Full;

use crate::{
    connector::{Destinations, SystemResolver},
    http_client::{HttpClient, NoAnswer},
    trust::ExtraCa,
};

/// How long the server may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

/// Why a server was not asked, or did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The text is no URL.
    #[error("the URL cannot be used")]
    Url,
    /// The time was over.
    #[error("there was no answer within 8 seconds")]
    Timeout,
    /// Resolving, connecting, TLS or HTTP failed.
    #[error("the server cannot be reached, or its certificate is not trusted")]
    Failed,
}

/// Sends requests to servers of the operator, in the clear to loopback and private addresses only. Clones share connections.
#[derive(Clone)]
pub struct OperatorClient {
    client: Arc<HttpClient>,
}

impl OperatorClient {
    /// A client that trusts the built-in authorities and these.
    ///
    /// # Errors
    /// Returns an error if the certificates cannot be used.
    pub fn new(extra_ca: &ExtraCa) -> Result<Self, ProbeError> {
        let tls = extra_ca.client_config().map_err(|_| ProbeError::Failed)?;
        let client = HttpClient::new(Arc::new(SystemResolver::new()), Destinations::Operator, tls);
        Ok(Self { client: Arc::new(client) })
    }

    /// Sends a request, and returns status and headers of the answer.
    ///
    /// # Errors
    /// Returns an error if there is no answer within 8 seconds. Must be called within a Tokio runtime.
    pub async fn send(&self, request: Request<Bytes>) -> Result<(StatusCode, HeaderMap), ProbeError> {
        let answer = self.client.send(request.map(Full::new), ANSWER_TIMEOUT).await;
        answer.map_err(|error| match error {
            NoAnswer::Timeout => ProbeError::Timeout,
            NoAnswer::Failed => ProbeError::Failed,
        })
    }
}

/// Sends a GET to a URL of the operator, and returns the status of the answer.
///
/// # Errors
/// Returns an error if there is no answer.
pub async fn get_status(url: &str, extra_ca: &ExtraCa) -> Result<u16, ProbeError> {
    let uri: Uri = url.parse().map_err(|_| ProbeError::Url)?;
    let request = Request::get(uri).body(Bytes::new()).map_err(|_| ProbeError::Url)?;
    Ok(OperatorClient::new(extra_ca)?.send(request).await?.0.as_u16())
}
