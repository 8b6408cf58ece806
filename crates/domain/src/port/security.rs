//! Tokens and passwords.

use async_trait::async_trait;

use super::Result;
use crate::{Account, Password, Secret, SessionId, Timestamp, TokenId, UserId};

/// A stored password hash, salted, in the PHC string format. Never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Wraps a PHC string.
    pub const fn new(phc: String) -> Self {
        Self(Secret::new(phc))
    }

    /// The PHC string, for storing and verifying.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What a valid access token says. The account's rights are not read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose.
    pub user: UserId,
    /// Of which session.
    pub session: SessionId,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What a valid refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Whose.
    pub user: UserId,
    /// Of which session.
    pub session: SessionId,
    /// Which.
    pub token: TokenId,
    /// The token that was presented to get this one; none for the first of a session.
    pub parent: Option<TokenId>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// Malformed, forged, or of the other kind.
    #[error("the token is not valid")]
    Invalid,
}

/// Signed tokens.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Tokens: Send + Sync {
    /// An access token for this account and session.
    ///
    /// # Errors
    /// When it cannot be signed.
    fn access(&self, account: &Account, session: SessionId, now: Timestamp) -> Result<Secret>;

    /// A refresh token.
    ///
    /// # Errors
    /// When it cannot be signed.
    fn refresh(&self, claims: &RefreshClaims, now: Timestamp) -> Result<Secret>;

    /// Reads an access token. A refresh token MUST be refused. No leeway: a token expires at the second it says.
    ///
    /// # Errors
    /// Why it is refused.
    fn read_access(&self, token: &str, now: Timestamp) -> std::result::Result<AccessClaims, TokenError>;

    /// Reads a refresh token. An access token MUST be refused.
    ///
    /// # Errors
    /// Why it is refused.
    fn read_refresh(&self, token: &str, now: Timestamp) -> std::result::Result<RefreshClaims, TokenError>;
}

/// Password hashing. Takes about 100 ms of one core by intent; MUST NOT block the threads that answer requests.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A new salted hash.
    async fn hash(&self, password: Password) -> Result<PasswordHash>;

    /// Whether the password belongs to the hash. Without a hash MUST take as long and answer `false`.
    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool>;
}
