//! The port [`AlertWebhook`]: requests to a gateway of the operator, signed as Standard Webhooks 1.0 says.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use allynet_domain::{
    Timestamp,
    port::{AlertWebhook, Clock, EscalatedAlert, WebhookOutcome},
};
use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::SecondsFormat;
use http::{HeaderValue, Request, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use parking_lot::RwLock;
use ring::hmac;
use serde_json::json;
use url::{Host, Url};

use crate::{
    connector::{Destinations, SystemResolver},
    destination::AddressRule,
    http_client::HttpClient,
    text,
    trust::ExtraCa,
};

/// How long the gateway may take to answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Allowed lengths of a secret, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The error of a URL that alerts must not be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL of the webhook must be https, or http to a loopback or private address, without user or fragment")]
pub struct InvalidWebhookUrl;

/// The URL of a gateway. `Debug` does not show it, because it may contain a secret.
#[derive(Clone)]
pub struct WebhookUrl(Uri);

impl FromStr for WebhookUrl {
    type Err = InvalidWebhookUrl;

    /// The addresses of a name are judged at each connection.
    fn from_str(text: &str) -> Result<Self, InvalidWebhookUrl> {
        let url = Url::parse(text).map_err(|_| InvalidWebhookUrl)?;
        let reachable = match (url.scheme(), url.host()) {
            ("https", Some(_)) | ("http", Some(Host::Domain(_))) => true,
            ("http", Some(Host::Ipv4(address))) => AddressRule::Internal.allows(address.into()),
            ("http", Some(Host::Ipv6(address))) => AddressRule::Internal.allows(address.into()),
            _ => false,
        };
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let uri = url.as_str().parse().map_err(|_| InvalidWebhookUrl)?;
        if reachable && plain { Ok(Self(uri)) } else { Err(InvalidWebhookUrl) }
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(…)")
    }
}

/// The error of secrets that are not those of Standard Webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret must be whsec_ and the base64 of 24 to 64 octets; several are separated by blanks")]
pub struct InvalidWebhookSecret;

/// The secrets that requests are signed with: several while one replaces another. `Debug` does not show them.
#[derive(Clone)]
pub struct WebhookSecrets(Vec<hmac::Key>);

impl WebhookSecrets {
    /// The header `webhook-signature`: a signature with each secret, of which the gateway accepts any.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let content = format!("{id}.{timestamp}.{body}");
        let sign = |key| BASE64_STANDARD.encode(hmac::sign(key, content.as_bytes()));
        self.0.iter().map(|key| format!("v1,{}", sign(key))).collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for WebhookSecrets {
    type Err = InvalidWebhookSecret;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let key = |secret: &str| {
            let octets = BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
            SECRET_BYTES.contains(&octets.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &octets))
        };
        let keys: Option<Vec<_>> = text.split_whitespace().map(key).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self).ok_or(InvalidWebhookSecret)
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({})", self.0.len())
    }
}

/// Sends alerts to the gateway.
pub struct SignedWebhook {
    gateway: RwLock<(WebhookUrl, WebhookSecrets)>,
    clock: Arc<dyn Clock>,
    client: HttpClient,
}

impl SignedWebhook {
    /// Creates an adapter for one gateway.
    ///
    /// # Errors
    /// Returns an error if the certificates cannot be used.
    pub fn new(
        url: WebhookUrl,
        secrets: WebhookSecrets,
        clock: Arc<dyn Clock>,
        extra_ca: &ExtraCa,
    ) -> Result<Self, rustls::Error> {
        let resolver = Arc::new(SystemResolver::new());
        let client = HttpClient::new(resolver, Destinations::Operator, extra_ca.client_config()?);
        Ok(Self { gateway: RwLock::new((url, secrets)), clock, client })
    }

    /// Sends to another URL, or signs with other secrets, from the next request on.
    pub fn replace(&self, url: Option<WebhookUrl>, secrets: Option<WebhookSecrets>) {
        let mut gateway = self.gateway.write();
        if let Some(url) = url {
            gateway.0 = url;
        }
        if let Some(secrets) = secrets {
            gateway.1 = secrets;
        }
    }

    fn request(&self, alert: &EscalatedAlert, now: Timestamp) -> Option<Request<Full<Bytes>>> {
        let (id, timestamp, body) = (alert.id.to_string(), now.timestamp(), body(alert));
        let (WebhookUrl(url), secrets) = self.gateway.read().clone();
        let mut signature = HeaderValue::from_str(&secrets.sign(&id, timestamp, &body)).ok()?;
        signature.set_sensitive(true);
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature);
        request.body(Full::new(body.into())).ok()
    }
}

fn body(alert: &EscalatedAlert) -> String {
    let text = format!("{} {}", text::summary(&alert.summary, alert.locale), alert.summary.link);
    let body = json!({
        "type": "alert.escalated",
        "timestamp": alert.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": {
            "phone": alert.phone.expose(),
            "locale": alert.locale,
            "text": text,
            "emergencyId": alert.emergency,
            "receipt": alert.receipt.expose(),
            "receiptUrl": alert.receipt_url,
        },
    });
    body.to_string()
}

#[async_trait]
impl AlertWebhook for SignedWebhook {
    async fn send(&self, alert: &EscalatedAlert) -> WebhookOutcome {
        let Some(request) = self.request(alert, self.clock.now()) else { return WebhookOutcome::Failed };
        match self.client.send(request, ANSWER_TIMEOUT).await {
            Ok((status, _)) if status.is_success() => WebhookOutcome::Sent,
            Ok((status, _)) => {
                tracing::warn!(status = status.as_u16(), "webhook refused an alert");
                WebhookOutcome::Failed
            }
            Err(no_answer) => {
                tracing::warn!(?no_answer, "webhook did not answer");
                WebhookOutcome::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests;
