//! Sessions, which decide whether a token is still valid.

use async_trait::async_trait;

use super::Result;
use crate::{Account, SessionId, TokenId, UserId};

/// The outcome of presenting a refresh token.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirmation {
    /// The token is valid and is the confirmed one now; the one before it is not valid any more.
    Confirmed(Box<Account>),
    /// The token was replaced, and its successor was used. The caller has to revoke the session.
    Reused,
    /// The session does not exist or is revoked.
    Unknown,
}

/// Lookup of sessions, and the rotation of refresh tokens.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The account of this session, if both exist and the session is not revoked.
    ///
    /// A committed revocation MUST be seen at once, on every node.
    async fn authenticate(&self, session: SessionId, user: UserId) -> Result<Option<Account>>;

    /// As [`Self::authenticate`], but from a cache if the store has one.
    ///
    /// A change of the session or the account MUST be seen at once by the store that committed it, and within one
    /// second by every other.
    async fn recognize(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        self.authenticate(session, user).await
    }

    /// Confirms a refresh token by use.
    ///
    /// The token is valid if it is the confirmed one, or if the confirmed one is its `parent`; then it becomes the
    /// confirmed one. Of two siblings presented at the same time exactly one MUST win.
    async fn confirm(&self, session: SessionId, token: TokenId, parent: Option<TokenId>) -> Result<Confirmation>;
}
