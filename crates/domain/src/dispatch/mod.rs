//! Dispatch: which helpers are alerted to an emergency, decided by what an alert is worth.
//!
//! [`decide`] is a pure function of the present time, a [`Situation`] and a [`GainPolicy`]. It alerts the helper that lowers
//! the expected time without help the most, and goes on until the next alert is worth less than its price. Policies that
//! choose by other rules implement [`DispatchPolicy`], too: [`WavePolicy`] is one. `docs/dispatch.md` explains the numbers.

mod acceptance;
mod census;
mod coverage;
mod decision;
mod gain;
mod lognormal;
mod policy;
mod situation;
mod stand_down;
mod team;
mod travel;
mod waves;

pub use acceptance::{AcceptanceModel, AlertHistory, DeviceHealth};
pub use census::{CensusEntry, StoredQualification};
pub use coverage::{AmbulanceModel, Coverage, Presence, TIMES};
pub use decision::{Choice, Decision, DispatchPolicy, LoggedDecision, Passed, Reason, Why};
pub use gain::decide;
pub use policy::{CensusQuery, GainPolicy, RequiredTiers, TypeRule};
pub use situation::{
    AlertedHelper, Candidate, Exclusion, HelperFacts, HelperProgress, MAX_CANDIDATES, Situation, WaveProgress,
};
pub use stand_down::{StandDownReason, stand_downs};
pub use team::{AedBox, Assignment, RoleChange, RoleReason, TeamMember, TeamRole, assign_team};
pub use travel::{Journey, Transport, TravelModel};
pub use waves::WavePolicy;

/// The seconds from `earlier` to `later`, negative if `later` is earlier.
pub(crate) fn seconds_between(earlier: crate::Timestamp, later: crate::Timestamp) -> f64 {
    const MILLISECONDS: f64 = 1_000.0;
    #[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are 285,000 years")]
    let milliseconds = (later - earlier).num_milliseconds() as f64;
    milliseconds / MILLISECONDS
}

#[cfg(test)]
mod tests;
