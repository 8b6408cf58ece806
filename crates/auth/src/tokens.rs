//! Signed tokens: JSON Web Tokens (RFC 7519) with HMAC-SHA-256 and one key.
//!
//! Owns the claims and their verification. Must not know whether a session lives: that is a question to the store.

use std::time::Duration;

use allynet_domain::{
    Account, Role, Secret, SessionId, Timestamp, TokenId, UserId,
    port::{AccessClaims, Error, RefreshClaims, Result, TokenError, Tokens},
};
use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// The one algorithm, whatever a token's header asks for.
const ALGORITHM: Algorithm = Algorithm::HS256;
/// RFC 7518 §3.2: a key at least as long as the hash.
const MIN_SECRET_BYTES: usize = 32;
const ISSUER: &str = "allynet";
/// The audience is what keeps the two kinds apart.
const ACCESS: &str = "allynet:access";
const REFRESH: &str = "allynet:refresh";

/// Settings with which no token is safe or useful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenSettingsError {
    /// The key is too short.
    #[error("the token secret must be at least {MIN_SECRET_BYTES} bytes long")]
    ShortSecret,
    /// A lifetime is below a second, the unit of a token's times, or beyond what a calendar holds.
    #[error("a token's lifetime must be at least a second and at most 100 years")]
    Lifetime,
}

/// Issues and reads tokens with one key.
pub struct JwtTokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    access: Kind,
    refresh: Kind,
}

impl JwtTokens {
    /// Tokens signed with `secret` that live this long.
    ///
    /// # Errors
    /// When the secret is too short or a lifetime makes no sense.
    pub fn new(
        secret: &SecretString,
        access_ttl: Duration,
        refresh_ttl: Duration,
    ) -> std::result::Result<Self, TokenSettingsError> {
        let key = secret.expose_secret().as_bytes();
        if key.len() < MIN_SECRET_BYTES {
            return Err(TokenSettingsError::ShortSecret);
        }
        Ok(Self {
            signing: EncodingKey::from_secret(key),
            verifying: DecodingKey::from_secret(key),
            access: Kind::new(ACCESS, access_ttl)?,
            refresh: Kind::new(REFRESH, refresh_ttl)?,
        })
    }

    fn sign(&self, claims: &impl Serialize) -> Result<Secret> {
        let token = jsonwebtoken::encode(&Header::new(ALGORITHM), claims, &self.signing);
        token.map(Secret::new).map_err(Error::bug)
    }

    /// Signature, issuer and audience first: only what this service once signed can be "expired".
    fn verify<C: DeserializeOwned>(&self, token: &str, kind: &Kind) -> std::result::Result<C, TokenError> {
        let data = jsonwebtoken::decode(token, &self.verifying, &kind.validation);
        data.map(|data| data.claims).map_err(|_| TokenError::Invalid)
    }
}

impl Tokens for JwtTokens {
    #[expect(clippy::disallowed_methods, reason = "a token's own id is random, names nothing and is never stored")]
    fn access(&self, account: &Account, session: SessionId, now: Timestamp) -> Result<Secret> {
        self.sign(&SignedAccess {
            sub: account.id,
            user_id: account.id,
            email: account.email.as_str(),
            role: account.role,
            sid: session,
            iat: now.timestamp(),
            exp: self.access.expiry(now)?,
            iss: ISSUER,
            aud: ACCESS,
            jti: Uuid::new_v4(),
        })
    }

    fn refresh(&self, claims: &RefreshClaims, now: Timestamp) -> Result<Secret> {
        self.sign(&SignedRefresh {
            sub: claims.user,
            sid: claims.session,
            jti: claims.token,
            parent: claims.parent,
            iat: now.timestamp(),
            exp: self.refresh.expiry(now)?,
            iss: ISSUER,
            aud: REFRESH,
        })
    }

    fn read_access(&self, token: &str, now: Timestamp) -> std::result::Result<AccessClaims, TokenError> {
        let ReadAccess { sub, sid, exp, .. } = self.verify(token, &self.access)?;
        Ok(AccessClaims { user: sub, session: sid, expires_at: not_expired(exp, now)? })
    }

    fn read_refresh(&self, token: &str, now: Timestamp) -> std::result::Result<RefreshClaims, TokenError> {
        let ReadRefresh { sub, sid, jti, parent, exp, .. } = self.verify(token, &self.refresh)?;
        not_expired(exp, now)?;
        Ok(RefreshClaims { user: sub, session: sid, token: jti, parent })
    }
}

/// RFC 7519 §4.1.4: not accepted on or after `exp`. Judged by the caller's clock, not by the library's.
fn not_expired(exp: i64, now: Timestamp) -> std::result::Result<Timestamp, TokenError> {
    let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?;
    if now < expires_at { Ok(expires_at) } else { Err(TokenError::Expired) }
}

/// What tells access and refresh tokens apart.
struct Kind {
    ttl: TimeDelta,
    validation: Validation,
}

impl Kind {
    fn new(audience: &str, ttl: Duration) -> std::result::Result<Self, TokenSettingsError> {
        let sane = Duration::from_secs(1)..=Duration::from_hours(100 * 365 * 24);
        if !sane.contains(&ttl) {
            return Err(TokenSettingsError::Lifetime);
        }
        let mut validation = Validation::new(ALGORITHM);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[audience]);
        validation.leeway = 0;
        // The library would ask the system clock; `not_expired` asks the one that was handed in.
        validation.validate_exp = false;
        let ttl = TimeDelta::from_std(ttl).map_err(|_| TokenSettingsError::Lifetime)?;
        Ok(Self { ttl, validation })
    }

    fn expiry(&self, now: Timestamp) -> Result<i64> {
        let expires_at = now.checked_add_signed(self.ttl).ok_or_else(|| Error::bug("the clock is off"))?;
        Ok(expires_at.timestamp())
    }
}

#[derive(Serialize)]
struct SignedAccess<'a> {
    sub: UserId,
    #[serde(rename = "userId")]
    user_id: UserId,
    email: &'a str,
    role: Role,
    sid: SessionId,
    iat: i64,
    exp: i64,
    iss: &'a str,
    aud: &'a str,
    jti: Uuid,
}

#[derive(Deserialize)]
struct ReadAccess {
    sub: UserId,
    sid: SessionId,
    exp: i64,
    #[serde(rename = "iat")]
    _iat: i64,
    #[serde(rename = "jti")]
    _jti: Uuid,
}

#[derive(Serialize)]
struct SignedRefresh<'a> {
    sub: UserId,
    sid: SessionId,
    jti: TokenId,
    parent: Option<TokenId>,
    iat: i64,
    exp: i64,
    iss: &'a str,
    aud: &'a str,
}

#[derive(Deserialize)]
struct ReadRefresh {
    sub: UserId,
    sid: SessionId,
    jti: TokenId,
    parent: Option<TokenId>,
    exp: i64,
    #[serde(rename = "iat")]
    _iat: i64,
}

#[cfg(test)]
mod tests;
