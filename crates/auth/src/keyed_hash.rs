//! Hashes of emails and addresses (HMAC-SHA-256) with a key that is derived from the secret of the tokens.

use std::net::IpAddr;

use allynet_domain::{
    DeliveryId, DeviceId, Email, EmergencyId, Timestamp,
    outbox::TopicClass,
    port::{KeyedHash, KeyedHasher, ReceiptToken},
};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

/// Hashes with one key. Another secret makes other hashes: what was stored under those of before is not found any more.
#[derive(Clone)]
pub struct HmacHasher(pub(crate) hmac::Key);

impl HmacHasher {
    /// Derives the key from the secret of the tokens.
    pub fn new(secret: &SecretString) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        // A key of its own, so that no hash is ever the signature of a token.
        let key = hmac::sign(&secret, b"allynet: hashes of emails and addresses");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// `kind` keeps the hashes of different things apart.
    pub(crate) fn hash_text(&self, kind: u8, text: &[u8]) -> KeyedHash {
        KeyedHash::new(self.sign(kind, text))
    }

    fn sign<const LEN: usize>(&self, kind: u8, text: &[u8]) -> [u8; LEN] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[kind]);
        context.update(text);
        let mut octets = [0; LEN];
        for (octet, signed) in octets.iter_mut().zip(context.sign().as_ref()) {
            *octet = *signed;
        }
        octets
    }
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
}
