//! What a community sets: the price of an alert, the minimum and maximum of helpers, and the rules of each type.

use chrono::TimeDelta;

use super::{AcceptanceModel, AmbulanceModel, TravelModel};
use crate::{EmergencyType, Tier};

/// What a kind of emergency asks of helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypeRule {
    /// Skills of which one makes an alert worth more.
    pub preferred: &'static [&'static str],
    /// Skills of which a helper must have one, unless too few helpers do.
    pub required: &'static [&'static str],
    /// The lowest tier, if one is required.
    pub tier: Option<Tier>,
    /// Whether an ambulance is called, so that help is worth less once it may be there.
    pub has_ambulance: bool,
}

/// The lowest tier that each kind of emergency requires, in the order of [`EmergencyType::ALL`].
pub type RequiredTiers = [Option<Tier>; EmergencyType::ALL.len()];

/// What the census of a decision by gain depends on, beside the emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CensusQuery {
    /// When helpers arrive.
    pub travel: TravelModel,
    /// Which helpers may be alerted to which kind of emergency.
    pub tiers: RequiredTiers,
}

impl CensusQuery {
    /// The tier that this kind of emergency requires.
    pub fn tier(&self, kind: EmergencyType) -> Option<Tier> {
        EmergencyType::ALL.iter().zip(self.tiers).find(|(of, _)| **of == kind).and_then(|(_, tier)| tier)
    }
}

/// The settings of [`decide`](super::decide). Times are seconds where they are `f64`.
#[derive(Debug, Clone)]
pub struct GainPolicy {
    /// When helpers arrive.
    pub travel: TravelModel,
    /// How likely they come.
    pub acceptance: AcceptanceModel,
    /// When an ambulance comes.
    pub ambulance: AmbulanceModel,
    /// By how many seconds an alert must lower the expected time without help. 4 s; critical emergencies pay half.
    pub price: f64,
    /// After this time of a search without a response every alert is free. Three minutes: a minute for each of three radii.
    pub free_after: TimeDelta,
    /// Number of helpers to alert whatever they gain. 3.
    pub min_helpers: usize,
    /// Maximum number of helpers that one decision alerts. 50.
    pub max_per_decision: usize,
    /// Maximum number of helpers that one search alerts. 150: 50 for each of three radii.
    pub max_per_search: usize,
    /// Time between two decisions while no helper is there. 15 s.
    pub interval: TimeDelta,
    /// Factor on the gain of a helper with a preferred skill. 1.3: assumed.
    pub skill_factor: f64,
    /// Time within which as many helpers as the minimum must arrive for a required skill to stay required. 15 minutes: assumed.
    pub required_within: f64,
    /// Severity from which on a second and a third helper count in medical emergencies and accidents. 7.
    pub team_severity: u8,
    /// Whether tiers are required. Not where every account may help.
    pub requires_tiers: bool,
    /// The rule of each kind of emergency.
    pub rules: fn(EmergencyType) -> TypeRule,
}

impl Default for GainPolicy {
    fn default() -> Self {
        Self {
            travel: TravelModel::default(),
            acceptance: AcceptanceModel::default(),
            ambulance: AmbulanceModel::default(),
            price: 4.0,
            free_after: TimeDelta::minutes(3),
            min_helpers: 3,
            max_per_decision: 50,
            max_per_search: 150,
            interval: TimeDelta::seconds(15),
            skill_factor: 1.3,
            required_within: 900.0,
            team_severity: 7,
            requires_tiers: true,
            rules: TypeRule::of,
        }
    }
}

impl GainPolicy {
    /// What the census of a decision depends on.
    pub fn census(&self) -> CensusQuery {
        let mut tiers = [None; EmergencyType::ALL.len()];
        if self.requires_tiers {
            for (tier, kind) in tiers.iter_mut().zip(EmergencyType::ALL) {
                *tier = (self.rules)(*kind).tier;
            }
        }
        CensusQuery { travel: self.travel, tiers }
    }
}

impl TypeRule {
    /// The rule of a kind of emergency.
    pub const fn of(kind: EmergencyType) -> Self {
        const NONE: TypeRule = TypeRule { preferred: &[], required: &[], tier: None, has_ambulance: false };
        match kind {
            EmergencyType::Medical => {
                Self { preferred: &["cpr", "aed", "nurse", "doctor", "paramedic"], has_ambulance: true, ..NONE }
            }
            EmergencyType::Accident => Self { has_ambulance: true, ..NONE },
            EmergencyType::Assault | EmergencyType::Safety => Self { tier: Some(Tier::Registered), ..NONE },
            EmergencyType::NaturalDisaster | EmergencyType::Other => NONE,
        }
    }
}
