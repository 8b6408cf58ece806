//! What is measured of sockets and of the log: handles that are made once, so that counting costs no look-up and no
//! memory. No label names a person, an emergency or a place.

use std::collections::HashMap;

use allynet_domain::{Room, Timestamp};
use allynet_wire::events::NAMES;
use chrono::TimeDelta;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use socketioxide::{SendError, SocketError};

use crate::{session::in_flight::Work, session::inbox::Inboxes};

const SOCKETS: &str = "allynet_sockets";
const ROOMS: &str = "allynet_rooms";
const INBOXES: &str = "allynet_inbox_events";
const DELIVERIES: &str = "allynet_deliveries_total";
const REPLAYED: &str = "allynet_replayed_deliveries_total";
const REFUSED: &str = "allynet_refused_emits_total";
const LAG: &str = "allynet_event_lag_seconds";
const ACKNOWLEDGED: &str = "allynet_alert_acknowledgement_seconds";

/// Says what is measured here.
pub fn describe() {
    describe_gauge!(SOCKETS, "Sockets attached to this node");
    describe_gauge!(ROOMS, "Rooms in which somebody is on this node");
    describe_gauge!(INBOXES, "Events of clients that wait for the one that is being handled, all sockets together");
    describe_counter!(DELIVERIES, "Events of the log handed to sockets of this node as they happened, once per socket");
    describe_counter!(REPLAYED, "Events of the log handed to sockets that came back, once per socket");
    describe_counter!(
        REFUSED,
        "Emits refused because too much waits for a socket: of the `log`, for which a socket is cut off unless it is \
         catching up, or of `other` things, which are lost"
    );
    describe_histogram!(LAG, "Time from the decision of an event to its last emit on this node");
    describe_histogram!(ACKNOWLEDGED, "Time from an alert to the first acknowledgement by a device of its helper");
}

/// The handles.
#[derive(Debug)]
pub(crate) struct Measures {
    sockets: Gauge,
    rooms: [Gauge; 4],
    /// What waits in all inboxes, and what runs.
    pub(crate) inboxes: Inboxes,
    deliveries: HashMap<&'static str, Counter>,
    replayed: Counter,
    refused_log: Counter,
    refused_other: Counter,
    lag: Histogram,
    acknowledged: Histogram,
}

/// How many there are of what comes and goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sockets: usize,
    /// In the order of [`kind`].
    pub(crate) rooms: [usize; 4],
}

/// What was emitted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Emitted {
    /// An event of the log.
    Log,
    /// Anything else.
    Other,
}

/// The place of a room's kind among the kinds.
pub(crate) const fn kind(room: &Room) -> usize {
    match room {
        Room::Helpers => 0,
        Room::User(_) => 1,
        Room::Emergency(_) => 2,
        Room::Participants(_) => 3,
    }
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self {
            sockets: gauge!(SOCKETS),
            rooms: ["helpers", "user", "emergency", "participants"].map(|kind| gauge!(ROOMS, "kind" => kind)),
            inboxes: Inboxes { waiting: gauge!(INBOXES), work: Work::default() },
            deliveries: NAMES.iter().map(|&name| (name, counter!(DELIVERIES, "event" => name))).collect(),
            replayed: counter!(REPLAYED),
            refused_log: counter!(REFUSED, "of" => "log"),
            refused_other: counter!(REFUSED, "of" => "other"),
            lag: histogram!(LAG),
            acknowledged: histogram!(ACKNOWLEDGED),
        }
    }

    /// How many there are now.
    pub(crate) fn counted(&self, counts: &Counts) {
        self.sockets.set(gauged(counts.sockets));
        for (gauge, &count) in self.rooms.iter().zip(&counts.rooms) {
            gauge.set(gauged(count));
        }
    }

    /// An event of this name was handed to so many sockets as it happened.
    pub(crate) fn delivered(&self, name: &str, sockets: u64) {
        if let Some(counter) = self.deliveries.get(name) {
            counter.increment(sockets);
        }
    }

    /// An event was handed to a socket that came back.
    pub(crate) fn replayed(&self) {
        self.replayed.increment(1);
    }

    /// An emit failed. That a socket is over is no refusal.
    pub(crate) fn failed(&self, what: Emitted, error: &SendError) {
        if let SendError::Socket(SocketError::InternalChannelFull) = error {
            match what {
                Emitted::Log => self.refused_log.increment(1),
                Emitted::Other => self.refused_other.increment(1),
            }
        }
    }

    /// What was decided `at` has been sent to all on this node who hear it.
    pub(crate) fn told(&self, at: Timestamp, now: Timestamp) {
        self.lag.record(seconds(now - at));
    }

    /// Whoever was alerted `at` has acknowledged, as the first of their devices.
    pub(crate) fn acknowledged(&self, at: Timestamp, now: Timestamp) {
        self.acknowledged.record(seconds(now - at));
    }
}

/// Clocks of nodes differ a little: nothing takes less than no time.
fn seconds(took: TimeDelta) -> f64 {
    took.to_std().unwrap_or_default().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 sockets")]
const fn gauged(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
