//! Tokens and passwords.

use async_trait::async_trait;

use super::Result;
use crate::{Account, Password, Secret, SessionId, Timestamp, TokenId, UserId};

/// A salted password hash in the PHC string format. `Debug` does not show it.
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

/// The claims of a valid access token. The account's rights are not read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// When the token expires.
    pub expires_at: Timestamp,
}

/// The claims of a valid refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The id of the token.
    pub token: TokenId,
    /// The token that was exchanged for this one; `None` for the first of a session.
    pub parent: Option<TokenId>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was valid, and has expired.
    #[error("the token has expired")]
    Expired,
    /// Malformed, forged, or of the other kind.
    #[error("the token is not valid")]
    Invalid,
}

/// Signs and reads tokens.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Tokens: Send + Sync {
    /// Signs an access token for this account and session.
    ///
    /// # Errors
    /// Returns an error if it cannot be signed.
    fn access(&self, account: &Account, session: SessionId, now: Timestamp) -> Result<Secret>;

    /// Signs a refresh token.
    ///
    /// # Errors
    /// Returns an error if it cannot be signed.
    fn refresh(&self, claims: &RefreshClaims, now: Timestamp) -> Result<Secret>;

    /// Reads an access token. A refresh token MUST be refused.
    ///
    /// There is no leeway: a token expires at the second of its `exp` claim.
    ///
    /// # Errors
    /// Returns the reason for which it is refused.
    fn read_access(&self, token: &str, now: Timestamp) -> std::result::Result<AccessClaims, TokenError>;

    /// Reads a refresh token. An access token MUST be refused.
    ///
    /// # Errors
    /// Returns the reason for which it is refused.
    fn read_refresh(&self, token: &str, now: Timestamp) -> std::result::Result<RefreshClaims, TokenError>;
}

/// Hashes and verifies passwords.
///
/// Each call takes about 100 ms of one core by intent. It MUST NOT block the threads that answer requests.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a password with a new salt.
    async fn hash(&self, password: Password) -> Result<PasswordHash>;

    /// Whether the password matches the hash. Without a hash it MUST take as long and return `false`.
    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool>;
}
