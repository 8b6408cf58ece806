//! Blocks between users: what a user may block, and what a block hides.
//!
//! Not to be confused with an account that an administrator has blocked ([`Account::blocked`](crate::Account::blocked)).

use serde::{Deserialize, Serialize};

use crate::{BlockId, Email, Timestamp, UserId};

/// Maximum number of blocks in the list of a user.
pub const MAX_BLOCKS: u32 = 100;
/// Maximum number of blocks of a user in effect: those in the list, and those removed from it whose effects last.
pub const MAX_BLOCKS_IN_EFFECT: u32 = 2 * MAX_BLOCKS;
/// What a user blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockTarget {
    /// The account with this id, which need not exist.
    User(UserId),
    /// The account with this email, also one that is registered later.
    Email(Email),
}

/// A block in the list of the user that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserBlock {
    /// The id.
    pub id: BlockId,
    /// What is blocked, as the user named it.
    pub target: BlockTarget,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A block in effect between two accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockedPair {
    /// The user that made the block.
    pub by: UserId,
    /// The user that is blocked.
    pub user: UserId,
}

impl BlockedPair {
    /// The other user of a pair that this user belongs to.
    pub fn other(&self, user: UserId) -> Option<UserId> {
        match user {
            user if user == self.by => Some(self.user),
            user if user == self.user => Some(self.by),
            _ => None,
        }
    }
}

/// Whether blocks hide an emergency from a user: the rule behind reading, rooms, lists and broadcasts.
///
/// Of an anonymous emergency only the owner's own blocks count. If the other user's block counted, its effect would tell
/// that user who the owner is.
pub const fn is_hidden(hidden_from: bool, blocks_owner: bool, anonymous: bool) -> bool {
    hidden_from || (blocks_owner && !anonymous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_anonymous_emergency_only_the_owners_own_blocks_count() {
        for (by_owner, by_user, anonymous, hidden) in [
            (false, false, false, false),
            (false, false, true, false),
            (true, false, false, true),
            (true, false, true, true),
            (false, true, false, true),
            (false, true, true, false),
            (true, true, true, true),
        ] {
            assert_eq!(is_hidden(by_owner, by_user, anonymous), hidden, "{by_owner} {by_user} {anonymous}");
        }
    }
}
