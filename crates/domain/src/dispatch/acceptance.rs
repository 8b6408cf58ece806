//! How likely a helper comes: what they did with earlier alerts, how far away they are, and whether their devices answer.

use chrono::TimeDelta;

use super::seconds_between;
use crate::{Metres, Timestamp};

/// What a helper did with alerts of other emergencies whose answer came or whose emergency ended. Alerts that no device
/// acknowledged are not among them: they tell about the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertHistory {
    /// Number of these alerts.
    pub alerts: u32,
    /// How many the helper accepted, and neither cancelled nor stalled.
    pub kept: u32,
}

/// What the service knows of the devices of a helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceHealth {
    /// The newest alert of another emergency, of those older than [`AcceptanceModel::silent_after`]. `None` if there is none.
    pub newest_alert_at: Option<Timestamp>,
    /// Whether a device acknowledged that alert.
    pub acknowledged: bool,
    /// When anything came from a device: a connection, a position, a receipt.
    pub heard_at: Option<Timestamp>,
}

/// The probability that an alerted helper comes. Each field names the source of its default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AcceptanceModel {
    /// Probability of a helper without history. 0.35: 62,711 of 177,866 alerts in Denmark; published from 0.17 to 0.63.
    pub prior: f64,
    /// How many alerts of history weigh as much as the prior. 2.5: assumed.
    pub prior_weight: f64,
    /// Distance over which the probability falls to 1/e. 2.5 km: assumed.
    pub decay: Metres,
    /// Age from which on an alert that no device acknowledged tells that the devices are silent.
    pub silent_after: TimeDelta,
    /// Factor for a helper whose devices are silent. A quarter: assumed.
    pub silent_device: f64,
    /// Time in which the probability halves while no device acknowledges. 20 s: assumed.
    pub acknowledgement_half_life: TimeDelta,
    /// Time in which the probability halves while the helper does not answer. 45 s: assumed.
    pub answer_half_life: TimeDelta,
    /// Probability of a helper that has accepted. 0.8: about a fifth of Danish acceptances do not arrive.
    pub accepted: f64,
}

impl Default for AcceptanceModel {
    fn default() -> Self {
        Self {
            prior: 0.35,
            prior_weight: 2.5,
            decay: Metres::new(2_500.0),
            silent_after: TimeDelta::seconds(60),
            silent_device: 0.25,
            acknowledgement_half_life: TimeDelta::seconds(20),
            answer_half_life: TimeDelta::seconds(45),
            accepted: 0.8,
        }
    }
}

impl AcceptanceModel {
    /// The probability that a helper comes who is alerted at `now`.
    pub fn before_alert(&self, now: Timestamp, distance: Metres, history: AlertHistory, device: &DeviceHealth) -> f64 {
        let kept = f64::from(history.kept.min(history.alerts));
        let mean = (self.prior * self.prior_weight + kept) / (self.prior_weight + f64::from(history.alerts));
        let by_distance = libm::exp(-distance.get() / self.decay.get());
        let by_device = if self.is_silent(now, device) { self.silent_device } else { 1.0 };
        mean * by_distance * by_device
    }

    /// The factor for a helper who has not answered an alert of `alerted_at`.
    pub fn silence(&self, now: Timestamp, alerted_at: Timestamp, acknowledged_at: Option<Timestamp>) -> f64 {
        let since = seconds_between(alerted_at, now).max(0.0);
        // Once a device has acknowledged, how long it took tells nothing about the person.
        let unacknowledged = if acknowledged_at.is_some() { 0.0 } else { since };
        let halvings =
            unacknowledged / seconds(self.acknowledgement_half_life) + since / seconds(self.answer_half_life);
        libm::exp2(-halvings)
    }

    fn is_silent(&self, now: Timestamp, device: &DeviceHealth) -> bool {
        let Some(alerted_at) = device.newest_alert_at else { return false };
        let is_old = now - alerted_at > self.silent_after;
        is_old && !device.acknowledged && device.heard_at.is_none_or(|heard| heard <= alerted_at)
    }
}

fn seconds(period: TimeDelta) -> f64 {
    period.as_seconds_f64().max(f64::MIN_POSITIVE)
}
