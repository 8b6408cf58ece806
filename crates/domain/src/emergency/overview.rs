//! A live emergency as the log keeps it for a helper who accepted it.

use serde::{Deserialize, Serialize};

use super::{Call, Emergency, EmergencySnapshot, EmergencyStatus, ImpossibleState, Response, Revision};
use crate::{AlertCounts, Metres, Search, Timestamp};

/// A live emergency at one moment: everything that participants are shown, without the state of its search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "StoredOverview", try_from = "StoredOverview")]
pub struct EmergencyOverview(Box<Emergency>);

impl EmergencyOverview {
    /// The emergency; its search, its revision and its idempotency key are those of a new one.
    pub fn emergency(&self) -> &Emergency {
        &self.0
    }
}

impl From<&Emergency> for EmergencyOverview {
    fn from(emergency: &Emergency) -> Self {
        let plain = |response: &Response| Response {
            record: crate::ResponseRecord::default(),
            last_fix: None,
            ..response.clone()
        };
        Self(Box::new(Emergency {
            call: emergency.call.clone(),
            request_id: None,
            state: emergency.state.clone(),
            alert_radius: emergency.alert_radius,
            updated_at: emergency.updated_at,
            first_response_at: emergency.first_response_at,
            responses: emergency.responses.iter().map(plain).collect(),
            alerts: emergency.alerts,
            renewed_at: None,
            search: Search::default(),
            revision: Revision(0),
        }))
    }
}

/// The stored form. Like every event it must stay readable: fields may be added, never renamed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredOverview {
    call: Call,
    status: EmergencyStatus,
    alert_radius: Metres,
    updated_at: Timestamp,
    first_response_at: Option<Timestamp>,
    responses: Vec<Response>,
    alerts: AlertCounts,
}

impl From<EmergencyOverview> for StoredOverview {
    fn from(EmergencyOverview(emergency): EmergencyOverview) -> Self {
        let EmergencySnapshot { call, status, alert_radius, updated_at, first_response_at, responses, alerts, .. } =
            emergency.into_snapshot();
        Self { call, status, alert_radius, updated_at, first_response_at, responses, alerts }
    }
}

impl TryFrom<StoredOverview> for EmergencyOverview {
    type Error = ImpossibleState;

    fn try_from(stored: StoredOverview) -> Result<Self, ImpossibleState> {
        let StoredOverview { call, status, alert_radius, updated_at, first_response_at, responses, alerts } = stored;
        let emergency = Emergency::restore(EmergencySnapshot {
            call,
            request_id: None,
            status,
            alert_radius,
            updated_at,
            first_response_at,
            ending: None,
            resolution: None,
            responses,
            alerts,
            next_alert_at: None,
            renewed_at: None,
            search: Search::default(),
            revision: Revision(0),
        })?;
        Ok(Self(Box::new(emergency)))
    }
}
