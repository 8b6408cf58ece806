//! Web Push (RFC 8030): the ports [`PushChannel`] and [`PushEndpoints`].

mod answer;
mod encryption;
mod host_queue;
mod rejections;
mod topic_locks;

use std::{sync::Arc, time::Duration};

use allynet_domain::port::{
    Clock, PushChannel, PushEndpoints, PushIdentity, PushMessage, PushOutcome, PushSubscription, SubscriptionError,
};
use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{
    HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};
use url::Url;
use uuid::Uuid;

use self::{
    host_queue::{HostAnswer, HostQueue},
    rejections::Rejections,
    topic_locks::TopicLocks,
};
use crate::{
    connector::{Destinations, SystemResolver},
    destination::{AllowedHost, EndpointRules},
    http_client::{HttpClient, NoAnswer},
    trust::ExtraCa,
};

/// How long a push service may take to answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Describes the metrics of Web Push.
pub(crate) fn describe_metrics() {
    rejections::describe();
}

/// Sends messages to browsers through their push services, and judges their subscriptions.
pub struct WebPush {
    identity: Arc<dyn PushIdentity>,
    clock: Arc<dyn Clock>,
    rules: EndpointRules,
    client: HttpClient,
    topics: TopicLocks,
    hosts: HostQueue,
    rejections: Rejections,
}

impl WebPush {
    /// Creates an adapter that connects to hosts on the internet, and to `allowed` ones wherever they are.
    ///
    /// # Errors
    /// Returns an error if the certificates cannot be used.
    pub fn new(
        identity: Arc<dyn PushIdentity>,
        clock: Arc<dyn Clock>,
        allowed: Vec<AllowedHost>,
        extra_ca: &ExtraCa,
    ) -> Result<Self, rustls::Error> {
        let rules = EndpointRules::new(allowed);
        let destinations = Destinations::Strangers(rules.clone());
        let client = HttpClient::new(Arc::new(SystemResolver::new()), destinations, extra_ca.client_config()?);
        let (topics, hosts, rejections) = (TopicLocks::default(), HostQueue::default(), Rejections::default());
        Ok(Self { identity, clock, rules, client, topics, hosts, rejections })
    }

    /// Sends a message to a push service, without waiting for anything else.
    async fn send(&self, message: &PushMessage, url: &Url) -> (PushOutcome, HostAnswer) {
        let Some(request) = self.request(message, url) else { return (PushOutcome::Failed, HostAnswer::Other) };
        match self.client.send(request, ANSWER_TIMEOUT).await {
            Ok((status, headers)) => {
                let outcome = answer::outcome(status, &headers, message.ttl, self.clock.now());
                let accepted = matches!(outcome, PushOutcome::Sent { .. });
                (outcome, if accepted { HostAnswer::Accepted } else { HostAnswer::Other })
            }
            Err(NoAnswer::Timeout) => (PushOutcome::Failed, HostAnswer::Timeout),
            Err(NoAnswer::Failed) => (PushOutcome::Failed, HostAnswer::Other),
        }
    }

    /// `None` if it cannot be signed or encrypted, which is logged.
    fn request(&self, message: &PushMessage, url: &Url) -> Option<Request<Full<Bytes>>> {
        let authorization = match self.identity.authorization(&url.origin().ascii_serialization(), self.clock.now()) {
            Ok(authorization) => authorization,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "push cannot be signed");
                return None;
            }
        };
        let mut authorization = HeaderValue::from_str(authorization.expose()).ok()?;
        authorization.set_sensitive(true);
        // Fails for a key that is not a point of the curve, which `parse` does not accept.
        let body = encryption::encrypt(&message.subscription, &message.payload).ok()?;
        let request = Request::post(url.as_str())
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("ttl", message.ttl.as_secs())
            .header("urgency", message.urgency.as_str())
            // 16 bytes are 22 characters, of 32 that are allowed.
            .header("topic", BASE64_URL_SAFE_NO_PAD.encode(Uuid::from(message.topic).as_bytes()));
        request.body(Full::new(body.into())).ok()
    }
}

#[async_trait]
impl PushChannel for WebPush {
    async fn deliver(&self, message: &PushMessage, max_wait: Duration) -> PushOutcome {
        let endpoint = message.subscription.endpoint();
        // An endpoint that was exempt when it was registered may not be any more.
        let Some(url) = self.rules.parse(endpoint) else { return PushOutcome::Failed };
        let Some(host) = url.host_str() else { return PushOutcome::Failed };
        let deadline = Instant::now() + max_wait;
        let Ok(_lock) = timeout_at(deadline, self.topics.lock(message)).await else { return PushOutcome::Busy };
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(permit) = self.hosts.enter(host, left).await else { return PushOutcome::Busy };
        let (outcome, answer) = self.send(message, &url).await;
        permit.leave(answer);
        self.rejections.note(host, endpoint, outcome);
        outcome
    }
}

impl PushEndpoints for WebPush {
    fn parse(&self, endpoint: &str, p256dh: &str, auth: &str) -> Result<PushSubscription, SubscriptionError> {
        let url = self.rules.parse(endpoint).ok_or(SubscriptionError::Endpoint)?;
        let p256dh = octets(p256dh).filter(encryption::is_public_key).ok_or(SubscriptionError::P256dh)?;
        let auth = octets(auth).ok_or(SubscriptionError::Auth)?;
        Ok(PushSubscription::new(url.into(), p256dh, auth))
    }
}

/// Reads base64url without padding.
fn octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Looked at before it is decoded: the text of a stranger may be long.
    let expected = text.len() == (N * 4).div_ceil(3);
    expected.then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use allynet_domain::port::{MockClock, MockPushIdentity};

    use super::*;

    const ENDPOINT: &str = "https://push.example.org/x";
    const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn web_push() -> WebPush {
        WebPush::new(Arc::new(MockPushIdentity::new()), Arc::new(MockClock::new()), Vec::new(), &ExtraCa::default())
            .unwrap()
    }

    #[test]
    fn a_subscription_is_parsed_and_the_first_wrong_value_is_named() {
        let web_push = web_push();
        let subscription = web_push.parse("https://PUSH.example.org:443/x", P256DH, AUTH).unwrap();
        assert_eq!(subscription.endpoint(), ENDPOINT);
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(subscription.p256dh()), P256DH);
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(subscription.auth()), AUTH);

        assert_eq!(web_push.parse("https://10.0.0.1/x", P256DH, AUTH), Err(SubscriptionError::Endpoint));
        let off_curve = P256DH.replace("iw4", "iw8");
        let padded = format!("{AUTH}==");
        for p256dh in ["", AUTH, &P256DH[1..], &P256DH.replace('_', "/"), &format!("{P256DH}="), &off_curve] {
            assert_eq!(web_push.parse(ENDPOINT, p256dh, AUTH), Err(SubscriptionError::P256dh), "{p256dh}");
        }
        for auth in ["", P256DH, &AUTH[1..], &AUTH.replace('_', "/"), &padded, "BTBZMqHH6r4Tts7J_aSIgh"] {
            assert_eq!(web_push.parse(ENDPOINT, P256DH, auth), Err(SubscriptionError::Auth), "{auth}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_is_not_allowed_any_more_is_a_network_failure() {
        let message = PushMessage {
            subscription: PushSubscription::new("https://10.0.0.7/x".to_owned(), [4; 65], [0; 16]),
            payload: allynet_domain::port::PushPayload::new(Vec::new()).unwrap(),
            ttl: ANSWER_TIMEOUT,
            urgency: allynet_domain::port::PushUrgency::High,
            topic: allynet_domain::port::KeyedHash::new([0; 16]),
        };
        assert_eq!(web_push().deliver(&message, Duration::ZERO).await, PushOutcome::Failed);
    }
}
