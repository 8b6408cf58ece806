//! State of the alert counts that owners are sent: which have to be read again, and when.
//!
//! At most one message a second for each emergency, and the last change is always sent. Remembers only emergencies
//! whose owner is connected to this node. Knows neither sockets nor the database.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use allynet_domain::{AlertCounts, EmergencyId, Event, LoggedEvent};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

/// Minimum time between two messages about an emergency, and between a failure and the next attempt.
const MIN_ALERT_COUNTS_INTERVAL: Duration = Duration::from_secs(1);

/// The schedule by which alert counts are read and sent.
#[derive(Debug, Default)]
pub(crate) struct AlertCountSchedule {
    entries: Mutex<HashMap<EmergencyId, ScheduledCounts>>,
    changed: Notify,
}

#[derive(Debug)]
struct ScheduledCounts {
    /// Whether the counts may have changed since they were read.
    is_stale: bool,
    /// They are not read before this.
    not_before: Instant,
    last_sent: Option<AlertCounts>,
}

impl AlertCountSchedule {
    /// Schedules the counts of an emergency, if this event may have changed them.
    pub(crate) fn observe(&self, event: &LoggedEvent) {
        let Some(emergency) = event.emergency else { return };
        match event.event {
            // `HelperJoined`, because responding withdraws an earlier decline.
            Event::HelpersAlerted { .. }
            | Event::AlertAcknowledged { .. }
            | Event::AlertSeen { .. }
            | Event::AlertsSent { .. }
            | Event::AlertDeclined { .. }
            | Event::EmergencyHidden { .. }
            | Event::HelperJoined { .. } => return self.refresh(emergency),
            // The last counts are sent, and then the entry is removed.
            Event::EmergencyEnded { .. } => {
                if let Some(entry) = self.entries.lock().get_mut(&emergency) {
                    entry.is_stale = true;
                }
            }
            _ => return,
        }
        self.changed.notify_one();
    }

    /// Schedules the counts of an emergency, which may have changed without an event: when an alert was received, and not acknowledged.
    pub(crate) fn refresh(&self, emergency: EmergencyId) {
        let new = ScheduledCounts { is_stale: true, not_before: Instant::now(), last_sent: None };
        self.entries.lock().entry(emergency).or_insert(new).is_stale = true;
        self.changed.notify_one();
    }

    /// Waits until the schedule has changed since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// When counts have to be read next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.lock().values().filter(|entry| entry.is_stale).map(|entry| entry.not_before).min()
    }

    /// Takes the emergencies whose counts have to be read now.
    ///
    /// A change that is observed while they are read marks them as stale again.
    pub(crate) fn take_due(&self, now: Instant) -> Vec<EmergencyId> {
        let mut entries = self.entries.lock();
        let due = entries.iter_mut().filter(|(_, entry)| entry.is_stale && entry.not_before <= now);
        let taken = due.map(|(id, entry)| {
            entry.is_stale = false;
            *id
        });
        taken.collect()
    }

    /// Records counts that were read, and returns whether they have to be sent.
    ///
    /// Those of an emergency that is no longer live are the last: its entry is removed.
    pub(crate) fn update(&self, emergency: EmergencyId, counts: AlertCounts, is_live: bool, now: Instant) -> bool {
        let mut entries = self.entries.lock();
        let Entry::Occupied(mut entry) = entries.entry(emergency) else { return false };
        let is_new = entry.get().last_sent != Some(counts);
        if is_new {
            entry.get_mut().last_sent = Some(counts);
            entry.get_mut().not_before = now + MIN_ALERT_COUNTS_INTERVAL;
        }
        if !is_live {
            entry.remove();
        }
        is_new
    }

    /// Schedules another attempt after a failure.
    pub(crate) fn retry(&self, emergency: EmergencyId, now: Instant) {
        if let Some(entry) = self.entries.lock().get_mut(&emergency) {
            entry.is_stale = true;
            entry.not_before = now + MIN_ALERT_COUNTS_INTERVAL;
        }
    }

    /// Removes the entry of an emergency whose owner is not connected, unless it became stale meanwhile.
    pub(crate) fn remove(&self, emergency: EmergencyId) {
        let mut entries = self.entries.lock();
        if entries.get(&emergency).is_some_and(|entry| !entry.is_stale) {
            entries.remove(&emergency);
        }
    }
}

#[cfg(test)]
mod tests;
