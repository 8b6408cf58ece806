//! Names and payloads of server events: each event of the log, rendered for a viewer.

use allynet_domain::{
    AssignedResource, Call, DeviceLoss, Disclosure, EmergencyId, EmergencyStatus, EmergencyType, Event, HelperCard,
    LoggedEvent, LostDevice, NoticeState, PlacePolicy, Position, Priority, ResolutionType, ResponseStatus, Stage, Text,
    Timestamp, UserId, View, Viewer,
    dispatch::{RoleReason, StandDownReason, TeamRole},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::documents::schema::{Id, Word};

use crate::views::{
    AssignedResourceView, EmergencyView, HelperView, Ids, LocationView, MessageView, PersonView, Reader,
};

/// A server event that is ready to send. The payload is encoded, so that one encoding serves every recipient.
#[derive(Debug)]
pub struct Outgoing {
    /// The event's name.
    pub name: &'static str,
    /// The payload with its `eventId`.
    pub payload: Box<RawValue>,
    /// Whether the client is asked for an acknowledgement.
    pub acknowledged: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WithEventId<'a> {
    #[serde(flatten)]
    payload: Payload<'a>,
    event_id: i64,
}

/// Renders an event in a view; `None` for a kind that is not sent to clients.
///
/// # Errors
/// If the payload cannot be encoded as JSON, which no value of the domain causes.
pub fn outgoing(event: &LoggedEvent, view: View, places: &PlacePolicy) -> serde_json::Result<Option<Outgoing>> {
    let reader = match view.viewer {
        Viewer::Anyone | Viewer::Alerted | Viewer::LookerOn => Reader { user: None, unmasks: false },
        Viewer::User(user) => Reader::participant(user),
        Viewer::Administrator => Reader { user: None, unmasks: true },
    };
    let Some(payload) = payload(event, reader, view.stage, places) else { return Ok(None) };
    let (name, acknowledged) = (payload.event(), matches!(payload, Payload::Nearby { .. }));
    let payload = serde_json::value::to_raw_value(&WithEventId { payload, event_id: event.id.get() })?;
    Ok(Some(Outgoing { name, payload, acknowledged }))
}

/// The payload of a server event, without its `eventId`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventPayload")]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum Payload<'a> {
    /// An emergency was raised, for lists. The alert is `emergency:nearby`.
    Created {
        /// The emergency.
        emergency: CallView<'a>,
        /// Available helpers within the alert radius when it was raised, connected or not, without the owner.
        nearby_helper_count: u32,
    },
    /// The alert: this helper is asked to come.
    Nearby {
        /// The emergency.
        emergency: CallView<'a>,
        /// Metres from the helper's last position, coarser where the place is approximate.
        distance: Option<u32>,
    },
    /// A helper accepted.
    Joined {
        /// The emergency.
        emergency_id: Uuid,
        /// The helper.
        helper: JoinedHelper<'a>,
    },
    /// Everything about the emergency, for the helper who has accepted it.
    Details {
        /// The emergency.
        emergency_id: Uuid,
        /// The emergency as in REST answers. `distance` is `null`.
        emergency: Box<EmergencyView<'a>>,
    },
    /// A responding helper changed their status, or cancelled.
    Status {
        /// The emergency.
        emergency_id: Uuid,
        /// The helper.
        helper_id: Uuid,
        /// The new status.
        #[schemars(with = "Word<ResponseStatus>")]
        status: ResponseStatus,
        /// What the helper noted.
        #[schemars(length(max = 500))]
        notes: Option<&'a str>,
        /// Whether the helper gave no sign for too long, and does not count as help until the next one; `null` for viewers who take
        /// no part.
        stalled: Option<bool>,
        /// When it changed.
        updated_at: Timestamp,
    },
    /// The helper gave no sign for a while, and is asked whether they still come. Any sign is an answer.
    Check {
        /// The emergency.
        emergency_id: Uuid,
        /// Until when to answer; after it the helper does not count as help.
        deadline: Timestamp,
    },
    /// A helper who comes has another task, or another box to bring.
    RoleAssigned {
        /// The emergency.
        emergency_id: Uuid,
        /// The helper.
        helper_id: Uuid,
        /// The task from now on.
        #[schemars(with = "Word<TeamRole>")]
        role: TeamRole,
        /// The box that the helper brings.
        resource: Option<AssignedResourceView<'a>>,
        /// The task before.
        #[schemars(with = "Option<Word<TeamRole>>")]
        previous_role: Option<TeamRole>,
        /// Why.
        #[schemars(with = "Word<RoleReason>")]
        reason: RoleReason,
        /// When.
        timestamp: Timestamp,
    },
    /// This helper need not come: others are there, or are there sooner. They may come all the same.
    StandDown {
        /// The emergency.
        emergency_id: Uuid,
        /// The helper.
        helper_id: Uuid,
        /// Why.
        #[schemars(with = "Word<StandDownReason>")]
        reason: StandDownReason,
        /// When.
        timestamp: Timestamp,
    },
    /// The first helper accepted, or no response counts as help any more.
    Changed {
        /// The emergency.
        emergency_id: Uuid,
        /// The new status.
        #[schemars(with = "Word<EmergencyStatus>", example = &"responding")]
        status: EmergencyStatus,
        /// The same once more, as the existing web client reads it.
        emergency: StatusView,
        /// When it changed.
        timestamp: Timestamp,
    },
    /// The emergency was resolved.
    Resolved {
        /// The emergency.
        emergency_id: Uuid,
        /// When it was resolved.
        resolved_at: Timestamp,
        /// The user that resolved it; `null` where the viewer may not know, or if the service did.
        resolved_by: Option<Uuid>,
        /// How it ended.
        #[schemars(with = "Word<ResolutionType>")]
        resolution_type: ResolutionType,
        /// What was noted at the end.
        #[schemars(length(max = 500))]
        resolution_notes: Option<&'a str>,
        /// When it was resolved.
        timestamp: Timestamp,
    },
    /// The owner cancelled the emergency.
    Cancelled {
        /// The emergency.
        emergency_id: Uuid,
        /// Why.
        #[schemars(length(max = 500))]
        reason: Option<&'a str>,
        /// When it was cancelled.
        timestamp: Timestamp,
    },
    /// The emergency is over: after `emergency:resolved` and `emergency:cancelled`, which not everybody gets.
    Ended {
        /// The emergency.
        emergency_id: Uuid,
        /// `resolved` or `cancelled`.
        #[schemars(with = "Word<EmergencyStatus>", example = &"resolved")]
        status: EmergencyStatus,
        /// When it ended.
        timestamp: Timestamp,
    },
    /// The end of the emergency was undone: it is live again.
    Reopened {
        /// The emergency.
        emergency_id: Uuid,
        /// `responding` if responses came back, otherwise `active`.
        #[schemars(with = "Word<EmergencyStatus>")]
        status: EmergencyStatus,
        /// When it was reopened.
        timestamp: Timestamp,
    },
    /// The owner changed what the emergency is.
    Updated {
        /// The emergency.
        emergency_id: Uuid,
        /// The emergency after the change.
        emergency: CallView<'a>,
        /// When it was changed.
        timestamp: Timestamp,
    },
    /// The place followed its owner.
    Moved {
        /// The emergency.
        emergency_id: Uuid,
        /// Where it is now. It has no address and no description any more.
        location: LocationView<'a>,
        /// When it moved.
        timestamp: Timestamp,
    },
    /// No helper has answered, none is left to alert for now, and the last alert is a minute old.
    Unanswered {
        /// The emergency.
        emergency_id: Uuid,
        /// Helpers that were alerted.
        alerted_helpers: u32,
        /// When the search found nobody.
        timestamp: Timestamp,
    },
    /// A message was posted.
    Message {
        /// The emergency.
        emergency_id: Uuid,
        /// The message, rendered for its recipient.
        message: MessageView<'a>,
    },
    /// The sender deleted a message.
    MessageDeleted {
        /// The emergency.
        emergency_id: Uuid,
        /// The message.
        message_id: Uuid,
    },
    /// What has become of telling an emergency contact.
    ContactNotified {
        /// The emergency.
        emergency_id: Uuid,
        /// The contact.
        contact_id: Uuid,
        /// How far the contact was told.
        #[schemars(with = "Word<NoticeState>")]
        state: NoticeState,
        /// When.
        timestamp: Timestamp,
    },
    /// A device was removed, and not by its user: no push reaches it any more.
    DeviceLost {
        /// The device.
        device_id: Uuid,
        /// What its user called it.
        #[schemars(length(max = 50), example = &"My phone")]
        name: Option<&'a str>,
        /// Why it was removed.
        #[schemars(with = "Word<DeviceLoss>")]
        reason: DeviceLoss,
        /// When.
        timestamp: Timestamp,
    },
}

/// The names of all server events that come from the log.
pub const NAMES: [&str; 20] = [
    "emergency:created",
    "emergency:nearby",
    "helper:joined",
    "emergency:details",
    "helper:status_update",
    "response:check",
    "helper:role_assigned",
    "helper:stand_down",
    "emergency:status_changed",
    "emergency:resolved",
    "emergency:cancelled",
    "emergency:ended",
    "emergency:reopened",
    "emergency:updated",
    "emergency:moved",
    "emergency:unanswered",
    "emergency:message",
    "emergency:message:deleted",
    "contact:notified",
    "device:lost",
];

impl Payload<'_> {
    pub(crate) const fn event(&self) -> &'static str {
        match self {
            Self::Created { .. } => "emergency:created",
            Self::Nearby { .. } => "emergency:nearby",
            Self::Joined { .. } => "helper:joined",
            Self::Details { .. } => "emergency:details",
            Self::Status { .. } => "helper:status_update",
            Self::Check { .. } => "response:check",
            Self::RoleAssigned { .. } => "helper:role_assigned",
            Self::StandDown { .. } => "helper:stand_down",
            Self::Changed { .. } => "emergency:status_changed",
            Self::Resolved { .. } => "emergency:resolved",
            Self::Cancelled { .. } => "emergency:cancelled",
            Self::Ended { .. } => "emergency:ended",
            Self::Reopened { .. } => "emergency:reopened",
            Self::Updated { .. } => "emergency:updated",
            Self::Moved { .. } => "emergency:moved",
            Self::Unanswered { .. } => "emergency:unanswered",
            Self::Message { .. } => "emergency:message",
            Self::MessageDeleted { .. } => "emergency:message:deleted",
            Self::ContactNotified { .. } => "contact:notified",
            Self::DeviceLost { .. } => "device:lost",
        }
    }
}

/// An emergency in `emergency:created`, `emergency:updated` and `emergency:nearby`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Call")]
pub(crate) struct CallView<'a> {
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
    /// How urgent it is.
    #[schemars(with = "Word<Priority>")]
    priority: Priority,
    /// From 1 (least) to 10.
    #[schemars(range(min = 1, max = 10))]
    severity: u8,
    /// Where the emergency is in its life.
    #[schemars(with = "Word<EmergencyStatus>")]
    status: EmergencyStatus,
    /// When the emergency was raised.
    created_at: Timestamp,
    /// The owner is not shown to other users.
    anonymous_mode: bool,
    /// Nothing may make a sound at the owner's side.
    silent_mode: bool,
    /// The owner; `null` where the viewer may not know them.
    user: Option<PersonView<'a>>,
}

impl<'a> CallView<'a> {
    pub(crate) fn new(call: &'a Call, status: EmergencyStatus, shown: Disclosure) -> Self {
        let (details, description) = (&call.details, shown.shows_description());
        Self {
            ids: Ids::plain(call.id),
            kind: details.kind,
            category: details.category.as_ref().filter(|_| description).map(Text::as_str),
            description: details.description.as_ref().filter(|_| description).map(Text::as_str),
            location: LocationView::new(&details.location, shown),
            priority: details.priority,
            severity: details.severity.get(),
            status,
            created_at: call.created_at,
            anonymous_mode: details.anonymous,
            silent_mode: details.silent,
            user: PersonView::of_owner(shown.owner(&call.owner), Ids::plain),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinedHelper<'a> {
    #[serde(flatten)]
    helper: HelperView<'a>,
    /// When the helper accepted.
    joined_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EmergencyStatusChange")]
pub(crate) struct StatusView {
    /// The emergency.
    id: Uuid,
    /// The new status.
    #[schemars(with = "Word<EmergencyStatus>", example = &"responding")]
    status: EmergencyStatus,
    /// When it changed.
    updated_at: Timestamp,
}

/// The payload of an event for a reader in a stage; `None` for a kind that is not sent to clients.
pub(crate) fn payload<'a>(
    event: &'a LoggedEvent,
    reader: Reader,
    stage: Stage,
    places: &PlacePolicy,
) -> Option<Payload<'a>> {
    if let Event::DeviceLost(LostDevice { id, user: _, name, reason }) = &event.event {
        let (device_id, name) = ((*id).into(), name.as_ref().map(Text::as_str));
        return Some(Payload::DeviceLost { device_id, name, reason: *reason, timestamp: event.at });
    }
    let id: EmergencyId = event.emergency?;
    let emergency_id = id.into();
    let shown = |anonymous: bool| places.disclosure(stage, anonymous);
    let text = |text: &'a Option<Text<500>>, anonymous| {
        text.as_ref().filter(|_| shown(anonymous).shows_texts()).map(Text::as_str)
    };
    Some(match &event.event {
        Event::EmergencyCreated { call, nearby_helpers, .. } => Payload::Created {
            emergency: CallView::new(call, EmergencyStatus::Active, shown(call.details.anonymous)),
            nearby_helper_count: *nearby_helpers,
        },
        Event::EmergencyAnnounced { call, status, nearby_helpers, .. } => Payload::Created {
            emergency: CallView::new(call, *status, shown(call.details.anonymous)),
            nearby_helper_count: *nearby_helpers,
        },
        Event::HelpersAlerted { call, status, recipients, .. } => {
            let recipient = recipients.iter().find(|r| Some(r.helper) == reader.user);
            let shown = shown(call.details.anonymous);
            let distance = recipient.map(|recipient| shown.alert_distance(recipient));
            Payload::Nearby { emergency: CallView::new(call, *status, shown), distance }
        }
        Event::HelperJoined { helper, joined_at, .. } => joined(emergency_id, helper, *joined_at),
        // Not sent to a user whose part has ended before the delivery.
        Event::DetailsDisclosed { emergency, .. } if stage.is_participant() => Payload::Details {
            emergency_id,
            emergency: Box::new(EmergencyView::without_aliases(emergency.emergency(), stage, places)),
        },
        Event::ResponseChecked { until, .. } if stage.is_participant() => {
            Payload::Check { emergency_id, deadline: *until }
        }
        Event::HelperStatusUpdated { helper, status, notes, updated_at, anonymous, stalled, .. } => Payload::Status {
            emergency_id,
            helper_id: helper.shown().into(),
            status: *status,
            notes: text(notes, *anonymous),
            stalled: stage.is_participant().then_some(*stalled),
            updated_at: *updated_at,
        },
        // The box tells where about the emergency is.
        Event::RoleAssigned { helper, role, resource, previous, reason, at, .. } if stage.is_participant() => {
            role_assigned(emergency_id, *helper, (*previous, *role, *reason), resource.as_ref(), *at)
        }
        Event::HelperStoodDown { helper, reason, at } => stood_down(emergency_id, *helper, *reason, *at),
        Event::StatusChanged { status, updated_at } => changed(emergency_id, *status, *updated_at),
        Event::EmergencyResolved { at, by, resolution, notes, anonymous } => Payload::Resolved {
            emergency_id,
            resolved_at: *at,
            resolved_by: by.filter(|_| shown(*anonymous).shows_texts()).map(|by| by.shown().into()),
            resolution_type: *resolution,
            resolution_notes: text(notes, *anonymous),
            timestamp: *at,
        },
        Event::EmergencyCancelled { at, reason, anonymous, .. } => {
            Payload::Cancelled { emergency_id, reason: text(reason, *anonymous), timestamp: *at }
        }
        Event::EmergencyEnded { status, at, .. } => Payload::Ended { emergency_id, status: *status, timestamp: *at },
        // To the user that it is hidden from, it looks like one that its owner cancelled.
        Event::EmergencyHidden { at, .. } => {
            Payload::Ended { emergency_id, status: EmergencyStatus::Cancelled, timestamp: *at }
        }
        Event::EmergencyReopened { status, at, .. } => {
            Payload::Reopened { emergency_id, status: *status, timestamp: *at }
        }
        Event::EmergencyUpdated { call, status, .. } => Payload::Updated {
            emergency_id,
            emergency: CallView::new(call, *status, shown(call.details.anonymous)),
            timestamp: event.at,
        },
        Event::EmergencyMoved { position, at, .. } if stage.is_participant() => moved(emergency_id, *position, *at),
        Event::Unanswered { alerted, .. } => {
            Payload::Unanswered { emergency_id, alerted_helpers: *alerted, timestamp: event.at }
        }
        Event::ContactNotified { contact, state, .. } => {
            Payload::ContactNotified { emergency_id, contact_id: (*contact).into(), state: *state, timestamp: event.at }
        }
        Event::MessagePosted { message } => {
            Payload::Message { emergency_id, message: MessageView::new(message, reader) }
        }
        Event::MessageDeleted { message, .. } => {
            Payload::MessageDeleted { emergency_id, message_id: (*message).into() }
        }
        Event::DetailsDisclosed { .. }
        | Event::ResponseChecked { .. }
        | Event::EmergencyMoved { .. }
        | Event::RoleAssigned { .. }
        | Event::AlertDeclined { .. }
        | Event::AlertAcknowledged { .. }
        | Event::AlertSeen { .. }
        | Event::AlertsSent { .. }
        | Event::AlertsRenewed
        | Event::EmergencyDeleted
        | Event::HelperRightsChanged { .. }
        | Event::SessionsRevoked { .. }
        | Event::DeviceLost(_)
        | Event::AccountBlocked { .. }
        | Event::UserBlocked(_)
        | Event::UserUnblocked(_) => return None,
    })
}

/// The payload of `emergency:moved`.
const fn moved(emergency_id: Uuid, position: Position, timestamp: Timestamp) -> Payload<'static> {
    Payload::Moved { emergency_id, location: LocationView::exact(position), timestamp }
}

fn joined(emergency_id: Uuid, helper: &HelperCard, joined_at: Timestamp) -> Payload<'_> {
    let helper = JoinedHelper { helper: HelperView::new(helper, Ids::plain), joined_at };
    Payload::Joined { emergency_id, helper }
}

fn changed(emergency_id: Uuid, status: EmergencyStatus, timestamp: Timestamp) -> Payload<'static> {
    let emergency = StatusView { id: emergency_id, status, updated_at: timestamp };
    Payload::Changed { emergency_id, status, emergency, timestamp }
}

fn stood_down(emergency_id: Uuid, helper: UserId, reason: StandDownReason, timestamp: Timestamp) -> Payload<'static> {
    Payload::StandDown { emergency_id, helper_id: helper.shown().into(), reason, timestamp }
}

fn role_assigned(
    emergency_id: Uuid,
    helper: UserId,
    (previous_role, role, reason): (Option<TeamRole>, TeamRole, RoleReason),
    resource: Option<&AssignedResource>,
    timestamp: Timestamp,
) -> Payload<'_> {
    let (helper_id, resource) = (helper.shown().into(), resource.map(Into::into));
    Payload::RoleAssigned { emergency_id, helper_id, role, resource, previous_role, reason, timestamp }
}

#[cfg(test)]
mod tests;
