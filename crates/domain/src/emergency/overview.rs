//! A live emergency as the log keeps it for a helper who accepted it.

use serde::{Deserialize, Serialize};

use super::{
    Call, Emergency, EmergencySnapshot, EmergencyStatus, ImpossibleState, Response, ResponseDispatch, ResponseRecord,
    ResponseStatus, Revision,
};
use crate::{AlertCounts, Metres, Search, SkippedCounts, Timestamp, UserId, dispatch::Assignment};

/// A live emergency at one moment: everything that participants are shown. Of its search these are the numbers of helpers that
/// were passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "StoredOverview", try_from = "StoredOverview")]
pub struct EmergencyOverview(Box<Emergency>);

impl EmergencyOverview {
    /// The emergency; the rest of its search, its revision and its idempotency key are those of a new one.
    pub fn emergency(&self) -> &Emergency {
        &self.0
    }

    /// The overview for this helper, without the roles of helpers that a block separates from them.
    pub fn shown_to(helper: UserId, emergency: &Emergency) -> Self {
        let mut overview = Self::from(emergency);
        let separated = emergency.separated_helpers(helper);
        for response in overview.0.responses.iter_mut().filter(|r| separated.contains(&r.helper.person.id)) {
            response.record.dispatch.assignment = None;
        }
        overview
    }
}

/// Number of responses in an overview: each acceptance logs one, so that a crowd would otherwise fill log and memory with
/// its square.
const MAX_RESPONSES: usize = 50;

impl From<&Emergency> for EmergencyOverview {
    /// Keeps the responses that are not cancelled, of more than fifty those that changed last.
    fn from(emergency: &Emergency) -> Self {
        let plain = |response: &Response| Response {
            last_fix: None,
            ..with_record(response.clone(), response.assignment(), response.is_stalled())
        };
        let is_open = |response: &&Response| response.status != ResponseStatus::Cancelled;
        let mut newest: Vec<_> = emergency.responses.iter().filter(is_open).map(|r| r.updated_at).collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let oldest_kept = newest.get(MAX_RESPONSES - 1).copied();
        let is_kept = |response: &&Response| oldest_kept.is_none_or(|oldest| response.updated_at >= oldest);
        let responses = emergency.responses.iter().filter(is_open).filter(is_kept).map(plain);
        Self(Box::new(Emergency {
            call: emergency.call.clone(),
            request_id: None,
            state: emergency.state.clone(),
            alert_radius: emergency.alert_radius,
            updated_at: emergency.updated_at,
            first_response_at: emergency.first_response_at,
            responses: responses.collect(),
            alerts: emergency.alerts,
            renewed_at: None,
            search: Search { skipped: emergency.search.skipped, ..Search::default() },
            revision: Revision(0),
        }))
    }
}

/// The response with what the service records about it as far as participants are shown it: the role, and whether it is stalled, not
/// since when.
fn with_record(response: Response, assignment: Option<Assignment>, is_stalled: bool) -> Response {
    let stalled_at = is_stalled.then_some(response.updated_at);
    let dispatch = ResponseDispatch { stalled_at, assignment, ..ResponseDispatch::default() };
    Response { record: ResponseRecord { dispatch, ..ResponseRecord::default() }, ..response }
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
    #[serde(default, skip_serializing_if = "SkippedCounts::is_zero")]
    skipped: SkippedCounts,
    /// The helpers whose responses are stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stalled: Vec<UserId>,
    /// The roles of helpers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<(UserId, Assignment)>,
}

impl From<EmergencyOverview> for StoredOverview {
    fn from(EmergencyOverview(emergency): EmergencyOverview) -> Self {
        let EmergencySnapshot {
            call,
            status,
            alert_radius,
            updated_at,
            first_response_at,
            responses,
            alerts,
            search,
            ..
        } = emergency.into_snapshot();
        let id = |response: &Response| response.helper.person.id;
        let stalled = responses.iter().filter(|r| r.is_stalled()).map(id).collect();
        let roles = responses.iter().filter_map(|r| Some((id(r), r.assignment()?))).collect();
        let skipped = search.skipped;
        Self { call, status, alert_radius, updated_at, first_response_at, responses, alerts, skipped, stalled, roles }
    }
}

impl TryFrom<StoredOverview> for EmergencyOverview {
    type Error = ImpossibleState;

    fn try_from(stored: StoredOverview) -> Result<Self, ImpossibleState> {
        let StoredOverview { call, status, alert_radius, updated_at, first_response_at, .. } = stored;
        let StoredOverview { responses, alerts, skipped, stalled, roles, .. } = stored;
        let responses = responses.into_iter().map(|response| {
            let id = response.helper.person.id;
            let assignment = roles.iter().find(|(helper, _)| *helper == id).map(|(_, assignment)| *assignment);
            with_record(response, assignment, stalled.contains(&id))
        });
        let emergency = Emergency::restore(EmergencySnapshot {
            call,
            request_id: None,
            status,
            alert_radius,
            updated_at,
            first_response_at,
            ending: None,
            resolution: None,
            responses: responses.collect(),
            alerts,
            next_alert_at: None,
            renewed_at: None,
            search: Search { skipped, ..Search::default() },
            revision: Revision(0),
        })?;
        Ok(Self(Box::new(emergency)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, edited, helper_card, id, with_responses};

    #[test]
    fn an_overview_has_the_responses_that_changed_last_and_no_cancelled_one() {
        let many: Vec<_> =
            (2..202).map(|n| (n, ResponseStatus::Responding)).chain([(300, ResponseStatus::Cancelled)]).collect();
        let emergency = edited(with_responses(&many), |e| {
            for (second, response) in (0..).zip(&mut e.responses) {
                response.updated_at = at(second);
            }
        });
        let overview = EmergencyOverview::from(&emergency);
        let helpers: Vec<_> = overview.emergency().responses().iter().map(|r| r.helper.person.id).collect();
        assert_eq!(helpers, (152..202).map(id).collect::<Vec<_>>());
        assert_eq!(EmergencyOverview::from(overview.emergency()), overview);
        assert_eq!(helper_card(201).person.id, helpers[49]);
    }
}
