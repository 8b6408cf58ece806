//! Emergencies, read.
#![cfg_attr(feature = "mocks", expect(clippy::ref_option_ref, reason = "mockall hands optional references on so"))]

use async_trait::async_trait;

use super::Result;
use crate::{Alert, Emergency, EmergencyId, EmergencyStatus, Metres, Position, Text, Timestamp, UserId};

/// An emergency as a change is decided on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The emergency.
    pub emergency: Emergency,
    /// Everyone who was alerted to it or declined it, in the order of waves, then of distance.
    pub alerts: Vec<Alert>,
}

impl Loaded {
    /// Everyone who was alerted.
    pub fn alerted(&self) -> Vec<UserId> {
        self.alerts.iter().filter(|a| a.wave.is_some()).map(|a| a.helper).collect()
    }
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

/// Emergencies, read, responses and counts included. Each method is one statement, or two where distances are decided
/// outside of the database.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Emergencies: Send + Sync {
    /// The emergency with this id, as people look at it.
    async fn find(&self, id: EmergencyId) -> Result<Option<Emergency>>;

    /// The emergency with this id, to decide a change on it.
    async fn load(&self, id: EmergencyId) -> Result<Option<Loaded>>;

    /// What a repeated or second call of an owner meets: the emergency with this request id, else the live one.
    async fn earlier_call<'a>(&self, owner: UserId, request_id: Option<&'a Text<100>>) -> Result<Option<Emergency>>;

    /// The live emergencies in which a user takes part (as owner, or as a helper who did not cancel). First the
    /// one owned, then the one they are engaged in, then those they completed, newest first.
    async fn live_of(&self, user: UserId) -> Result<Vec<Emergency>>;

    /// Live emergencies that wait for this helper, nearest first: within their own alert radius of `position`, or
    /// those to which the helper was alerted; not their own, and neither responded to (unless cancelled) nor declined.
    async fn pending_for(&self, helper: UserId, position: Position, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// Live emergencies around a place, nearest first. MUST be right across the antimeridian and at the poles.
    async fn nearby(&self, centre: Position, radius: Metres, limit: u32) -> Result<Vec<NearbyEmergency>>;

    /// What a user took part in, newest first. Paging by time MUST NOT lose any of those created at the same time: a
    /// page takes all that share the time of its last.
    async fn history(&self, page: &HistoryPage) -> Result<Vec<Emergency>>;

    /// All emergencies, newest first.
    async fn list(&self, page: &AdminPage) -> Result<Vec<Emergency>>;
}
