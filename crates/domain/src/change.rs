//! What a use case decided, as data: committed by one port call, in one transaction, or not at all.

use crate::{
    Account, Emergency, EmergencyId, Event, HelperRecord, Message, MessageId, NewEvent, PasswordHash, Recipient,
    Response, Revision, Role, Score, Session, SessionId, Text, Timestamp, UserId, Verification,
};

/// Writes and events that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When it was decided.
    pub at: Timestamp,
    /// Who decided; none for the service itself.
    pub actor: Option<UserId>,
    /// Applied in this order.
    pub writes: Vec<Write>,
    /// Appended to the log in this order, after the writes.
    pub events: Vec<NewEvent>,
}

impl Change {
    /// Nothing yet.
    pub const fn new(actor: Option<UserId>, at: Timestamp) -> Self {
        Self { at, actor, writes: Vec::new(), events: Vec::new() }
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds a write before all others.
    #[must_use]
    pub fn write_first(mut self, write: Write) -> Self {
        self.writes.insert(0, write);
        self
    }

    /// Adds an event of an emergency.
    #[must_use]
    pub fn event(self, emergency: EmergencyId, event: Event) -> Self {
        self.append(Some(emergency), event)
    }

    /// Adds an event of an emergency that somebody else has caused.
    #[must_use]
    pub fn event_by(mut self, actor: UserId, emergency: EmergencyId, event: Event) -> Self {
        self.events.push(NewEvent { at: self.at, emergency: Some(emergency), actor: Some(actor), event });
        self
    }

    /// Adds an event that belongs to no emergency.
    #[must_use]
    pub fn account_event(self, event: Event) -> Self {
        self.append(None, event)
    }

    fn append(mut self, emergency: Option<EmergencyId>, event: Event) -> Self {
        self.events.push(NewEvent { at: self.at, emergency, actor: self.actor, event });
        self
    }
}

/// One thing to store. Each fails the whole change when its condition does not hold, unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new account with its password. `Conflict(Email)` when the email is taken.
    RegisterAccount {
        /// The account.
        account: Box<Account>,
        /// The hash of its password.
        password: PasswordHash,
    },
    /// A new session.
    OpenSession(Session),
    /// The account's sessions end: only one of them, or all but one, or all.
    RevokeSessions {
        /// Whose.
        user: UserId,
        /// Only this one.
        only: Option<SessionId>,
        /// But not this one.
        except: Option<SessionId>,
    },
    /// A new password.
    SetPassword {
        /// Whose.
        user: UserId,
        /// The hash.
        password: PasswordHash,
    },
    /// Nothing is written, but what decides on an account's rights must still be so: role, block and helper record;
    /// `Stale` otherwise.
    ExpectAccount(Box<Account>),
    /// What an account tells about helping, and what it is shown as from now on. `verification` is stored only
    /// when the account had no helper record before: only an administrator changes it later.
    SetHelper {
        /// Whose.
        user: UserId,
        /// The record.
        helper: HelperRecord,
        /// Shown as.
        role: Role,
    },
    /// What an administrator decided about a helper.
    SetVerification {
        /// Whose.
        user: UserId,
        /// Decided.
        verification: Verification,
    },
    /// Shuts an account out, or lets it in again.
    SetBlocked {
        /// Whose.
        user: UserId,
        /// Out, or in.
        blocked: bool,
        /// Why, for other administrators.
        reason: Option<Text<500>>,
    },
    /// A new, live emergency, without responses. `Conflict(LiveEmergency)`, `Conflict(RequestId)`.
    RaiseEmergency(Box<Emergency>),
    /// The state of an emergency, on condition that the store still holds `emergency.revision`, which then grows by
    /// one; `Stale` otherwise. Only `responses` are written of its responses. When it has ended, every response is
    /// released, so that those helpers may respond elsewhere.
    /// `Conflict(Engaged)` when a response is engaged and its helper is engaged elsewhere.
    UpdateEmergency {
        /// The new state, with the revision it was loaded at.
        emergency: Box<Emergency>,
        /// The responses that are new or changed.
        responses: Vec<Response>,
    },
    /// Nothing is written, but the store must still hold this revision; `Stale` otherwise.
    ExpectRevision {
        /// Of which emergency.
        emergency: EmergencyId,
        /// The revision it was loaded at.
        revision: Revision,
    },
    /// The emergency with its responses, alerts, messages and ratings is gone, and what the log holds of it with
    /// [`Changes::erase_deleted`](crate::port::Changes::erase_deleted). Reports stay.
    DeleteEmergency(EmergencyId),
    /// Helpers are alerted by a wave. The emergency's wave only grows; one who is alerted again stays in the wave that
    /// alerted them first.
    SendAlerts {
        /// To what.
        emergency: EmergencyId,
        /// By which wave.
        wave: u16,
        /// Who.
        recipients: Vec<Recipient>,
    },
    /// A device of an alerted helper received the alert. An alert that was acknowledged before, or never sent, stays as
    /// it is, and an [`Event::AlertAcknowledged`] of this helper and emergency in the same change is not appended.
    AcknowledgeAlert {
        /// To what.
        emergency: EmergencyId,
        /// Whose.
        helper: UserId,
    },
    /// A helper declined (`true`), or accepted after all (`false`: nothing if they had not declined).
    SetDeclined {
        /// What.
        emergency: EmergencyId,
        /// Who.
        helper: UserId,
        /// Whether they decline.
        declined: bool,
    },
    /// Trust rises, up to the maximum.
    AddTrust {
        /// Whose.
        helpers: Vec<UserId>,
        /// By how much.
        by: u16,
    },
    /// A new message.
    PostMessage(Message),
    /// A message is gone, and what the log holds of its text.
    DeleteMessage {
        /// Of which emergency.
        emergency: EmergencyId,
        /// Which.
        message: MessageId,
    },
    /// An owner's score for a helper. `Conflict(Rating)` the second time. Moves the helper's rating.
    AddRating {
        /// For what.
        emergency: EmergencyId,
        /// Whom.
        helper: UserId,
        /// The score.
        score: Score,
        /// The owner's comment.
        comment: Option<Text<500>>,
    },
    /// A complaint about the other party. `Conflict(Report)` the second time.
    AddReport {
        /// In which emergency.
        emergency: EmergencyId,
        /// Who complains.
        reporter: UserId,
        /// About whom.
        about: UserId,
        /// Why.
        reason: Text<500>,
    },
}
