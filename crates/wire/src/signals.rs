//! Payloads of ephemeral events: current values that are not in the log and have no `eventId`.

use allynet_domain::{Approach, Emergency, EmergencyId, Metres, Position, PresenceNews, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::documents::schema;
use crate::views::{LocationView, SkippedView};

/// The payload of `emergency:alerts`: how many helpers were alerted, for the owner and dispatchers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EmergencyAlertsPayload")]
pub struct AlertsSignal {
    /// The emergency.
    emergency_id: Uuid,
    /// The number of the last search, from 1.
    wave: u16,
    /// Helpers that were alerted.
    alerted: u32,
    /// Alerts that a device or a push service took.
    sent: u32,
    /// Alerts that a device confirmed.
    delivered: u32,
    /// The same as `delivered`.
    acknowledged: u32,
    /// Alerts that a person saw.
    seen: u32,
    /// Alerts that were declined.
    declined: u32,
    /// Alerts that no push service took.
    failed: u32,
    /// Skills that the kind of emergency requires, and that were not required because too few helpers have them.
    #[schemars(length(max = 20), inner(length(max = 50)))]
    relaxed: Vec<String>,
    /// Helpers that were passed over.
    skipped: SkippedView,
    /// When it was counted.
    timestamp: Timestamp,
}

impl AlertsSignal {
    /// The name of the event.
    pub const EVENT: &str = "emergency:alerts";

    /// The current alert counts of an emergency.
    pub fn new(emergency: &Emergency, now: Timestamp, is_administrator: bool) -> Self {
        let counts = emergency.alerts();
        Self {
            emergency_id: emergency.id().into(),
            wave: counts.wave,
            alerted: counts.alerted,
            sent: counts.sent,
            delivered: counts.acknowledged,
            acknowledged: counts.acknowledged,
            seen: counts.seen,
            declined: counts.declined,
            failed: counts.failed,
            relaxed: emergency.search().relaxed.clone(),
            skipped: SkippedView::new(emergency.search().skipped, is_administrator),
            timestamp: now,
        }
    }
}

/// The payload of `helper:location`: the position of a helper on their way, for the participants.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "HelperLocationPayload")]
pub struct LocationSignal {
    /// The emergency.
    emergency_id: Uuid,
    /// The helper.
    helper_id: Uuid,
    /// Where the helper is.
    #[schemars(with = "schema::Position")]
    location: Position,
    /// Metres to the emergency.
    distance: u32,
    /// When the helper is expected; `null` if that is more than a day ahead.
    estimated_arrival: Option<Timestamp>,
    /// Within 50 m.
    arrived: bool,
    /// When the position arrived.
    updated_at: Timestamp,
}

impl LocationSignal {
    /// The name of the event.
    pub const EVENT: &str = "helper:location";
}

impl From<&Approach> for LocationSignal {
    fn from(approach: &Approach) -> Self {
        Self {
            emergency_id: approach.emergency.into(),
            helper_id: approach.fix.user.shown().into(),
            location: approach.fix.position,
            distance: approach.distance.whole(),
            estimated_arrival: approach.estimated_arrival,
            arrived: approach.arrived,
            updated_at: approach.fix.at,
        }
    }
}

/// The payload of `emergency:location`: where the owner of an emergency is whose place follows them, for the participants.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EmergencyLocationPayload")]
pub struct OwnerSignal {
    /// The emergency.
    emergency_id: Uuid,
    /// Where the owner is.
    location: LocationView<'static>,
    /// Metres from the stored place.
    moved_by: u32,
    /// When the position arrived.
    updated_at: Timestamp,
}

impl OwnerSignal {
    /// The name of the event.
    pub const EVENT: &str = "emergency:location";

    /// The owner of an emergency is at this position, so far from its stored place.
    pub fn new(emergency: EmergencyId, position: Position, moved_by: Metres, at: Timestamp) -> Self {
        let location = LocationView::exact(position);
        Self { emergency_id: emergency.into(), location, moved_by: moved_by.whole(), updated_at: at }
    }
}

/// The payload of `presence:update`: a participant came online or went offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PresenceUpdatePayload")]
pub struct PresenceSignal {
    /// The user.
    user_id: Uuid,
    /// Whether the user has a connection to any node.
    online: bool,
    /// When the user was connected last.
    last_seen_at: Option<Timestamp>,
}

impl PresenceSignal {
    /// The name of the event.
    pub const EVENT: &str = "presence:update";
}

impl From<&PresenceNews> for PresenceSignal {
    fn from(news: &PresenceNews) -> Self {
        Self { user_id: news.user.shown().into(), online: news.online, last_seen_at: news.last_seen_at }
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::{
        port::Fix,
        testing::{EMERGENCY, GRACE_HOPPER, at, id},
    };
    use insta::assert_snapshot;

    use super::*;
    use crate::testing::{filled_emergency, shown};

    #[test]
    fn emergency_alerts() {
        assert_snapshot!(shown(&AlertsSignal::new(&filled_emergency(true), at(7), false)), @r#"
        {
          "acknowledged": 1,
          "alerted": 2,
          "declined": 0,
          "delivered": 1,
          "emergencyId": "00000000-0000-0000-0000-000000000064",
          "failed": 0,
          "relaxed": [],
          "seen": 0,
          "sent": 1,
          "skipped": {"engaged": null, "limit": null, "paused": null, "quiet": 3},
          "timestamp": "2026-01-15T10:00:07Z",
          "wave": 1
        }
        "#);
    }

    #[test]
    fn helper_location() {
        let fix = Fix { user: id(GRACE_HOPPER), position: Position::new(52.501, 13.25).unwrap(), at: at(7) };
        let (emergency, distance, estimated_arrival) = (id(EMERGENCY), Metres::new(111.6), Some(at(80)));
        let approach = Approach { emergency, fix, distance, estimated_arrival, arrived: false };
        assert_snapshot!(shown(&LocationSignal::from(&approach)), @r#"
        {
          "arrived": false,
          "distance": 112,
          "emergencyId": "00000000-0000-0000-0000-000000000064",
          "estimatedArrival": "2026-01-15T10:01:20Z",
          "helperId": "00000000-0000-0000-0000-000000000002",
          "location": {"latitude": 52.501, "longitude": 13.25},
          "updatedAt": "2026-01-15T10:00:07Z"
        }
        "#);
    }

    #[test]
    fn emergency_location() {
        let position = Position::new(52.501, 13.25).unwrap();
        let signal = OwnerSignal::new(id(EMERGENCY), position, Metres::new(111.6), at(7));
        assert_snapshot!(shown(&signal), @r#"
        {
          "emergencyId": "00000000-0000-0000-0000-000000000064",
          "location": {"address": null, "description": null, "latitude": 52.501, "longitude": 13.25, "precision": 0},
          "movedBy": 112,
          "updatedAt": "2026-01-15T10:00:07Z"
        }
        "#);
    }

    #[test]
    fn presence_update() {
        let news = PresenceNews { user: id(GRACE_HOPPER), online: false, last_seen_at: Some(at(7)) };
        assert_snapshot!(shown(&PresenceSignal::from(&news)), @r#"
        {
          "lastSeenAt": "2026-01-15T10:00:07Z",
          "online": false,
          "userId": "00000000-0000-0000-0000-000000000002"
        }
        "#);
    }
}
