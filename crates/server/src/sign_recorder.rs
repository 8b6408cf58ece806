//! Records signs that helpers who respond really come, from the positions that this node has stored.
//!
//! Reporting a position never waits for it. Of a helper who moves all the time a sign is recorded every now and then; of one who
//! was asked whether they still come, or is stalled, at once.

use std::{collections::HashMap, sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId, Sign, StallTiming, UserId,
    port::Fix,
    usecase::{emergencies::EmergencyPorts, stalls::note_sign},
};
use allynet_projections::{Movements, OpenEmergencies};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::retry::{Attempt, RETRY_DELAY, Retries};

/// The queue of signs, and the task that empties it. Clones share one queue.
#[derive(Clone)]
pub(crate) struct SignRecorder {
    shared: Arc<Shared>,
}

struct Shared {
    open: Arc<OpenEmergencies>,
    state: Mutex<State>,
    changed: Notify,
    /// Minimum time between two recorded signs of a helper who is not asked.
    interval: Duration,
}

struct State {
    movements: Movements,
    /// The newest sign of each helper that is not recorded yet, and when it is to be.
    queue: HashMap<UserId, QueuedSign>,
    /// When a sign of the helper was recorded last. Older ones than the interval have no meaning and are removed.
    recorded: HashMap<UserId, Instant>,
}

#[derive(Debug, Clone, Copy)]
struct QueuedSign {
    emergency: EmergencyId,
    sign: Sign,
    not_before: Instant,
}

impl SignRecorder {
    pub(crate) fn new(open: Arc<OpenEmergencies>, timing: StallTiming) -> Self {
        let (queue, recorded) = (HashMap::new(), HashMap::new());
        let state = Mutex::new(State { movements: Movements::new(timing.after), queue, recorded });
        let interval = timing.sign_interval().to_std().unwrap_or_default();
        Self { shared: Arc::new(Shared { open, state, changed: Notify::new(), interval }) }
    }

    /// Takes in a position that this node has stored. Returns at once.
    pub(crate) fn position_stored(&self, fix: &Fix) {
        let Some(engagement) = self.shared.open.engagement_of(fix.user) else { return };
        let mut state = self.shared.state.lock();
        let Some(sign) = state.movements.record(engagement, fix) else { return };
        let now = Instant::now();
        let earliest = state.recorded.get(&fix.user).map_or(now, |at| *at + self.shared.interval);
        let not_before = if engagement.is_waited_for { now } else { earliest.max(now) };
        let emergency = engagement.emergency;
        state.queue.insert(fix.user, QueuedSign { emergency, sign, not_before });
        drop(state);
        self.shared.changed.notify_one();
    }

    /// Records signs as they become due, for as long as it is polled.
    pub(crate) async fn run(&self, emergencies: &EmergencyPorts) {
        let mut retries = Retries::new("signs of helpers on their way cannot be recorded, retrying");
        loop {
            let (due, next) = self.take_due(Instant::now());
            for (helper, queued) in due {
                let outcome = note_sign(emergencies, queued.emergency, helper, queued.sign).await;
                if retries.record(outcome) == Attempt::Failed {
                    // A sign that was queued meanwhile is newer.
                    self.shared.state.lock().queue.entry(helper).or_insert(queued);
                    tokio::time::sleep(RETRY_DELAY).await;
                } else {
                    self.shared.open.record_sign(queued.emergency, helper);
                }
            }
            // A permit is kept by `Notify` if a sign is queued before this is polled.
            let changed = self.shared.changed.notified();
            match next {
                Some(delay) => drop(tokio::time::timeout(delay, changed).await),
                None => changed.await,
            }
        }
    }

    /// Removes and returns the signs that are due, and the time until the next one: `None` while none is queued.
    fn take_due(&self, now: Instant) -> (Vec<(UserId, QueuedSign)>, Option<Duration>) {
        let mut state = self.shared.state.lock();
        let State { queue, recorded, movements: _ } = &mut *state;
        recorded.retain(|_, at| now.saturating_duration_since(*at) < self.shared.interval);
        let due: Vec<_> = queue.extract_if(|_, queued| queued.not_before <= now).collect();
        recorded.extend(due.iter().map(|(helper, _)| (*helper, now)));
        let next = queue.values().map(|queued| queued.not_before.saturating_duration_since(now)).min();
        (due, next)
    }
}

#[cfg(test)]
mod tests;
