//! Hashes of emails and addresses (HMAC-SHA-256) with a key that is derived from the secret of the tokens.

use std::net::IpAddr;

use allynet_domain::{
    DeliveryId, DeviceId, Email, EmergencyId, Timestamp,
    outbox::TopicClass,
    port::{KeyedHash, KeyedHasher, ReceiptToken},
};
use ring::hmac;
use secrecy::SecretString;
use uuid::Uuid;

use crate::ServiceSecrets;

/// Hashes with a key that is derived from the first secret of the service. Another secret makes other hashes: what was stored
/// under an earlier one is found as long as that is among the others.
#[derive(Clone)]
pub struct HmacHasher(ServiceSecrets);

impl HmacHasher {
    /// Derives the key from one secret.
    pub fn new(secret: &SecretString) -> Self {
        Self(ServiceSecrets::single(secret))
    }

    /// Derives the keys from secrets that are shared.
    pub const fn with_secrets(secrets: ServiceSecrets) -> Self {
        Self(secrets)
    }

    /// The signature of the first key.
    pub(crate) fn sign_text(&self, text: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0.keys().first_hashing, text)
    }

    /// Whether it is the signature of any of the keys.
    pub(crate) fn verify_text(&self, text: &[u8], signature: &[u8]) -> bool {
        self.0.keys().hashing.iter().any(|key| hmac::verify(key, text, signature).is_ok())
    }

    /// `kind` keeps the hashes of different things apart.
    pub(crate) fn hash_text(&self, kind: u8, text: &[u8]) -> KeyedHash {
        KeyedHash::new(self.sign(kind, text))
    }

    /// The hashes of all keys, that of the first one first.
    pub(crate) fn hash_text_with_each(&self, kind: u8, text: &[u8]) -> Vec<KeyedHash> {
        let text = [&[kind], text].concat();
        self.0.keys().hashing.iter().map(|key| KeyedHash::new(truncated(&hmac::sign(key, &text)))).collect()
    }

    fn sign<const LEN: usize>(&self, kind: u8, text: &[u8]) -> [u8; LEN] {
        truncated(&self.sign_text(&[&[kind], text].concat()))
    }
}

/// The first octets of a signature.
fn truncated<const LEN: usize>(signature: &hmac::Tag) -> [u8; LEN] {
    let mut octets = [0; LEN];
    for (octet, signed) in octets.iter_mut().zip(signature.as_ref()) {
        *octet = *signed;
    }
    octets
}

impl KeyedHasher for HmacHasher {
    fn hash_email(&self, email: &Email) -> KeyedHash {
        self.hash_text(b'e', email.as_str().as_bytes())
    }

    fn hash_address(&self, address: IpAddr) -> KeyedHash {
        match address {
            IpAddr::V4(address) => self.hash_text(b'4', &address.octets()),
            IpAddr::V6(address) => self.hash_text(b'6', &address.octets()),
        }
    }

    fn receipt_of(&self, delivery: DeliveryId, planned_at: Timestamp) -> ReceiptToken {
        let planned_at = planned_at.timestamp_micros().to_be_bytes();
        ReceiptToken::new(self.sign(b'd', &[Uuid::from(delivery).as_bytes(), planned_at.as_slice()].concat()))
    }

    fn hash_receipt(&self, receipt: &ReceiptToken) -> KeyedHash {
        self.hash_text(b'r', receipt.expose())
    }

    fn receipt_hashes(&self, receipt: &ReceiptToken) -> Vec<KeyedHash> {
        self.hash_text_with_each(b'r', receipt.expose())
    }

    fn hash_topic(&self, emergency: Option<EmergencyId>, device: DeviceId, class: TopicClass) -> KeyedHash {
        let emergency = emergency.map_or(Uuid::nil(), Uuid::from);
        self.hash_text(b't', &[emergency.as_bytes(), Uuid::from(device).as_bytes(), class.as_str().as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_receipt_depends_on_the_delivery_and_on_when_it_was_planned() {
        let hasher = HmacHasher::new(&"a secret of more than thirty-two bytes".to_owned().into());
        let receipt = |n, seconds| {
            hasher.receipt_of(Uuid::from_u128(n).into(), Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds))
        };
        assert_eq!(receipt(1, 0), receipt(1, 0));
        assert!(receipt(1, 0) != receipt(1, 5) && receipt(1, 0) != receipt(2, 0));
    }

    #[test]
    fn a_hash_depends_on_the_key_and_on_what_is_hashed() {
        let mut distinct = HashSet::new();
        for secret in ["a secret of more than thirty-two bytes", "another secret of more than 32 bytes"] {
            let hasher = HmacHasher::new(&secret.to_owned().into());
            for email in ["ada@example.org", "bo@example.org"] {
                let email = email.parse().unwrap();
                assert_eq!(hasher.hash_email(&email), HmacHasher::new(&secret.to_owned().into()).hash_email(&email));
                assert!(distinct.insert(hasher.hash_email(&email)));
            }
            for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
                assert!(distinct.insert(hasher.hash_address(address.parse().unwrap())));
            }
        }
    }

    #[test]
    fn what_was_stored_or_signed_with_an_earlier_secret_is_found_while_it_is_listed() {
        use allynet_domain::port::{LinkPurpose, LinkTokens, ResetTokens as _};

        let [old, new] = ["a".repeat(32), "b".repeat(32)];
        let hasher = |text: String| HmacHasher::with_secrets(ServiceSecrets::parse(&text.into()).unwrap());
        let (before, during) = (hasher(old.clone()), hasher(format!("{new} {old}")));
        let after = hasher(new.clone());
        let receipt = before.receipt_of(Uuid::from_u128(1).into(), Timestamp::UNIX_EPOCH);
        let stored = before.hash_receipt(&receipt);
        assert_eq!(during.receipt_hashes(&receipt), [after.hash_receipt(&receipt), stored]);
        assert_eq!(during.hash_receipt(&receipt), after.hash_receipt(&receipt), "the first secret hashes");
        assert!(!after.receipt_hashes(&receipt).contains(&stored));
        assert_eq!(during.hashes("token"), [after.hash("token"), before.hash("token")]);
        let link = LinkTokens::sign(&before, LinkPurpose::StopContact, Uuid::from_u128(2));
        assert_eq!(during.verify(LinkPurpose::StopContact, link.expose()), Some(Uuid::from_u128(2)));
        assert_eq!(after.verify(LinkPurpose::StopContact, link.expose()), None);
    }
}
