//! What happened: the typed events of the log.
//!
//! The body is stored as JSON and must stay readable: variants and fields may be added, never renamed. Each is
//! complete enough to be told to everybody concerned without asking the database again.

use serde::{Deserialize, Serialize};

use crate::{
    Call, EmergencyId, EmergencyStatus, EventId, HelperCard, Message, MessageId, Metres, Recipient, ResolutionType,
    ResponseStatus, SessionId, Text, Timestamp, UserId,
};

/// Something that happened, as decided by a use case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The button was pressed.
    EmergencyCreated {
        /// What is known.
        call: Call,
        /// Helpers on duty within the alert radius.
        nearby_helpers: u32,
    },
    /// A wave of alerts went out.
    HelpersAlerted {
        /// What they are alerted to.
        call: Call,
        /// The status at that time.
        status: EmergencyStatus,
        /// 1 for the first.
        wave: u16,
        /// The alert radius.
        radius: Metres,
        /// Who, nearest first.
        recipients: Vec<Recipient>,
    },
    /// An alerted helper, or another, said that they will not come.
    AlertDeclined {
        /// Who.
        helper: UserId,
    },
    /// A device of an alerted helper has the alert.
    AlertAcknowledged {
        /// Whose.
        helper: UserId,
    },
    /// The last wave passed, and nobody responds.
    Unanswered {
        /// Who waits.
        owner: UserId,
        /// How many had been alerted.
        alerted: u32,
    },
    /// A helper accepted.
    HelperJoined {
        /// Who, as others see them.
        helper: HelperCard,
        /// When.
        joined_at: Timestamp,
        /// When they expect to be there.
        #[serde(default)]
        estimated_arrival: Option<Timestamp>,
    },
    /// A responding helper told how far along they are.
    HelperStatusUpdated {
        /// Who.
        helper: UserId,
        /// How far along.
        status: ResponseStatus,
        /// What they told.
        notes: Option<Text<500>>,
        /// When they expect to be there.
        estimated_arrival: Option<Timestamp>,
        /// When.
        updated_at: Timestamp,
    },
    /// The emergency became `responding`, or `active` again.
    StatusChanged {
        /// What it became.
        status: EmergencyStatus,
        /// When.
        updated_at: Timestamp,
    },
    /// It is over and well.
    EmergencyResolved {
        /// When.
        at: Timestamp,
        /// By whom; none if the owner is anonymous and resolved it, or if it ran out of time.
        by: Option<UserId>,
        /// By which kind of person.
        resolution: ResolutionType,
        /// What they told.
        notes: Option<Text<500>>,
    },
    /// The owner took the call back.
    EmergencyCancelled {
        /// When.
        at: Timestamp,
        /// Why, as the owner told.
        reason: Option<Text<500>>,
        /// Who had been alerted.
        alerted: Vec<UserId>,
    },
    /// It is over, one way or the other.
    EmergencyEnded {
        /// How.
        status: EmergencyStatus,
        /// When.
        at: Timestamp,
        /// Who had been alerted.
        alerted: Vec<UserId>,
        /// Who took part then: what a client resumes by.
        #[serde(default)]
        participants: Vec<UserId>,
    },
    /// Somebody wrote.
    MessagePosted {
        /// What.
        message: Message,
    },
    /// A sender took a message back.
    MessageDeleted {
        /// Which.
        message: MessageId,
        /// Who could read it; none for all participants.
        readers: Option<Vec<UserId>>,
    },
    /// An account's rights as a helper changed.
    HelperRightsChanged {
        /// Whose.
        user: UserId,
        /// Whether broadcasts and alerts reach them now.
        on_duty: bool,
        /// Whether they may help at all.
        may_help: bool,
    },
    /// Sessions ended before their time.
    SessionsRevoked {
        /// Whose.
        user: UserId,
        /// Only this one, or all.
        only: Option<SessionId>,
        /// But not this one.
        except: Option<SessionId>,
    },
    /// An administrator shut an account out.
    AccountBlocked {
        /// Whose.
        user: UserId,
    },
}

impl Event {
    /// The name under which it is stored.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::EmergencyCreated { .. } => "emergency_created",
            Self::HelpersAlerted { .. } => "helpers_alerted",
            Self::AlertDeclined { .. } => "alert_declined",
            Self::AlertAcknowledged { .. } => "alert_acknowledged",
            Self::Unanswered { .. } => "unanswered",
            Self::HelperJoined { .. } => "helper_joined",
            Self::HelperStatusUpdated { .. } => "helper_status_updated",
            Self::StatusChanged { .. } => "status_changed",
            Self::EmergencyResolved { .. } => "emergency_resolved",
            Self::EmergencyCancelled { .. } => "emergency_cancelled",
            Self::EmergencyEnded { .. } => "emergency_ended",
            Self::MessagePosted { .. } => "message_posted",
            Self::MessageDeleted { .. } => "message_deleted",
            Self::HelperRightsChanged { .. } => "helper_rights_changed",
            Self::SessionsRevoked { .. } => "sessions_revoked",
            Self::AccountBlocked { .. } => "account_blocked",
        }
    }
}

/// An event that is to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it was decided.
    pub at: Timestamp,
    /// To which emergency it belongs; none for accounts.
    pub emergency: Option<EmergencyId>,
    /// Who did it; none for the service itself.
    pub actor: Option<UserId>,
    /// What.
    pub event: Event,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its place in the log.
    pub id: EventId,
    /// When it was decided.
    pub at: Timestamp,
    /// To which emergency it belongs; none for accounts.
    pub emergency: Option<EmergencyId>,
    /// Who did it; none for the service itself.
    pub actor: Option<UserId>,
    /// What.
    pub event: Event,
}

#[cfg(test)]
mod tests;
