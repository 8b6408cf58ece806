//! The record that stays of a deleted emergency.

use super::{Emergency, EmergencyStatus, EmergencyType};
use crate::{EmergencyId, Person, Position, Text, Timestamp};

/// The record of a deleted emergency, for administrators: who raised what and when, about where, and no text.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedEmergency {
    /// The id.
    pub id: EmergencyId,
    /// The user that raised it.
    pub owner: Person,
    /// The client's idempotency key, which stays used.
    pub request_id: Option<Text<100>>,
    /// The kind.
    pub kind: EmergencyType,
    /// How it ended.
    pub status: EmergencyStatus,
    /// The place, rounded to about a kilometre.
    pub place: Position,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

impl DeletedEmergency {
    /// The record of an emergency that is deleted at `now`.
    pub fn new(emergency: &Emergency, now: Timestamp) -> Self {
        let call = emergency.call();
        Self {
            id: call.id,
            owner: call.owner.clone(),
            request_id: emergency.request_id().cloned(),
            kind: call.details.kind,
            status: emergency.status(),
            place: call.details.location.position.rounded_to_kilometre(),
            created_at: call.created_at,
            ended_at: emergency.ending().map_or(now, |ending| ending.at),
            deleted_at: now,
        }
    }
}
