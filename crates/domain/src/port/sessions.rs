//! Sessions: what makes a token good.

use async_trait::async_trait;

use super::Result;
use crate::{Account, SessionId, TokenId, UserId};

/// What came of presenting a refresh token.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirmation {
    /// It is good and now the confirmed one; whatever it replaced is dead.
    Confirmed(Box<Account>),
    /// It was replaced before, and its successor was used. The caller has to revoke the session.
    Reused,
    /// There is no such session, or it is revoked.
    Unknown,
}

/// Sessions.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The account of this session, if both exist and the session is not revoked. A revocation that was committed
    /// MUST be seen at once, on every node.
    async fn authenticate(&self, session: SessionId, user: UserId) -> Result<Option<Account>>;

    /// The same, from a cache if the store has one. A change of the session or the account MUST be seen at once by the store
    /// that committed it, and within one second by every other.
    async fn recognize(&self, session: SessionId, user: UserId) -> Result<Option<Account>> {
        self.authenticate(session, user).await
    }

    /// Confirms a refresh token by use: it is good if it is the confirmed one, or if the confirmed one is its
    /// `parent`; then it becomes the confirmed one. Of two siblings presented at the same time exactly one MUST win.
    async fn confirm(&self, session: SessionId, token: TokenId, parent: Option<TokenId>) -> Result<Confirmation>;
}
