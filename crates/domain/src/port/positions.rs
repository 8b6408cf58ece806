//! Last known positions: the hot path.

use async_trait::async_trait;

use super::Result;
use crate::{Position, Timestamp, UserId};

/// Where somebody was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// Who.
    pub user: UserId,
    /// Where.
    pub position: Position,
    /// When.
    pub at: Timestamp,
}

/// The last position of every user. Nothing older is kept.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Positions: Send + Sync {
    /// Stores positions in one statement. An older fix MUST NOT replace a newer one. A user that does not exist
    /// is passed over. `fixes` holds a user at most once.
    async fn record(&self, fixes: &[Fix]) -> Result<()>;

    /// The last position of a user.
    async fn last(&self, user: UserId) -> Result<Option<Fix>>;
}
