//! Searches for helpers by position.

use async_trait::async_trait;

use super::Result;
use crate::{
    Account, Coverage, Emergency, EmergencyId, FoundHelpers, Grid, HelperPolicy, Metres, PlacePolicy, Position,
    Timestamp, UserId,
};

/// Which helpers count: on duty, with a fresh position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDuty {
    /// Which accounts may help.
    pub policy: HelperPolicy,
    /// Earliest time of a position that counts.
    pub fresh_since: Timestamp,
    /// The time of the search. Unproven at this time, and so after all others where order matters, is an account younger than
    /// a day that has never acknowledged an alert.
    pub now: Timestamp,
}

/// A search for helpers around the place of an emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vicinity {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The user that the result is for.
    pub reader: UserId,
    /// Which helpers count.
    pub on_duty: OnDuty,
    /// Maximum distance from the emergency.
    pub radius: Metres,
    /// Decides from which place distances are judged.
    pub places: PlacePolicy,
}

/// An emergency, and where helpers are.
#[derive(Debug, Clone, PartialEq)]
pub struct HelpersAround {
    /// The emergency.
    pub emergency: Emergency,
    /// Whether a [block](crate::UserBlock) hides it from the reader.
    pub hidden: bool,
    /// The last positions of the helpers whose response is not cancelled, in no order. Helpers without one are left out.
    pub responding: Vec<(UserId, Position)>,
    /// Helpers on duty: all within the radius, and possibly some further away.
    ///
    /// The owner is left out unless the emergency is anonymous: then a number without them would tell who they are.
    pub available: FoundHelpers,
}

/// Counts of helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DutyCounts {
    /// Number of helpers on duty.
    pub on_duty: u32,
    /// Of these, how many have a fresh position.
    pub fresh: u32,
}

/// A helper whose [schedule](crate::AlertSchedule) has to be made again.
#[derive(Debug, Clone, PartialEq)]
pub struct UnderReview {
    /// The account.
    pub account: Account,
    /// When the helper falls below the limit per day again; `None` if the limit is not reached, or there is none.
    pub limit_ends_at: Option<Timestamp>,
}

/// Searches for helpers by their last position.
///
/// Distances are geodesic on WGS 84, from the centre of the helper's [cell](crate::grid::helper_cell) to the place from which
/// the emergency is [judged](PlacePolicy::judged_place); a helper exactly at a radius is within it. All searches, also those of
/// [`super::Emergencies`], MUST be correct across the antimeridian and at the poles, and MUST use the spatial index.
/// Equally near helpers come in the order of their ids.
///
/// A helper counts for an emergency only while it [reaches](crate::AlertPreferences::reaches) them. One that is not critical does not
/// reach a helper either, while as many other owners as the helper's limit per day have rung them in the
/// [time before](crate::ALERT_LIMIT_WINDOW).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Helpers: Send + Sync {
    /// An emergency and the helpers around it; `None` for an unknown emergency.
    async fn around(&self, vicinity: &Vicinity) -> Result<Option<HelpersAround>>;

    /// Available helpers by cell of this grid: on duty, with a fresh position, neither engaged nor owner of a live emergency that is
    /// not anonymous, not away, and not at their limit per day.
    ///
    /// Reads the positions of all helpers once, and keeps none.
    async fn coverage(&self, on_duty: OnDuty, grid: Grid) -> Result<Coverage>;

    /// Helpers whose review is due at `now`, and those with a limit per day that were rung after `rung_since`, in no order.
    ///
    /// The limit counts the owners of whose emergencies any rang the helper in the [time before](crate::ALERT_LIMIT_WINDOW), each once.
    async fn due_for_review(&self, now: Timestamp, rung_since: Timestamp, limit: u32) -> Result<Vec<UnderReview>>;

    /// Counts the helpers on duty.
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<DutyCounts>;
}
