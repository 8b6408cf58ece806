//! The positions of helpers on their way, shared between the tasks that feed them and the one that sends them.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId, Event, LoggedEvent, UserId,
    dispatch::TravelModel,
    port::{Clock, Fix},
};
use allynet_projections::{FixSource, HelperTracker, OpenEmergencies, TrackingUpdate};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The [`HelperTracker`] of this node, with a wake-up for the task that sends its updates.
pub struct Tracking {
    open: Arc<OpenEmergencies>,
    tracker: Mutex<HelperTracker>,
    clock: Arc<dyn Clock>,
    /// An update may be due earlier than the sender expects.
    changed: Notify,
}

impl Tracking {
    /// No positions yet. `open` knows which helper is on which trip, `travel` when they arrive.
    pub fn new(open: Arc<OpenEmergencies>, clock: Arc<dyn Clock>, travel: TravelModel) -> Self {
        Self { open, tracker: Mutex::new(HelperTracker::new(travel)), clock, changed: Notify::new() }
    }

    /// Takes in a position that this node has stored. Returns at once.
    pub fn position_stored(&self, fix: &Fix) {
        self.record(*fix, FixSource::ThisNode);
    }

    /// Takes in a position that another node has stored.
    pub(crate) fn position_received(&self, fix: Fix) {
        self.record(fix, FixSource::OtherNode);
    }

    fn record(&self, fix: Fix, source: FixSource) {
        // Most users who move are on no trip. They wake no task.
        if self.tracker.lock().record(&self.open, fix, source, self.clock.now()) {
            self.changed.notify_one();
        }
    }

    /// Looks again at recent positions, once all open emergencies are known.
    pub fn open_emergencies_restored(&self) {
        self.tracker.lock().recheck(&self.open, self.clock.now());
        self.changed.notify_one();
    }

    /// Takes in an event of the log, which `open` MUST have applied before.
    pub(crate) fn apply(&self, event: &LoggedEvent) {
        if let Event::HelperJoined { helper, .. } = &event.event {
            self.tracker.lock().start_trip(&self.open, helper.person.id, self.clock.now());
            self.changed.notify_one();
        }
    }

    /// Participants of the emergency who are not sent the positions of this helper, because of blocks or because they have
    /// completed and no longer count as help.
    pub(crate) fn excluded_from(&self, emergency: EmergencyId, helper: UserId) -> Vec<UserId> {
        let mut excluded = self.open.separated_in(emergency, helper);
        excluded.extend(self.open.finished_in(emergency, self.clock.now()));
        excluded
    }

    /// Removes and returns the updates that are due, and the time until the next one: `None` while none is pending.
    pub(crate) fn take_due(&self) -> (Vec<TrackingUpdate>, Option<Duration>) {
        let now = self.clock.now();
        let mut tracker = self.tracker.lock();
        let due = tracker.take_due(&self.open, now);
        let delay = tracker.next_due().map(|at| (at - now).to_std().unwrap_or_default());
        (due, delay)
    }

    /// Waits until an update may be due earlier than [`take_due`](Self::take_due) said. Cancel-safe.
    pub(crate) async fn changed(&self) {
        // `notify_one` keeps a permit: a change between `take_due` and this call is not lost.
        self.changed.notified().await;
    }
}
