//! Helpers in space.

use async_trait::async_trait;

use super::Result;
use crate::{Census, HelperCard, HelperPolicy, Metres, Position, Timestamp, UserId};

/// Which helpers are looked for. Only those on duty by `policy` with a fix not older than `fresh_since` count.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// Around this place.
    pub centre: Position,
    /// But not this user.
    pub except: UserId,
    /// Who may help.
    pub policy: HelperPolicy,
    /// Older positions do not count.
    pub fresh_since: Timestamp,
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
pub struct HelperCounts {
    /// On duty.
    pub on_duty: u32,
    /// Of these, with a fresh position.
    pub fresh: u32,
}

/// Helpers by their last position. Distances are geodesic on WGS 84; a helper exactly at a radius is within it.
/// All searches MUST be right across the antimeridian and at the poles, and use the spatial index.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Helpers: Send + Sync {
    /// Counts helpers within each of `radii` (growing, never empty), and finds the `limit` nearest within the
    /// largest. Equally near ones come in the order of their ids.
    async fn census(&self, search: &Search, radii: &[Metres], limit: u32) -> Result<Census>;

    /// The `limit` nearest helpers within a radius, nearest first.
    async fn nearby(&self, search: &Search, radius: Metres, limit: u32) -> Result<Vec<NearbyHelper>>;

    /// How many helpers are on duty.
    async fn count(&self, policy: HelperPolicy, fresh_since: Timestamp) -> Result<HelperCounts>;
}
