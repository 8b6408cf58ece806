//! Last known positions: the hot path.

use async_trait::async_trait;

use super::Result;
use crate::{Position, Timestamp, UserId};

/// A position of a user at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fix {
    /// The user.
    pub user: UserId,
    /// The position.
    pub position: Position,
    /// The time of the position.
    pub at: Timestamp,
}

/// The last position of every user. Older ones are not kept.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Positions: Send + Sync {
    /// Stores positions in one statement. An older fix MUST NOT replace a newer one.
    ///
    /// `fixes` holds a user at most once. A user that does not exist is skipped.
    async fn record(&self, fixes: &[Fix]) -> Result<()>;

    /// The last position of a user.
    async fn last(&self, user: UserId) -> Result<Option<Fix>>;
}
