//! Emergencies in REST answers, rendered for a viewer.

use allynet_domain::{
    DeletedEmergency, Disclosure, Emergency, EmergencyStatus, EmergencyType, Metres, PlacePolicy, Priority,
    ResolutionType, ResourceId, Response, ResponseStatus, SkippedCounts, Stage, Timestamp, UserId, dispatch::TeamRole,
    port::Presence, usecase::reading::EmergencyHelpers,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::documents::schema::{self, Id, Word};

use super::{HelperView, Ids, LocationView, OriginView, PersonView};

/// An emergency as one viewer may see it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Emergency")]
pub struct EmergencyView<'a> {
    #[serde(flatten)]
    #[schemars(with = "Id")]
    ids: Ids,
    /// The kind of emergency.
    #[serde(rename = "type")]
    #[schemars(with = "Word<EmergencyType>")]
    kind: EmergencyType,
    /// A word of the client for the kind.
    #[schemars(length(max = 50))]
    category: Option<&'a str>,
    /// What happened.
    #[schemars(length(max = 1000))]
    description: Option<&'a str>,
    /// The place, as precise as the viewer may know it.
    location: LocationView<'a>,
    /// The place that was given when it was raised; `null` until it has moved.
    origin: Option<OriginView<'a>>,
    /// Whether the place stays where it is when the owner moves; `null` for users who take no part.
    fixed_place: Option<bool>,
    /// How urgent it is.
    #[schemars(with = "Word<Priority>")]
    priority: Priority,
    /// From 1 (least) to 10.
    #[schemars(range(min = 1, max = 10))]
    severity: u8,
    /// Where the emergency is in its life.
    #[schemars(with = "Word<EmergencyStatus>")]
    status: EmergencyStatus,
    /// Nothing may make a sound at the owner's side.
    silent_mode: bool,
    /// The owner is not shown to other users.
    anonymous_mode: bool,
    /// The radius within which helpers are alerted, in metres. Where waves are sent: the smallest of the service's radii (by default 5,
    /// 10 and 15 km) that holds three available helpers, or the largest; it grows while no helper responds. Where helpers are chosen by
    /// gain: the smallest that holds every helper alerted.
    alert_radius: u32,
    /// The owner; `null` where the viewer may not know them.
    user: Option<PersonView<'a>>,
    /// The responses. Cancelled ones are kept.
    #[schemars(length(max = 1000))]
    responding_helpers: Vec<ResponseView<'a>>,
    /// When the emergency was raised.
    created_at: Timestamp,
    /// When it changed last.
    updated_at: Timestamp,
    /// When the first helper accepted.
    first_response_at: Option<Timestamp>,
    /// When it ended, whether resolved or cancelled.
    resolved_at: Option<Timestamp>,
    /// The user that ended it; `null` where the viewer may not know, or if the service did.
    resolved_by: Option<Uuid>,
    /// How it ended; `null` while it is live, or if it was cancelled.
    #[schemars(with = "Option<Word<ResolutionType>>")]
    resolution_type: Option<ResolutionType>,
    /// What was noted at the end.
    #[schemars(length(max = 500))]
    resolution_notes: Option<&'a str>,
    /// Metres from the caller; `null` where it is not known.
    distance: Option<u32>,
    /// How many helpers were alerted and reached; `null` for users who take no part.
    alerts: Option<AlertsView>,
}

/// An emergency in the list for administrators.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedEmergency")]
pub struct ListedEmergencyView<'a> {
    /// The emergency.
    #[serde(flatten)]
    pub emergency: EmergencyView<'a>,
    /// Number of emergencies that its owner raised in the ten minutes before it.
    pub repeats: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Response")]
struct ResponseView<'a> {
    /// The helper.
    helper: HelperView<'a>,
    /// How far the helper is.
    #[schemars(with = "Word<ResponseStatus>")]
    status: ResponseStatus,
    /// What the helper noted.
    #[schemars(length(max = 500))]
    notes: Option<&'a str>,
    /// When the helper expects to arrive.
    estimated_arrival: Option<Timestamp>,
    /// When the helper accepted.
    responded_at: Timestamp,
    /// When the response changed last.
    updated_at: Timestamp,
    /// Whether the helper gave no sign for too long, and does not count as help until the next one; `null` for viewers who take no
    /// part.
    stalled: Option<bool>,
    /// The task of a helper who comes; `null` for viewers who take no part, and for a helper whom a block separates from this one.
    #[schemars(with = "Option<Word<TeamRole>>")]
    role: Option<TeamRole>,
    /// The box that the helper brings; `null` for viewers who take no part, and for a helper whom a block separates from this one.
    #[schemars(with = "Option<Uuid>")]
    resource_id: Option<ResourceId>,
    /// Whether the helper is connected; `null` where the viewer may not know.
    online: Option<bool>,
    /// When the helper was connected last; `null` where the viewer may not know.
    last_seen_at: Option<Timestamp>,
    #[serde(skip)]
    #[schemars(with = "Option<Uuid>")]
    takes_part: Option<UserId>,
}

impl<'a> ResponseView<'a> {
    fn new(response: &'a Response, stage: Stage, shown: Disclosure, ids: fn(Uuid) -> Ids) -> Self {
        let texts = shown.shows_texts();
        let assignment = response.assignment().filter(|_| stage.is_participant());
        Self {
            helper: HelperView::new(&response.helper, ids),
            status: response.status,
            notes: response.notes.as_ref().filter(|_| texts).map(allynet_domain::Text::as_str),
            estimated_arrival: response.estimated_arrival.filter(|_| texts),
            responded_at: response.responded_at,
            updated_at: response.updated_at,
            stalled: stage.is_participant().then_some(response.is_stalled()),
            role: assignment.map(|held| held.role),
            resource_id: assignment.and_then(|held| held.resource),
            online: None,
            last_seen_at: None,
            takes_part: (response.status != ResponseStatus::Cancelled).then_some(response.helper.person.id),
        }
    }

    fn add_presence(&mut self, presence: &dyn Presence, separated: &[UserId]) {
        let shown = self.takes_part.filter(|helper| !separated.contains(helper));
        self.online = shown.map(|helper| presence.is_online(helper));
        self.last_seen_at = shown.and_then(|helper| presence.last_seen(helper));
        if shown.is_none() {
            (self.role, self.resource_id) = (None, None);
        }
    }
}

/// How many helpers within the alert radius were passed over, by reason. Numbers below 3 are `null`, because they could tell of
/// one helper, unless an administrator reads them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Skipped")]
pub(crate) struct SkippedView {
    /// In quiet hours.
    quiet: Option<u32>,
    /// In a pause.
    paused: Option<u32>,
    /// In an emergency of their own, or responding to another.
    engaged: Option<u32>,
    /// At their limit of alerts.
    #[schemars(example = 3)]
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

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Alerts")]
struct AlertsView {
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
        let shown = places.disclosure(stage, details.anonymous).of_thinned(emergency.is_thinned());
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
            origin: call.movement.origin.as_deref().map(|origin| LocationView::new(origin, shown).into()),
            fixed_place: (stage.is_participant() && !emergency.is_thinned()).then_some(!emergency.follows_owner()),
            priority: details.priority,
            severity: details.severity.get(),
            status: emergency.status(),
            silent_mode: details.silent,
            anonymous_mode: details.anonymous,
            alert_radius: emergency.alert_radius().whole(),
            user: PersonView::of_owner(shown.owner(&call.owner), ids),
            responding_helpers: emergency.responses().iter().map(|r| ResponseView::new(r, stage, shown, ids)).collect(),
            created_at: call.created_at,
            updated_at: emergency.updated_at(),
            first_response_at: emergency.first_response_at(),
            resolved_at: ending.map(|e| e.at),
            resolved_by: by.map(|by| by.shown().into()),
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
                relaxed: emergency.search().relaxed.clone(),
                skipped: SkippedView::new(emergency.search().skipped, stage == Stage::Administrator),
            }),
        }
    }

    /// Adds whether the responding helpers are online, if the viewer is a participant or an administrator. Not of helpers
    /// that a block separates from the viewer ([`Emergency::separated_from`]): their roles are not shown either.
    #[must_use]
    pub fn with_presence(mut self, presence: &dyn Presence, separated: &[UserId]) -> Self {
        for response in self.responding_helpers.iter_mut().filter(|_| self.alerts.is_some()) {
            response.add_presence(presence, separated);
        }
        self
    }
}

/// One emergency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EmergencyData<'a> {
    /// The emergency.
    pub emergency: EmergencyView<'a>,
}

/// The record of a deleted emergency, for administrators.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DeletedEmergency")]
pub struct DeletedEmergencyView<'a> {
    #[serde(flatten)]
    #[schemars(with = "Id")]
    ids: Ids,
    /// The kind of emergency.
    #[serde(rename = "type")]
    #[schemars(with = "Word<EmergencyType>")]
    kind: EmergencyType,
    /// Always `deleted`.
    #[schemars(with = "schema::Deleted")]
    status: &'static str,
    /// How the emergency had ended.
    #[schemars(with = "Word<EmergencyStatus>")]
    ended_as: EmergencyStatus,
    /// The owner.
    user: PersonView<'a>,
    /// The centre of a cell of 1,000 m.
    location: AreaView,
    /// When the emergency was raised.
    created_at: Timestamp,
    /// When it ended.
    ended_at: Timestamp,
    /// When its owner deleted it.
    deleted_at: Timestamp,
}

/// A place that is known to a kilometre.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Area")]
struct AreaView {
    /// Degrees north (WGS 84).
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east (WGS 84).
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
    /// The size of the cell, in metres.
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

/// An emergency that was raised.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Raised")]
pub struct RaisedView<'a> {
    /// The emergency.
    pub emergency: EmergencyView<'a>,
    /// Available helpers within the alert radius, connected or not, without the owner.
    pub nearby_helper_count: u32,
}

/// The helpers of an emergency.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EmergencyHelpers")]
pub struct HelpersView<'a> {
    /// The responses that are not cancelled.
    #[schemars(length(max = 1000))]
    helpers: Vec<ResponderView<'a>>,
    /// The number of `helpers`.
    count: usize,
    /// Available helpers within the largest radius of `within` that are connected; `null` if there are one or two. Those who respond are
    /// not available.
    online: Option<u32>,
    /// Available helpers within 500, 1,000, 2,000 and 5,000 metres, as far as the alert radius; each number includes those of the
    /// smaller radii.
    #[schemars(length(max = 10))]
    within: Vec<CountView>,
}

/// A response that is not cancelled, with the keys of its helper beside it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Responder")]
struct ResponderView<'a> {
    #[serde(flatten)]
    helper: HelperView<'a>,
    #[serde(flatten)]
    response: ResponseView<'a>,
    /// Metres to the emergency; `null` for viewers who take no part.
    distance: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HelperCount")]
struct CountView {
    /// Metres.
    radius: u32,
    /// The number of available helpers; `null` if there are one or two.
    count: Option<u32>,
}

impl<'a> HelpersView<'a> {
    /// Renders the helpers. Only viewers who take part see their presence.
    pub fn new(found: &'a EmergencyHelpers, places: &PlacePolicy, presence: &dyn Presence) -> Self {
        let EmergencyHelpers { emergency, stage, separated, distances, available } = found;
        let shown = places.disclosure(*stage, emergency.call().details.anonymous).of_thinned(emergency.is_thinned());
        let render = |response: &'a Response| {
            let mut view = ResponseView::new(response, *stage, shown, Ids::both);
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
