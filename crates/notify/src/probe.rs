//! Whether a server of the operator answers, for `allynet check`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Uri};
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

/// Sends a GET to a URL of the operator, and returns the status of the answer.
///
/// # Errors
/// Returns an error if there is no answer.
pub async fn get_status(url: &str, extra_ca: &ExtraCa) -> Result<u16, ProbeError> {
    let uri: Uri = url.parse().map_err(|_| ProbeError::Url)?;
    let tls = extra_ca.client_config().map_err(|_| ProbeError::Failed)?;
    let client = HttpClient::new(Arc::new(SystemResolver::new()), Destinations::Operator, tls);
    let request = Request::get(uri).body(Full::new(Bytes::new())).map_err(|_| ProbeError::Url)?;
    match client.send(request, ANSWER_TIMEOUT).await {
        Ok((status, _)) => Ok(status.as_u16()),
        Err(NoAnswer::Timeout) => Err(ProbeError::Timeout),
        Err(NoAnswer::Failed) => Err(ProbeError::Failed),
    }
}
