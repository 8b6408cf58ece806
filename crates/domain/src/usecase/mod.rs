//! What people and adapters can ask of the service. Each use case is a function of a small context, an
//! [`Actor`](crate::Actor) and a command: it loads through ports, lets the rules decide, and commits one
//! [`Change`](crate::Change). None of them sends anything to anybody.

pub mod accounts;
pub mod alerts;
pub mod emergencies;
pub mod helpers;
pub mod messages;
pub mod responses;
pub mod rooms;

use chrono::TimeDelta;

use crate::{
    AlertPolicy, HelperPolicy, Refusal, Timestamp,
    port::{self, OnDuty},
};

/// How often a use case decides again when somebody else was faster. Each time one of those who contend is done, so this
/// is how many may act on one emergency in the same instant: several waves of helpers.
const ATTEMPTS: u32 = 512;

/// The rules a community sets for itself.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who may help.
    pub helpers: HelperPolicy,
    /// Who is alerted.
    pub alerts: AlertPolicy,
    /// Positions older than this do not count.
    pub position_ttl: TimeDelta,
    /// From one wave of alerts to the next, while nobody responds.
    pub alert_interval: TimeDelta,
    /// A live emergency older than this is over.
    pub emergency_ttl: TimeDelta,
}

impl Rules {
    /// The earliest fix that still counts.
    pub fn fresh_since(&self, now: Timestamp) -> Timestamp {
        now.checked_sub_signed(self.position_ttl).unwrap_or(Timestamp::MIN_UTC)
    }

    /// Which helpers count now.
    pub fn on_duty(&self, now: Timestamp) -> OnDuty {
        OnDuty { policy: self.helpers, fresh_since: self.fresh_since(now) }
    }

    /// When the wave after one sent now is due.
    pub fn next_alert(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add_signed(self.alert_interval)
    }

    /// Live emergencies created before this are over.
    pub fn expired_before(&self, now: Timestamp) -> Timestamp {
        now.checked_sub_signed(self.emergency_ttl).unwrap_or(Timestamp::MIN_UTC)
    }
}

impl Default for Rules {
    /// Verified helpers, the default alert policy, positions of the last 24 hours, a wave a minute, a day for an
    /// emergency.
    fn default() -> Self {
        Self {
            helpers: HelperPolicy::Verified,
            alerts: AlertPolicy::default(),
            position_ttl: TimeDelta::hours(24),
            alert_interval: TimeDelta::seconds(60),
            emergency_ttl: TimeDelta::hours(24),
        }
    }
}

/// Decides and commits until nobody else was faster, a bounded number of times.
macro_rules! decide_again {
    ($attempt:expr) => {{
        let mut outcome = Err($crate::Refusal::Contended.into());
        for _ in 0..$crate::usecase::ATTEMPTS {
            match $attempt.await {
                Err($crate::Error::Port($crate::port::Error::Stale)) => {}
                decided => {
                    outcome = decided;
                    break;
                }
            }
        }
        outcome
    }};
}
use decide_again;

/// Turns a rule that the store keeps into the domain's refusal.
fn refuse_conflict(error: port::Error, constraint: port::Constraint, refusal: Refusal) -> crate::Error {
    match error {
        port::Error::Conflict(c) if c == constraint => refusal.into(),
        other => other.into(),
    }
}
