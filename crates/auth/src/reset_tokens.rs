//! The port [`ResetTokens`]: random tokens, and their hashes with the key of [`HmacHasher`].

use allynet_domain::{
    Secret,
    port::{Error, KeyedHash, ResetTokens, Result},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::HmacHasher;

impl ResetTokens for HmacHasher {
    /// 32 octets in base64url.
    fn generate(&self) -> Result<Secret> {
        let mut octets = [0; 32];
        SystemRandom::new().fill(&mut octets).map_err(|_| Error::bug("the system has no random numbers"))?;
        Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(octets)))
    }

    fn hash(&self, token: &str) -> KeyedHash {
        self.hash_text(b'p', token.as_bytes())
    }

    fn hashes(&self, token: &str) -> Vec<KeyedHash> {
        self.hash_text_with_each(b'p', token.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_random_and_their_hash_is_not_that_of_an_email() {
        use allynet_domain::port::KeyedHasher as _;

        let hasher = HmacHasher::new(&"a secret of more than thirty-two bytes".to_owned().into());
        let [one, two] = [hasher.generate().unwrap(), hasher.generate().unwrap()];
        assert_eq!(one.expose().len(), 43);
        assert_ne!(one, two);
        assert_eq!(hasher.hash(one.expose()), hasher.hash(one.expose()));
        assert_ne!(hasher.hash(one.expose()), hasher.hash(two.expose()));
        let email = "ada@example.org";
        assert_ne!(hasher.hash(email), hasher.hash_email(&email.parse().unwrap()));
    }
}
