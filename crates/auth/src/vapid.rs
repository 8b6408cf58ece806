//! Voluntary application server identification (VAPID, RFC 8292): the key that tells push services who sends.
//!
//! Browsers bind their subscriptions to its public half, so that a lost key makes every device unreachable.

use std::{collections::HashMap, fmt, str::FromStr};

use allynet_domain::{
    Email, Secret, Timestamp,
    port::{Error, PushIdentity, Result},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::{SecretKey, elliptic_curve::sec1::ToSec1Point as _};
use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;

use crate::crypto;

/// Lifetime of a token. RFC 8292 allows 24 hours; the clock of a push service may be behind ours.
const LIFETIME: TimeDelta = TimeDelta::hours(12);
/// A token is used until this long before its end.
const RENEW_BEFORE: TimeDelta = TimeDelta::hours(6);
/// Most origins whose tokens are remembered. Strangers choose them.
const MAX_ORIGINS: usize = 1_024;

/// The error of a text that is not a VAPID key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the VAPID key must be the 32 octets of a private key of P-256 in base64url without padding")]
pub struct InvalidVapidKey;

/// A private key of P-256. `Debug` does not show it.
pub struct VapidKey {
    private_key: SecretKey,
    public_key: [u8; 65],
}

impl VapidKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// Returns an error if the system has no random numbers.
    pub fn generate() -> std::result::Result<Self, InvalidVapidKey> {
        let mut octets = [0; 32];
        SystemRandom::new().fill(&mut octets).map_err(|_| InvalidVapidKey)?;
        // One of 2^32 numbers is not below the order of the curve.
        Self::from_octets(&octets)
    }

    /// The form in which it is configured: 32 octets in base64url.
    pub fn encode(&self) -> Secret {
        Secret::new(BASE64_URL_SAFE_NO_PAD.encode(self.private_key.to_bytes()))
    }

    fn from_octets(octets: &[u8]) -> std::result::Result<Self, InvalidVapidKey> {
        let octets: &[u8; 32] = octets.try_into().map_err(|_| InvalidVapidKey)?;
        let private_key = SecretKey::from_slice(octets).map_err(|_| InvalidVapidKey)?;
        let point = private_key.public_key().to_sec1_point(false);
        let public_key = point.as_bytes().try_into().map_err(|_| InvalidVapidKey)?;
        Ok(Self { private_key, public_key })
    }

    /// The key in PKCS #8 (RFC 5958, RFC 5915). All lengths are constant, and so is all around the two numbers.
    fn to_pkcs8(&self) -> Vec<u8> {
        const BEFORE_PRIVATE_KEY: &[u8] = &[
            0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
        ];
        const BEFORE_PUBLIC_KEY: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];
        [BEFORE_PRIVATE_KEY, &self.private_key.to_bytes(), BEFORE_PUBLIC_KEY, &self.public_key].concat()
    }
}

impl FromStr for VapidKey {
    type Err = InvalidVapidKey;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidVapidKey> {
        Self::from_octets(&BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidVapidKey)?)
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VapidKey(…)")
    }
}

/// The error of a contact that push services would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the VAPID subject must be an https: URL or a mailto: address whose host is a public domain name")]
pub struct InvalidVapidSubject;

/// Whom the operators of push services contact: an `https:` URL or a `mailto:` address.
///
/// Its host is a domain name of at least two labels, since push services refuse `localhost` and addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VapidSubject(String);

impl FromStr for VapidSubject {
    type Err = InvalidVapidSubject;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidVapidSubject> {
        let host = if let Some(address) = text.strip_prefix("mailto:") {
            let email: Email = address.parse().map_err(|_| InvalidVapidSubject)?;
            email.as_str().rsplit_once('@').map(|(_, host)| host.to_owned())
        } else {
            let authority = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
            authority.and_then(|authority| authority.split(':').next()).map(str::to_lowercase)
        };
        let printable = text.len() <= 254 && text.bytes().all(|byte| byte.is_ascii_graphic());
        let valid = printable && host.is_some_and(|host| is_public_name(&host));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidVapidSubject) }
    }
}

/// Whether a name in lower case may exist in the public directory of names.
fn is_public_name(host: &str) -> bool {
    // Top-level names that never exist there (RFC 6761, RFC 6762, RFC 7686), or that the ICANN keeps for private networks.
    const PRIVATE: [&str; 7] = ["localhost", "local", "test", "invalid", "onion", "internal", "localdomain"];
    let is_label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let Some((domain, top)) = host.rsplit_once('.') else { return false };
    // The last label of an IPv4 address is a number.
    let is_top = is_label(top) && top.starts_with(|first: char| first.is_ascii_alphabetic());
    is_top && domain.split('.').all(is_label) && !PRIVATE.contains(&top)
}

/// Signs what identifies this service to push services.
pub struct VapidIdentity {
    public_key: [u8; 65],
    signing: EncodingKey,
    subject: Option<VapidSubject>,
    tokens: Mutex<HashMap<String, Token>>,
}

/// A token that was signed for an origin.
struct Token {
    authorization: Secret,
    signed_at: Timestamp,
}

impl Token {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock that was set back makes a token too long-lived.
        now >= self.signed_at && now < self.signed_at + LIFETIME - RENEW_BEFORE
    }
}

impl VapidIdentity {
    /// Creates an identity of this key and this contact. Some push services refuse messages without a contact.
    pub fn new(key: &VapidKey, subject: Option<VapidSubject>) -> Self {
        crypto::install();
        let signing = EncodingKey::from_ec_der(&key.to_pkcs8());
        Self { public_key: key.public_key, signing, subject, tokens: Mutex::default() }
    }

    fn sign(&self, origin: &str, now: Timestamp) -> Result<Secret> {
        let expires_at = now.checked_add_signed(LIFETIME).ok_or_else(|| Error::bug("the clock is out of range"))?;
        let claims = Claims {
            aud: origin,
            exp: expires_at.timestamp(),
            sub: self.subject.as_ref().map(|subject| subject.0.as_str()),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signing).map_err(Error::bug)?;
        let public_key = BASE64_URL_SAFE_NO_PAD.encode(self.public_key);
        Ok(Secret::new(format!("vapid t={token}, k={public_key}")))
    }
}

impl PushIdentity for VapidIdentity {
    fn public_key(&self) -> [u8; 65] {
        self.public_key
    }

    fn authorization(&self, origin: &str, now: Timestamp) -> Result<Secret> {
        if let Some(token) = self.tokens.lock().get(origin).filter(|token| token.is_fresh(now)) {
            return Ok(token.authorization.clone());
        }
        // Signed without the lock; two callers at once sign twice, which does no harm.
        let authorization = self.sign(origin, now)?;
        let mut tokens = self.tokens.lock();
        if tokens.len() >= MAX_ORIGINS {
            tokens.clear();
        }
        tokens.insert(origin.to_owned(), Token { authorization: authorization.clone(), signed_at: now });
        Ok(authorization)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::*;

    /// The key pair of RFC 8291, §5.
    const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const PUBLIC_KEY: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

    fn identity() -> VapidIdentity {
        VapidIdentity::new(&PRIVATE_KEY.parse().unwrap(), "mailto:ops@example.org".parse().ok())
    }

    fn now() -> Timestamp {
        "2026-11-06T08:49:37Z".parse().unwrap()
    }

    #[test]
    fn the_public_key_belongs_to_the_private_one() {
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(identity().public_key()), PUBLIC_KEY);
        let key = VapidKey::generate().unwrap();
        let again: VapidKey = key.encode().expose().parse().unwrap();
        assert_eq!(key.public_key, again.public_key);
        assert_ne!(key.public_key, VapidKey::generate().unwrap().public_key);
        assert_eq!(format!("{key:?}"), "VapidKey(…)");
    }

    #[test]
    fn the_authorization_is_that_of_rfc_8292() {
        let authorization = identity().authorization("https://push.example.net", now()).unwrap();
        let (token, key) = authorization.expose().strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(key, PUBLIC_KEY);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let key = decode(key);
        let verifying = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &key);
        assert!(verifying.verify(signed.as_bytes(), &decode(signature)).is_ok());
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |text: &str| serde_json::from_slice::<Value>(&decode(text)).unwrap();
        assert_eq!(json(header), json!({"typ": "JWT", "alg": "ES256"}));
        let expires_at = (now() + TimeDelta::hours(12)).timestamp();
        let expected = json!({"aud": "https://push.example.net", "exp": expires_at, "sub": "mailto:ops@example.org"});
        assert_eq!(json(claims), expected);
    }

    #[test]
    fn a_token_is_used_again_for_the_same_origin_until_half_of_its_life_is_over() {
        let identity = identity();
        let sign = |origin, hours| identity.authorization(origin, now() + TimeDelta::hours(hours)).unwrap();
        let first = sign("https://a.example", 0);
        // Every signature has a random number of its own, so equal tokens are the same token.
        assert_eq!(first, sign("https://a.example", 5));
        assert_ne!(first, sign("https://b.example", 0));
        assert_ne!(first, sign("https://a.example", 6));
        assert_ne!(sign("https://a.example", 6), sign("https://a.example", -1), "a clock that was set back");
        for origin in 0..5_000 {
            identity.authorization(&origin.to_string(), now()).unwrap();
        }
        assert!(identity.tokens.lock().len() <= MAX_ORIGINS);
    }

    #[test]
    fn only_32_octets_of_a_private_key_are_a_key() {
        let of = |octets: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(octets).parse::<VapidKey>();
        assert!(of(&[1; 32]).is_ok());
        for wrong in [&[0; 32][..], &[255; 32], &[1; 31], &[1; 33], &[]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
        for wrong in [&format!("{PRIVATE_KEY}="), &PRIVATE_KEY.replace('-', "+"), "key"] {
            assert!(wrong.parse::<VapidKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_subject_has_a_public_host() {
        for valid in [
            "mailto:ops@example.org",
            "https://example.org",
            "https://a.example.org:8443/contact?a=b",
            "https://xn--bcher-kva.example",
        ] {
            assert!(valid.parse::<VapidSubject>().is_ok(), "{valid}");
        }
        for wrong in [
            "",
            "example.org",
            "http://example.org",
            "ops@example.org",
            "mailto:",
            "mailto:ops",
            "mailto:ops@localhost",
            "mailto:ops@host.local",
            "mailto:ops@a@example.org",
            "mailto:ops@10.0.0.1",
            "https://",
            "https://localhost",
            "https://127.0.0.1",
            "https://[::1]",
            "https://allynet.internal",
            "https://user@example.org",
            "https://a..org",
            "https://-a.org",
            "https://example.org/ x",
            "https://localhost.localdomain",
            "https://example.org.",
        ] {
            assert!(wrong.parse::<VapidSubject>().is_err(), "{wrong}");
        }
    }
}
