//! The payloads of ephemeral events: they tell how things stand, are not in the log, and have no `eventId`.

use allynet_domain::{Emergency, Timestamp};
use serde::Serialize;
use uuid::Uuid;

/// The payload of `emergency:alerts`: how many helpers know, for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertsSignal {
    emergency_id: Uuid,
    wave: u16,
    alerted: u32,
    acknowledged: u32,
    declined: u32,
    timestamp: Timestamp,
}

impl AlertsSignal {
    /// The name of the event.
    pub const EVENT: &str = "emergency:alerts";

    /// How the alerts of an emergency stand now.
    pub fn new(emergency: &Emergency, now: Timestamp) -> Self {
        let counts = emergency.alerts;
        Self {
            emergency_id: emergency.id().into(),
            wave: counts.wave,
            alerted: counts.alerted,
            acknowledged: counts.acknowledged,
            declined: counts.declined,
            timestamp: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::given::{at, emergency, shown};

    #[test]
    fn emergency_alerts() {
        assert_snapshot!(shown(&AlertsSignal::new(&emergency(true), at(7))), @r#"
        {
          "acknowledged": 1,
          "alerted": 2,
          "declined": 0,
          "emergencyId": "00000000-0000-0000-0000-00000000000e",
          "timestamp": "2026-01-15T10:00:07Z",
          "wave": 1
        }
        "#);
    }
}
