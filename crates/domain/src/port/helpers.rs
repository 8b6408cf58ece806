//! Helpers in space.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyAccess, EmergencyId, HelperCard, HelperPolicy, Metres, Timestamp, UserId};

/// Which helpers count: those on duty whose position is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDuty {
    /// Who may help.
    pub policy: HelperPolicy,
    /// Older positions do not count.
    pub fresh_since: Timestamp,
}

/// A search for helpers around an emergency's place, never for its owner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vicinity {
    /// Around which emergency.
    pub emergency: EmergencyId,
    /// For whom.
    pub reader: UserId,
    /// Who counts.
    pub on_duty: OnDuty,
    /// No further away than this.
    pub radius: Metres,
    /// The most to return.
    pub limit: u32,
}

/// A helper near a place.
#[derive(Debug, Clone, PartialEq)]
pub struct NearbyHelper {
    /// Who, as others see them.
    pub helper: HelperCard,
    /// From their last position.
    pub distance: Metres,
}

/// How many helpers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DutyCounts {
    /// On duty.
    pub on_duty: u32,
    /// Of these, with a fresh position.
    pub fresh: u32,
}

/// Helpers by their last position. Distances are geodesic on WGS 84; a helper exactly at a radius is within it.
/// All searches, also those of [`super::Emergencies`], MUST be right across the antimeridian and at the poles, and use
/// the spatial index. Equally near helpers come in the order of their ids.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Helpers: Send + Sync {
    /// The nearest helpers around an emergency, nearest first, and how the reader stands to it; none for an unknown
    /// emergency.
    async fn nearby(&self, vicinity: &Vicinity) -> Result<Option<(EmergencyAccess, Vec<NearbyHelper>)>>;

    /// How many helpers are on duty.
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<DutyCounts>;
}
