//! Emergencies, read.

use async_trait::async_trait;

use super::{OnDuty, Result};
use crate::{
    Alert, Emergency, EmergencyId, EmergencyStatus, EventId, HelpersInRange, Metres, Position, Recipient, Text,
    Timestamp, UserId,
};

/// An emergency as a change is decided on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The emergency.
    pub emergency: Emergency,
    /// Everyone who was alerted to it or declined it, in the order of waves, then of distance.
    pub alerts: Vec<Alert>,
    /// The helpers that were asked for with it, nearest first.
    pub near: Vec<Recipient>,
}

/// Which helpers are wanted with an emergency, never its owner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Who counts.
    pub on_duty: OnDuty,
    /// No further away than this.
    pub within: Metres,
    /// Whom of them.
    pub whom: Whom,
}

/// Whom of the helpers near an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The nearest, so many beyond the number of those who were alerted, declined or ever responded.
    Nearest(u32),
    /// Only this one.
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
    /// Everyone who was alerted.
    pub fn alerted(&self) -> Vec<UserId> {
        self.alerts.iter().filter(|a| a.wave.is_some()).map(|a| a.helper).collect()
    }
}

/// What a user takes part in.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// The emergencies.
    pub emergencies: Vec<Emergency>,
    /// Whoever has followed the log up to here has met all that led to what is seen here: no later event MUST have been
    /// committed before it was read.
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

/// A page of what a user took part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryPage {
    /// As owner, or as a helper who did not cancel.
    pub user: UserId,
    /// Only in this status.
    pub status: Option<EmergencyStatus>,
    /// Only those created before.
    pub before: Option<Timestamp>,
    /// The most to return, unless more share the last one's time.
    pub limit: u32,
}

/// A page of all emergencies, for administrators, in the order (created at, id), newest first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdminPage {
    /// Only in this status; without one, live ones.
    pub status: Option<EmergencyStatus>,
    /// Only those within this distance of this place.
    pub near: Option<(Position, Metres)>,
    /// Only those before the one created at this time with this id.
    pub before: Option<(Timestamp, EmergencyId)>,
    /// The most to return.
    pub limit: u32,
}

/// Emergencies, read, responses and counts included. Each method is one statement, or a few where that costs no round trip.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Emergencies: Send + Sync {
    /// The emergency with this id, as people look at it.
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>>;

    /// The emergency with this id, to decide a change on it, and the helpers near it, if any are wanted.
    async fn load(&self, id: EmergencyId, near: Option<Near>) -> Result<Option<Loaded>>;

    /// Everything that raising an emergency is decided on.
    async fn raise_context<'a>(&self, query: &RaiseQuery<'a>) -> Result<RaiseContext>;

    /// The live emergencies in which a user takes part (as owner, or as a helper who did not cancel). First the
    /// one owned, then the one they are engaged in, then those they completed, newest first.
    async fn live_of(&self, user: UserId) -> Result<Live>;

    /// Live emergencies that wait for this helper, nearest first: within their own alert radius of the helper's last
    /// position, or those to which the helper was alerted; not their own, and neither responded to (unless cancelled)
    /// nor declined. None for one without a position.
    async fn pending_for(&self, helper: UserId, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// Live emergencies around a place, nearest first. MUST be right across the antimeridian and at the poles.
    async fn nearby(&self, centre: Position, radius: Metres, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// What a user took part in, newest first. Paging by time MUST NOT lose any of those created at the same time: a
    /// page takes all that share the time of its last.
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>>;

    /// All emergencies, newest first.
    async fn list(&self, page: &AdminPage) -> Result<Vec<Emergency>>;
}
