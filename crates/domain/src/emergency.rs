//! The emergency: its states, its transitions, and the responses of helpers.
//!
//! A transition is a method that either changes the value or refuses and changes nothing. Nothing is stored here.

mod access;
mod call;
mod deleted;
mod editing;
mod ending;
mod moving;
mod overview;
mod reaching;
mod responding;
mod response;
mod revision;
mod searching;
mod separating;
mod snapshot;
mod stalling;
mod state;
mod teaming;
mod weighing;

pub use access::{EmergencyAccess, Relation};
pub use call::{Call, Details, DetailsChange, EmergencyType, Location, Movement, Priority, Severity, SeverityError};
pub use deleted::DeletedEmergency;
pub use ending::Reopened;
pub use moving::PlaceMove;
pub use overview::EmergencyOverview;
pub use responding::{ARRIVED_WITHIN, Acceptance, CompletionHold, SearchEffect, UpdatedResponse};
pub use response::{ResourceState, Response, ResponseDispatch, ResponseRecord, ResponseStatus, ResponseUpdate};
pub use revision::Revision;
pub use snapshot::{EmergencySnapshot, ImpossibleState};
pub use stalling::{CheckedResponses, NotedSign, Sign, StallTiming};
pub use state::{EmergencyState, EmergencyStatus, Ending, ResolutionType};
pub use teaming::TeamUpdate;
pub use weighing::GainInput;

use crate::{
    Account, AlertCounts, EmergencyId, HelperPolicy, Metres, Refusal, Search, Stage, Text, Timestamp, UserId, Wave,
};

/// An emergency with the responses to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Emergency {
    call: Call,
    request_id: Option<Text<100>>,
    state: EmergencyState,
    alert_radius: Metres,
    updated_at: Timestamp,
    first_response_at: Option<Timestamp>,
    responses: Vec<Response>,
    alerts: AlertCounts,
    renewed_at: Option<Timestamp>,
    search: Search,
    revision: Revision,
}

/// Reading an emergency.
impl Emergency {
    /// The id.
    pub const fn id(&self) -> EmergencyId {
        self.call.id
    }

    /// The user that raised it.
    pub const fn owner(&self) -> UserId {
        self.call.owner.id
    }

    /// The data that the owner gave when raising it, with later changes.
    pub const fn call(&self) -> &Call {
        &self.call
    }

    /// The client's idempotency key: a repeated request with the same key is the same emergency.
    pub const fn request_id(&self) -> Option<&Text<100>> {
        self.request_id.as_ref()
    }

    /// The state.
    pub const fn state(&self) -> &EmergencyState {
        &self.state
    }

    /// The status.
    pub const fn status(&self) -> EmergencyStatus {
        self.state.status()
    }

    /// When the timer of alerts is due: for the next step of the search for helpers, for the end of the time for which
    /// completed responses count as help, or to check whether helpers still come. `None` while there is nothing to wait for.
    pub fn next_alert_at(&self) -> Option<Timestamp> {
        [self.search.due_at, self.completion_hold_end(), self.search.check_at].into_iter().flatten().min()
    }

    /// Whether the timer is due at `now`. Without one it is due for an emergency to which helpers respond: a node of the release before
    /// stored it, which neither asks helpers whether they still come nor decides by gain.
    pub fn is_timer_due(&self, now: Timestamp) -> bool {
        self.next_alert_at().map_or(self.status() == EmergencyStatus::Responding, |due| due <= now)
    }

    /// The search for helpers.
    pub const fn search(&self) -> &Search {
        &self.search
    }

    /// When the owner last asked for more help, or the emergency was reopened. Responses that began before do not count
    /// as help.
    pub const fn renewed_at(&self) -> Option<Timestamp> {
        self.renewed_at
    }

    /// How it ended, or `None` while it is live.
    pub const fn ending(&self) -> Option<&Ending> {
        match &self.state {
            EmergencyState::Resolved { ending, .. } | EmergencyState::Cancelled(ending) => Some(ending),
            EmergencyState::Active | EmergencyState::Responding => None,
        }
    }

    /// The kind of its resolution, or `None` unless it is resolved.
    pub const fn resolution(&self) -> Option<ResolutionType> {
        match self.state {
            EmergencyState::Resolved { resolution, .. } => Some(resolution),
            EmergencyState::Active | EmergencyState::Responding | EmergencyState::Cancelled(_) => None,
        }
    }

    /// Radius around the place within which helpers are alerted.
    pub const fn alert_radius(&self) -> Metres {
        self.alert_radius
    }

    /// When it last changed.
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// When the first helper accepted.
    pub const fn first_response_at(&self) -> Option<Timestamp> {
        self.first_response_at
    }

    /// All responses, cancelled ones included, in the order of each helper's first acceptance.
    pub fn responses(&self) -> &[Response] {
        &self.responses
    }

    /// Counts of the alerts sent and of the answers to them.
    pub const fn alerts(&self) -> AlertCounts {
        self.alerts
    }

    /// Whether only the cell of the place, times and numbers are left of it: see [`Retention`](crate::port::Retention).
    pub const fn is_thinned(&self) -> bool {
        self.search.is_thinned
    }

    /// The revision the store holds.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// The response of a helper, which may be cancelled.
    pub fn response(&self, helper: UserId) -> Option<&Response> {
        self.responses.iter().find(|r| r.helper.person.id == helper)
    }

    /// Whether this user responds, or has completed.
    pub fn is_responding(&self, user: UserId) -> bool {
        self.response(user).is_some_and(|r| r.status != ResponseStatus::Cancelled)
    }

    /// The owner, responding helpers, and helpers that have completed.
    pub fn participants(&self) -> impl Iterator<Item = UserId> + '_ {
        let helpers = self.responses.iter().filter(|r| r.status != ResponseStatus::Cancelled);
        [self.owner()].into_iter().chain(helpers.map(|r| r.helper.person.id))
    }

    /// Helpers that gain trust when the emergency is resolved: they arrived or completed, and no position contradicts it.
    ///
    /// None for an anonymous owner: trust that is missing, because the pair had gained it before, would name the owner.
    pub fn trusted_helpers(&self) -> impl Iterator<Item = UserId> + '_ {
        self.responses
            .iter()
            .filter(|r| matches!(r.status, ResponseStatus::Arrived | ResponseStatus::Completed))
            .filter(|r| self.may_gain_reputation(r))
            .map(|r| r.helper.person.id)
    }

    /// Whether trust and ratings of this response count.
    pub fn may_gain_reputation(&self, response: &Response) -> bool {
        !self.call.details.anonymous && response.record.came_near != Some(false)
    }

    /// The facts that decide on this user's access to the emergency, apart from blocks.
    pub fn access(&self, user: UserId) -> EmergencyAccess {
        let (owns, responds) = (self.owner() == user, self.is_responding(user));
        EmergencyAccess { owns, responds, hidden: false, status: self.status(), revision: self.revision }
    }

    /// The relation of this account to the emergency.
    pub fn relation(&self, account: &Account, policy: HelperPolicy) -> Relation {
        self.access(account.id).relation(account, policy)
    }

    /// The stage of this account, which decides what is disclosed to it. `alerted`: was alerted and has not declined.
    ///
    /// A helper that cancelled looks on, whether alerted before or not; so does one that has completed, once that does not
    /// count as help any more.
    pub fn stage(&self, account: &Account, policy: HelperPolicy, alerted: bool, now: Timestamp) -> Stage {
        let relation = match self.relation(account, policy) {
            Relation::RespondingHelper if self.has_finished(account.id, now) => Relation::Helper,
            relation => relation,
        };
        Stage::of(relation, alerted && self.response(account.id).is_none())
    }

    /// Checks that this account may read the emergency and enter its room. `hidden`: a block hides it from the account.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`], [`Refusal::EmergencyNotFound`].
    pub fn admit(&self, account: &Account, policy: HelperPolicy, hidden: bool) -> Result<Relation, Refusal> {
        EmergencyAccess { hidden, ..self.access(account.id) }.admit(account, policy)
    }

    /// Checks that the emergency has not ended.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`].
    pub const fn must_be_live(&self) -> Result<(), Refusal> {
        let status = self.status();
        if status.is_live() { Ok(()) } else { Err(Refusal::EmergencyEnded { status }) }
    }
}

/// Raising and alerting.
impl Emergency {
    /// Raises an emergency whose first wave of alerts is `first_wave`, and whose `search` has begun with it. The recipients
    /// of the wave are those to ring now.
    pub fn raise(call: Call, request_id: Option<Text<100>>, first_wave: &Wave, search: Search) -> Self {
        let alerted = u32::try_from(first_wave.recipients.len()).unwrap_or(u32::MAX);
        Self {
            updated_at: call.created_at,
            call,
            request_id,
            state: EmergencyState::Active,
            alert_radius: first_wave.radius,
            first_response_at: None,
            responses: Vec::new(),
            alerts: AlertCounts { wave: first_wave.number, alerted, ..AlertCounts::default() },
            renewed_at: None,
            search,
            revision: Revision(1),
        }
    }

    /// Counts helpers that are alerted for the first time.
    pub fn count_alerted(&mut self, helpers: usize) {
        self.alerts.alerted = self.alerts.alerted.saturating_add(u32::try_from(helpers).unwrap_or(u32::MAX));
    }

    /// Counts an alerted helper that declined.
    pub fn count_declined(&mut self) {
        self.alerts.declined = self.alerts.declined.saturating_add(1);
    }

    /// Takes back [`Self::count_declined`] for a helper that accepted after all.
    pub fn uncount_declined(&mut self) {
        self.alerts.declined = self.alerts.declined.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
