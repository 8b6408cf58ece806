//! The flat form of an emergency for stores, with one field per column.

use super::{Call, Emergency, EmergencyState, EmergencyStatus, Ending, ResolutionType, Response, Revision};
use crate::{AlertCounts, Metres, Person, Search, Text, Timestamp};

/// All data of an emergency, for stores: read it back with [`Emergency::restore`].
#[derive(Debug, Clone, PartialEq)]
pub struct EmergencySnapshot {
    /// The call.
    pub call: Call,
    /// The client's idempotency key.
    pub request_id: Option<Text<100>>,
    /// The status.
    pub status: EmergencyStatus,
    /// Radius within which helpers are alerted.
    pub alert_radius: Metres,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the first helper accepted.
    pub first_response_at: Option<Timestamp>,
    /// How it ended; set if and only if it has ended.
    pub ending: Option<Ending>,
    /// The kind of its resolution; set if and only if it is resolved.
    pub resolution: Option<ResolutionType>,
    /// All responses, in the order of each helper's first acceptance.
    pub responses: Vec<Response>,
    /// Counts of alerts.
    pub alerts: AlertCounts,
    /// When the timer of alerts is due; only set while it is live.
    pub next_alert_at: Option<Timestamp>,
    /// When the owner last asked for more help, or the emergency was reopened.
    pub renewed_at: Option<Timestamp>,
    /// The search. Its own [`Search::due_at`] is ignored in favour of `next_alert_at`.
    pub search: Search,
    /// The stored revision.
    pub revision: Revision,
}

/// The error for a stored emergency with a column that contradicts its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{column} contradicts the status {status}")]
pub struct ImpossibleState {
    /// The column that contradicts the status.
    pub column: &'static str,
    /// The status.
    pub status: EmergencyStatus,
}

impl Emergency {
    /// Restores an emergency from its stored form.
    ///
    /// # Errors
    /// Returns an error if ending, resolution or timer contradict the status.
    pub fn restore(snapshot: EmergencySnapshot) -> Result<Self, ImpossibleState> {
        let EmergencySnapshot { mut call, request_id, status, alert_radius, updated_at, .. } = snapshot;
        let EmergencySnapshot { first_response_at, mut responses, alerts, revision, .. } = snapshot;
        let EmergencySnapshot { ending, resolution, next_alert_at, renewed_at, mut search, .. } = snapshot;
        let impossible = |column| ImpossibleState { column, status };
        let state = match (status, ending, resolution) {
            (EmergencyStatus::Active, None, None) => EmergencyState::Active,
            (EmergencyStatus::Responding, None, None) => EmergencyState::Responding,
            (EmergencyStatus::Resolved, Some(ending), Some(resolution)) => {
                EmergencyState::Resolved { resolution, ending }
            }
            (EmergencyStatus::Cancelled, Some(ending), None) => EmergencyState::Cancelled(ending),
            (EmergencyStatus::Resolved, Some(_), None)
            | (EmergencyStatus::Active | EmergencyStatus::Responding, None, Some(_))
            | (EmergencyStatus::Cancelled, Some(_), Some(_)) => return Err(impossible("resolution")),
            (EmergencyStatus::Active | EmergencyStatus::Responding, Some(_), _)
            | (EmergencyStatus::Resolved | EmergencyStatus::Cancelled, None, _) => return Err(impossible("ended_at")),
        };
        if next_alert_at.is_some() && !status.is_live() {
            return Err(impossible("next_alert_at"));
        }
        // The names are those of the accounts, and were not stored with it.
        if search.is_thinned {
            let persons = responses.iter_mut().map(|response| &mut response.helper.person);
            persons.chain([&mut call.owner]).for_each(Person::withhold_name);
        }
        // Stored by a node of a release without searches: its timer is the one of the next wave.
        if status == EmergencyStatus::Active && search.wave_at.is_none() {
            search.wave_at = next_alert_at;
        }
        // Otherwise the timer is the end of the time for which completed responses count.
        search.due_at =
            next_alert_at.filter(|_| search.is_running() || search.is_holding() || search.decide_at.is_some());
        Ok(Self {
            call,
            request_id,
            state,
            alert_radius,
            updated_at,
            first_response_at,
            responses,
            alerts,
            renewed_at,
            search,
            revision,
        })
    }

    /// Converts the emergency to its stored form.
    pub fn into_snapshot(self) -> EmergencySnapshot {
        let (status, next_alert_at) = (self.status(), self.next_alert_at());
        let (resolution, ending) = match self.state {
            EmergencyState::Active | EmergencyState::Responding => (None, None),
            EmergencyState::Resolved { resolution, ending } => (Some(resolution), Some(ending)),
            EmergencyState::Cancelled(ending) => (None, Some(ending)),
        };
        let Self { call, request_id, state: _, alert_radius, updated_at, first_response_at, .. } = self;
        let Self { responses, alerts, renewed_at, search, revision, .. } = self;
        EmergencySnapshot {
            call,
            request_id,
            status,
            alert_radius,
            updated_at,
            first_response_at,
            ending,
            resolution,
            responses,
            alerts,
            next_alert_at,
            renewed_at,
            search,
            revision,
        }
    }
}
