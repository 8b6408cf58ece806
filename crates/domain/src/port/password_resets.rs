//! Tokens with which a forgotten password is replaced.

use std::net::IpAddr;

use async_trait::async_trait;

use super::{KeyedHash, Result};
use crate::{Email, Locale, Refusal, Secret, Timestamp, UserId};

/// A new token for the account with an email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasswordReset {
    /// The email, of an account or not.
    pub email: Email,
    /// The hash of the token.
    pub token: KeyedHash,
    /// When it is issued.
    pub at: Timestamp,
}

/// The tokens that are stored, as hashes. They are used up by [`Write::UsePasswordReset`](crate::Write::UsePasswordReset).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordResets: Send + Sync {
    /// Stores a token in place of an earlier one, and returns the language of the account.
    ///
    /// `None`, without an effect, if no account has the email, if it is blocked, if a token was issued less than
    /// [`RESET_AGAIN_AFTER`](crate::RESET_AGAIN_AFTER) ago, or [`MAX_RESETS_A_DAY`](crate::MAX_RESETS_A_DAY) in the last day. And while
    /// the owner has a live emergency that is silent: the sound of an email could give it away.
    /// Of many calls at once exactly one MUST have an effect.
    async fn issue(&self, reset: &NewPasswordReset) -> Result<Option<Locale>>;

    /// The user whose password is replaced with this token: `None` unless it is the last one, was not used, is younger than
    /// [`RESET_VALID_FOR`](crate::RESET_VALID_FOR) at `at`, and the account is not blocked.
    async fn find(&self, token: KeyedHash, at: Timestamp) -> Result<Option<UserId>>;
}

/// Makes the tokens.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ResetTokens: Send + Sync {
    /// A new random token that cannot be guessed.
    ///
    /// # Errors
    /// Returns an error if the system has no random numbers.
    fn generate(&self) -> Result<Secret>;

    /// The hash of a token, as it is stored. Any text has one.
    fn hash(&self, token: &str) -> KeyedHash;

    /// The hashes under which a token may be stored: that of [`hash`](Self::hash) first, then those with earlier keys, while
    /// one replaces another.
    fn hashes(&self, token: &str) -> Vec<KeyedHash>;
}

/// A request for a link with which a password is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetRequest {
    /// The email that was given.
    pub email: Email,
    /// The address of the client.
    pub address: IpAddr,
}

/// The queue of requests that are carried out after they were answered, so that neither the answer nor its time tells whether an
/// account exists.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ResetQueue: Send + Sync {
    /// Adds a request. Never waits. MUST be bounded, and MUST serve addresses in turn.
    ///
    /// # Errors
    /// [`Refusal::TooSoon`] when too many wait.
    fn push(&self, request: ResetRequest) -> std::result::Result<(), Refusal>;
}
