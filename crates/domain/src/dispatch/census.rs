//! What is read of each helper that a decision weighs up, and of each that was alerted.

use super::{AlertHistory, DeviceHealth, HelperFacts, Transport};
use crate::{CheckedSkill, Metres, Position, Skill, Tier, Timestamp, UserId, grid::helper_cell};

/// A helper of a census: one that may be alerted, or was alerted before.
#[derive(Debug, Clone, PartialEq)]
pub struct CensusEntry {
    /// The helper.
    pub helper: UserId,
    /// The newest position, however old.
    pub position: Position,
    /// How the helper travels.
    pub transport: Transport,
    /// How far the account was checked.
    pub tier: Option<Tier>,
    /// Skills that were checked and have not expired.
    pub skills: Vec<Skill>,
    /// Whether the account is a day old or a device of it has acknowledged an alert.
    pub is_proven: bool,
    /// Whether the helper does not count although they were alerted: responds to another emergency, has one, or may not help any more.
    pub is_gone: bool,
    /// What the helper did with earlier alerts.
    pub history: AlertHistory,
    /// What is known of the helper's devices.
    pub device: DeviceHealth,
}

/// What was checked of a helper, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredQualification {
    /// The tier. `None` for an account that was verified before there were tiers, or never.
    pub tier: Option<Tier>,
    /// Whether an administrator verified the helper.
    pub is_verified: bool,
    /// The skills that were checked.
    pub skills: Vec<CheckedSkill>,
}

impl StoredQualification {
    /// The tier and the valid skills at `now`. A verified account without a tier counts as registered.
    pub fn at(self, now: Timestamp) -> (Option<Tier>, Vec<Skill>) {
        let by_verification = if self.is_verified { Tier::Registered } else { Tier::Public };
        let valid = self.skills.into_iter().filter(|skill| skill.is_valid(now)).map(|skill| skill.name);
        (Some(self.tier.unwrap_or(by_verification)), valid.collect())
    }
}

impl CensusEntry {
    /// The distance by which the helper is judged, from a judged place.
    pub fn distance(&self, judged: Position) -> Metres {
        judged.distance_to(helper_cell(self.position))
    }

    /// What the probability and the arrival of the helper are computed from.
    pub fn facts(&self, judged: Position) -> HelperFacts {
        HelperFacts {
            distance: self.distance(judged),
            transport: self.transport,
            history: self.history,
            device: self.device,
        }
    }
}
