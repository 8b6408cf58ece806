//! What is stored of a user and shown nowhere else as a whole.

use async_trait::async_trait;

use super::Result;
use crate::{EmergencyId, MessageId, ResponseStatus, Score, Text, Timestamp, UserId};

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
