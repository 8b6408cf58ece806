//! Whose connections have changed since somebody last looked.

use std::{collections::HashSet, mem, sync::Arc};

use allynet_domain::UserId;
use tokio::sync::Notify;

/// Users, and who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    users: HashSet<UserId>,
    somebody: Arc<Notify>,
}

impl Touched {
    pub(crate) fn add(&mut self, user: UserId) {
        self.users.insert(user);
        self.somebody.notify_one();
    }

    pub(crate) fn take(&mut self) -> HashSet<UserId> {
        mem::take(&mut self.users)
    }

    /// Told when somebody is there to be taken.
    pub(crate) fn somebody(&self) -> Arc<Notify> {
        Arc::clone(&self.somebody)
    }
}
