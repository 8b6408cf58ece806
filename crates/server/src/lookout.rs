//! Looks whether somebody who came near, came online or went on duty is needed by an emergency that nobody has answered.
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
    Error, Position, Timestamp, UserId,
    port::{self, Fix},
    usecase::{
        alerts::notice,
        emergencies,
        helpers::{self, fresh_position},
    },
};
use allynet_projections::Unanswered;
use chrono::TimeDelta;
use tokio::sync::Notify;

use crate::{learning::each_live, outage::Outage};

/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// By how much this node may be behind the log for the second look to find what the first could not.
const LAG: Duration = Duration::from_secs(1);
/// By how much the clocks of nodes may differ.
const SKEW: TimeDelta = TimeDelta::milliseconds(100);
/// How long it is known where somebody was. Whoever reports again after longer comes anew.
const REMEMBERED: TimeDelta = TimeDelta::hours(1);
/// Below so many known places it is not worth looking for old ones.
const PURGE_MIN: usize = 1024;

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
    /// Where each stood last, as far as it was reported to this node.
    places: Mutex<Places>,
    /// Whose position was stored a moment ago.
    recent: Mutex<Vec<Step>>,
    clock: Arc<dyn port::Clock>,
}

/// Somebody reported where they are.
#[derive(Debug, Clone, Copy)]
struct Step {
    user: UserId,
    /// Where they were before, if that is known.
    before: Option<Position>,
    now: Position,
    /// When this was stored: whoever raised an emergency later has counted them there.
    stored: Timestamp,
}

/// Who was where. Those who have not reported for long are forgotten when there have come twice as many.
#[derive(Debug, Default)]
struct Places {
    last: HashMap<UserId, (Position, Timestamp)>,
    purge_at: usize,
}

impl Places {
    /// Takes in where somebody is; tells where they were.
    fn moved(&mut self, user: UserId, now: Position, at: Timestamp) -> Option<Position> {
        if self.last.len() >= self.purge_at.max(PURGE_MIN) {
            self.last.retain(|_, (_, reported)| at - *reported < REMEMBERED);
            self.purge_at = self.last.len() * 2;
        }
        let (before, reported) = self.last.insert(user, (now, at))?;
        (at - reported < REMEMBERED).then_some(before)
    }
}

impl Lookout {
    pub(crate) fn new(unanswered: Arc<Unanswered>, clock: Arc<dyn port::Clock>) -> Self {
        let shared = Shared {
            unanswered,
            complete: AtomicBool::new(false),
            sighted: Mutex::default(),
            somebody: Notify::new(),
            places: Mutex::default(),
            recent: Mutex::default(),
            clock,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Somebody's position was stored.
    pub(crate) fn moved(&self, fix: &Fix) {
        let Fix { user, position: now, at: _ } = *fix;
        let stored = self.shared.clock.now() + SKEW;
        let before = lock(&self.shared.places).moved(user, now, stored);
        let step = Step { user, before, now, stored };
        if !self.is_complete() || self.is_needed(&step) {
            self.sight(user, Some(now));
        } else {
            lock(&self.shared.recent).push(step);
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
    pub(crate) async fn run(&self, emergencies: &emergencies::EmergencyPorts, helpers: &helpers::HelperPorts) {
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

    async fn look(
        &self,
        emergencies: &emergencies::EmergencyPorts,
        helpers: &helpers::HelperPorts,
        mut outage: Outage,
    ) {
        loop {
            let sighted = std::mem::take(&mut *lock(&self.shared.sighted));
            if sighted.is_empty() {
                self.shared.somebody.notified().await;
            }
            for (user, position) in sighted {
                let noticed = self.notice(emergencies, helpers, user, position).await;
                let lost = matches!(noticed, Err(Error::Port(port::Error::Corrupt { .. })));
                if outage.saw(noticed).is_none() && !lost {
                    lock(&self.shared.sighted).entry(user).or_insert(position);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Alerts this user to what waits near them. Without a `position` their last one counts, if it is fresh.
    async fn notice(
        &self,
        emergencies: &emergencies::EmergencyPorts,
        helpers: &helpers::HelperPorts,
        user: UserId,
        position: Option<Position>,
    ) -> Result<(), Error> {
        let unanswered = &self.shared.unanswered;
        if unanswered.is_empty() {
            return Ok(());
        }
        let position = match position {
            Some(position) => Some(position),
            None => fresh_position(helpers, user).await?,
        };
        let found = position.map_or_else(Vec::new, |position| unanswered.near(user, position));
        for emergency in notice(emergencies, &found, user).await? {
            unanswered.settle(emergency, user);
        }
        Ok(())
    }

    async fn look_again(&self) {
        let mut earlier = Vec::new();
        loop {
            tokio::time::sleep(LAG).await;
            let later = std::mem::take(&mut *lock(&self.shared.recent));
            for step in std::mem::replace(&mut earlier, later) {
                if self.is_needed(&step) {
                    // They may have moved on since.
                    self.sight(step.user, None);
                }
            }
        }
    }

    fn is_needed(&self, step: &Step) -> bool {
        let Step { user, before, now, stored } = *step;
        self.shared.unanswered.is_approached(user, before, now, stored)
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
