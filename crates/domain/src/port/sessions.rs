//! Sessions, which decide whether a token is still valid.

use async_trait::async_trait;

use super::Result;
use crate::{Account, SessionId, SessionOverview, Timestamp, TokenId, UserAgent, UserId};

/// A refresh token that is presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presentation {
    /// The session of the token.
    pub session: SessionId,
    /// The token.
    pub token: TokenId,
    /// The token that was exchanged for it; `None` for the first of a session.
    pub parent: Option<TokenId>,
    /// The id of its successor, unless it has one already.
    pub successor: TokenId,
    /// When it is presented.
    pub at: Timestamp,
    /// The earliest first presentation of which this one can be a repetition.
    pub repeats_since: Timestamp,
    /// The program that presents it.
    pub user_agent: Option<UserAgent>,
}

/// The refresh token for which another one is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// The id of the token.
    pub token: TokenId,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// The outcome of presenting a refresh token.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirmation {
    /// The token is valid, or is presented again.
    Confirmed {
        /// The account of its session.
        account: Box<Account>,
        /// Its successor.
        successor: Successor,
    },
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
    /// A token that was first presented at `repeats_since` or later MUST have the successor of then, and nothing changes,
    /// whatever became of that successor. Any other token is valid if it is the confirmed one, or if the confirmed one is
    /// its `parent`; then it becomes the confirmed one. Of two siblings presented at the same time exactly one MUST win.
    ///
    /// The first presentation of a valid token MUST be noted as the last use of its session, with the user agent if there is one.
    async fn confirm(&self, presented: Presentation) -> Result<Confirmation>;

    /// The sessions of a user that are not revoked, those used last first; at most `limit`. Without those that were last used before
    /// `since` and have no device.
    async fn list(&self, user: UserId, since: Timestamp, limit: u32) -> Result<Vec<SessionOverview>>;
}
