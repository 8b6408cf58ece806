//! The set of users whose connections have changed since the set was last taken.

use std::{collections::HashSet, mem, sync::Arc};

use allynet_domain::UserId;
use tokio::sync::Notify;

/// Users whose presence has to be checked again.
#[derive(Debug, Default)]
pub(crate) struct DirtyUsers {
    users: HashSet<UserId>,
    added: Arc<Notify>,
}

impl DirtyUsers {
    /// Adds a user, and wakes the task that takes the set.
    pub(crate) fn add(&mut self, user: UserId) {
        self.users.insert(user);
        // Stores a permit if no task is waiting, so that an addition during processing is not missed.
        self.added.notify_one();
    }

    /// Takes the whole set.
    pub(crate) fn take(&mut self) -> HashSet<UserId> {
        mem::take(&mut self.users)
    }

    /// The notification of additions. Meant for one waiting task.
    pub(crate) fn added(&self) -> Arc<Notify> {
        Arc::clone(&self.added)
    }
}
