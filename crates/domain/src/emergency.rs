//! The emergency: its life, and the responses of helpers to it.
//!
//! Every decision is a method that either changes the value and says so, or refuses. Nothing is stored here.

use serde::{Deserialize, Serialize};

use crate::{
    Account, AlertCounts, EmergencyId, HelperCard, HelperPolicy, Metres, Person, Position, Refusal, Text, Timestamp,
    UserId, string_enum,
};

mod access;

pub use access::{EmergencyAccess, Relation};

string_enum! {
    /// What kind of trouble it is.
    EmergencyType {
        Medical = "medical", Safety = "safety", Accident = "accident", Assault = "assault",
        NaturalDisaster = "natural_disaster", Other = "other",
    }
}

string_enum! {
    /// How urgent the owner says it is.
    Priority { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

string_enum! {
    /// Where an emergency is in its life: `active → responding → resolved | cancelled`.
    EmergencyStatus { Active = "active", Responding = "responding", Resolved = "resolved", Cancelled = "cancelled" }
}

impl EmergencyStatus {
    /// Whether help may still come.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Responding)
    }
}

string_enum! {
    /// Where a response is in its life: forward only, steps may be skipped, `cancelled` from any but `completed`.
    ResponseStatus {
        Responding = "responding", OnWay = "on_way", Arrived = "arrived", Completed = "completed",
        Cancelled = "cancelled",
    }
}

impl ResponseStatus {
    /// Whether the helper is bound to this emergency and may respond to no other.
    pub const fn is_engaged(self) -> bool {
        matches!(self, Self::Responding | Self::OnWay | Self::Arrived)
    }

    fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Completed, Self::Cancelled) | (Self::Cancelled, _) => false,
            (_, Self::Cancelled) => true,
            (from, to) => from <= to,
        }
    }
}

string_enum! {
    /// Who brought an emergency to its end.
    ResolutionType {
        UserResolved = "user_resolved", HelperResolved = "helper_resolved", AdminResolved = "admin_resolved",
        AutoExpired = "auto_expired",
    }
}

/// Where help is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// The place.
    pub position: Position,
    /// The address, as the owner's phone tells it.
    pub address: Option<Text<300>>,
    /// How to find it.
    pub description: Option<Text<300>>,
}

/// What the owner told when raising the emergency. It never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// What kind of trouble.
    pub kind: EmergencyType,
    /// A finer word for it.
    pub category: Option<Text<50>>,
    /// What happened.
    pub description: Option<Text<1000>>,
    /// Where.
    pub location: Location,
    /// How urgent.
    pub priority: Priority,
    /// 1..=10.
    pub severity: u8,
    /// Helpers shall not call or ring.
    pub silent: bool,
    /// Nobody but administrators shall learn who the owner is.
    pub anonymous: bool,
}

/// The part of an emergency that is known when it begins; what alerts carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Which.
    pub id: EmergencyId,
    /// Who needs help. Shown to others only when [`Details::anonymous`] is not set.
    pub owner: Person,
    /// What happened where.
    pub details: Details,
    /// When the button was pressed.
    pub created_at: Timestamp,
}

/// A number that grows with every change of an emergency; what a change was decided on must still be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub i64);

/// A helper's part in an emergency. One per helper; it stays listed after it was cancelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Who.
    pub helper: HelperCard,
    /// How far along.
    pub status: ResponseStatus,
    /// What the helper last told.
    pub notes: Option<Text<500>>,
    /// When the helper expects to be there.
    pub estimated_arrival: Option<Timestamp>,
    /// When the helper accepted, the last time if more than once.
    pub responded_at: Timestamp,
    /// When this was last changed.
    pub updated_at: Timestamp,
}

/// How an emergency was resolved or cancelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// By whom; nobody, when it ran out of time.
    pub by: Option<UserId>,
    /// By which kind of person; none when cancelled.
    pub resolution: Option<ResolutionType>,
    /// Notes of a resolution, or the reason of a cancellation.
    pub notes: Option<Text<500>>,
}

/// An emergency with the responses to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Emergency {
    /// What was told at the beginning.
    pub call: Call,
    /// The owner's own key for this call, so that a repeated request is the same emergency.
    pub request_id: Option<Text<100>>,
    /// Where it is in its life.
    pub status: EmergencyStatus,
    /// Helpers within this distance are alerted.
    pub alert_radius: Metres,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the first helper accepted.
    pub first_response_at: Option<Timestamp>,
    /// Set once it is over.
    pub ending: Option<Ending>,
    /// Everyone who ever accepted, in the order of their first acceptance.
    pub responses: Vec<Response>,
    /// How many were alerted, and what came back.
    pub alerts: AlertCounts,
    /// When the next wave is due, unless somebody responds before; none while somebody does, and after the last.
    pub next_alert_at: Option<Timestamp>,
    /// What the store holds; a change is made on condition that it still does.
    pub revision: Revision,
}

/// What accepting an emergency did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// The helper responds now; `first` when the emergency became `responding` by it.
    Joined {
        /// Nobody else was responding.
        first: bool,
    },
    /// The helper was responding already: nothing changed.
    Already,
}

impl Emergency {
    /// Which.
    pub fn id(&self) -> EmergencyId {
        self.call.id
    }

    /// Who raised it.
    pub fn owner(&self) -> UserId {
        self.call.owner.id
    }

    /// What is to be known of this user in the emergency.
    pub fn access(&self, user: UserId) -> EmergencyAccess {
        let (owns, responds) = (self.owner() == user, self.is_responding(user));
        EmergencyAccess { owns, responds, status: self.status, revision: self.revision }
    }

    /// How this account stands to the emergency.
    pub fn relation(&self, account: &Account, policy: HelperPolicy) -> Relation {
        self.access(account.id).relation(account, policy)
    }

    /// Whether this account may read the emergency and enter its room.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`].
    pub fn admit(&self, account: &Account, policy: HelperPolicy) -> Result<Relation, Refusal> {
        self.access(account.id).admit(account, policy)
    }

    /// The response of a helper, cancelled ones included.
    pub fn response(&self, helper: UserId) -> Option<&Response> {
        self.responses.iter().find(|r| r.helper.person.id == helper)
    }

    /// Whether this user responds, or has completed.
    pub fn is_responding(&self, user: UserId) -> bool {
        self.response(user).is_some_and(|r| r.status != ResponseStatus::Cancelled)
    }

    /// Refuses once the emergency is over.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`].
    pub fn must_be_live(&self) -> Result<(), Refusal> {
        if self.status.is_live() { Ok(()) } else { Err(Refusal::EmergencyEnded { status: self.status }) }
    }

    /// A helper says "I am coming".
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`].
    pub fn accept(
        &mut self,
        helper: HelperCard,
        estimated_arrival: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Acceptance, Refusal> {
        self.must_be_live()?;
        let id = helper.person.id;
        if self.is_responding(id) {
            return Ok(Acceptance::Already);
        }
        let response = Response {
            helper,
            status: ResponseStatus::Responding,
            notes: None,
            estimated_arrival,
            responded_at: now,
            updated_at: now,
        };
        match self.responses.iter_mut().find(|r| r.helper.person.id == id) {
            Some(cancelled) => *cancelled = response,
            None => self.responses.push(response),
        }
        let first = self.status == EmergencyStatus::Active;
        self.status = EmergencyStatus::Responding;
        self.next_alert_at = None;
        self.first_response_at.get_or_insert(now);
        self.updated_at = now;
        Ok(Acceptance::Joined { first })
    }

    /// A helper says that they will not come.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`], or [`Refusal::AlreadyResponding`] for one who has said that they come.
    pub fn decline(&self, helper: UserId) -> Result<(), Refusal> {
        self.must_be_live()?;
        if self.is_responding(helper) { Err(Refusal::AlreadyResponding) } else { Ok(()) }
    }

    /// A responding helper tells how far along they are. Returns whether the emergency waits for help again,
    /// because nobody responds any more.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for one who never responded, [`Refusal::EmergencyEnded`],
    /// [`Refusal::InvalidTransition`].
    pub fn update_response(&mut self, helper: UserId, update: ResponseUpdate, now: Timestamp) -> Result<bool, Refusal> {
        let live = self.must_be_live();
        let response =
            self.responses.iter_mut().find(|r| r.helper.person.id == helper).ok_or(Refusal::NotAuthorized)?;
        live?;
        let ResponseUpdate { status, notes, estimated_arrival } = update;
        if !response.status.may_become(status) {
            return Err(Refusal::InvalidTransition { from: response.status, to: status });
        }
        response.status = status;
        response.notes = notes;
        if estimated_arrival.is_some() {
            response.estimated_arrival = estimated_arrival;
        }
        response.updated_at = now;
        self.updated_at = now;
        let abandoned = self.responses.iter().all(|r| r.status == ResponseStatus::Cancelled);
        if abandoned {
            self.status = EmergencyStatus::Active;
        }
        Ok(abandoned)
    }

    /// Somebody says that it is over and well. What is recorded as the resolution follows from who says it.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but owner, responding helper and administrator;
    /// [`Refusal::EmergencyEnded`].
    pub fn resolve(
        &mut self,
        by: UserId,
        relation: Relation,
        notes: Option<Text<500>>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let resolution = match relation {
            Relation::Owner => ResolutionType::UserResolved,
            Relation::RespondingHelper => ResolutionType::HelperResolved,
            Relation::Admin => ResolutionType::AdminResolved,
            Relation::Helper | Relation::Stranger => return Err(Refusal::NotAuthorized),
        };
        self.must_be_live()?;
        self.end(EmergencyStatus::Resolved, Ending { at: now, by: Some(by), resolution: Some(resolution), notes });
        Ok(())
    }

    /// It ran out of time: nobody ended it.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`].
    pub fn expire(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.must_be_live()?;
        let resolution = Some(ResolutionType::AutoExpired);
        self.end(EmergencyStatus::Resolved, Ending { at: now, by: None, resolution, notes: None });
        Ok(())
    }

    /// The owner takes the call back.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but the owner; [`Refusal::EmergencyEnded`].
    pub fn cancel(&mut self, by: UserId, reason: Option<Text<500>>, now: Timestamp) -> Result<(), Refusal> {
        if self.owner() != by {
            return Err(Refusal::NotAuthorized);
        }
        self.must_be_live()?;
        self.end(EmergencyStatus::Cancelled, Ending { at: now, by: Some(by), resolution: None, notes: reason });
        Ok(())
    }

    fn end(&mut self, status: EmergencyStatus, ending: Ending) {
        self.status = status;
        self.updated_at = ending.at;
        self.next_alert_at = None;
        self.ending = Some(ending);
    }

    /// Owner, responding helpers and those who completed.
    pub fn participants(&self) -> impl Iterator<Item = UserId> + '_ {
        let helpers = self.responses.iter().filter(|r| r.status != ResponseStatus::Cancelled);
        [self.owner()].into_iter().chain(helpers.map(|r| r.helper.person.id))
    }

    /// Helpers who were there when it was resolved, and so have earned trust.
    pub fn who_helped(&self) -> impl Iterator<Item = UserId> + '_ {
        self.responses
            .iter()
            .filter(|r| matches!(r.status, ResponseStatus::Arrived | ResponseStatus::Completed))
            .map(|r| r.helper.person.id)
    }
}

/// What a responding helper tells.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseUpdate {
    /// How far along.
    pub status: ResponseStatus,
    /// Replaces the earlier notes.
    pub notes: Option<Text<500>>,
    /// When they expect to be there; a missing one keeps what was said before.
    pub estimated_arrival: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
