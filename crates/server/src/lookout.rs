//! Looks whether somebody who moved, came online or went on duty is needed by an emergency that nobody has answered.
//!
//! Those who report are never kept waiting, and where no emergency waits near them it costs a look into memory. The
//! rest is done one after the other, so that many helpers who come near one emergency do not get in each other's way.

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
    port::{self, AdminPage, Fix},
    usecase::{alerts::notice, emergencies, helpers},
};
use tokio::sync::Notify;

use crate::outage::Outage;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// How many emergencies are read at once.
const PAGE: u32 = 500;

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
}

impl Lookout {
    pub(crate) fn new(unanswered: Arc<Unanswered>) -> Self {
        let (complete, sighted, somebody) = (AtomicBool::new(false), Mutex::default(), Notify::new());
        Self { shared: Arc::new(Shared { unanswered, complete, sighted, somebody }) }
    }

    /// Somebody's position was stored.
    pub(crate) fn moved(&self, fix: &Fix) {
        if !self.is_complete() || !self.shared.unanswered.near(fix.user, fix.position).is_empty() {
            self.sight(fix.user, Some(fix.position));
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
        while outage.saw(self.learn(&*emergencies.emergencies).await).is_none() {
            tokio::time::sleep(PAUSE).await;
        }
        self.shared.complete.store(true, Ordering::SeqCst);
        loop {
            let sighted = std::mem::take(&mut *self.sighted());
            if sighted.is_empty() {
                self.shared.somebody.notified().await;
            }
            for (user, position) in sighted {
                let noticed = notice(emergencies, helpers, &self.shared.unanswered, user, position).await;
                let lost = matches!(noticed, Err(Error::Port(port::Error::Corrupt { .. })));
                if outage.saw(noticed).is_none() && !lost {
                    self.sighted().entry(user).or_insert(position);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn learn(&self, emergencies: &dyn port::Emergencies) -> port::Result<()> {
        let mut before = None;
        loop {
            let page = AdminPage { status: None, near: None, before, limit: PAGE };
            let live = emergencies.list(&page).await?;
            for emergency in &live {
                self.shared.unanswered.remember(emergency);
            }
            match live.last() {
                Some(last) if live.len() >= PAGE as usize => before = Some((last.call.created_at, last.id())),
                Some(_) | None => return Ok(()),
            }
        }
    }

    fn sight(&self, user: UserId, position: Option<Position>) {
        let mut sighted = self.sighted();
        let known = sighted.entry(user).or_default();
        *known = position.or(*known);
        drop(sighted);
        self.shared.somebody.notify_one();
    }

    fn is_complete(&self) -> bool {
        self.shared.complete.load(Ordering::SeqCst)
    }

    fn sighted(&self) -> MutexGuard<'_, HashMap<UserId, Option<Position>>> {
        self.shared.sighted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
