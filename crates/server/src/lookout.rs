//! Looks whether somebody who moved, came online or went on duty is needed by an emergency that nobody has answered.
//!
//! Those who report are never kept waiting, and where no emergency waits near them it costs two looks into memory: one at
//! once, and one when this node has surely heard of an emergency that was raised in the same moment. The rest is done one
//! after the other, so that many helpers who come near one emergency do not get in each other's way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use allynet_domain::{
    Error, Position, Unanswered, UserId,
    port::{self, Fix},
    usecase::{alerts::notice, emergencies, helpers},
};
use tokio::sync::Notify;

use crate::{learning::each_live, outage::Outage};

/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// By how much this node may be behind the log for the second look to find what the first could not.
const LAG: Duration = Duration::from_secs(1);

/// Who is to be looked at. A clone refers to the same.
#[derive(Clone)]
pub(crate) struct Lookout {
    shared: Arc<Shared>,
}

struct Shared {
    unanswered: Arc<Unanswered>,
    /// Whether `unanswered` tells of all emergencies. Before, everybody is kept to be looked at then.
    complete: AtomicBool,
    /// The latest place of each; none for where they were last.
    sighted: Mutex<HashMap<UserId, Option<Position>>>,
    somebody: Notify,
    /// Whose position was stored a moment ago.
    recent: Mutex<Vec<Fix>>,
}

impl Lookout {
    pub(crate) fn new(unanswered: Arc<Unanswered>) -> Self {
        let shared = Shared {
            unanswered,
            complete: AtomicBool::new(false),
            sighted: Mutex::default(),
            somebody: Notify::new(),
            recent: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Somebody's position was stored.
    pub(crate) fn moved(&self, fix: &Fix) {
        if !self.is_complete() || self.is_needed(fix) {
            self.sight(fix.user, Some(fix.position));
        } else {
            lock(&self.shared.recent).push(*fix);
        }
    }

    /// Somebody came online or went on duty.
    pub(crate) fn appeared(&self, user: UserId) {
        if !self.is_complete() || !self.shared.unanswered.is_empty() {
            self.sight(user, None);
        }
    }

    /// Learns of all live emergencies, and looks at everybody who is sighted, for as long as it is polled. Must begin
    /// after this node has begun to follow the log, so that no emergency falls between.
    pub(crate) async fn run(&self, emergencies: &emergencies::Context, helpers: &helpers::Context) {
        let mut outage = Outage::new("helpers who come near cannot be looked at, trying again");
        while outage
            .saw(each_live(&*emergencies.emergencies, |live| self.shared.unanswered.remember(live)).await)
            .is_none()
        {
            tokio::time::sleep(PAUSE).await;
        }
        self.shared.complete.store(true, Ordering::SeqCst);
        tokio::join!(self.look(emergencies, helpers, outage), self.look_again());
    }

    async fn look(&self, emergencies: &emergencies::Context, helpers: &helpers::Context, mut outage: Outage) {
        loop {
            let sighted = std::mem::take(&mut *lock(&self.shared.sighted));
            if sighted.is_empty() {
                self.shared.somebody.notified().await;
            }
            for (user, position) in sighted {
                let noticed = notice(emergencies, helpers, &self.shared.unanswered, user, position).await;
                let lost = matches!(noticed, Err(Error::Port(port::Error::Corrupt { .. })));
                if outage.saw(noticed).is_none() && !lost {
                    lock(&self.shared.sighted).entry(user).or_insert(position);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn look_again(&self) {
        let mut earlier = Vec::new();
        loop {
            tokio::time::sleep(LAG).await;
            let later = std::mem::take(&mut *lock(&self.shared.recent));
            for fix in std::mem::replace(&mut earlier, later) {
                if self.is_needed(&fix) {
                    // They may have moved on since.
                    self.sight(fix.user, None);
                }
            }
        }
    }

    fn is_needed(&self, fix: &Fix) -> bool {
        !self.shared.unanswered.near(fix.user, fix.position).is_empty()
    }

    fn sight(&self, user: UserId, position: Option<Position>) {
        let mut sighted = lock(&self.shared.sighted);
        let known = sighted.entry(user).or_default();
        *known = position.or(*known);
        drop(sighted);
        self.shared.somebody.notify_one();
    }

    fn is_complete(&self) -> bool {
        self.shared.complete.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
