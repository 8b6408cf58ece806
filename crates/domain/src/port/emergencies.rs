//! Queries for emergencies.

use async_trait::async_trait;

use super::{OnDuty, Result};
use crate::{
    Alert, Emergency, EmergencyId, EmergencyStatus, EventId, HelpersInRange, Metres, Position, Recipient, Text,
    Timestamp, UserId,
};

/// An emergency with everything that a change of it is decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The emergency.
    pub emergency: Emergency,
    /// The alerts of all helpers that were alerted to it or declined it, in the order of waves, then of distance.
    pub alerts: Vec<Alert>,
    /// The helpers found by the [`Near`] query, nearest first.
    pub near: Vec<Recipient>,
}

/// A query for helpers near the emergency that is loaded. Never finds its owner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Which helpers count.
    pub on_duty: OnDuty,
    /// Maximum distance from the emergency.
    pub within: Metres,
    /// Which of the helpers that count.
    pub whom: Whom,
}

/// Which of the helpers near an emergency are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The nearest: this many more than the number of helpers that were alerted, declined or ever responded.
    Nearest(u32),
    /// Only this helper.
    Only(UserId),
}

/// What has to be read before an emergency can be raised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RaiseQuery<'a> {
    /// The user who raises it.
    pub owner: UserId,
    /// The client's idempotency key.
    pub request_id: Option<&'a Text<100>>,
    /// The place of the emergency.
    pub centre: Position,
    /// Which helpers count.
    pub on_duty: OnDuty,
    /// Radii to count helpers within; growing, never empty.
    pub radii: &'a [Metres],
    /// The search may stop at the first radius that holds this many helpers.
    pub enough: u32,
    /// Maximum number of nearest helpers to return.
    pub limit: u32,
}

/// The answer to a [`RaiseQuery`].
#[derive(Debug, Clone, PartialEq)]
pub struct RaiseContext {
    /// The owner's emergency with the same request id, else the owner's live one.
    pub earlier: Option<Emergency>,
    /// Helpers around the place, without the owner.
    pub helpers: HelpersInRange,
}

impl Loaded {
    /// The alerted helpers.
    pub fn alerted(&self) -> Vec<UserId> {
        self.alerts.iter().filter(|a| a.wave.is_some()).map(|a| a.helper).collect()
    }
}

/// The live emergencies in which a user takes part.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The emergencies.
    pub emergencies: Vec<Emergency>,
    /// The position in the log at which this was read: every event that led to what was read is at or before it. An
    /// event after this position MUST NOT have been committed before the read.
    pub as_of: EventId,
}

/// An emergency near a place.
#[derive(Debug, Clone, PartialEq)]
pub struct NearbyEmergency {
    /// The emergency.
    pub emergency: Emergency,
    /// Its distance from the place.
    pub distance: Metres,
}

/// A page of the emergencies in which a user took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPage {
    /// The user: owner, or a helper that did not cancel.
    pub user: UserId,
    /// Only in this status.
    pub status: Option<EmergencyStatus>,
    /// Only emergencies created before this time.
    pub before: Option<Timestamp>,
    /// Maximum number of emergencies to return, exceeded only by those created at the same time as the last.
    pub limit: u32,
}

/// A page of all emergencies, for administrators, in the order (created at, id), newest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdminPage {
    /// Only in this status; `None` for all live ones.
    pub status: Option<EmergencyStatus>,
    /// Only emergencies within this distance of this place.
    pub near: Option<(Position, Metres)>,
    /// Only emergencies after this one in the order of the pages: creation time and id of the last of the page before.
    pub before: Option<(Timestamp, EmergencyId)>,
    /// Maximum number of emergencies to return.
    pub limit: u32,
}

/// Queries for emergencies, with their responses and alert counts.
///
/// Each method is one statement, or a few where that costs no round trip.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Emergencies: Send + Sync {
    /// The emergency with this id, for display.
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>>;

    /// The emergency with this id, to decide a change on it, and the helpers that `near` asks for.
    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>>;

    /// Reads everything that raising an emergency is decided on.
    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext>;

    /// The live emergencies in which a user takes part, as owner or as a helper that did not cancel.
    ///
    /// The owned one is first, then the one that the user is engaged in, then the completed ones, newest first.
    async fn live_of(&self, user: UserId) -> Result<Live>;

    /// Live emergencies that this helper has not answered, nearest first.
    ///
    /// The helper's last position is within their alert radius, or the helper was alerted to them. The helper is not
    /// their owner, has not declined, and has no response to them, unless it is cancelled. Empty for a helper without a
    /// position.
    async fn pending_for(&self, helper: UserId, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// Live emergencies around a place, nearest first. MUST be correct across the antimeridian and at the poles.
    async fn nearby(&self, centre: Position, radius: Metres, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// The emergencies in which a user took part, newest first.
    ///
    /// Paging by time MUST NOT lose emergencies created at the same time: a page holds all that share the time of its
    /// last.
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>>;

    /// All emergencies, newest first.
    async fn list(&self, page: &AdminPage) -> Result<Vec<Emergency>>;
}
