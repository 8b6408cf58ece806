//! Searches for helpers by position.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyAccess, EmergencyId, HelperCard, HelperPolicy, Metres, Timestamp, UserId};

/// Which helpers count: on duty, with a fresh position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDuty {
    /// Which accounts may help.
    pub policy: HelperPolicy,
    /// Earliest time of a position that counts.
    pub fresh_since: Timestamp,
}

/// A search for helpers around the place of an emergency. Never finds its owner.
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
    /// Maximum number of helpers to return.
    pub limit: u32,
}

/// A helper near a place.
#[derive(Debug, Clone, PartialEq)]
pub struct NearbyHelper {
    /// The helper, as others see them.
    pub helper: HelperCard,
    /// Distance from the helper's last position to the place.
    pub distance: Metres,
}

/// Counts of helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DutyCounts {
    /// Number of helpers on duty.
    pub on_duty: u32,
    /// Of these, how many have a fresh position.
    pub fresh: u32,
}

/// Searches for helpers by their last position.
///
/// Distances are geodesic on WGS 84; a helper exactly at a radius is within it. All searches, also those of
/// [`super::Emergencies`], MUST be correct across the antimeridian and at the poles, and MUST use the spatial index.
/// Equally near helpers come in the order of their ids.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Helpers: Send + Sync {
    /// The nearest helpers around an emergency, nearest first, and the reader's access to it; `None` for an unknown
    /// emergency.
    async fn nearby(&self, vicinity: &Vicinity) -> Result<Option<(EmergencyAccess, Vec<NearbyHelper>)>>;

    /// Counts the helpers on duty.
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<DutyCounts>;
}
