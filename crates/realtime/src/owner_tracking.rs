//! The positions of owners whose emergency follows them, shared between the tasks that feed them and those that act on them.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId, Event, LoggedEvent, Position, Timestamp, UserId,
    port::{Clock, Report},
    usecase::moves::OwnerPosition,
};
use allynet_projections::{OpenEmergencies, OwnerTracker, OwnerUpdate};
use chrono::TimeDelta;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The [`OwnerTracker`] of this node, with wake-ups for the task that sends its updates and the one that moves places.
pub struct OwnerTracking {
    open: Arc<OpenEmergencies>,
    tracker: Mutex<OwnerTracker>,
    clock: Arc<dyn Clock>,
    /// The least time between two moves of a place.
    interval: TimeDelta,
    /// An update may be due earlier than the sender expects.
    changed: Notify,
    /// A move may be due earlier than the mover expects.
    may_move: Notify,
}

impl OwnerTracking {
    /// No positions yet. `open` knows which places follow their owner; they move once in `interval` at most.
    pub fn new(open: Arc<OpenEmergencies>, clock: Arc<dyn Clock>, interval: TimeDelta) -> Self {
        let (changed, may_move) = (Notify::new(), Notify::new());
        Self { open, tracker: Mutex::default(), clock, interval, changed, may_move }
    }

    /// Takes in a position that this node has stored. Returns at once.
    pub fn position_stored(&self, report: &Report) {
        // Most users who move have no emergency. They wake no task.
        if self.tracker.lock().record(&self.open, report, self.clock.now()) {
            self.wake();
        }
    }

    /// Takes in a position that another node has stored.
    pub(crate) fn position_received(&self, emergency: EmergencyId, position: Position, at: Timestamp) {
        self.tracker.lock().receive(&self.open, emergency, (position, at), self.clock.now());
        self.changed.notify_one();
    }

    /// Takes in an event of the log, which `open` MUST have applied before.
    pub(crate) fn apply(&self, event: &LoggedEvent) {
        if let Event::EmergencyCreated { call, .. } = &event.event
            && self.tracker.lock().start(&self.open, call, self.clock.now())
        {
            self.wake();
        }
    }

    fn wake(&self) {
        self.changed.notify_one();
        self.may_move.notify_one();
    }

    /// Participants who receive no position of the owner: their response is completed, and no longer counts as help.
    pub(crate) fn excluded_from(&self, emergency: EmergencyId) -> Vec<UserId> {
        self.open.finished_in(emergency, self.clock.now())
    }

    /// Removes and returns the updates that are due, and the time until the next one: `None` while there is none.
    pub(crate) fn take_due(&self) -> (Vec<OwnerUpdate>, Option<Duration>) {
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

    /// Removes and returns the positions that may move their place now, and the time until the next one: `None` while there is
    /// none.
    pub fn take_moves(&self) -> (Vec<OwnerPosition>, Option<Duration>) {
        let now = self.clock.now();
        let (due, next) = self.tracker.lock().take_moves(&self.open, self.interval, now);
        (due, next.map(|at| (at - now).to_std().unwrap_or_default()))
    }

    /// Takes back a position that could not move its place yet.
    pub fn put_back(&self, owner: OwnerPosition) {
        self.tracker.lock().put_back(owner);
    }

    /// Waits until a move may be due earlier than [`take_moves`](Self::take_moves) said. Cancel-safe.
    pub async fn may_move(&self) {
        self.may_move.notified().await;
    }
}
