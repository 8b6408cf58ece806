//! Names and payloads of server events: each event of the log, rendered for a viewer.

use allynet_domain::{
    Call, DeviceLoss, Disclosure, EmergencyId, EmergencyStatus, EmergencyType, Event, HelperCard, LoggedEvent,
    LostDevice, NoticeState, PlacePolicy, Priority, ResolutionType, ResponseStatus, Stage, Text, Timestamp, View,
    Viewer,
};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::views::{EmergencyView, HelperView, Ids, LocationView, MessageView, PersonView, Reader};

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
        Viewer::Anyone => Reader { user: None, unmasks: false },
        Viewer::User(user) => Reader::participant(user),
    };
    let Some(payload) = payload(event, reader, view.stage, places) else { return Ok(None) };
    let (name, acknowledged) = (payload.event(), matches!(payload, Payload::Nearby { .. }));
    let payload = serde_json::value::to_raw_value(&WithEventId { payload, event_id: event.id.get() })?;
    Ok(Some(Outgoing { name, payload, acknowledged }))
}

/// The payload of a server event, without its `eventId`.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum Payload<'a> {
    Created {
        emergency: CallView<'a>,
        nearby_helper_count: u32,
    },
    Nearby {
        emergency: CallView<'a>,
        distance: Option<u32>,
    },
    Joined {
        emergency_id: Uuid,
        helper: JoinedHelper<'a>,
    },
    Details {
        emergency_id: Uuid,
        emergency: Box<EmergencyView<'a>>,
    },
    Status {
        emergency_id: Uuid,
        helper_id: Uuid,
        status: ResponseStatus,
        notes: Option<&'a str>,
        updated_at: Timestamp,
    },
    Changed {
        emergency_id: Uuid,
        status: EmergencyStatus,
        emergency: StatusView,
        timestamp: Timestamp,
    },
    Resolved {
        emergency_id: Uuid,
        resolved_at: Timestamp,
        resolved_by: Option<Uuid>,
        resolution_type: ResolutionType,
        resolution_notes: Option<&'a str>,
        timestamp: Timestamp,
    },
    Cancelled {
        emergency_id: Uuid,
        reason: Option<&'a str>,
        timestamp: Timestamp,
    },
    Ended {
        emergency_id: Uuid,
        status: EmergencyStatus,
        timestamp: Timestamp,
    },
    Reopened {
        emergency_id: Uuid,
        status: EmergencyStatus,
        timestamp: Timestamp,
    },
    Unanswered {
        emergency_id: Uuid,
        alerted_helpers: u32,
        timestamp: Timestamp,
    },
    Message {
        emergency_id: Uuid,
        message: MessageView<'a>,
    },
    MessageDeleted {
        emergency_id: Uuid,
        message_id: Uuid,
    },
    ContactNotified {
        emergency_id: Uuid,
        contact_id: Uuid,
        state: NoticeState,
        timestamp: Timestamp,
    },
    DeviceLost {
        device_id: Uuid,
        name: Option<&'a str>,
        reason: DeviceLoss,
        timestamp: Timestamp,
    },
}

/// The names of all server events that come from the log.
pub const NAMES: [&str; 15] = [
    "emergency:created",
    "emergency:nearby",
    "helper:joined",
    "emergency:details",
    "helper:status_update",
    "emergency:status_changed",
    "emergency:resolved",
    "emergency:cancelled",
    "emergency:ended",
    "emergency:reopened",
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
            Self::Changed { .. } => "emergency:status_changed",
            Self::Resolved { .. } => "emergency:resolved",
            Self::Cancelled { .. } => "emergency:cancelled",
            Self::Ended { .. } => "emergency:ended",
            Self::Reopened { .. } => "emergency:reopened",
            Self::Unanswered { .. } => "emergency:unanswered",
            Self::Message { .. } => "emergency:message",
            Self::MessageDeleted { .. } => "emergency:message:deleted",
            Self::ContactNotified { .. } => "contact:notified",
            Self::DeviceLost { .. } => "device:lost",
        }
    }
}

/// An emergency in `emergency:created` and `emergency:nearby`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallView<'a> {
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
    created_at: Timestamp,
    anonymous_mode: bool,
    silent_mode: bool,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinedHelper<'a> {
    #[serde(flatten)]
    helper: HelperView<'a>,
    joined_at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusView {
    id: Uuid,
    status: EmergencyStatus,
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
        Event::HelperStatusUpdated { helper, status, notes, updated_at, anonymous, .. } => Payload::Status {
            emergency_id,
            helper_id: (*helper).into(),
            status: *status,
            notes: text(notes, *anonymous),
            updated_at: *updated_at,
        },
        Event::StatusChanged { status, updated_at } => Payload::Changed {
            emergency_id,
            status: *status,
            emergency: StatusView { id: emergency_id, status: *status, updated_at: *updated_at },
            timestamp: *updated_at,
        },
        Event::EmergencyResolved { at, by, resolution, notes, anonymous } => Payload::Resolved {
            emergency_id,
            resolved_at: *at,
            resolved_by: by.filter(|_| shown(*anonymous).shows_texts()).map(Into::into),
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

fn joined(emergency_id: Uuid, helper: &HelperCard, joined_at: Timestamp) -> Payload<'_> {
    let helper = JoinedHelper { helper: HelperView::new(helper, Ids::plain), joined_at };
    Payload::Joined { emergency_id, helper }
}

#[cfg(test)]
mod tests;
