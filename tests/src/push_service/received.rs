//! A message that the push service has received.

use allynet_domain::Timestamp;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, request::Parts};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use super::Subscription;
use crate::service::now;

/// A message, decrypted and verified.
#[derive(Debug, Clone)]
pub struct Received {
    /// The subscription.
    pub token: String,
    /// When it arrived.
    pub at: Timestamp,
    /// The status that it is answered with; 0 for none.
    pub answer: u16,
    pub method: String,
    pub headers: HeaderMap,
    /// The length of the encrypted body.
    pub body_bytes: usize,
    /// What the browser reads; `None` if it could not decrypt it.
    pub plaintext: Option<Vec<u8>>,
    /// What the token says; `None` if it is missing or not valid for this service.
    pub vapid: Option<Vapid>,
}

/// A valid VAPID token (RFC 8292).
#[derive(Debug, Clone)]
pub struct Vapid {
    pub audience: String,
    /// In seconds since 1970.
    pub expires_at: i64,
    pub subject: String,
    /// In base64url.
    pub public_key: String,
}

impl Received {
    pub(super) fn read(token: &str, head: &Parts, body: &[u8], to: &Subscription, origin: &str, answer: u16) -> Self {
        let authorization = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        Self {
            token: token.to_owned(),
            at: now(),
            answer,
            method: head.method.to_string(),
            headers: head.headers.clone(),
            body_bytes: body.len(),
            plaintext: to.decrypt(body),
            vapid: authorization.and_then(verify).filter(|vapid| vapid.audience == origin),
        }
    }

    /// A header as text; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The message as JSON.
    pub fn to_json(&self) -> Value {
        let text = self.plaintext.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let vapid = self.vapid.as_ref().map(|vapid| {
            json!({
                "audience": vapid.audience, "expiresAt": vapid.expires_at, "subject": vapid.subject,
                "publicKey": vapid.public_key,
            })
        });
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").into())).collect();
        json!({
            "token": self.token, "method": self.method, "headers": headers, "bodyBytes": self.body_bytes, "text": text,
            "vapid": vapid,
        })
    }
}

fn verify(authorization: &str) -> Option<Vapid> {
    let (token, public_key) = authorization.strip_prefix("vapid t=")?.split_once(", k=")?;
    let (signed, signature) = token.rsplit_once('.')?;
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(public_key)?);
    key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
    let (header, claims) = signed.split_once('.')?;
    let json = |text: &str| serde_json::from_slice::<Value>(&decode(text)?).ok();
    let (header, claims) = (json(header)?, json(claims)?);
    if header["alg"] != "ES256" {
        return None;
    }
    let text = |name: &str| claims[name].as_str().map(str::to_owned);
    Some(Vapid {
        audience: text("aud")?,
        expires_at: claims["exp"].as_i64()?,
        subject: text("sub")?,
        public_key: public_key.to_owned(),
    })
}
