//! Where helpers on their way are, told to the participants as they move: `helper:location`.
//!
//! What is told when is asked of the domain. Telling happens in the task of the dispatcher, between two events of the
//! log, so that nothing is told of a response that the participants know to have ended.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use allynet_domain::{
    Approach, Event, LoggedEvent, Origin, Room, Signal, Timestamp,
    port::{Clock, Fix},
};
use allynet_projections::{LiveEmergencies, Movements};
use allynet_wire::signals::LocationSignal;
use tokio::sync::Notify;

use crate::desk::Desk;

/// Who is on their way where, as this node knows it.
pub struct Motion {
    live: Arc<LiveEmergencies>,
    movements: Mutex<Movements>,
    clock: Arc<dyn Clock>,
    changed: Notify,
}

impl Motion {
    /// Nobody is on their way, as far as is known.
    pub fn new(live: Arc<LiveEmergencies>, clock: Arc<dyn Clock>) -> Self {
        Self { live, movements: Mutex::default(), clock, changed: Notify::new() }
    }

    /// The live emergencies and who takes part in them.
    pub const fn live(&self) -> &Arc<LiveEmergencies> {
        &self.live
    }

    /// This node stored a position. Returns at once.
    pub fn stored(&self, fix: &Fix) {
        self.moved(*fix, Origin::Here);
    }

    /// Another node stored a position.
    pub(crate) fn heard(&self, fix: Fix) {
        self.moved(fix, Origin::Elsewhere);
    }

    fn moved(&self, fix: Fix, origin: Origin) {
        // Most who move are on no way, and wake nobody.
        if self.movements().moved(&self.live, fix, origin, self.clock.now()) {
            self.changed.notify_one();
        }
    }

    /// Everything that was live before this node followed the log is known by now.
    pub fn learned(&self) {
        self.live.complete();
        self.movements().look_again(&self.live, self.clock.now());
        self.changed.notify_one();
    }

    /// Takes in an event of the log.
    pub(crate) fn observe(&self, event: &LoggedEvent) {
        self.live.observe(event);
        if let Event::HelperJoined { helper, .. } = &event.event {
            self.movements().set_out(&self.live, helper.person.id, self.clock.now());
            self.changed.notify_one();
        }
    }

    /// Tells participants for as long as it is polled.
    pub(crate) async fn tell(&self, desk: &Desk) {
        loop {
            let (due, next) = self.take_due();
            for approach in &due {
                tell_participants(desk, approach);
                if approach.origin == Origin::Here {
                    desk.ports.signals.tell(Signal::from(&approach.fix));
                }
            }
            match next {
                None => self.changed.notified().await,
                Some(pause) => tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.changed.notified() => {}
                },
            }
            // Others in the same task get their turn, however much moves.
            tokio::task::yield_now().await;
        }
    }

    /// What is to be told now, and how long until there is more.
    fn take_due(&self) -> (Vec<Approach>, Option<Duration>) {
        let now = self.clock.now();
        let mut movements = self.movements();
        let due = movements.due(&self.live, now);
        (due, movements.next().map(|at| until(at, now)))
    }

    fn movements(&self) -> MutexGuard<'_, Movements> {
        self.movements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    (at - now).to_std().unwrap_or_default()
}

/// It is not of the log: a full queue costs this place and nothing else.
fn tell_participants(desk: &Desk, approach: &Approach) {
    let signal = LocationSignal::from(approach);
    for device in desk.hub.devices_in(Room::Participants(approach.emergency)) {
        device.tell(LocationSignal::EVENT, &signal).ok();
    }
}
