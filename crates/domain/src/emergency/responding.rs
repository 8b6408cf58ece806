//! Responding: accepting, reporting progress, cancelling, and whether a response counts as help.
//!
//! A response counts as help while its helper is engaged, and for a while after the helper has completed. When none counts
//! any more, helpers are searched again.

use chrono::TimeDelta;

use super::{
    Emergency, EmergencyState, ResourceState, Response, ResponseStatus, ResponseUpdate,
    response::{ResponseDispatch, ResponseRecord},
};
use crate::{HelperCard, Metres, Position, Refusal, ResourceId, Timestamp, UserId, dispatch::Transport};

/// Maximum distance from the emergency at which a helper is taken to be there.
pub const ARRIVED_WITHIN: Metres = Metres::new(500.0);
/// Time within which the same report counts as a repeated request.
const SAME_REPORT_WITHIN: TimeDelta = TimeDelta::seconds(10);
/// The same for a missing box: a client that has no answer repeats the request after 15 s by itself, and the helper may have been
/// sent to another box by then.
const SAME_MISSING_BOX_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// Maximum number of reports of an unchanged status in [`REPEATS_WINDOW`].
const MAX_REPEATS: u16 = 30;
/// The window of [`MAX_REPEATS`].
const REPEATS_WINDOW: TimeDelta = TimeDelta::seconds(60);
/// Number of cancellations and completions after which a helper may accept again at once.
const FREE_REACCEPTS: u16 = 2;

/// The effect of accepting an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// The helper responds now.
    Joined {
        /// The emergency became `responding` by it.
        first: bool,
    },
    /// The helper was responding already; nothing changed.
    Already,
}

/// The effect of updating a response.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdatedResponse {
    /// The response after the update.
    pub response: Response,
    /// The search that follows from it.
    pub search: SearchEffect,
    /// The helper completed, and no other helper is engaged: the owner has to be asked whether help is still needed.
    pub asks_owner: bool,
    /// The box that the helper was to bring and has not found.
    pub missing_box: Option<ResourceId>,
}

/// What a change of responses means for the search for helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchEffect {
    /// The status went back from `responding` to `active`.
    pub became_active: bool,
    /// The status went from `active` to `responding`, because a stalled response counts as help again.
    pub became_responding: bool,
    /// No response counts as help any more: the search has to be renewed.
    pub must_renew: bool,
}

/// How long a completed response counts as help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletionHold {
    /// Of a helper that was at the place.
    pub near: TimeDelta,
    /// Of any other.
    pub far: TimeDelta,
}

/// The help that the responses amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Help {
    /// A helper is engaged.
    Engaged,
    /// Only completed responses count, the last of them until this time.
    Until(Timestamp),
    /// No response counts.
    None,
}

impl Response {
    /// Whether `update` repeats the last report, as a client does that lost the answer.
    fn is_repeated_by(&self, update: &ResponseUpdate, now: Timestamp) -> bool {
        let ResponseUpdate { status, notes, estimated_arrival, resource_state: _ } = update;
        let within = if self.is_about_missing_box(update) { SAME_MISSING_BOX_WITHIN } else { SAME_REPORT_WITHIN };
        // Accepting is not a report, although it sets the same status.
        let was_reported = self.updated_at > self.responded_at;
        was_reported
            && self.status == *status
            && self.notes == *notes
            && estimated_arrival.is_none_or(|at| self.estimated_arrival == Some(at))
            && now.signed_duration_since(self.updated_at) < within
    }

    /// Whether the last report was that a box is missing, as in `update`.
    fn is_about_missing_box(&self, update: &ResponseUpdate) -> bool {
        update.resource_state == Some(ResourceState::Missing)
            && self.record.dispatch.box_missing_at == Some(self.updated_at)
    }

    /// Counts a report of the present status.
    fn count_repeat(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let ResponseRecord { repeats, repeats_since, .. } = &mut self.record;
        let elapsed = repeats_since.map(|since| now.signed_duration_since(since));
        match elapsed.filter(|elapsed| *elapsed < REPEATS_WINDOW) {
            Some(elapsed) if *repeats >= MAX_REPEATS => {
                return Err(Refusal::TooSoon { retry_after: REPEATS_WINDOW - elapsed });
            }
            Some(_) => *repeats += 1,
            None => (*repeats, *repeats_since) = (1, Some(now)),
        }
        Ok(())
    }

    /// Records whether the newest position since the helper accepted is near the emergency, unless an earlier one was.
    pub(super) fn note_position(&mut self, place: Position) {
        if let Some((position, at)) = self.last_fix
            && at > self.responded_at
            && self.record.came_near != Some(true)
        {
            self.record.came_near = Some(place.distance_to(position) <= ARRIVED_WITHIN);
        }
    }

    /// Records when the helper arrived, before the report of this status. To repeat it is no arrival, unless a recent position
    /// is near the emergency: otherwise a helper who has left would undo that the owner needs more help.
    fn note_arrival(&mut self, status: ResponseStatus, place: Position, now: Timestamp) {
        let before = self.status;
        let arrives = status == ResponseStatus::Arrived;
        let completes = status == ResponseStatus::Completed && before != status;
        let is_here = self.is_seen_near(place, now);
        let said_at = self.updated_at;
        let arrived_at = &mut self.record.dispatch.arrived_at;
        if (arrives && before != status) || ((arrives || completes) && is_here) {
            *arrived_at = Some(now);
        } else if before == ResponseStatus::Arrived {
            // It may have been stored without.
            arrived_at.get_or_insert(said_at);
        }
    }

    /// Records that the helper completed, which counts as help for this time. A further completion does so only if a position since the
    /// helper accepted again was near the emergency: otherwise it counts as long as the one before at most, and not at all if the owner
    /// has asked for more help since that one.
    fn note_completion(&mut self, counts_for: TimeDelta, now: Timestamp) {
        let dispatch = &mut self.record.dispatch;
        let until = now.checked_add_signed(counts_for);
        let is_first = dispatch.completions == 0 || self.record.came_near == Some(true);
        dispatch.completed_until = if is_first { until } else { dispatch.completed_until.min(until) };
        self.record.counts_until = dispatch.completed_until;
        dispatch.completions = dispatch.completions.saturating_add(1);
    }

    /// Whether the newest position of the helper is near the emergency, whenever it was reported.
    fn is_near(&self, place: Position) -> bool {
        self.last_fix.is_some_and(|(position, _)| place.distance_to(position) <= ARRIVED_WITHIN)
    }
}

impl Emergency {
    /// The help that the responses amount to at `now`.
    ///
    /// The owner's request for more help discounts responses that began before it.
    fn help(&self, now: Timestamp) -> Help {
        if self.responses.iter().any(|r| r.is_active() && self.is_counted(r, now)) {
            return Help::Engaged;
        }
        let until = self.responses.iter().filter_map(|r| self.counts_until(r)).max();
        until.filter(|until| *until > now).map_or(Help::None, Help::Until)
    }

    /// Whether an engaged response counts as help although the owner asked for more help: it began after that, or its helper
    /// arrived after that and is there.
    fn is_counted(&self, response: &Response, now: Timestamp) -> bool {
        let place = self.call.details.location.position;
        self.renewed_at.is_none_or(|renewed| {
            let arrived_since = response.counts_since() > renewed && response.is_there(place, now);
            response.responded_at > renewed || arrived_since
        })
    }

    /// When the last completed response stops counting as help, if only completed ones count and helpers are not searched.
    pub(super) fn completion_hold_end(&self) -> Option<Timestamp> {
        let waits = matches!(self.state, EmergencyState::Responding) && !self.search.is_running();
        match self.help(Timestamp::MIN_UTC) {
            Help::Until(end) if waits => Some(end),
            Help::Engaged | Help::Until(_) | Help::None => None,
        }
    }

    /// Until when a completed response counts as help. `None` if it does not, or the owner has asked for more help since.
    pub fn counts_until(&self, response: &Response) -> Option<Timestamp> {
        let is_discounted = self.renewed_at.is_some_and(|renewed| response.counts_since() <= renewed);
        response.record.counts_until.filter(|_| !is_discounted)
    }

    /// Whether this helper has completed and no longer counts as help, while the emergency goes on: they keep messages, but
    /// are shown places like any helper who takes no part.
    pub(crate) fn has_finished(&self, helper: UserId, now: Timestamp) -> bool {
        let is_over = |r: &Response| self.counts_until(r).is_none_or(|until| until <= now);
        let response = self.response(helper).filter(|r| r.status == ResponseStatus::Completed);
        self.status().is_live() && response.is_some_and(is_over)
    }

    /// Whether no response counts as help, for example after an arrival has lapsed, and no search is running.
    pub(super) fn lacks_search(&self, now: Timestamp) -> bool {
        self.help(now) == Help::None && !self.search.is_running()
    }

    /// Whether a helper is engaged and not stalled.
    fn has_active(&self) -> bool {
        self.responses.iter().any(Response::is_active)
    }

    /// Moves the state after responses have changed, and stops the search if one counts as help.
    pub(super) fn follow_responses(&mut self, now: Timestamp) -> SearchEffect {
        let was_active = matches!(self.state, EmergencyState::Active);
        let needs_help = self.help(now) == Help::None;
        self.state = if needs_help && !self.has_active() { EmergencyState::Active } else { EmergencyState::Responding };
        if !needs_help {
            self.search.stop();
        }
        self.search.decide_now(now);
        let is_active = matches!(self.state, EmergencyState::Active);
        SearchEffect {
            became_active: is_active && !was_active,
            became_responding: was_active && !is_active,
            must_renew: needs_help && !self.search.is_running(),
        }
    }

    /// A helper accepts. A helper that cancelled or completed before responds anew.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`]; [`Refusal::TooSoon`] for a helper that cancelled or completed three times or more, within
    /// `reaccept_pause` after the last time.
    pub fn accept(
        &mut self,
        helper: HelperCard,
        estimated_arrival: Option<Timestamp>,
        reaccept_pause: TimeDelta,
        now: Timestamp,
    ) -> Result<Acceptance, Refusal> {
        self.must_be_live()?;
        let completed_until = self.response(helper.person.id).and_then(|earlier| self.counts_until(earlier));
        let earlier = self.responses.iter_mut().find(|r| r.helper.person.id == helper.person.id);
        let mut response = Response {
            helper,
            status: ResponseStatus::Responding,
            notes: None,
            estimated_arrival,
            responded_at: now,
            updated_at: now,
            record: ResponseRecord::default(),
            transport: Transport::default(),
            last_fix: None,
            blocks: Vec::new(),
        };
        match earlier {
            Some(earlier) if earlier.status.is_engaged() => return Ok(Acceptance::Already),
            Some(earlier) => {
                let ResponseRecord { cancellations, reopened, end_undone, dispatch, .. } = earlier.record;
                let elapsed = now.signed_duration_since(earlier.updated_at);
                let times = cancellations.saturating_add(dispatch.completions.into());
                if times > FREE_REACCEPTS && elapsed < reaccept_pause {
                    return Err(Refusal::TooSoon { retry_after: reaccept_pause - elapsed });
                }
                let dispatch = ResponseDispatch { completed_until, ..dispatch.kept() };
                response.record =
                    ResponseRecord { cancellations, reopened, end_undone, dispatch, ..ResponseRecord::default() };
                (response.transport, response.last_fix) = (earlier.transport, earlier.last_fix);
                *earlier = response;
            }
            None => self.responses.push(response),
        }
        let first = matches!(self.state, EmergencyState::Active);
        self.state = EmergencyState::Responding;
        self.search.stop();
        self.search.decide_now(now);
        self.first_response_at.get_or_insert(now);
        self.updated_at = now;
        Ok(Acceptance::Joined { first })
    }

    /// Checks that a helper may decline.
    ///
    /// # Errors
    /// [`Refusal::EmergencyEnded`]; [`Refusal::AlreadyResponding`] if the helper is engaged.
    pub fn decline(&self, helper: UserId) -> Result<(), Refusal> {
        self.must_be_live()?;
        let is_engaged = self.response(helper).is_some_and(|r| r.status.is_engaged());
        if is_engaged { Err(Refusal::AlreadyResponding) } else { Ok(()) }
    }

    /// A responding helper reports progress or cancels. `None` if the report was made before and changes nothing.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] if the helper never responded, [`Refusal::EmergencyEnded`],
    /// [`Refusal::InvalidTransition`]; [`Refusal::TooSoon`] for too many reports of the present status; [`Refusal::NoResource`] for
    /// the state of a box without one. Whether that is believed is checked by [`Self::check_box_report`] before.
    pub fn update_response(
        &mut self,
        helper: UserId,
        update: ResponseUpdate,
        hold: CompletionHold,
        now: Timestamp,
    ) -> Result<Option<UpdatedResponse>, Refusal> {
        // A user without a response learns nothing about the state, so this is refused first.
        let live = self.must_be_live();
        let place = self.call.details.location.position;
        let changes_box = self.response(helper).is_some_and(|r| self.changes_box(r, update.resource_state));
        let response =
            self.responses.iter_mut().find(|r| r.helper.person.id == helper).ok_or(Refusal::NotAuthorized)?;
        live?;
        let is_waited_for = response.is_stalled() || response.record.dispatch.check_until.is_some();
        // The answer to the question whether the helper still comes may be the same report once more.
        if !is_waited_for && !changes_box && response.is_repeated_by(&update, now) {
            return Ok(None);
        }
        // Another report of the same missing box, which is taken because it answers a question, says nothing of the next box.
        let is_same_box = response.is_about_missing_box(&update) && response.is_repeated_by(&update, now);
        let ResponseUpdate { status, notes, estimated_arrival, resource_state } = update;
        let resource_state = resource_state.filter(|_| !is_same_box);
        let before = response.status;
        if !before.may_become(status) {
            return Err(Refusal::InvalidTransition { from: before, to: status });
        }
        let held_box = response.held_role().and_then(|held| held.resource);
        if resource_state.is_some() && held_box.is_none() {
            return Err(Refusal::NoResource);
        }
        if before == status && !is_waited_for && !changes_box {
            response.count_repeat(now)?;
        }
        let missing_box = held_box.filter(|_| resource_state == Some(ResourceState::Missing));
        if let Some(state) = resource_state {
            self.note_box(helper, state, now)?;
        }
        let response =
            self.responses.iter_mut().find(|r| r.helper.person.id == helper).ok_or(Refusal::NotAuthorized)?;
        response.note_position(place);
        response.record_sign(now);
        let completes = status == ResponseStatus::Completed && before != status;
        let was_there = before == ResponseStatus::Arrived || response.is_near(place);
        response.note_arrival(status, place, now);
        if completes {
            response.note_completion(if was_there { hold.near } else { hold.far }, now);
        }
        response.status = status;
        response.notes = notes;
        if estimated_arrival.is_some() {
            response.estimated_arrival = estimated_arrival;
        }
        response.updated_at = now;
        if status == ResponseStatus::Cancelled {
            response.record.cancellations = response.record.cancellations.saturating_add(1);
        }
        let response = response.clone();
        self.updated_at = now;
        let search = self.follow_responses(now);
        let asks_owner = completes && !self.has_active();
        Ok(Some(UpdatedResponse { response, search, asks_owner, missing_box }))
    }

    /// Records that a position of a helper was near the emergency, unless it is from before the acceptance. Returns the response
    /// if that was not known.
    ///
    /// What the helper reports and the end look at the newest position only, and the helper may have left by then.
    pub fn note_near(&mut self, helper: UserId, (position, at): (Position, Timestamp)) -> Option<Response> {
        let place = self.call.details.location.position;
        let is_live = self.status().is_live();
        let response = self.responses.iter_mut().find(|r| r.helper.person.id == helper)?;
        let is_open = is_live && response.status != ResponseStatus::Cancelled;
        let is_near = at > response.responded_at && place.distance_to(position) <= ARRIVED_WITHIN;
        if !is_open || !is_near || response.record.came_near == Some(true) {
            return None;
        }
        response.record.came_near = Some(true);
        Some(response.clone())
    }

    /// Cancels the response of a helper that may no longer help, also a completed one. What they said of boxes counts no more: another
    /// helper may be sent to the one that they took along, or bring another one. `None` if there is none, or the emergency has ended.
    pub fn withdraw_response(&mut self, helper: UserId, now: Timestamp) -> Option<UpdatedResponse> {
        if !self.status().is_live() {
            return None;
        }
        let response = self.responses.iter_mut().find(|r| r.helper.person.id == helper)?;
        if response.status == ResponseStatus::Cancelled {
            return None;
        }
        response.status = ResponseStatus::Cancelled;
        response.record.counts_until = None;
        (response.record.dispatch.check_until, response.record.dispatch.stalled_at) = (None, None);
        response.updated_at = now;
        self.disbelieve(helper);
        let response = self.response(helper)?.clone();
        self.updated_at = now;
        let search = self.follow_responses(now);
        Some(UpdatedResponse { response, search, asks_owner: false, missing_box: None })
    }

    /// The owner asks for more help: responses so far no longer count as help.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`] for all but the owner; [`Refusal::EmergencyEnded`]; [`Refusal::TooSoon`] within
    /// `again_after` of the last time.
    pub fn renew(&mut self, by: UserId, again_after: TimeDelta, now: Timestamp) -> Result<SearchEffect, Refusal> {
        if self.owner() != by {
            return Err(Refusal::NotAuthorized);
        }
        self.must_be_live()?;
        if let Some(elapsed) = self.renewed_at.map(|renewed| now.signed_duration_since(renewed))
            && elapsed < again_after
        {
            return Err(Refusal::TooSoon { retry_after: again_after - elapsed });
        }
        self.updated_at = now;
        Ok(self.discount_responses(now))
    }

    /// Lets no response so far count as help.
    pub(super) fn discount_responses(&mut self, now: Timestamp) -> SearchEffect {
        self.renewed_at = Some(now);
        let effect = self.follow_responses(now);
        SearchEffect { must_renew: true, ..effect }
    }

    /// Ends the time for which completed responses count as help, if it is over at `now`. Otherwise nothing changes.
    pub fn end_completion_hold(&mut self, now: Timestamp) -> SearchEffect {
        if self.completion_hold_end().is_none_or(|end| end > now) {
            return SearchEffect::default();
        }
        self.updated_at = now;
        self.follow_responses(now)
    }
}
