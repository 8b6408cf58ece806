//! The end of an emergency, and undoing an end by a helper.

use chrono::TimeDelta;

use super::{Emergency, EmergencyState, Ending, Relation, ResolutionType, Response, ResponseStatus, SearchEffect};
use crate::{Refusal, Text, Timestamp, UserId};

/// The effect of reopening an emergency.
#[derive(Debug, Clone, PartialEq)]
pub struct Reopened {
    /// The responses that were open at the end and came back, and those that are cancelled now.
    pub responses: Vec<Response>,
    /// The search that follows from it.
    pub search: SearchEffect,
}

impl Emergency {
    /// Resolves the emergency. The recorded resolution follows from the relation of the user that resolves it.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but owner, responding helpers and administrators, and for a helper whose
    /// earlier end was undone by the owner; [`Refusal::EmergencyEnded`].
    pub fn resolve(
        &mut self,
        by: UserId,
        relation: Relation,
        notes: Option<Text<500>>,
        now: Timestamp,
    ) -> Result<ResolutionType, Refusal> {
        let resolution = match relation {
            Relation::Owner => ResolutionType::UserResolved,
            Relation::RespondingHelper if self.response(by).is_some_and(|r| r.record.end_undone) => {
                return Err(Refusal::NotAuthorized);
            }
            Relation::RespondingHelper => ResolutionType::HelperResolved,
            Relation::Admin => ResolutionType::AdminResolved,
            Relation::Helper | Relation::Stranger => return Err(Refusal::NotAuthorized),
        };
        self.must_be_live()?;
        let ending = Ending { at: now, by: Some(by), notes };
        self.end(EmergencyState::Resolved { resolution, ending }, now);
        Ok(resolution)
    }

    /// Resolves the emergency because it has been live for too long.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`].
    pub fn expire(&mut self, now: Timestamp) -> Result<ResolutionType, Refusal> {
        self.must_be_live()?;
        let (resolution, ending) = (ResolutionType::AutoExpired, Ending { at: now, by: None, notes: None });
        self.end(EmergencyState::Resolved { resolution, ending }, now);
        Ok(resolution)
    }

    /// The owner withdraws the call.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but the owner; [`Refusal::EmergencyEnded`].
    pub fn cancel(&mut self, by: UserId, reason: Option<Text<500>>, now: Timestamp) -> Result<(), Refusal> {
        if self.owner() != by {
            return Err(Refusal::NotAuthorized);
        }
        self.must_be_live()?;
        self.end(EmergencyState::Cancelled(Ending { at: now, by: Some(by), notes: reason }), now);
        Ok(())
    }

    fn end(&mut self, state: EmergencyState, now: Timestamp) {
        let place = self.call.details.location.position;
        for response in self.responses.iter_mut().filter(|r| r.status != ResponseStatus::Cancelled) {
            response.note_position(place);
        }
        self.state = state;
        self.search.end();
        self.updated_at = now;
    }

    /// Undoes the end by a helper: the emergency is live again, and the responses that were open at the end come back,
    /// at most as `on_way`. Those of helpers that are not in `available` are cancelled, and so are completed ones, which
    /// would otherwise stay. No response counts as help.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but the owner, helpers whose response was open at the end, and
    /// administrators. [`Refusal::NotReopenable`] if it did not end by a helper within the last `within`, this helper
    /// has reopened it before, the account of the owner was deleted, or it
    /// was thinned.
    pub fn reopen(
        &mut self,
        by: UserId,
        relation: Relation,
        available: &[UserId],
        within: TimeDelta,
        now: Timestamp,
    ) -> Result<Reopened, Refusal> {
        let own = self.response(by).filter(|r| r.status.is_engaged());
        let helps = relation == Relation::RespondingHelper;
        match relation {
            Relation::Owner | Relation::Admin => {}
            Relation::RespondingHelper if own.is_some() => {}
            Relation::RespondingHelper | Relation::Helper | Relation::Stranger => return Err(Refusal::NotAuthorized),
        }
        let EmergencyState::Resolved { resolution: ResolutionType::HelperResolved, ending } = &self.state else {
            return Err(Refusal::NotReopenable);
        };
        let is_late = now.signed_duration_since(ending.at) > within;
        if is_late || self.is_thinned() || self.owner().is_former() || (helps && own.is_some_and(|r| r.record.reopened))
        {
            return Err(Refusal::NotReopenable);
        }
        let ended_by = ending.by;
        let gone = self.responses.iter().map(|response| response.helper.person.id).filter(|id| !available.contains(id));
        for helper in gone.collect::<Vec<_>>() {
            self.disbelieve(helper);
        }
        let mut responses = Vec::new();
        for response in &mut self.responses {
            let helper = response.helper.person.id;
            response.record.reopened |= helps && helper == by;
            // Only the owner's word takes the right to end it from a helper.
            response.record.end_undone |= relation == Relation::Owner && ended_by == Some(helper);
            let status = match response.status {
                ResponseStatus::Cancelled => ResponseStatus::Cancelled,
                _ if !available.contains(&helper) => ResponseStatus::Cancelled,
                ResponseStatus::Completed => ResponseStatus::Completed,
                open => open.min(ResponseStatus::OnWay),
            };
            if response.status.is_engaged() || response.status != status {
                response.status = status;
                response.updated_at = now;
                let dispatch = &mut response.record.dispatch;
                (dispatch.check_until, dispatch.stalled_at) = (None, None);
                responses.push(response.clone());
            } else if ended_by == Some(helper) {
                responses.push(response.clone());
            }
        }
        self.state = EmergencyState::Responding;
        self.updated_at = now;
        let search = self.discount_responses(now);
        Ok(Reopened { responses, search })
    }
}
