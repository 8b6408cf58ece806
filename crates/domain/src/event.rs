//! The typed events of the log.
//!
//! An event is stored as JSON and must stay readable: variants and fields may be added, never renamed. Each holds
//! everything that its deliveries need, so that rendering it does not query the database.

use std::slice;

use serde::{Deserialize, Serialize};

use crate::{
    AssignedResource, BlockedPair, Call, ContactId, EmergencyId, EmergencyOverview, EmergencyStatus, EventId,
    HelperCard, LostDevice, Message, MessageId, Metres, NoticeState, Position, Recipient, ResolutionType,
    ResponseStatus, SendChannel, SessionId, Text, Timestamp, UserId,
    dispatch::{LoggedDecision, RoleReason, StandDownReason, TeamRole, Transport},
};

/// An event, as decided by a use case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// An emergency was raised. Helpers on duty are told at once if it is `announced`.
    EmergencyCreated {
        /// The call.
        call: Call,
        /// Number of helpers on duty within the alert radius.
        nearby_helpers: u32,
        /// The users from whom blocks hide it. Events of earlier releases do not say so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hidden_from: Vec<UserId>,
        /// Whether all helpers on duty are told. Otherwise [`Event::EmergencyAnnounced`] follows, unless it ends before.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        announced: bool,
    },
    /// All helpers on duty are told of an emergency of an owner who had raised too many before.
    EmergencyAnnounced {
        /// The call.
        call: Call,
        /// The status at that time.
        status: EmergencyStatus,
        /// Number of helpers on duty within the alert radius when it was raised.
        nearby_helpers: u32,
        /// The users from whom a block hides the emergency.
        hidden_from: Vec<UserId>,
    },
    /// A wave of alerts was sent.
    HelpersAlerted {
        /// The call.
        call: Call,
        /// The status at that time.
        status: EmergencyStatus,
        /// 1 for the first.
        wave: u16,
        /// The alert radius.
        radius: Metres,
        /// The alerted helpers, nearest first.
        recipients: Vec<Recipient>,
        /// The decision by gain that chose them. `None` for waves, and where they are only rung again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Box<LoggedDecision>>,
    },
    /// A helper declined, alerted or not.
    AlertDeclined {
        /// The helper.
        helper: UserId,
    },
    /// A device of an alerted helper acknowledged the alert.
    AlertAcknowledged {
        /// The helper.
        helper: UserId,
    },
    /// The last wave passed, and no helper responds.
    Unanswered {
        /// The owner.
        owner: UserId,
        /// Number of helpers alerted.
        alerted: u32,
    },
    /// A helper accepted.
    HelperJoined {
        /// The helper, as others see them.
        helper: HelperCard,
        /// When.
        joined_at: Timestamp,
        /// When the helper expects to arrive.
        #[serde(default)]
        estimated_arrival: Option<Timestamp>,
        /// How the helper travels.
        #[serde(default)]
        transport: Transport,
        /// Other responding helpers that a block separates from this one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        separated_from: Vec<UserId>,
    },
    /// A helper accepted, and is told everything about the emergency.
    DetailsDisclosed {
        /// The helper.
        helper: UserId,
        /// The emergency after the acceptance.
        emergency: EmergencyOverview,
    },
    /// A responding helper reported progress or cancelled.
    HelperStatusUpdated {
        /// The helper.
        helper: UserId,
        /// The new status.
        status: ResponseStatus,
        /// The helper's notes.
        notes: Option<Text<500>>,
        /// When the helper expects to arrive.
        estimated_arrival: Option<Timestamp>,
        /// When.
        updated_at: Timestamp,
        /// Whether the emergency is anonymous, which decides what is shown of it. Events of earlier releases do not say so,
        /// and are shown as if it were.
        #[serde(default = "yes")]
        anonymous: bool,
        /// Until when a completed response counts as help.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counts_until: Option<Timestamp>,
        /// Whether the helper gave no sign for too long, and does not count as help until the next one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stalled: bool,
    },
    /// A responding helper gave no sign for a while, and is asked whether they still come.
    ResponseChecked {
        /// The helper.
        helper: UserId,
        /// Until when they may answer.
        until: Timestamp,
    },
    /// A helper who comes has another role, or another box to bring.
    RoleAssigned {
        /// The helper.
        helper: UserId,
        /// The role from now on.
        role: TeamRole,
        /// The box that the helper brings.
        resource: Option<AssignedResource>,
        /// The role before.
        previous: Option<TeamRole>,
        /// Why.
        reason: RoleReason,
        /// When.
        at: Timestamp,
        /// Participants who are not told: a block separates them from the helper, or they have completed and count as help no more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hidden_from: Vec<UserId>,
    },
    /// A helper who comes is told that they need not.
    HelperStoodDown {
        /// The helper.
        helper: UserId,
        /// Why.
        reason: StandDownReason,
        /// When.
        at: Timestamp,
    },
    /// The emergency became `responding`, or `active` again.
    StatusChanged {
        /// The new status.
        status: EmergencyStatus,
        /// When.
        updated_at: Timestamp,
    },
    /// The emergency was resolved.
    EmergencyResolved {
        /// When.
        at: Timestamp,
        /// The user that resolved it; `None` for an anonymous owner, and if it expired.
        by: Option<UserId>,
        /// The kind of the resolution.
        resolution: ResolutionType,
        /// Notes.
        notes: Option<Text<500>>,
        /// Whether the emergency is anonymous, which decides what is shown of it. Events of earlier releases do not say so,
        /// and are shown as if it were.
        #[serde(default = "yes")]
        anonymous: bool,
    },
    /// The owner withdrew the call.
    EmergencyCancelled {
        /// When.
        at: Timestamp,
        /// The owner's reason.
        reason: Option<Text<500>>,
        /// The helpers that had been alerted.
        alerted: Vec<UserId>,
        /// Whether the emergency is anonymous, which decides what is shown of it. Events of earlier releases do not say so,
        /// and are shown as if it were.
        #[serde(default = "yes")]
        anonymous: bool,
    },
    /// The emergency ended, resolved or cancelled.
    EmergencyEnded {
        /// The final status.
        status: EmergencyStatus,
        /// When.
        at: Timestamp,
        /// The helpers that had been alerted.
        alerted: Vec<UserId>,
        /// The participants at that time, from which the events to replay to a resuming client follow.
        #[serde(default)]
        participants: Vec<UserId>,
        /// The users from whom blocks hide it. Events of earlier releases do not say so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hidden_from: Vec<UserId>,
        /// Whether all helpers on duty had received the emergency, and receive this, too.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        announced: bool,
        /// Whether it is critical. Events of earlier releases do not say so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        critical: bool,
    },
    /// An end by a helper was undone: the emergency is live again.
    EmergencyReopened {
        /// The call.
        call: Call,
        /// The status since then.
        status: EmergencyStatus,
        /// When.
        at: Timestamp,
        /// The helpers that had been alerted.
        alerted: Vec<UserId>,
        /// The participants since then.
        participants: Vec<UserId>,
        /// Pairs of responding helpers that a block separates.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        separated: Vec<(UserId, UserId)>,
        /// The users from whom blocks hide it. Events of earlier releases do not say so.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hidden_from: Vec<UserId>,
        /// Whether all helpers on duty had received the emergency, and receive this, too.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        announced: bool,
    },
    /// The owner changed the details.
    EmergencyUpdated {
        /// The call after the change.
        call: Call,
        /// The status at that time.
        status: EmergencyStatus,
        /// The helpers that had been alerted, and have neither declined nor cancelled.
        alerted: Vec<UserId>,
        /// The helpers whose completed response counts no more as help.
        finished: Vec<UserId>,
    },
    /// The place followed its owner.
    EmergencyMoved {
        /// The owner.
        owner: UserId,
        /// The new place.
        position: Position,
        /// When.
        at: Timestamp,
        /// The helpers whose completed response counts no more as help: they are shown no places.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        finished: Vec<UserId>,
    },
    /// The owner asked for more help.
    AlertsRenewed,
    /// The owner deleted the emergency after its end.
    EmergencyDeleted,
    /// A message was posted.
    MessagePosted {
        /// The message.
        message: Message,
    },
    /// A sender deleted a message.
    MessageDeleted {
        /// The message.
        message: MessageId,
        /// The users that could read it; `None` for all participants.
        readers: Option<Vec<UserId>>,
    },
    /// An account's rights as a helper changed.
    HelperRightsChanged {
        /// The user.
        user: UserId,
        /// Whether broadcasts and alerts of all emergencies reach the user now.
        on_duty: bool,
        /// Whether those of critical emergencies do, although others do not. Events of earlier releases do not say so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        critical_only: bool,
        /// Whether the user may help.
        may_help: bool,
    },
    /// Sessions were revoked.
    SessionsRevoked {
        /// The user.
        user: UserId,
        /// The revoked session; `None` for all.
        only: Option<SessionId>,
        /// A session that was not revoked.
        except: Option<SessionId>,
        /// The id under which records of the user are kept, if the account was deleted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former: Option<UserId>,
    },
    /// An administrator blocked an account.
    AccountBlocked {
        /// The user.
        user: UserId,
    },
    /// A user blocked another.
    UserBlocked(BlockedPair),
    /// The last block of a user by another is over.
    UserUnblocked(BlockedPair),
    /// A block hid a live emergency from a user that knew of it.
    EmergencyHidden {
        /// The user, to whom it looks as if the emergency had ended.
        user: UserId,
        /// When.
        at: Timestamp,
    },
    /// A device was removed, and not by its user.
    DeviceLost(LostDevice),
    /// An alerted helper saw the alert.
    AlertSeen {
        /// The helper.
        helper: UserId,
    },
    /// Alerts were sent to devices without a connection, by email or to telephones, or could not be.
    AlertsSent {
        /// How.
        channel: SendChannel,
        /// The step of the message, from 0.
        step: u8,
        /// The helpers for whom the other side has accepted the alert.
        sent: Vec<UserId>,
        /// The helpers for whom it has not.
        failed: Vec<UserId>,
    },
    /// The state of the email to an emergency contact has changed, or the contact has pressed a button on the page of the emergency.
    ContactNotified {
        /// The owner.
        owner: UserId,
        /// The contact.
        contact: ContactId,
        /// What has become of it.
        state: NoticeState,
    },
}

const fn yes() -> bool {
    true
}

impl Event {
    /// Users that may be available again for other emergencies from this event on, because their response or their own
    /// emergency is over. At an end, helpers who had completed before are among them.
    pub fn freed_users(&self) -> &[UserId] {
        match self {
            Self::HelperStatusUpdated { helper, status, .. } if !status.is_engaged() => slice::from_ref(helper),
            Self::EmergencyEnded { participants, .. } => participants,
            _ => &[],
        }
    }

    /// The name under which the variant is stored.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::EmergencyCreated { .. } => "emergency_created",
            Self::EmergencyAnnounced { .. } => "emergency_announced",
            Self::HelpersAlerted { .. } => "helpers_alerted",
            Self::AlertDeclined { .. } => "alert_declined",
            Self::AlertAcknowledged { .. } => "alert_acknowledged",
            Self::AlertSeen { .. } => "alert_seen",
            Self::AlertsSent { .. } => "alerts_sent",
            Self::ContactNotified { .. } => "contact_notified",
            Self::Unanswered { .. } => "unanswered",
            Self::HelperJoined { .. } => "helper_joined",
            Self::DetailsDisclosed { .. } => "details_disclosed",
            Self::HelperStatusUpdated { .. } => "helper_status_updated",
            Self::ResponseChecked { .. } => "response_checked",
            Self::RoleAssigned { .. } => "role_assigned",
            Self::HelperStoodDown { .. } => "helper_stood_down",
            Self::StatusChanged { .. } => "status_changed",
            Self::EmergencyResolved { .. } => "emergency_resolved",
            Self::EmergencyCancelled { .. } => "emergency_cancelled",
            Self::EmergencyEnded { .. } => "emergency_ended",
            Self::EmergencyReopened { .. } => "emergency_reopened",
            Self::EmergencyUpdated { .. } => "emergency_updated",
            Self::EmergencyMoved { .. } => "emergency_moved",
            Self::AlertsRenewed => "alerts_renewed",
            Self::EmergencyDeleted => "emergency_deleted",
            Self::MessagePosted { .. } => "message_posted",
            Self::MessageDeleted { .. } => "message_deleted",
            Self::HelperRightsChanged { .. } => "helper_rights_changed",
            Self::SessionsRevoked { .. } => "sessions_revoked",
            Self::DeviceLost(_) => "device_lost",
            Self::AccountBlocked { .. } => "account_blocked",
            Self::UserBlocked(_) => "user_blocked",
            Self::UserUnblocked(_) => "user_unblocked",
            Self::EmergencyHidden { .. } => "emergency_hidden",
        }
    }
}

/// An event to append to the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it was decided.
    pub at: Timestamp,
    /// The emergency it belongs to; `None` for events of an account.
    pub emergency: Option<EmergencyId>,
    /// The user that caused it; `None` for the service.
    pub actor: Option<UserId>,
    /// The event.
    pub event: Event,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its position in the log.
    pub id: EventId,
    /// When it was decided.
    pub at: Timestamp,
    /// The emergency it belongs to; `None` for events of an account.
    pub emergency: Option<EmergencyId>,
    /// The user that caused it; `None` for the service.
    pub actor: Option<UserId>,
    /// The event.
    pub event: Event,
}

#[cfg(test)]
mod tests;
