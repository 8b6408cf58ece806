//! Which helpers are told that they need not come. Knows arrivals, and no roles.

use super::TeamMember;
use crate::{UserId, string_enum};

string_enum! {
    /// Why a helper is told that they need not come.
    StandDownReason { EnoughHelpers = "enough_helpers", TooLate = "too_late" }
}

/// Number of other helpers that are there or much sooner, for a helper to be told to stand down.
const OTHER_HELPERS_NEEDED: usize = 2;
/// Seconds until arrival above which a helper is not needed beside [`OTHER_HELPERS_NEEDED`] others who are there.
const LATER_THAN_NEEDED: f64 = 300.0;
/// Seconds until arrival above which a helper comes too late beside [`OTHER_HELPERS_NEEDED`] others who come sooner by
/// [`MUCH_SOONER`].
const TOO_LATE: f64 = 1_200.0;
const MUCH_SOONER: f64 = 600.0;

/// Helpers who are told that they need not come, with the reason; they may come all the same.
pub fn stand_downs(members: &[TeamMember]) -> Vec<(UserId, StandDownReason)> {
    let has_others = |member: &TeamMember, counts: &dyn Fn(&TeamMember) -> bool| {
        let others = members.iter().filter(|other| other.helper != member.helper && counts(other));
        others.count() >= OTHER_HELPERS_NEEDED
    };
    let is_there = |other: &TeamMember| other.arrival <= 0.0;
    let reason = |member: &TeamMember| {
        if has_others(member, &is_there) && member.arrival > LATER_THAN_NEEDED {
            return Some(StandDownReason::EnoughHelpers);
        }
        let is_sooner = |other: &TeamMember| other.arrival <= member.arrival - MUCH_SOONER;
        (member.arrival > TOO_LATE && has_others(member, &is_sooner)).then_some(StandDownReason::TooLate)
    };
    members.iter().filter_map(|member| Some((member.helper, reason(member)?))).collect()
}
