//! The export of an account: all that is stored of a user, for that user.

use allynet_domain::{
    Account, EmergencyId, HelperPolicy, MessageId, PlacePolicy, PushKey, ReportedState, ResourceId, ResponseStatus,
    Score, SessionId, Stage, Timestamp, UserId,
    port::{
        ExportedAlert, ExportedHistory, ExportedMessage, ExportedRating, ExportedRecords, ExportedReport,
        ExportedResourceReport, ExportedResponse, Fix,
    },
    usecase::exports::AccountExport,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{AccessEntryView, BlockView, ContactView, DeviceView, EmergencyView, SessionView, account::UserView};
use crate::documents::schema::Word;

/// All that is stored of a user, without what would name others who stay unknown to them: who reported or blocked them, and the
/// owners of anonymous emergencies.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AccountExport")]
pub struct ExportView<'a> {
    /// The account.
    pub account: UserView<'a>,
    /// The emergency contacts, as the user entered them.
    #[schemars(length(max = 10))]
    pub contacts: Vec<ContactView<'a>>,
    /// The users that the user blocks.
    #[schemars(length(max = 100))]
    pub blocks: Vec<BlockView<'a>>,
    /// The sessions.
    #[schemars(length(max = 100))]
    pub sessions: Vec<SessionView<'a>>,
    /// The devices.
    #[schemars(length(max = 10))]
    pub devices: Vec<DeviceView<'a>>,
    /// The emergencies that the user raised, newest first.
    #[schemars(length(max = 1000))]
    pub emergencies: Vec<EmergencyView<'a>>,
    /// The user's responses, newest first.
    #[schemars(length(max = 10_000))]
    pub responses: Vec<ExportedResponseView<'a>>,
    /// The messages that the user wrote, newest first.
    #[schemars(length(max = 10_000))]
    pub messages: Vec<ExportedMessageView<'a>>,
    /// The ratings that the user gave or was given, newest first.
    #[schemars(length(max = 10_000))]
    pub ratings: Vec<ExportedRatingView<'a>>,
    /// The reports that the user made, newest first.
    #[schemars(length(max = 10_000))]
    pub reports: Vec<ExportedReportView<'a>>,
    /// The user's reports on resources, the newest on each, newest first. They are kept for 30 days.
    #[schemars(length(max = 10_000))]
    pub resource_reports: Vec<ExportedResourceReportView<'a>>,
    /// The emergencies that the user was alerted to, newest first.
    #[schemars(length(max = 10_000))]
    pub alerts: Vec<ExportedAlertView>,
    /// What the user did as a helper, in numbers; `null` if nothing was counted.
    pub helper_history: Option<ExportedHistoryView>,
    /// When administrators have read exact places of the user, newest first.
    #[schemars(length(max = 1000))]
    pub access_log: Vec<AccessEntryView>,
    /// The last position; `null` without one.
    pub position: Option<ExportedPositionView>,
}

/// What an export depends on besides the stored data.
#[derive(Debug, Clone, Copy)]
pub struct ExportViewer<'a> {
    /// The session of the request; `None` where an operator makes the export.
    pub session: Option<SessionId>,
    /// The present push key of the service, if it has one.
    pub push_key: Option<&'a PushKey>,
    /// The time of the export.
    pub now: Timestamp,
}

impl<'a> ExportView<'a> {
    /// Renders the export of an account for its user.
    pub fn new(
        account: &'a Account,
        export: &'a AccountExport,
        (helpers, places): (HelperPolicy, &PlacePolicy),
        viewer: ExportViewer<'_>,
    ) -> Self {
        let ExportViewer { session: current, push_key, now } = viewer;
        let AccountExport { contacts, blocks, sessions, devices, emergencies, records, access_log, position } = export;
        let ExportedRecords { responses, messages, ratings, reports, resource_reports, alerts, history } = records;
        Self {
            account: UserView::own(account, helpers, now),
            contacts: contacts.iter().map(ContactView::from).collect(),
            blocks: blocks.iter().map(BlockView::from).collect(),
            sessions: sessions.iter().map(|session| SessionView::new(session, current)).collect(),
            devices: devices.iter().map(|device| DeviceView::new(device, push_key)).collect(),
            emergencies: emergencies.iter().map(|own| EmergencyView::new(own, Stage::Owner, places, None)).collect(),
            responses: responses.iter().map(Into::into).collect(),
            messages: messages.iter().map(Into::into).collect(),
            ratings: ratings.iter().map(Into::into).collect(),
            reports: reports.iter().map(Into::into).collect(),
            resource_reports: resource_reports.iter().map(Into::into).collect(),
            alerts: alerts.iter().map(Into::into).collect(),
            helper_history: history.map(Into::into),
            access_log: access_log.iter().copied().map(AccessEntryView::from).collect(),
            position: position.map(Into::into),
        }
    }
}

/// A response of the user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedResponse")]
pub struct ExportedResponseView<'a> {
    /// The emergency.
    #[schemars(with = "Uuid")]
    emergency_id: EmergencyId,
    /// The status.
    #[schemars(with = "Word<ResponseStatus>")]
    status: ResponseStatus,
    /// The user's notes.
    #[schemars(length(max = 500))]
    notes: Option<&'a str>,
    /// When the user expected to arrive.
    estimated_arrival: Option<Timestamp>,
    /// When the user accepted.
    responded_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl<'a> From<&'a ExportedResponse> for ExportedResponseView<'a> {
    fn from(response: &'a ExportedResponse) -> Self {
        let ExportedResponse { emergency, status, notes, estimated_arrival, responded_at, updated_at } = response;
        Self {
            emergency_id: *emergency,
            status: *status,
            notes: notes.as_ref().map(allynet_domain::Text::as_str),
            estimated_arrival: *estimated_arrival,
            responded_at: *responded_at,
            updated_at: *updated_at,
        }
    }
}

/// A message that the user wrote.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedMessage")]
pub struct ExportedMessageView<'a> {
    /// The id.
    #[schemars(with = "Uuid")]
    id: MessageId,
    /// The emergency.
    #[schemars(with = "Uuid")]
    emergency_id: EmergencyId,
    /// The text.
    #[schemars(length(min = 1, max = 1000))]
    message: &'a str,
    /// When it was sent.
    created_at: Timestamp,
}

impl<'a> From<&'a ExportedMessage> for ExportedMessageView<'a> {
    fn from(ExportedMessage { id, emergency, text, created_at }: &'a ExportedMessage) -> Self {
        Self { id: *id, emergency_id: *emergency, message: text.as_str(), created_at: *created_at }
    }
}

/// A rating that the user gave or was given.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedRating")]
pub struct ExportedRatingView<'a> {
    /// The emergency.
    #[schemars(with = "Uuid")]
    emergency_id: EmergencyId,
    /// The rated helper: the user, unless the user gave it.
    #[schemars(with = "Uuid")]
    helper_id: UserId,
    /// The score.
    #[schemars(with = "u8", range(min = 1, max = 5))]
    score: Score,
    /// The comment of the owner.
    #[schemars(length(max = 500))]
    comment: Option<&'a str>,
    /// When it was given.
    created_at: Timestamp,
}

impl<'a> From<&'a ExportedRating> for ExportedRatingView<'a> {
    fn from(ExportedRating { emergency, helper, score, comment, created_at }: &'a ExportedRating) -> Self {
        Self {
            emergency_id: *emergency,
            helper_id: helper.shown(),
            score: *score,
            comment: comment.as_ref().map(allynet_domain::Text::as_str),
            created_at: *created_at,
        }
    }
}

/// A report that the user made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedReport")]
pub struct ExportedReportView<'a> {
    /// The emergency, which may be deleted since.
    #[schemars(with = "Uuid")]
    emergency_id: EmergencyId,
    /// The reported user; `null` for the owner of an anonymous emergency, and of one that is deleted.
    #[schemars(with = "Option<Uuid>")]
    user_id: Option<UserId>,
    /// The user's words.
    #[schemars(length(min = 1, max = 500))]
    reason: &'a str,
    /// When it was made.
    created_at: Timestamp,
}

impl<'a> From<&'a ExportedReport> for ExportedReportView<'a> {
    fn from(ExportedReport { emergency, about, reason, created_at }: &'a ExportedReport) -> Self {
        Self {
            emergency_id: *emergency,
            user_id: about.map(UserId::shown),
            reason: reason.as_str(),
            created_at: *created_at,
        }
    }
}

/// A report of the user on a resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedResourceReport")]
pub struct ExportedResourceReportView<'a> {
    /// The resource.
    #[schemars(with = "Uuid")]
    resource_id: ResourceId,
    /// What the user saw.
    #[schemars(with = "Word<ReportedState>")]
    state: ReportedState,
    /// The user's words.
    #[schemars(length(max = 500))]
    note: Option<&'a str>,
    /// When it was made.
    reported_at: Timestamp,
}

impl<'a> From<&'a ExportedResourceReport> for ExportedResourceReportView<'a> {
    fn from(ExportedResourceReport { resource, state, note, reported_at }: &'a ExportedResourceReport) -> Self {
        Self {
            resource_id: *resource,
            state: *state,
            note: note.as_ref().map(allynet_domain::Text::as_str),
            reported_at: *reported_at,
        }
    }
}

/// An emergency that the user was alerted to.
///
/// Without its distance, which would tell where it was.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedAlert")]
pub struct ExportedAlertView {
    /// The emergency.
    #[schemars(with = "Uuid")]
    emergency_id: EmergencyId,
    /// When the alert was last sent; `null` if there was none.
    sent_at: Option<Timestamp>,
    /// When the user was seen to look at it.
    seen_at: Option<Timestamp>,
    /// When an app of the user acknowledged it.
    acknowledged_at: Option<Timestamp>,
}

impl From<&ExportedAlert> for ExportedAlertView {
    fn from(alert: &ExportedAlert) -> Self {
        let ExportedAlert { emergency, sent_at, seen_at, acknowledged_at } = *alert;
        Self { emergency_id: emergency, sent_at, seen_at, acknowledged_at }
    }
}

/// What the user did as a helper, in numbers, over all emergencies: from these the service estimates the chance that the user comes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedHistory")]
pub struct ExportedHistoryView {
    /// Emergencies that the user was alerted to.
    alerts: u32,
    /// Acceptances.
    accepted: u32,
    /// Arrivals.
    arrived: u32,
    /// Acceptances that were neither cancelled nor stalled.
    kept: u32,
}

impl From<ExportedHistory> for ExportedHistoryView {
    fn from(ExportedHistory { alerts, accepted, arrived, kept }: ExportedHistory) -> Self {
        Self { alerts, accepted, arrived, kept }
    }
}

/// The last position of the user.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ExportedPosition")]
pub struct ExportedPositionView {
    /// Degrees north.
    #[schemars(range(min = -90, max = 90))]
    latitude: f64,
    /// Degrees east.
    #[schemars(range(min = -180, max = 180))]
    longitude: f64,
    /// When it was received.
    at: Timestamp,
}

impl From<Fix> for ExportedPositionView {
    fn from(Fix { user: _, position, at }: Fix) -> Self {
        Self { latitude: position.latitude(), longitude: position.longitude(), at }
    }
}
