//! Emergencies in REST answers, rendered for a viewer.

use allynet_domain::{
    DeletedEmergency, Disclosure, Emergency, EmergencyStatus, EmergencyType, Location, Metres, PlacePolicy, Priority,
    ResolutionType, Response, ResponseStatus, SkippedCounts, Stage, Timestamp, UserId, port::Presence,
    usecase::reading::EmergencyHelpers,
};
use serde::Serialize;
use uuid::Uuid;

use super::{HelperView, Ids, PersonView};

/// `{latitude, longitude, precision, address, description}`
#[derive(Debug, Serialize)]
pub struct LocationView<'a> {
    latitude: f64,
    longitude: f64,
    /// Size of the cell whose centre this is, in metres; 0 for the exact place.
    precision: u32,
    address: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> LocationView<'a> {
    /// Renders a place as far as it is disclosed.
    pub fn new(location: &'a Location, shown: Disclosure) -> Self {
        let Location { position, address, description } = location;
        let (position, texts) = (shown.place(*position), shown.shows_texts());
        Self {
            latitude: position.latitude(),
            longitude: position.longitude(),
            precision: shown.precision(),
            address: address.as_ref().filter(|_| texts).map(allynet_domain::Text::as_str),
            description: description.as_ref().filter(|_| texts).map(allynet_domain::Text::as_str),
        }
    }
}

/// An emergency as one viewer may see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmergencyView<'a> {
    #[serde(flatten)]
    ids: Ids,
    #[serde(rename = "type")]
    kind: EmergencyType,
    category: Option<&'a str>,
    description: Option<&'a str>,
    location: LocationView<'a>,
    priority: Priority,
    severity: u8,
    status: EmergencyStatus,
    silent_mode: bool,
    anonymous_mode: bool,
    alert_radius: u32,
    user: Option<PersonView<'a>>,
    responding_helpers: Vec<ResponseView<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    first_response_at: Option<Timestamp>,
    resolved_at: Option<Timestamp>,
    resolved_by: Option<Uuid>,
    resolution_type: Option<ResolutionType>,
    resolution_notes: Option<&'a str>,
    distance: Option<u32>,
    alerts: Option<AlertsView>,
}

/// An emergency in the list for administrators.
#[derive(Debug, Serialize)]
pub struct ListedEmergencyView<'a> {
    /// The emergency.
    #[serde(flatten)]
    pub emergency: EmergencyView<'a>,
    /// Number of emergencies that its owner raised in the ten minutes before it.
    pub repeats: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseView<'a> {
    helper: HelperView<'a>,
    status: ResponseStatus,
    notes: Option<&'a str>,
    estimated_arrival: Option<Timestamp>,
    responded_at: Timestamp,
    updated_at: Timestamp,
    online: Option<bool>,
    last_seen_at: Option<Timestamp>,
    #[serde(skip)]
    takes_part: Option<UserId>,
}

impl<'a> ResponseView<'a> {
    fn new(response: &'a Response, shown: Disclosure, ids: fn(Uuid) -> Ids) -> Self {
        let texts = shown.shows_texts();
        Self {
            helper: HelperView::new(&response.helper, ids),
            status: response.status,
            notes: response.notes.as_ref().filter(|_| texts).map(allynet_domain::Text::as_str),
            estimated_arrival: response.estimated_arrival.filter(|_| texts),
            responded_at: response.responded_at,
            updated_at: response.updated_at,
            online: None,
            last_seen_at: None,
            takes_part: (response.status != ResponseStatus::Cancelled).then_some(response.helper.person.id),
        }
    }

    fn add_presence(&mut self, presence: &dyn Presence, separated: &[UserId]) {
        let shown = self.takes_part.filter(|helper| !separated.contains(helper));
        self.online = shown.map(|helper| presence.is_online(helper));
        self.last_seen_at = shown.and_then(|helper| presence.last_seen(helper));
    }
}

/// How many helpers within the alert radius were passed over, by reason. `null` for numbers below [`MIN_SHOWN_SKIPPED`], which
/// could tell of one helper, unless an administrator reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SkippedView {
    quiet: Option<u32>,
    paused: Option<u32>,
    engaged: Option<u32>,
    limit: Option<u32>,
}

/// The smallest number of helpers passed over that the owner and responding helpers are shown.
const MIN_SHOWN_SKIPPED: u32 = 3;

impl SkippedView {
    pub(crate) fn new(counts: SkippedCounts, is_administrator: bool) -> Self {
        let SkippedCounts { quiet, paused, engaged, limit } = counts;
        let shown = |count: u32| (is_administrator || count >= MIN_SHOWN_SKIPPED).then_some(count);
        Self { quiet: shown(quiet), paused: shown(paused), engaged: shown(engaged), limit: shown(limit) }
    }
}

#[derive(Debug, Serialize)]
struct AlertsView {
    wave: u16,
    alerted: u32,
    sent: u32,
    delivered: u32,
    acknowledged: u32,
    seen: u32,
    declined: u32,
    failed: u32,
    skipped: SkippedView,
}

impl<'a> EmergencyView<'a> {
    /// Renders the emergency for a viewer in this stage. `distance` is measured from the place that is shown to them.
    pub fn new(emergency: &'a Emergency, stage: Stage, places: &PlacePolicy, distance: Option<Metres>) -> Self {
        Self::with_ids(Ids::both, emergency, stage, places, distance)
    }

    /// Renders the emergency for events, which have no `_id`, without a distance.
    pub(crate) fn without_aliases(emergency: &'a Emergency, stage: Stage, places: &PlacePolicy) -> Self {
        Self::with_ids(Ids::plain, emergency, stage, places, None)
    }

    fn with_ids(
        ids: fn(Uuid) -> Ids,
        emergency: &'a Emergency,
        stage: Stage,
        places: &PlacePolicy,
        distance: Option<Metres>,
    ) -> Self {
        let call = &emergency.call();
        let details = &call.details;
        let shown = places.disclosure(stage, details.anonymous);
        let (texts, description) = (shown.shows_texts(), shown.shows_description());
        let ending = emergency.ending();
        let by = ending.and_then(|e| e.by).filter(|&by| texts && (shown.identifies_owner() || by != call.owner.id));
        let alerts = emergency.alerts();
        Self {
            ids: ids(call.id.into()),
            kind: details.kind,
            category: details.category.as_ref().filter(|_| description).map(allynet_domain::Text::as_str),
            description: details.description.as_ref().filter(|_| description).map(allynet_domain::Text::as_str),
            location: LocationView::new(&details.location, shown),
            priority: details.priority,
            severity: details.severity.get(),
            status: emergency.status(),
            silent_mode: details.silent,
            anonymous_mode: details.anonymous,
            alert_radius: emergency.alert_radius().whole(),
            user: PersonView::of_owner(shown.owner(&call.owner), ids),
            responding_helpers: emergency.responses().iter().map(|r| ResponseView::new(r, shown, ids)).collect(),
            created_at: call.created_at,
            updated_at: emergency.updated_at(),
            first_response_at: emergency.first_response_at(),
            resolved_at: ending.map(|e| e.at),
            resolved_by: by.map(Into::into),
            resolution_type: emergency.resolution(),
            resolution_notes: ending.and_then(|e| e.notes.as_ref()).filter(|_| texts).map(allynet_domain::Text::as_str),
            distance: distance.map(|distance| shown.metres(distance)),
            alerts: stage.is_participant().then_some(AlertsView {
                wave: alerts.wave,
                alerted: alerts.alerted,
                sent: alerts.sent,
                delivered: alerts.acknowledged,
                acknowledged: alerts.acknowledged,
                seen: alerts.seen,
                declined: alerts.declined,
                failed: alerts.failed,
                skipped: SkippedView::new(emergency.search().skipped, stage == Stage::Administrator),
            }),
        }
    }

    /// Adds whether the responding helpers are online, if the viewer is a participant or an administrator. Not of helpers
    /// that a block separates from the viewer ([`Emergency::separated_from`]).
    #[must_use]
    pub fn with_presence(mut self, presence: &dyn Presence, separated: &[UserId]) -> Self {
        for response in self.responding_helpers.iter_mut().filter(|_| self.alerts.is_some()) {
            response.add_presence(presence, separated);
        }
        self
    }
}

/// `{emergency}`
#[derive(Debug, Serialize)]
pub struct EmergencyData<'a> {
    /// The emergency.
    pub emergency: EmergencyView<'a>,
}

/// The record of a deleted emergency, for administrators.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedEmergencyView<'a> {
    #[serde(flatten)]
    ids: Ids,
    #[serde(rename = "type")]
    kind: EmergencyType,
    status: &'static str,
    ended_as: EmergencyStatus,
    user: PersonView<'a>,
    location: AreaView,
    created_at: Timestamp,
    ended_at: Timestamp,
    deleted_at: Timestamp,
}

/// A place that is known to a kilometre.
#[derive(Debug, Serialize)]
struct AreaView {
    latitude: f64,
    longitude: f64,
    precision: u32,
}

impl<'a> From<&'a DeletedEmergency> for DeletedEmergencyView<'a> {
    fn from(record: &'a DeletedEmergency) -> Self {
        let DeletedEmergency { id, owner, request_id: _, kind, status, place, created_at, ended_at, deleted_at } =
            record;
        Self {
            ids: Ids::both(*id),
            kind: *kind,
            status: "deleted",
            ended_as: *status,
            user: PersonView::new(owner, Ids::both),
            location: AreaView { latitude: place.latitude(), longitude: place.longitude(), precision: 1_000 },
            created_at: *created_at,
            ended_at: *ended_at,
            deleted_at: *deleted_at,
        }
    }
}

/// `{emergency, nearbyHelperCount}`
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RaisedView<'a> {
    /// The emergency.
    pub emergency: EmergencyView<'a>,
    /// Helpers on duty within the alert radius.
    pub nearby_helper_count: u32,
}

/// `{helpers, count, online, within}`: the helpers of an emergency.
#[derive(Debug, Serialize)]
pub struct HelpersView<'a> {
    helpers: Vec<ResponderView<'a>>,
    count: usize,
    online: Option<u32>,
    within: Vec<CountView>,
}

/// A response that is not cancelled, with the keys of its helper beside it.
#[derive(Debug, Serialize)]
struct ResponderView<'a> {
    #[serde(flatten)]
    helper: HelperView<'a>,
    #[serde(flatten)]
    response: ResponseView<'a>,
    distance: Option<u32>,
}

#[derive(Debug, Serialize)]
struct CountView {
    radius: u32,
    count: Option<u32>,
}

impl<'a> HelpersView<'a> {
    /// Renders the helpers. Only viewers who take part see their presence.
    pub fn new(found: &'a EmergencyHelpers, places: &PlacePolicy, presence: &dyn Presence) -> Self {
        let EmergencyHelpers { emergency, stage, separated, distances, available } = found;
        let shown = places.disclosure(*stage, emergency.call().details.anonymous);
        let render = |response: &'a Response| {
            let mut view = ResponseView::new(response, shown, Ids::both);
            if stage.is_participant() {
                view.add_presence(presence, separated);
            }
            let distance = distances.get(&response.helper.person.id).map(|distance| distance.whole());
            ResponderView { helper: HelperView::new(&response.helper, Ids::plain), response: view, distance }
        };
        let responses = emergency.responses().iter().filter(|r| r.status != ResponseStatus::Cancelled);
        let helpers: Vec<_> = responses.map(render).collect();
        let count = |&(radius, count)| CountView { radius, count };
        let within = available.within.iter().map(count).collect();
        Self { count: helpers.len(), helpers, online: available.online, within }
    }
}
