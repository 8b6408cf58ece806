//! Tokens and passwords.

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use chrono::TimeDelta;
use serde::Serialize;
use uuid::Uuid;

use super::{QueuePermit, Result};
use crate::{
    Account, DeliveryId, DeviceId, Email, EmergencyId, Password, Refusal, Secret, SessionId, Timestamp, TokenId,
    UserId, outbox::TopicClass,
};

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

/// A hash of 128 bits with the key of the service, for what has to be recognized and must not be read from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyedHash(Uuid);

impl KeyedHash {
    /// Wraps the bytes of a hash.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl From<KeyedHash> for Uuid {
    /// The form in which it is stored: like an id.
    fn from(hash: KeyedHash) -> Self {
        hash.0
    }
}

/// The secret with which a receiver of a message confirms it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptToken([u8; 32]);

impl ReceiptToken {
    /// Wraps the octets of a token.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The octets.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ReceiptToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptToken(…)")
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

/// The claims of a refresh token.
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

/// A refresh token as it was signed. It may have expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The claims.
    pub claims: RefreshClaims,
    /// When it expires.
    pub expires_at: Timestamp,
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

    /// How long a session may be used after its tokens were issued: the longer of their lifetimes.
    fn session_lifetime(&self) -> TimeDelta;

    /// Reads an access token. A refresh token MUST be refused.
    ///
    /// There is no leeway: a token expires at the second of its `exp` claim.
    ///
    /// # Errors
    /// Returns the reason for which it is refused.
    fn read_access(&self, token: &str, now: Timestamp) -> std::result::Result<AccessClaims, TokenError>;

    /// Reads a refresh token, even an expired one. An access token MUST be refused.
    ///
    /// # Errors
    /// [`TokenError::Invalid`].
    fn read_refresh(&self, token: &str) -> std::result::Result<RefreshToken, TokenError>;
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

/// Hashes with a key that all nodes have, and that is not in the database.
pub trait KeyedHasher: Send + Sync {
    /// The hash of an email.
    fn hash_email(&self, email: &Email) -> KeyedHash;

    /// The hash of the address of a client.
    fn hash_address(&self, address: IpAddr) -> KeyedHash;

    /// The token with which its receiver confirms a delivery that was planned at this time: always the same for the two, and
    /// another one when the delivery is planned again.
    fn receipt_of(&self, delivery: DeliveryId, planned_at: Timestamp) -> ReceiptToken;

    /// The hash of such a token, as it is stored.
    fn hash_receipt(&self, receipt: &ReceiptToken) -> KeyedHash;

    /// The hashes under which such a token may be stored: that of [`hash_receipt`](Self::hash_receipt) first, then those with
    /// earlier keys, while one replaces another.
    fn receipt_hashes(&self, receipt: &ReceiptToken) -> Vec<KeyedHash>;

    /// The topic of messages to a device: messages of one class and emergency have the same. Tells nothing of either.
    fn hash_topic(&self, emergency: Option<EmergencyId>, device: DeviceId, class: TopicClass) -> KeyedHash;
}

/// The queue of what needs a password to be hashed: logins, registrations and new passwords.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait HashingQueue: Send + Sync {
    /// Waits for a turn. Cancel-safe.
    ///
    /// MUST be bounded, and MUST serve addresses in turn. A `known` caller logged in from this address before, or is logged
    /// in: it goes first, and places are kept for it.
    ///
    /// # Errors
    /// [`Refusal::TooSoon`] when too many of the same kind wait.
    async fn enter(&self, address: IpAddr, known: bool) -> std::result::Result<QueuePermit, Refusal>;
}
