//! Records that a responding helper was near the emergency: a position in between counts, wherever the helper is at the end.
//!
//! Reporting a position never waits for it. One task records one helper after the other, each once per response.

use std::{collections::HashMap, mem, sync::Arc};

use allynet_domain::{
    EmergencyId, UserId,
    port::Fix,
    usecase::{emergencies::EmergencyPorts, responses::note_near},
};
use allynet_projections::OpenEmergencies;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::retry::{Attempt, RETRY_DELAY, Retries};

/// The queue of helpers who are near, and the task that empties it. Clones share one queue.
#[derive(Clone)]
pub(crate) struct ArrivalRecorder {
    shared: Arc<Shared>,
}

struct Shared {
    open: Arc<OpenEmergencies>,
    /// At most one entry for each helper: one position near the emergency is enough.
    queue: Mutex<HashMap<UserId, (EmergencyId, Fix)>>,
    queued: Notify,
}

impl ArrivalRecorder {
    pub(crate) fn new(open: Arc<OpenEmergencies>) -> Self {
        Self { shared: Arc::new(Shared { open, queue: Mutex::default(), queued: Notify::new() }) }
    }

    /// Takes in a position that this node has stored. Returns at once.
    pub(crate) fn position_stored(&self, fix: &Fix) {
        if let Some(emergency) = self.shared.open.reached_by(fix.user, fix.position) {
            self.shared.queue.lock().insert(fix.user, (emergency, *fix));
            self.shared.queued.notify_one();
        }
    }

    /// Records every queued helper for as long as it is polled.
    pub(crate) async fn run(&self, emergencies: &EmergencyPorts) {
        let mut retries = Retries::new("helpers near their emergency cannot be recorded, retrying");
        loop {
            let batch = mem::take(&mut *self.shared.queue.lock());
            if batch.is_empty() {
                // A permit is kept by `Notify` if a helper is queued between the line above and this one.
                self.shared.queued.notified().await;
            }
            for (helper, (emergency, fix)) in batch {
                let outcome = note_near(emergencies, emergency, fix).await;
                if retries.record(outcome) == Attempt::Failed {
                    self.shared.queue.lock().entry(helper).or_insert((emergency, fix));
                    tokio::time::sleep(RETRY_DELAY).await;
                } else {
                    self.shared.open.record_near(emergency, helper);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
