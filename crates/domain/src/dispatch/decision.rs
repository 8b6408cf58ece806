//! What a dispatch decision is, with its explanation.

use serde::{Deserialize, Serialize};

use super::{Situation, WaveProgress};
use crate::{Metres, Timestamp, UserId, string_enum};

string_enum! {
    /// Why a helper is alerted: the alert is worth its price, or too few helpers were alerted.
    Reason { Gain = "gain", Minimum = "minimum" }
}

/// What is expected of a helper.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Seconds until the arrival.
    pub arrival: f64,
    /// Probability that the helper comes.
    pub probability: f64,
    /// By how many seconds the alert lowers the expected time without help, when it was chosen; times the factor for skills.
    pub gain: f64,
}

/// A helper to alert.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The helper.
    pub helper: UserId,
    /// The distance by which the helper is judged.
    pub distance: Metres,
    /// What is expected of the helper.
    pub why: Why,
    /// Why the helper is alerted. `None` of a policy that does not weigh what an alert is worth.
    pub reason: Option<Reason>,
}

/// The best candidate that is not alerted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    /// The helper.
    pub helper: UserId,
    /// The distance by which the helper is judged.
    pub distance: Metres,
    /// Expected arrival and probability of the helper, and the gain over the helpers that are already alerted.
    pub why: Why,
}

/// What the log keeps of a decision: why each helper was chosen, and the best one passed over.
///
/// Helpers whose alerts are held back, or repeated, are not among those of a later event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoggedDecision {
    /// The helpers chosen.
    pub chosen: Vec<Choice>,
    /// The best candidate passed over. `None` if none was left.
    pub passed: Option<Passed>,
}

impl From<&Decision> for LoggedDecision {
    fn from(decision: &Decision) -> Self {
        Self { chosen: decision.chosen.clone(), passed: decision.passed }
    }
}

/// Whom to alert now.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The helpers to alert, in the order of choice.
    pub chosen: Vec<Choice>,
    /// The best candidate passed over. `None` if none is left.
    pub passed: Option<Passed>,
    /// Skills that the kind of emergency requires, and that were not required here because too few helpers have them.
    pub relaxed: Vec<&'static str>,
    /// When to decide again if nothing changes before. `None` while a helper is there.
    pub decide_again_at: Option<Timestamp>,
    /// State of the waves, for the next [`Situation`]. `None` for policies without waves.
    pub wave: Option<WaveProgress>,
}

/// Chooses the helpers to alert.
pub trait DispatchPolicy {
    /// Decides whom to alert at `now`. Pure: the same situation gives the same decision, in whatever order its helpers are.
    fn decide(&self, now: Timestamp, situation: &Situation) -> Decision;
}
