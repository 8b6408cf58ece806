//! When helpers arrive: the expected time by mode of transport, before and after they accept.

use chrono::Timelike as _;

use super::seconds_between;
use crate::{Metres, Timestamp, Zone, string_enum};

string_enum! {
    /// How a helper usually travels to an emergency.
    Transport { Foot = "foot", Bike = "bike", Car = "car" }
}

#[expect(clippy::derivable_impls, reason = "`string_enum!` takes no attribute of a variant")]
impl Default for Transport {
    fn default() -> Self {
        Self::Foot
    }
}

/// Expected times of arrival. Each field names the source of its default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TravelModel {
    /// Seconds from the alert until a helper sets out, by day. 105 s: median of 4,138 runs (Resuscitation 2025, 110772).
    pub turnout_by_day: f64,
    /// The same at night. 142 s, from the same study.
    pub turnout_at_night: f64,
    /// The hours of the night in `zone`: from this one on, and until before the second. 22 to 7.
    pub night: (u32, u32),
    /// The time zone of the night. `None` is UTC.
    pub zone: Option<Zone>,
    /// Length of the route as a multiple of the geodesic. 1.5: London 406 → 623 m, East Midlands 357 → 568 m
    /// (Resuscitation Plus 2021).
    pub detour: f64,
    /// Metres per second on foot, by bike and by car. 2.3, 3.9 and 6.5: about the median of 2,176 measured responders and
    /// faster ones. The measurement begins with the alert, so it contains the reaction, and walking is slower.
    pub speeds: [f64; 3],
    /// Seconds of preparation on foot, by bike and by car. 0, 25 and 60: assumed, without a source.
    pub preparations: [f64; 3],
    /// Minimum and maximum speed in metres per second that the positions of a helper may tell. 0.5 and 15: assumed.
    pub measured_speeds: (f64, f64),
    /// Seconds from acceptance until the arrival of a helper without a fresh position or an estimate of their own.
    /// 15 minutes: assumed.
    pub without_position: f64,
    /// Seconds until the arrival of a helper whose expected arrival is over. 60: assumed.
    pub overdue: f64,
}

impl Default for TravelModel {
    fn default() -> Self {
        Self {
            turnout_by_day: 105.0,
            turnout_at_night: 142.0,
            night: (22, 7),
            zone: None,
            detour: 1.5,
            speeds: [2.3, 3.9, 6.5],
            preparations: [0.0, 25.0, 60.0],
            measured_speeds: (0.5, 15.0),
            without_position: 900.0,
            overdue: 60.0,
        }
    }
}

/// The way of a helper that has accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Journey {
    /// When the helper accepted.
    pub accepted_at: Timestamp,
    /// How the helper travels.
    pub transport: Transport,
    /// The geodesic to the emergency from a fresh position. `None` without one.
    pub distance: Option<Metres>,
    /// Whether the helper has moved 20 m since accepting.
    pub has_moved: bool,
    /// Metres per second by the positions of the last two minutes. `None` if they do not tell.
    pub speed: Option<f64>,
    /// The arrival that the helper stated.
    pub estimated_arrival: Option<Timestamp>,
}

impl TravelModel {
    /// Seconds from an alert at `now` until its helper sets out.
    pub fn turnout(&self, now: Timestamp) -> f64 {
        let hour = self.zone.map_or_else(|| now.hour(), |zone| now.with_timezone(&zone.tz()).hour());
        let (from, until) = self.night;
        let is_night = if from <= until { (from..until).contains(&hour) } else { hour >= from || hour < until };
        if is_night { self.turnout_at_night } else { self.turnout_by_day }
    }

    /// Seconds of preparation before a helper moves.
    pub const fn preparation(&self, transport: Transport) -> f64 {
        self.preparations[transport as usize]
    }

    /// Metres per second, usually.
    pub const fn speed(&self, transport: Transport) -> f64 {
        self.speeds[transport as usize]
    }

    /// Seconds on the way, at the usual speed.
    pub fn way(&self, distance: Metres, transport: Transport) -> f64 {
        self.detour * distance.get() / self.speeds[transport as usize]
    }

    /// Seconds from an alert at `now` until the arrival of its helper.
    pub fn arrival(&self, now: Timestamp, distance: Metres, transport: Transport) -> f64 {
        self.turnout(now) + self.preparation(transport) + self.way(distance, transport)
    }

    /// Seconds from `now` until the arrival of a helper that was alerted at `alerted_at` and has not answered.
    pub fn arrival_of_silent(
        &self,
        now: Timestamp,
        alerted_at: Timestamp,
        distance: Metres,
        transport: Transport,
    ) -> f64 {
        self.unless_overdue(self.arrival(alerted_at, distance, transport) - seconds_between(alerted_at, now))
    }

    /// Seconds from `now` until the arrival of a helper that has accepted.
    pub fn arrival_of_accepted(&self, now: Timestamp, journey: &Journey) -> f64 {
        let since = seconds_between(journey.accepted_at, now);
        let left = match (journey.distance, journey.estimated_arrival) {
            (Some(distance), _) if journey.has_moved => {
                let (slowest, fastest) = self.measured_speeds;
                let usual = self.speeds[journey.transport as usize];
                let speed = journey.speed.unwrap_or(usual).clamp(slowest, fastest);
                self.detour * distance.get() / speed
            }
            (Some(distance), _) => self.arrival(journey.accepted_at, distance, journey.transport) - since,
            (None, Some(arrival)) => seconds_between(now, arrival),
            (None, None) => self.without_position - since,
        };
        self.unless_overdue(left)
    }

    fn unless_overdue(&self, seconds: f64) -> f64 {
        if seconds > 0.0 { seconds } else { self.overdue }
    }
}
