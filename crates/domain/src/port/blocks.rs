//! Blocks between users.

use async_trait::async_trait;

use super::Result;
use crate::{BlockId, BlockTarget, EmergencyId, Timestamp, UserBlock, UserId};

/// What has to be read before a user blocks another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockContext {
    /// The block with the same target that is in the user's list already.
    pub listed: Option<UserBlock>,
    /// The account that the block applies to, if there is one.
    pub user: Option<UserId>,
    /// The live emergencies that either of the two owns, or to which either has a response that is not cancelled, in the
    /// order of their ids.
    pub emergencies: Vec<EmergencyId>,
}

/// A pair of users all of whose blocks in one direction are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedBlocks {
    /// The user that made them.
    pub by: UserId,
    /// The account that they applied to, if there was one.
    pub user: Option<UserId>,
    /// The blocks.
    pub blocks: Vec<BlockId>,
}

/// Blocks between users. They are changed through [`super::Changes`].
///
/// A stored block is in effect, whether or not it is in the list of the user that made it. A block by email applies to the
/// account that has this email now, and MUST apply to one that is registered later. The email is stored as a keyed hash,
/// too, under which a block outlives an account.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Blocks: Send + Sync {
    /// The blocks in the list of a user, oldest first; `None` for an unknown user.
    async fn list(&self, by: UserId) -> Result<Option<Vec<UserBlock>>>;

    /// Reads what a block is decided on.
    async fn context(&self, by: UserId, target: &BlockTarget) -> Result<BlockContext>;

    /// Blocks that were removed from their lists and whose effects are over at `now`, at most `limit` of them.
    ///
    /// MUST NOT return a block while another one of the same user applies to the same account.
    async fn ended(&self, now: Timestamp, limit: u32) -> Result<Vec<EndedBlocks>>;
}
