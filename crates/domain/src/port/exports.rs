//! What is stored of a user and shown nowhere else as a whole.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, MessageId, ReportedState, ResourceId, ResponseStatus, Score, Text, Timestamp, UserId};

/// A response of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedResponse {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The status, cancelled ones included.
    pub status: ResponseStatus,
    /// The user's notes.
    pub notes: Option<Text<500>>,
    /// When the user expected to arrive.
    pub estimated_arrival: Option<Timestamp>,
    /// When the user accepted.
    pub responded_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A message that the user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedMessage {
    /// The id.
    pub id: MessageId,
    /// The emergency.
    pub emergency: EmergencyId,
    /// The text.
    pub text: Text<1000>,
    /// When.
    pub created_at: Timestamp,
}

/// A rating that the user gave, or was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedRating {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The rated helper: the user, unless the user gave it.
    pub helper: UserId,
    /// The score.
    pub score: Score,
    /// The owner's comment.
    pub comment: Option<Text<500>>,
    /// When.
    pub created_at: Timestamp,
}

/// A report that the user made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedReport {
    /// The emergency, which may be deleted since.
    pub emergency: EmergencyId,
    /// The reported user; `None` for the owner of an anonymous emergency, and if that cannot be ruled out any more.
    pub about: Option<UserId>,
    /// The user's words.
    pub reason: Text<500>,
    /// When.
    pub created_at: Timestamp,
}

/// A report of the user on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedResourceReport {
    /// The resource.
    pub resource: ResourceId,
    /// What the user saw.
    pub state: ReportedState,
    /// The user's words.
    pub note: Option<Text<500>>,
    /// When.
    pub reported_at: Timestamp,
}

/// An emergency that the user was alerted to. Whether they declined is not told: a block is stored as a decline, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedAlert {
    /// The emergency.
    pub emergency: EmergencyId,
    /// When the alert was last sent; `None` if there was none.
    pub sent_at: Option<Timestamp>,
    /// When the user was seen to look at it.
    pub seen_at: Option<Timestamp>,
    /// When an app of the user acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
}

/// How often the user, as a helper, did what, without declines; over all emergencies, the deleted ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedHistory {
    /// Emergencies that the user was alerted to.
    pub alerts: u32,
    /// Acceptances.
    pub accepted: u32,
    /// Arrivals.
    pub arrived: u32,
    /// Acceptances that were neither cancelled nor stalled.
    pub kept: u32,
}

/// What is stored of a user in lists of their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportedRecords {
    /// Responses to emergencies.
    pub responses: Vec<ExportedResponse>,
    /// Messages that the user wrote.
    pub messages: Vec<ExportedMessage>,
    /// Ratings that the user gave or was given.
    pub ratings: Vec<ExportedRating>,
    /// Reports that the user made.
    pub reports: Vec<ExportedReport>,
    /// Reports on resources that the user made.
    pub resource_reports: Vec<ExportedResourceReport>,
    /// Alerts that the user got.
    pub alerts: Vec<ExportedAlert>,
    /// What the user did as a helper, in numbers; `None` if nothing was counted.
    pub history: Option<ExportedHistory>,
}

/// Exports of what is stored of a user.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Exports: Send + Sync {
    /// The records of a user; of each kind the newest `limit`, newest first.
    ///
    /// They MUST tell neither who reported the user, nor who owns an anonymous emergency.
    async fn records(&self, user: UserId, limit: u32) -> Result<ExportedRecords>;
}
