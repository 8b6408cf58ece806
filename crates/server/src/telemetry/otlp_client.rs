//! The HTTP client of the exporter: that of messages to servers of the operator.

use std::fmt;

use allynet_notify::{ExtraCa, OperatorClient};
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// Sends on a runtime of Tokio, although the exporter waits on a thread of its own.
pub(super) struct OtlpClient {
    client: OperatorClient,
    runtime: Handle,
}

impl OtlpClient {
    /// # Errors
    /// Returns an error if the certificates cannot be used.
    pub(super) fn new(extra_ca: &ExtraCa, runtime: Handle) -> anyhow::Result<Self> {
        Ok(Self { client: OperatorClient::new(extra_ca)?, runtime })
    }
}

impl fmt::Debug for OtlpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpClient").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let (status, headers) = self.runtime.spawn(async move { client.send(request).await }).await??;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
