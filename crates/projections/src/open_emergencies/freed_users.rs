//! When users became available again, after a response or an emergency of their own.

use std::collections::HashMap;

use allynet_domain::{Timestamp, UserId};

/// Number of users below which the map is not searched for those that no longer matter.
const PURGE_MIN_USERS: usize = 64;

/// The last time at which each user became available again.
#[derive(Debug, Default)]
pub(super) struct FreedUsers {
    by_user: HashMap<UserId, Timestamp>,
    /// Size at which the map is purged next.
    purge_at: usize,
}

impl FreedUsers {
    /// Records that a user is available again. Times before `oldest`, when the oldest open emergency was raised, do not matter
    /// any more, and may be dropped.
    pub(super) fn insert(&mut self, user: UserId, at: Timestamp, oldest: Timestamp) {
        if self.by_user.len() >= self.purge_at.max(PURGE_MIN_USERS) {
            self.by_user.retain(|_, freed_at| *freed_at >= oldest);
            self.purge_at = self.by_user.len() * 2;
        }
        self.by_user.insert(user, at);
    }

    /// When the user became available again last, as far as that matters.
    pub(super) fn get(&self, user: UserId) -> Option<Timestamp> {
        self.by_user.get(&user).copied()
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::testing::{at, id};

    use super::*;

    #[test]
    fn times_before_the_oldest_emergency_are_dropped_in_time() {
        let mut freed = FreedUsers::default();
        for n in 0..100 {
            freed.insert(id(n), at(0), at(0));
        }
        for n in 100..1_000 {
            freed.insert(id(n), at(2), at(1));
        }
        assert_eq!((freed.get(id(7)), freed.get(id(999))), (None, Some(at(2))));
        for n in 0..10_000 {
            freed.insert(id(n), at(i64::try_from(n).unwrap()), at(i64::try_from(n).unwrap()));
        }
        assert!(freed.by_user.len() <= 2_000, "{} remain", freed.by_user.len());
    }
}
