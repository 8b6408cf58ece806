//! The secrets of the service: the first signs and hashes, all verify. They can be replaced while the service runs.

use std::sync::Arc;

use jsonwebtoken::{DecodingKey, EncodingKey};
use parking_lot::RwLock;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};

/// A key must be at least as long as the hash (RFC 7518 §3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Most secrets at once: a forged token is checked against each.
const MAX_SECRETS: usize = 8;

/// The error of a text that holds no usable secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    /// A key is too short.
    #[error("each secret, separated by blanks or line breaks, must be at least {MIN_SECRET_BYTES} bytes long")]
    Short,
    /// There are more secrets than a token is checked against.
    #[error("there must be at most {MAX_SECRETS} secrets")]
    TooMany,
}

/// The secrets that tokens are signed and verified with. Clones share them, so that [`replace_by`](Self::replace_by) is seen by all.
#[derive(Clone)]
pub struct ServiceSecrets(Arc<RwLock<Arc<Keys>>>);

/// The keys made of the secrets: those of the first one, and those of all in their order.
pub(crate) struct Keys {
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: Vec<DecodingKey>,
    /// A key of its own, so that no hash is ever the signature of a token.
    pub(crate) first_hashing: hmac::Key,
    pub(crate) hashing: Vec<hmac::Key>,
}

impl ServiceSecrets {
    /// Parses secrets that are separated by blanks.
    ///
    /// A text whose words are all too short is a single secret that contains blanks.
    ///
    /// # Errors
    /// Returns an error if a secret is too short, or there are too many.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidSecrets> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(Keys::parse(text)?)))))
    }

    /// Replaces all secrets, in every clone. What was signed with a secret that is no longer there is refused from now on.
    pub fn replace_by(&self, other: &Self) {
        let keys = other.keys();
        *self.0.write() = keys;
    }

    /// The number of secrets.
    pub fn count(&self) -> usize {
        self.keys().verifying.len()
    }

    /// One secret, whatever its length.
    pub(crate) fn single(secret: &SecretString) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Keys::of(&[secret.expose_secret()], secret.expose_secret())))))
    }

    /// The keys at this moment.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.0.read().clone()
    }
}

impl Keys {
    fn parse(text: &SecretString) -> Result<Self, InvalidSecrets> {
        let text = text.expose_secret();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        // A list with a short word is refused: it may be a secret that was cut off, or one that contains a blank.
        let secrets = if words.iter().all(|word| word.len() < MIN_SECRET_BYTES) { vec![text] } else { words };
        if secrets.iter().any(|secret| secret.len() < MIN_SECRET_BYTES) {
            return Err(InvalidSecrets::Short);
        }
        match secrets.as_slice() {
            [first, ..] if secrets.len() <= MAX_SECRETS => Ok(Self::of(&secrets, first)),
            _ => Err(InvalidSecrets::TooMany),
        }
    }

    fn of(secrets: &[&str], first: &str) -> Self {
        Self {
            signing: EncodingKey::from_secret(first.as_bytes()),
            verifying: secrets.iter().map(|secret| DecodingKey::from_secret(secret.as_bytes())).collect(),
            first_hashing: hashing_key(first),
            hashing: secrets.iter().map(|secret| hashing_key(secret)).collect(),
        }
    }
}

fn hashing_key(secret: &str) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let key = hmac::sign(&secret, b"allynet: hashes of emails and addresses");
    hmac::Key::new(hmac::HMAC_SHA256, key.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Result<usize, InvalidSecrets> {
        ServiceSecrets::parse(&text.into()).map(|secrets| secrets.count())
    }

    #[test]
    fn secrets_are_separated_by_blanks() {
        let (long, other) = ("k".repeat(32), "l".repeat(33));
        assert_eq!(count(&long), Ok(1));
        assert_eq!(count(&format!(" {long}\n{other}\t{long} ")), Ok(3));
        assert_eq!(count(&[long.as_str(); MAX_SECRETS].join(" ")), Ok(MAX_SECRETS));
        assert_eq!(count(&[long.as_str(); MAX_SECRETS + 1].join(" ")), Err(InvalidSecrets::TooMany));
        for short in ["", " ", "short", "k k k", &"k".repeat(31), &format!("{long} short"), &format!("short {long}")] {
            assert_eq!(count(short), Err(InvalidSecrets::Short), "{short}");
        }
    }

    #[test]
    fn words_that_are_all_short_are_one_secret() {
        assert_eq!(count("a sentence of more than thirty-two bytes"), Ok(1));
    }
}
