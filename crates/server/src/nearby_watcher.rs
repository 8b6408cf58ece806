//! Alerts helpers to unanswered emergencies when they come near, connect, go on duty, or are available again.
//!
//! Reporting a position never waits for it: where no unanswered emergency is nearby, a report costs two look-ups in
//! memory, one at once and one after [`MAX_LOG_DELAY`]. The use case runs in one task, one user after the other, so
//! that many helpers near one emergency do not contend for it.

use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use allynet_domain::{
    Error, Position, UserId,
    port::{self, Fix},
    usecase::{
        alerts::alert_found,
        emergencies,
        helpers::{self, fresh_position},
    },
};
use allynet_projections::{LastPositions, OpenEmergencies, PositionChange};
use chrono::TimeDelta;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::retry::{Attempt, RETRY_DELAY, Retries};

/// By how much this node may be behind the log, for the second look to find an emergency that the first missed.
const MAX_LOG_DELAY: Duration = Duration::from_secs(1);
/// By how much the clocks of two nodes may differ.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::milliseconds(100);

/// The queue of users to check, and the task that empties it. Clones share one queue.
#[derive(Clone)]
pub(crate) struct NearbyWatcher {
    shared: Arc<Shared>,
}

struct Shared {
    open: Arc<OpenEmergencies>,
    /// Users to check, with their latest position; `None` stands for the position that is stored.
    queue: Mutex<HashMap<UserId, Option<Position>>>,
    queued: Notify,
    last_positions: Mutex<LastPositions>,
    /// Changes of position since the last second look, which came near nothing that this node knew of.
    recent: Mutex<Vec<PositionChange>>,
    clock: Arc<dyn port::Clock>,
}

impl NearbyWatcher {
    pub(crate) fn new(open: Arc<OpenEmergencies>, clock: Arc<dyn port::Clock>) -> Self {
        let shared = Shared {
            open,
            queue: Mutex::default(),
            queued: Notify::new(),
            last_positions: Mutex::default(),
            recent: Mutex::default(),
            clock,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes in a position that this node has stored. Returns at once.
    pub(crate) fn position_stored(&self, fix: &Fix) {
        let Fix { user, position: now, at: _ } = *fix;
        // The clock of the node that raised an emergency may be ahead of this one: an emergency from just before this
        // position would seem to be from after it. Better one look too many than one too few.
        let stored_at = self.shared.clock.now() + MAX_CLOCK_SKEW;
        let before = self.shared.last_positions.lock().replace(user, now, stored_at);
        let change = PositionChange { user, before, now, stored_at };
        // Before all emergencies are known, every user is queued, and checked as soon as they are.
        if !self.shared.open.is_complete() || self.shared.open.is_approached(&change) {
            self.enqueue(user, Some(now));
        } else {
            self.shared.recent.lock().push(change);
        }
    }

    /// Takes in a user who connected, went on duty, or is available again. Returns at once.
    pub(crate) fn user_arrived(&self, user: UserId) {
        if !self.shared.open.is_complete() || self.shared.open.any_unanswered() {
            self.enqueue(user, None);
        }
    }

    /// Looks at every queued user for as long as it is polled. To be started once the open emergencies are restored.
    pub(crate) async fn run(&self, emergencies: &emergencies::EmergencyPorts, helpers: &helpers::HelperPorts) {
        tokio::join!(self.look_at_queued(emergencies, helpers), self.look_again());
    }

    async fn look_at_queued(&self, emergencies: &emergencies::EmergencyPorts, helpers: &helpers::HelperPorts) {
        let mut retries = Retries::new("helpers near open emergencies cannot be alerted, retrying");
        loop {
            let batch = mem::take(&mut *self.shared.queue.lock());
            if batch.is_empty() {
                // A permit is kept by `Notify` if a user is queued between the line above and this one.
                self.shared.queued.notified().await;
            }
            for (user, position) in batch {
                let outcome = self.look_at(emergencies, helpers, user, position).await;
                if retries.record(outcome) == Attempt::Failed {
                    // A position that was queued meanwhile is newer.
                    self.shared.queue.lock().entry(user).or_insert(position);
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    }

    /// Alerts one user to the emergencies that need them. Without a `position` the stored one counts, if it is fresh.
    async fn look_at(
        &self,
        emergencies: &emergencies::EmergencyPorts,
        helpers: &helpers::HelperPorts,
        user: UserId,
        position: Option<Position>,
    ) -> Result<(), Error> {
        let open = &self.shared.open;
        if !open.any_unanswered() {
            return Ok(());
        }
        let position = match position {
            Some(position) => Some(position),
            None => fresh_position(helpers, user).await?,
        };
        let now = self.shared.clock.now();
        let found = position.map_or_else(Vec::new, |position| open.take_unanswered_near(user, position, now));
        for emergency in alert_found(emergencies, &found, user, open.freed_at(user)).await? {
            open.settle(emergency, user);
        }
        Ok(())
    }

    /// Checks every change of position a second time, when this node has surely heard of an emergency that was raised in
    /// the same moment: its node counted the helpers before this position was stored, and this node compared the
    /// position before the event arrived.
    async fn look_again(&self) {
        let mut earlier = Vec::new();
        loop {
            tokio::time::sleep(MAX_LOG_DELAY).await;
            // Two generations: what came just before this tick waits for another, and so at least `MAX_LOG_DELAY`.
            let later = mem::take(&mut *self.shared.recent.lock());
            for change in mem::replace(&mut earlier, later) {
                if self.shared.open.is_approached(&change) {
                    // Without the position: the user may have moved on.
                    self.enqueue(change.user, None);
                }
            }
        }
    }

    fn enqueue(&self, user: UserId, position: Option<Position>) {
        let mut queue = self.shared.queue.lock();
        let known = queue.entry(user).or_default();
        *known = position.or(*known);
        drop(queue);
        self.shared.queued.notify_one();
    }
}

#[cfg(test)]
mod tests;
