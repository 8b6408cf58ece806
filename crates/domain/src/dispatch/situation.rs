//! The facts that a dispatch decision rests on.

use super::{AlertHistory, DeviceHealth, Journey, Transport};
use crate::{EmergencyType, Metres, Severity, Skill, Tier, Timestamp, UserId};

/// Maximum number of candidates that a decision weighs up: the first to arrive, proven ones before unproven ones.
pub const MAX_CANDIDATES: usize = 60;

/// Why a candidate may not be alerted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exclusion {
    /// The helper responds to another emergency, or has one.
    Engaged,
    /// The helper has declined or cancelled.
    Declined,
    /// A block is between the helper and the owner, or a helper who responds.
    Blocked,
    /// The helper is quiet, paused or at the limit per day for this emergency.
    Unavailable,
}

/// What the probability and the arrival of a helper who has not answered are computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HelperFacts {
    /// The geodesic by which helpers are judged: from the centre of the helper's cell.
    pub distance: Metres,
    /// How the helper travels.
    pub transport: Transport,
    /// What the helper did with earlier alerts.
    pub history: AlertHistory,
    /// What is known of the helper's devices.
    pub device: DeviceHealth,
}

/// A helper on duty with a fresh position within the largest radius, not alerted in this search.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The helper.
    pub helper: UserId,
    /// What is known of the helper.
    pub facts: HelperFacts,
    /// Whether the account is a day old or a device of it has acknowledged an alert.
    pub is_proven: bool,
    /// The tier; `None` if it was never checked.
    pub tier: Option<Tier>,
    /// Skills that were checked and have not expired.
    pub skills: Vec<Skill>,
    /// Whether the helper became available after the search had begun: such helpers are outside its maximum.
    pub joined_later: bool,
    /// Why the helper may not be alerted. `None` if they may be.
    pub excluded: Option<Exclusion>,
}

/// How far an alerted helper is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HelperProgress {
    /// The helper has not answered.
    Silent {
        /// What is known of the helper.
        facts: HelperFacts,
        /// When the helper was first alerted to this emergency.
        alerted_at: Timestamp,
        /// When a device first acknowledged that.
        acknowledged_at: Option<Timestamp>,
    },
    /// The helper has accepted.
    Coming(Journey),
    /// The helper is there, or has completed and still counts as help.
    There,
    /// The helper has declined, cancelled, stalled or gone to another emergency.
    Gone,
}

/// A helper who was alerted, or who responds without having been alerted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlertedHelper {
    /// The helper.
    pub helper: UserId,
    /// Whether the account is proven.
    pub is_proven: bool,
    /// Whether the helper was alerted in this search, and counts towards its maximum.
    pub counts_towards_cap: bool,
    /// How far the helper is.
    pub progress: HelperProgress,
}

/// How far the waves of a search have come: state of [`WavePolicy`](super::WavePolicy) alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveProgress {
    /// The radius of the last wave.
    pub radius: Metres,
    /// When it was sent.
    pub at: Timestamp,
    /// Number of helpers that all waves have chosen.
    pub places: usize,
}

/// An emergency and the helpers around it, as a decision sees them. The order of helpers has no meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    /// The kind of trouble.
    pub kind: EmergencyType,
    /// How severe it is.
    pub severity: Severity,
    /// Whether it is critical, by its priority or severity.
    pub is_critical: bool,
    /// When the search began or was renewed.
    pub search_started_at: Timestamp,
    /// Helpers that may be alerted now, and others that are near but excluded.
    pub candidates: Vec<Candidate>,
    /// Helpers that were alerted or respond.
    pub alerted: Vec<AlertedHelper>,
    /// The last decision's [`Decision::wave`](super::Decision::wave).
    pub wave: Option<WaveProgress>,
}

impl Situation {
    /// Whether a response counts as help: a helper comes or is there.
    pub fn is_responded(&self) -> bool {
        let is_help =
            |helper: &AlertedHelper| matches!(helper.progress, HelperProgress::Coming(_) | HelperProgress::There);
        self.alerted.iter().any(is_help)
    }

    /// Whether a helper is there.
    pub fn is_helped(&self) -> bool {
        self.alerted.iter().any(|helper| helper.progress == HelperProgress::There)
    }
}
