//! JSON Web Tokens (RFC 7519), signed with HMAC-SHA-256.
//!
//! Defines the claims and verifies them. Whether the session of a token is revoked is not known here.

use std::time::Duration;

use allynet_domain::{
    Account, Role, Secret, SessionId, Timestamp, TokenId, UserId,
    port::{AccessClaims, Error, RefreshClaims, RefreshToken, Result, TokenError, Tokens},
};
use chrono::{DateTime, TimeDelta};
use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{InvalidSecrets, ServiceSecrets, crypto};

/// The only accepted algorithm, whatever a token's header names.
const ALGORITHM: Algorithm = Algorithm::HS256;
const ISSUER: &str = "allynet";
/// The audiences distinguish access tokens from refresh tokens.
const ACCESS: &str = "allynet:access";
const REFRESH: &str = "allynet:refresh";

/// The error of unusable token settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenSettingsError {
    /// The secrets cannot be used.
    #[error(transparent)]
    Secrets(#[from] InvalidSecrets),
    /// A lifetime is below one second, the resolution of a token's times, or above 100 years.
    #[error("a token's lifetime must be at least a second and at most 100 years")]
    Lifetime,
}

/// Signs tokens with the first secret of the service, and verifies them with all.
pub struct JwtTokens {
    secrets: ServiceSecrets,
    access: TokenKind,
    refresh: TokenKind,
}

impl JwtTokens {
    /// Creates an adapter with secrets of its own, separated by blanks, and the lifetimes of both kinds.
    ///
    /// # Errors
    /// Returns an error if a secret is too short or a lifetime is out of range.
    pub fn new(
        secrets: &SecretString,
        access_ttl: Duration,
        refresh_ttl: Duration,
    ) -> std::result::Result<Self, TokenSettingsError> {
        Self::with_secrets(ServiceSecrets::parse(secrets)?, access_ttl, refresh_ttl)
    }

    /// Creates an adapter whose secrets are shared with others.
    ///
    /// # Errors
    /// Returns an error if a lifetime is out of range.
    pub fn with_secrets(
        secrets: ServiceSecrets,
        access_ttl: Duration,
        refresh_ttl: Duration,
    ) -> std::result::Result<Self, TokenSettingsError> {
        crypto::install();
        let (access, refresh) = (TokenKind::new(ACCESS, access_ttl)?, TokenKind::new(REFRESH, refresh_ttl)?);
        Ok(Self { secrets, access, refresh })
    }

    fn sign(&self, claims: &impl Serialize) -> Result<Secret> {
        let token = jsonwebtoken::encode(&Header::new(ALGORITHM), claims, &self.secrets.keys().signing);
        token.map(Secret::new).map_err(Error::bug)
    }

    /// Checks signature, issuer and audience. Expiry is checked afterwards, so that a forged token is never reported as
    /// "expired".
    fn verify<C: DeserializeOwned>(&self, token: &str, kind: &TokenKind) -> std::result::Result<C, TokenError> {
        for key in &self.secrets.keys().verifying {
            match jsonwebtoken::decode(token, key, &kind.validation) {
                Ok(data) => return Ok(data.claims),
                // Perhaps signed with another of the secrets.
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
                Err(_) => break,
            }
        }
        Err(TokenError::Invalid)
    }
}

impl Tokens for JwtTokens {
    #[expect(clippy::disallowed_methods, reason = "the id of an access token is random and never stored")]
    fn access(&self, account: &Account, session: SessionId, now: Timestamp) -> Result<Secret> {
        self.sign(&AccessTokenClaims {
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
        self.sign(&RefreshTokenClaims {
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

    fn session_lifetime(&self) -> TimeDelta {
        self.refresh.ttl.max(self.access.ttl)
    }

    fn read_access(&self, token: &str, now: Timestamp) -> std::result::Result<AccessClaims, TokenError> {
        let VerifiedAccessClaims { sub, sid, exp, .. } = self.verify(token, &self.access)?;
        Ok(AccessClaims { user: sub, session: sid, expires_at: not_expired(exp, now)? })
    }

    fn read_refresh(&self, token: &str) -> std::result::Result<RefreshToken, TokenError> {
        let VerifiedRefreshClaims { sub, sid, jti, parent, exp, .. } = self.verify(token, &self.refresh)?;
        let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?;
        Ok(RefreshToken { claims: RefreshClaims { user: sub, session: sid, token: jti, parent }, expires_at })
    }
}

/// Rejects a token on or after `exp` (RFC 7519 §4.1.4), by the given clock.
fn not_expired(exp: i64, now: Timestamp) -> std::result::Result<Timestamp, TokenError> {
    let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?;
    if now < expires_at { Ok(expires_at) } else { Err(TokenError::Expired) }
}

/// The lifetime and the verification rules of one kind of token.
struct TokenKind {
    ttl: TimeDelta,
    validation: Validation,
}

impl TokenKind {
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
        // The library would read the system clock; `not_expired` uses the clock of the caller.
        validation.validate_exp = false;
        let ttl = TimeDelta::from_std(ttl).map_err(|_| TokenSettingsError::Lifetime)?;
        Ok(Self { ttl, validation })
    }

    fn expiry(&self, now: Timestamp) -> Result<i64> {
        let expires_at = now.checked_add_signed(self.ttl).ok_or_else(|| Error::bug("the clock is out of range"))?;
        Ok(expires_at.timestamp())
    }
}

/// The claims of an access token that is issued.
#[derive(Serialize)]
struct AccessTokenClaims<'a> {
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

/// The claims of an access token that is verified: all are required, and those with an underscore not used.
#[derive(Deserialize)]
struct VerifiedAccessClaims {
    sub: UserId,
    sid: SessionId,
    exp: i64,
    #[serde(rename = "iat")]
    _iat: i64,
    #[serde(rename = "jti")]
    _jti: Uuid,
}

/// The claims of a refresh token that is issued.
#[derive(Serialize)]
struct RefreshTokenClaims<'a> {
    sub: UserId,
    sid: SessionId,
    jti: TokenId,
    parent: Option<TokenId>,
    iat: i64,
    exp: i64,
    iss: &'a str,
    aud: &'a str,
}

/// The claims of a refresh token that is verified.
#[derive(Deserialize)]
struct VerifiedRefreshClaims {
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
