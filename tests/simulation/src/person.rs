//! A helper during an incident: how far the helper is, and the way that is left.

use allynet_domain::dispatch::Assignment;

use crate::world::distance;

/// Seconds that fetching a box takes.
pub(crate) const FETCH: f64 = 30.0;
/// The place of every patient, in metres from itself.
const PATIENT: (f64, f64) = (0.0, 0.0);

/// How far a helper is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Phase {
    NotAlerted,
    Silent { since: f64, acknowledged_at: Option<f64> },
    Coming { since: f64 },
    There,
    Gone,
}

/// The way of a helper, past a box or straight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) from: (f64, f64),
    pub(crate) departs: f64,
    pub(crate) by: Option<usize>,
}

/// A helper during an incident.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) phase: Phase,
    pub(crate) route: Route,
    pub(crate) has_box: bool,
    pub(crate) role: Option<Assignment>,
    /// The number of the route, so that arrivals by an earlier one are ignored.
    pub(crate) version: u32,
    /// The box that the policy sends the helper by.
    pub(crate) ordered_by: Option<usize>,
}

impl Route {
    fn length(&self, boxes: &[(f64, f64)]) -> f64 {
        self.by.map_or_else(
            || distance(self.from, PATIENT),
            |by| distance(self.from, boxes[by]) + distance(boxes[by], PATIENT),
        )
    }

    /// Seconds from the beginning of the incident to the arrival.
    pub(crate) fn arrives(&self, speed: f64, boxes: &[(f64, f64)]) -> f64 {
        self.departs + self.length(boxes) / speed + if self.by.is_some() { FETCH } else { 0.0 }
    }

    /// Where the helper is, and the metres in a straight line that are left.
    pub(crate) fn at(&self, now: f64, speed: f64, boxes: &[(f64, f64)]) -> ((f64, f64), f64) {
        let travelled = (now - self.departs).max(0.0) * speed;
        let between = |a: (f64, f64), b: (f64, f64), metres: f64| {
            let share = (metres / distance(a, b).max(1e-9)).clamp(0.0, 1.0);
            (a.0 + share * (b.0 - a.0), a.1 + share * (b.1 - a.1))
        };
        let Some(by) = self.by else {
            let place = between(self.from, PATIENT, travelled);
            return (place, distance(place, PATIENT));
        };
        let to_box = distance(self.from, boxes[by]);
        if travelled < to_box {
            let place = between(self.from, boxes[by], travelled);
            return (place, distance(place, boxes[by]) + distance(boxes[by], PATIENT));
        }
        let place = between(boxes[by], PATIENT, travelled - to_box - FETCH * speed);
        (place, distance(place, PATIENT))
    }
}
