//! Channels to users without a connection: Web Push, email, and a webhook for SMS and voice.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use super::KeyedHash;
use crate::{Email, EmergencyId, EmergencyType, Locale, Location, Metres, Secret, Timestamp, Zone, string_enum};

/// Longest URL of a push endpoint, in bytes.
pub const MAX_ENDPOINT_BYTES: usize = 2_048;
/// Most plaintext that one push carries, in bytes: a body of 4,096 without the header, the delimiter and the tag of
/// RFC 8291.
pub const MAX_PUSH_PAYLOAD_BYTES: usize = 3_993;

/// A Web Push subscription of one browser: where its messages are sent, and the keys that encrypt them.
///
/// `Debug` shows neither: everybody with the endpoint can send to the device.
#[derive(Clone, PartialEq, Eq)]
pub struct PushSubscription {
    endpoint: Secret,
    p256dh: [u8; 65],
    auth: [u8; 16],
}

impl PushSubscription {
    /// Wraps a subscription that [`PushEndpoints::parse`] accepted.
    pub const fn new(endpoint: String, p256dh: [u8; 65], auth: [u8; 16]) -> Self {
        Self { endpoint: Secret::new(endpoint), p256dh, auth }
    }

    /// The URL of the endpoint.
    pub fn endpoint(&self) -> &str {
        self.endpoint.expose()
    }

    /// The public key of the browser: an uncompressed point of P-256.
    pub const fn p256dh(&self) -> &[u8; 65] {
        &self.p256dh
    }

    /// The authentication secret of the browser.
    pub const fn auth(&self) -> &[u8; 16] {
        &self.auth
    }
}

impl fmt::Debug for PushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushSubscription(…)")
    }
}

/// Which value of a subscription is not acceptable. The reason is not told: it would map networks for strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// The URL of the endpoint.
    #[error("must be the https URL of a push service")]
    Endpoint,
    /// The public key.
    #[error("must be an uncompressed point of P-256 in base64url without padding")]
    P256dh,
    /// The authentication secret.
    #[error("must be 16 octets in base64url without padding")]
    Auth,
}

/// The plaintext of a push, encrypted for the device that receives it. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct PushPayload(Vec<u8>);

/// The error of a plaintext above [`MAX_PUSH_PAYLOAD_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a push carries at most {MAX_PUSH_PAYLOAD_BYTES} bytes")]
pub struct PayloadTooLong;

impl PushPayload {
    /// Wraps a plaintext.
    ///
    /// # Errors
    /// Returns an error if it is too long for one push.
    pub fn new(plaintext: Vec<u8>) -> Result<Self, PayloadTooLong> {
        if plaintext.len() > MAX_PUSH_PAYLOAD_BYTES { Err(PayloadTooLong) } else { Ok(Self(plaintext)) }
    }

    /// The plaintext.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PushPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushPayload({} bytes)", self.0.len())
    }
}

string_enum! {
    /// How much of its battery a device spends on a push (RFC 8030 §5.3).
    PushUrgency {
        VeryLow = "very-low",
        Low = "low",
        Normal = "normal",
        High = "high",
    }
}

/// One message to one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// The device.
    pub subscription: PushSubscription,
    /// What the device decrypts.
    pub payload: PushPayload,
    /// How long the push service stores the message for a device that it does not reach, in whole seconds.
    pub ttl: Duration,
    /// Whether a sleeping device wakes up.
    pub urgency: PushUrgency,
    /// The messages of one topic replace each other while the push service stores them. Sent as 22 characters.
    pub topic: KeyedHash,
}

/// What became of a push. No variant says that the device received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushOutcome {
    /// The push service accepted it.
    Sent {
        /// Whether the push service stores it for a device that it does not reach now: it reports a time to live of at
        /// least a minute.
        stored: bool,
    },
    /// The subscription does not exist any more (410).
    Gone,
    /// The push service does not know the subscription (404).
    Unknown,
    /// The push service asks to wait: 406, 425, 429 or 503 with `Retry-After`. At least a second.
    RetryAfter(Duration),
    /// A failure that can pass: another 406, 425, 429 or 5xx, no answer in time, no connection, an address that must
    /// not be connected to. The causes are not told apart.
    Failed,
    /// The push service refused this message with another status, a redirect included.
    Refused {
        /// The status.
        status: u16,
    },
    /// No request was made: too many others wait for the same host.
    Busy,
}

/// Sends messages to devices.
///
/// No answer of a push service is an error of this port. Endpoints, keys and payloads are never logged.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PushChannel: Send + Sync {
    /// Sends a message, once.
    ///
    /// Waits for its turn for `max_wait` at most, then for the answer for five seconds at most. MUST NOT have two requests
    /// of the same subscription and topic in flight, nor more than eight to one host; hosts take turns. Cancelling the
    /// future may leave a request without an answer, which the push service may have accepted.
    async fn deliver(&self, message: &PushMessage, max_wait: Duration) -> PushOutcome;
}

/// Judges subscriptions when they are registered.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PushEndpoints: Send + Sync {
    /// Parses a subscription as browsers give it: `keys.p256dh` and `keys.auth` in base64url.
    ///
    /// The endpoint in the result is normalized: spellings of one URL that differ in the case of the host or in the
    /// explicit default port are equal. The name of its host is not resolved: that is done at each connection.
    ///
    /// # Errors
    /// Returns the first value that is not acceptable.
    fn parse(&self, endpoint: &str, p256dh: &str, auth: &str) -> Result<PushSubscription, SubscriptionError>;
}

/// Identifies this service to push services (VAPID, RFC 8292).
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PushIdentity: Send + Sync {
    /// The public key: an uncompressed point of P-256, which browsers are given as `applicationServerKey`.
    fn public_key(&self) -> [u8; 65];

    /// The header `Authorization` for a push service. MUST be valid for at least an hour and at most 12 hours after `now`.
    ///
    /// `origin` is scheme, host and, where it is not that of the scheme, port: `https://push.example.org`.
    ///
    /// # Errors
    /// Returns an error if it cannot be signed.
    fn authorization(&self, origin: &str, now: Timestamp) -> super::Result<Secret>;
}

/// An alert as it is told outside the app, where others may read it: no name, no place, no text of the owner.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertSummary {
    /// What kind of emergency it is.
    pub kind: EmergencyType,
    /// How far away it is, measured from the place that is disclosed. Told in steps of 100 metres.
    pub distance: Metres,
    /// The link that opens the emergency.
    pub link: String,
}

/// What an email says. The texts are templates of the channel.
#[derive(Debug, Clone, PartialEq)]
pub enum MailContent {
    /// The link with which a forgotten password is replaced.
    PasswordReset {
        /// The link. It is a secret.
        link: Secret,
        /// How long it is valid.
        valid_for: Duration,
    },
    /// Asks an address to agree to messages about a user.
    ContactInvitation {
        /// The name of the user.
        owner: String,
        /// The link with which it agrees.
        confirm: Secret,
        /// The link with which it stops all messages.
        stop: Secret,
    },
    /// Tells an emergency contact that the owner called for help.
    ContactAlert(Box<ContactAlert>),
    /// Tells an emergency contact that the emergency is over.
    ContactEnded {
        /// The name of the owner.
        owner: String,
        /// The link with which the contact stops all messages.
        stop: Secret,
    },
    /// Tells an emergency contact that an emergency goes on after its end was told.
    ContactResumed {
        /// The name of the owner.
        owner: String,
        /// The link of the page of the emergency.
        page: Secret,
        /// The link with which the contact stops all messages.
        stop: Secret,
    },
    /// An alert that no device of the helper has received.
    Alert {
        /// What it tells.
        summary: AlertSummary,
        /// The link with which the address stops alerts by email.
        stop: Secret,
    },
}

/// An emergency as its owner's contacts are told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactAlert {
    /// The name of the owner.
    pub owner: String,
    /// When the owner called, from this place.
    pub called_at: Timestamp,
    /// The time zone in which that is told.
    pub zone: Option<Zone>,
    /// The place.
    pub location: Location,
    /// When it is told, from which follows how old the place is.
    pub now: Timestamp,
    /// The link of the page of the emergency.
    pub page: Secret,
    /// The link with which the contact stops all messages.
    pub stop: Secret,
}

impl MailContent {
    /// The link with which the recipient stops messages of this kind, which mail programs offer as a button.
    pub const fn stop_link(&self) -> Option<&Secret> {
        match self {
            Self::ContactInvitation { stop, .. }
            | Self::ContactEnded { stop, .. }
            | Self::ContactResumed { stop, .. }
            | Self::Alert { stop, .. } => Some(stop),
            Self::ContactAlert(alert) => Some(&alert.stop),
            Self::PasswordReset { .. } => None,
        }
    }
}

/// An email to one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// The id of the message, which MUST be the same when it is sent again.
    pub id: Uuid,
    /// The recipient.
    pub to: Email,
    /// The language of the text.
    pub locale: Locale,
    /// What it says.
    pub content: MailContent,
}

/// What became of an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// The mail server accepted it.
    Sent,
    /// The mail server, or the format of mail, refuses this message for good.
    Rejected,
    /// A failure that can pass: no connection, no answer in time, an answer that says so.
    Failed,
}

/// Sends emails. Neither addresses nor texts are logged.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends an email, once. Returns within half a minute.
    async fn send(&self, mail: &Mail) -> MailOutcome;
}

/// An alert that is brought to a telephone by a gateway of the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct EscalatedAlert {
    /// The id of the message, which MUST be the same when it is sent again: the gateway then does not call twice.
    pub id: Uuid,
    /// When the alert was escalated.
    pub at: Timestamp,
    /// The telephone number.
    pub phone: Secret,
    /// The language of the text.
    pub locale: Locale,
    /// The emergency.
    pub emergency: EmergencyId,
    /// What the text says.
    pub summary: AlertSummary,
    /// The token with which the gateway confirms that the helper was reached.
    pub receipt: Secret,
    /// Where it is confirmed.
    pub receipt_url: String,
}

/// What became of a request to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// The gateway accepted it: a status of 2xx.
    Sent,
    /// No answer in time, or another status. Trying again can help.
    Failed,
}

/// Asks a gateway of the operator to call helpers or to send them messages. Numbers, texts and receipts are never logged.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AlertWebhook: Send + Sync {
    /// Sends an alert to the gateway, once. Waits for ten seconds at most.
    async fn send(&self, alert: &EscalatedAlert) -> WebhookOutcome;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_endpoint_nor_keys_nor_text_are_shown() {
        let subscription = PushSubscription::new("https://push.example.org/token".to_owned(), [4; 65], [9; 16]);
        let message = PushMessage {
            subscription,
            payload: PushPayload::new(b"confidential".to_vec()).unwrap(),
            ttl: Duration::from_mins(15),
            urgency: PushUrgency::High,
            topic: KeyedHash::new([7; 16]),
        };
        let shown = format!("{message:?}");
        assert!(shown.contains("PushSubscription(…)") && shown.contains("PushPayload(12 bytes)"), "{shown}");
    }

    #[test]
    fn a_payload_has_a_maximum_length() {
        assert!(PushPayload::new(vec![0; MAX_PUSH_PAYLOAD_BYTES]).is_ok());
        assert_eq!(PushPayload::new(vec![0; MAX_PUSH_PAYLOAD_BYTES + 1]), Err(PayloadTooLong));
    }
}
