//! Metrics of sockets and of the delivery of the event log.
//!
//! The handles are created once, so that recording costs an atomic operation. No label names a person, an emergency or
//! a place.

use std::collections::HashMap;

use allynet_domain::Timestamp;
use allynet_wire::events::NAMES;
use chrono::TimeDelta;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use socketioxide::{SendError, SocketError};

use crate::hub::members::HubCounts;

const SOCKETS: &str = "allynet_sockets";
const ROOMS: &str = "allynet_rooms";
const INBOX_EVENTS: &str = "allynet_inbox_events";
const DELIVERIES: &str = "allynet_deliveries_total";
const REPLAYED_DELIVERIES: &str = "allynet_replayed_deliveries_total";
const REFUSED_EMITS: &str = "allynet_refused_emits_total";
const WAITING_DELIVERIES: &str = "allynet_waiting_deliveries";
const EVENT_LAG: &str = "allynet_event_lag_seconds";
const ALERT_ACKNOWLEDGEMENT: &str = "allynet_alert_acknowledgement_seconds";

/// Registers the descriptions of all metrics of this crate.
pub fn describe() {
    describe_gauge!(SOCKETS, "Sockets attached to this node");
    describe_gauge!(ROOMS, "Rooms with at least one socket on this node");
    describe_gauge!(INBOX_EVENTS, "Client events waiting to be handled, in the inboxes of all sockets");
    describe_counter!(DELIVERIES, "Events of the log delivered live to sockets of this node, counted once per socket");
    describe_counter!(
        REPLAYED_DELIVERIES,
        "Events of the log replayed to reconnecting sockets, counted once per socket"
    );
    describe_counter!(
        REFUSED_EMITS,
        "Emits refused because a socket's queue is full: for `of=\"log\"` the socket is cut off unless it is being \
         replayed to, for `of=\"other\"` the message is lost"
    );
    describe_gauge!(WAITING_DELIVERIES, "Deliveries of broadcasts in progress to sockets that were not sent them yet");
    describe_histogram!(EVENT_LAG, "Time from the creation of an event to its last emit on this node");
    describe_histogram!(
        ALERT_ACKNOWLEDGEMENT,
        "Time from an alert to its first acknowledgement by a device of the helper"
    );
}

/// The metric handles.
#[derive(Debug)]
pub(crate) struct Metrics {
    sockets: Gauge,
    rooms_helpers: Gauge,
    rooms_user: Gauge,
    rooms_emergency: Gauge,
    rooms_participants: Gauge,
    /// Jobs that wait in all inboxes.
    pub(crate) inbox_events: Gauge,
    deliveries: HashMap<&'static str, Counter>,
    replayed: Counter,
    refused_log: Counter,
    refused_other: Counter,
    waiting_deliveries: Gauge,
    event_lag: Histogram,
    alert_acknowledgement: Histogram,
}

/// The kind of a message that was emitted to a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) enum EmitKind {
    /// An event of the log.
    Log,
    /// Anything else.
    Other,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            sockets: gauge!(SOCKETS),
            rooms_helpers: gauge!(ROOMS, "kind" => "helpers"),
            rooms_user: gauge!(ROOMS, "kind" => "user"),
            rooms_emergency: gauge!(ROOMS, "kind" => "emergency"),
            rooms_participants: gauge!(ROOMS, "kind" => "participants"),
            inbox_events: gauge!(INBOX_EVENTS),
            deliveries: NAMES.iter().map(|&name| (name, counter!(DELIVERIES, "event" => name))).collect(),
            replayed: counter!(REPLAYED_DELIVERIES),
            refused_log: counter!(REFUSED_EMITS, "of" => "log"),
            refused_other: counter!(REFUSED_EMITS, "of" => "other"),
            waiting_deliveries: gauge!(WAITING_DELIVERIES),
            event_lag: histogram!(EVENT_LAG),
            alert_acknowledgement: histogram!(ALERT_ACKNOWLEDGEMENT),
        }
    }

    /// Sets the gauges of sockets and rooms.
    pub(crate) fn set_counts(&self, counts: &HubCounts) {
        self.sockets.set(to_f64(counts.sockets));
        self.rooms_helpers.set(to_f64(counts.rooms.helpers));
        self.rooms_user.set(to_f64(counts.rooms.user));
        self.rooms_emergency.set(to_f64(counts.rooms.emergency));
        self.rooms_participants.set(to_f64(counts.rooms.participants));
    }

    /// Counts the live delivery of an event of this name to a number of sockets.
    pub(crate) fn record_deliveries(&self, name: &str, sockets: u64) {
        if let Some(counter) = self.deliveries.get(name) {
            counter.increment(sockets);
        }
    }

    /// Counts the replay of one event to one socket.
    pub(crate) fn record_replay(&self) {
        self.replayed.increment(1);
    }

    /// Counts a failed emit if it failed because of a full queue. A closed socket does not count.
    pub(crate) fn record_emit_error(&self, kind: EmitKind, error: &SendError) {
        if let SendError::Socket(SocketError::InternalChannelFull) = error {
            match kind {
                EmitKind::Log => self.refused_log.increment(1),
                EmitKind::Other => self.refused_other.increment(1),
            }
        }
    }

    /// Sets the number of deliveries that wait in broadcasts.
    pub(crate) fn set_waiting_deliveries(&self, count: usize) {
        self.waiting_deliveries.set(to_f64(count));
    }

    /// Records that an event decided `at` has been emitted to all its recipients on this node.
    pub(crate) fn record_event_lag(&self, at: Timestamp, now: Timestamp) {
        self.event_lag.record(seconds(now - at));
    }

    /// Records the first acknowledgement of an alert that was sent `at`.
    pub(crate) fn record_acknowledgement(&self, at: Timestamp, now: Timestamp) {
        self.alert_acknowledgement.record(seconds(now - at));
    }
}

/// Zero for a negative duration, which a difference between the clocks of two nodes may cause.
fn seconds(duration: TimeDelta) -> f64 {
    duration.to_std().unwrap_or_default().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a node has less than 2^53 sockets")]
const fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
