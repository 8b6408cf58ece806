//! How many helpers know of an emergency, told to its owner as it changes: `emergency:alerts`.
//!
//! At most once a second for each emergency, and the last change is always told. Only of emergencies whose owner is
//! connected here is anything remembered, or asked of the database. Knows nothing of the log but which events may
//! change the numbers.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use allynet_domain::{AlertCounts, EmergencyId, Event, LoggedEvent, Room};
use allynet_wire::signals::AlertsSignal;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::desk::{Desk, log_fault};

/// The least time from one telling to the next, and from a failure to the next attempt.
const INTERVAL: Duration = Duration::from_secs(1);

/// The numbers that owners connected here know.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    known: Mutex<HashMap<EmergencyId, Known>>,
    changed: Notify,
}

#[derive(Debug)]
struct Known {
    /// They may have changed since they were told.
    stale: bool,
    /// They are not told before this.
    not_before: Instant,
    told: Option<AlertCounts>,
}

impl Numbers {
    /// Takes in an event of the log.
    pub(crate) fn observe(&self, event: &LoggedEvent) {
        let Some(emergency) = event.emergency else { return };
        match event.event {
            // Who accepts takes back that they declined.
            Event::HelpersAlerted { .. }
            | Event::AlertAcknowledged { .. }
            | Event::AlertDeclined { .. }
            | Event::HelperJoined { .. } => {
                let known = Known { stale: true, not_before: Instant::now(), told: None };
                self.known().entry(emergency).or_insert(known).stale = true;
            }
            // The last look, after which it is forgotten.
            Event::EmergencyEnded { .. } => {
                if let Some(known) = self.known().get_mut(&emergency) {
                    known.stale = true;
                }
            }
            _ => return,
        }
        self.changed.notify_one();
    }

    /// Tells owners for as long as it is polled.
    pub(crate) async fn tell(&self, desk: &Desk) {
        loop {
            match self.next() {
                None => self.changed.notified().await,
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = self.changed.notified() => {}
                },
            }
            for emergency in self.take_due(Instant::now()) {
                self.tell_owner(desk, emergency).await;
            }
        }
    }

    async fn tell_owner(&self, desk: &Desk, id: EmergencyId) {
        if desk.hub.devices_in(Room::Participants(id)).is_empty() {
            return self.forget(id);
        }
        let ports = &desk.ports;
        let emergency = match ports.emergencies.emergencies.find(id).await {
            Ok(Some(emergency)) => emergency,
            Ok(None) => return self.forget(id),
            Err(error) => {
                log_fault(&error.into(), "telling an owner how many know");
                return self.try_again(id, Instant::now());
            }
        };
        let devices = desk.hub.devices_in(Room::User(emergency.owner()));
        if devices.is_empty() {
            return self.forget(id);
        }
        if self.are_new(id, emergency.alerts, emergency.status.is_live(), Instant::now()) {
            let signal = AlertsSignal::new(&emergency, ports.clock.now());
            for device in devices {
                // It is not of the log: a full queue costs these numbers and nothing else.
                device.tell(AlertsSignal::EVENT, &signal).ok();
            }
        }
    }

    /// When there is something to do next.
    fn next(&self) -> Option<Instant> {
        self.known().values().filter(|known| known.stale).map(|known| known.not_before).min()
    }

    fn take_due(&self, now: Instant) -> Vec<EmergencyId> {
        let mut known = self.known();
        let due = known.iter_mut().filter(|(_, known)| known.stale && known.not_before <= now);
        let taken = due.map(|(id, known)| {
            known.stale = false;
            *id
        });
        taken.collect()
    }

    /// Whether these are to be told, which happens now. Those of an emergency that has ended are told no more.
    fn are_new(&self, emergency: EmergencyId, counts: AlertCounts, live: bool, now: Instant) -> bool {
        let mut known = self.known();
        let Entry::Occupied(mut entry) = known.entry(emergency) else { return false };
        let new = entry.get().told != Some(counts);
        if new {
            entry.get_mut().told = Some(counts);
            entry.get_mut().not_before = now + INTERVAL;
        }
        if !live {
            entry.remove();
        }
        new
    }

    fn try_again(&self, emergency: EmergencyId, now: Instant) {
        if let Some(known) = self.known().get_mut(&emergency) {
            known.stale = true;
            known.not_before = now + INTERVAL;
        }
    }

    /// There is nobody here to tell, unless something changed meanwhile.
    fn forget(&self, emergency: EmergencyId) {
        let mut known = self.known();
        if known.get(&emergency).is_some_and(|known| !known.stale) {
            known.remove(&emergency);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<EmergencyId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
