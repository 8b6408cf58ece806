//! Whether helpers who accepted really come: signs of them, the question whether they still come, and stalled responses.
//!
//! A response without a sign for a while is checked: its helper is asked. Without a sign until the deadline it is stalled, and
//! does not count as help until the next sign. Helpers at the place are not asked.

use chrono::TimeDelta;

use super::{Emergency, Response, ResponseStatus, SearchEffect};
use crate::{Metres, Position, Timestamp, UserId, alert_timing::later};

/// Maximum distance from the emergency at which a helper who does not move is not asked whether they come.
const NOT_ASKED_WITHIN: Metres = Metres::new(50.0);
/// How old a position may be that tells whether a helper is there who says so.
const ARRIVAL_FIX_AGE: TimeDelta = TimeDelta::minutes(2);
/// How long a helper is believed to be there without a position near the emergency since accepting.
const ARRIVAL_WITHOUT_FIX: TimeDelta = TimeDelta::minutes(10);

/// When responses are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StallTiming {
    /// Time without a sign after which a helper is asked whether they still come.
    pub after: TimeDelta,
    /// Time in which a helper may answer that.
    pub answer: TimeDelta,
}

impl Default for StallTiming {
    /// Three minutes, and 45 seconds.
    fn default() -> Self {
        Self { after: TimeDelta::seconds(180), answer: TimeDelta::seconds(45) }
    }
}

impl StallTiming {
    /// Minimum time between two stored signs of a helper without an open question: a sixth of [`Self::after`].
    pub fn sign_interval(&self) -> TimeDelta {
        self.after / 6
    }

    /// The same for messages: 5 s at most, because one that is not stored is not stored later either.
    fn written_interval(&self) -> TimeDelta {
        self.sign_interval().min(TimeDelta::seconds(5))
    }
}

/// A sign that a helper comes, from a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// When it was given.
    pub at: Timestamp,
    /// Millimetres per second by the recent positions. `None` if they do not tell.
    pub speed: Option<u32>,
}

/// What checking the responses has changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CheckedResponses {
    /// Those whose helpers are to be asked now.
    pub asked: Vec<Response>,
    /// Those that are stalled now.
    pub stalled: Vec<Response>,
    /// Those of helpers who need not answer any more, because they are there.
    pub settled: Vec<Response>,
    /// The search that follows from it.
    pub search: SearchEffect,
}

impl CheckedResponses {
    /// All responses that changed.
    pub fn changed(&self) -> Vec<Response> {
        [&self.asked, &self.stalled, &self.settled].into_iter().flatten().cloned().collect()
    }
}

/// The effect of a sign.
#[derive(Debug, Clone, PartialEq)]
pub struct NotedSign {
    /// The response after it.
    pub response: Response,
    /// Whether the response was stalled until now.
    pub was_stalled: bool,
    /// The search that follows from it.
    pub search: SearchEffect,
}

impl Response {
    /// Whether the helper is bound to the emergency, gave no sign for too long, and so does not count as help.
    pub const fn is_stalled(&self) -> bool {
        self.record.dispatch.stalled_at.is_some()
    }

    /// Whether the helper may be coming or be there: engaged, and not stalled.
    pub(super) const fn is_active(&self) -> bool {
        self.status.is_engaged() && !self.is_stalled()
    }

    /// When the response began to count as help: at the acceptance, or at a later arrival.
    pub(super) fn counts_since(&self) -> Timestamp {
        let says_so_since = (self.status == ResponseStatus::Arrived).then_some(self.updated_at);
        let arrived_at = self.record.dispatch.arrived_at.or(says_so_since);
        arrived_at.map_or(self.responded_at, |at| at.max(self.responded_at))
    }

    /// Whether a helper who says so is there: not if a position from then or later is far away, nor for long without a
    /// position that is near.
    pub(super) fn is_there(&self, place: Position, now: Timestamp) -> bool {
        if self.status != ResponseStatus::Arrived {
            return false;
        }
        let said_at = self.updated_at;
        match self.last_fix {
            Some((position, at)) if at >= said_at - ARRIVAL_FIX_AGE => {
                place.distance_to(position) <= super::ARRIVED_WITHIN
            }
            Some((position, at)) if at > self.responded_at && place.distance_to(position) <= super::ARRIVED_WITHIN => {
                true
            }
            _ => now - self.record.dispatch.sign_at.map_or(said_at, |at| at.max(said_at)) < ARRIVAL_WITHOUT_FIX,
        }
    }

    /// Whether a recent position of the helper is near the emergency.
    pub(super) fn is_seen_near(&self, place: Position, now: Timestamp) -> bool {
        let is_near = |position| place.distance_to(position) <= super::ARRIVED_WITHIN;
        self.last_fix.is_some_and(|(position, at)| is_near(position) && now - at <= ARRIVAL_FIX_AGE)
    }

    /// Whether a recent position is within this distance of a place. True without one: a phone may have none inside of a building.
    pub(super) fn may_be_within(&self, distance: Metres, place: Position, now: Timestamp) -> bool {
        let recent = self.last_fix.filter(|(_, at)| now.signed_duration_since(*at) <= ARRIVAL_FIX_AGE);
        recent.is_none_or(|(position, _)| place.distance_to(position) <= distance)
    }

    /// Records a sign of this time. Whether the helper was asked for one, or was stalled.
    pub(super) fn record_sign(&mut self, at: Timestamp) -> bool {
        let dispatch = &mut self.record.dispatch;
        let was_asked = dispatch.check_until.is_some() || dispatch.stalled_at.is_some();
        dispatch.sign_at = Some(dispatch.sign_at.map_or(at, |earlier| earlier.max(at)));
        (dispatch.check_until, dispatch.stalled_at) = (None, None);
        was_asked
    }

    /// Whether a position without a full time after it is so near the emergency that the helper is not asked.
    fn is_by(&self, place: Position, timing: StallTiming, now: Timestamp) -> bool {
        let is_fresh = |at| later(at, timing.after) > now;
        self.last_fix.is_some_and(|(position, at)| place.distance_to(position) <= NOT_ASKED_WITHIN && is_fresh(at))
    }

    /// When the response is to be looked at: the helper is asked then, or is stalled if asked before. `None` for one that is
    /// not waited for.
    fn check_at(&self, place: Position, timing: StallTiming, now: Timestamp) -> Option<Timestamp> {
        if !self.is_active() {
            return None;
        }
        let dispatch = &self.record.dispatch;
        if dispatch.check_until.is_some() {
            return dispatch.check_until;
        }
        let last = dispatch.sign_at.map_or(self.responded_at, |at| at.max(self.responded_at));
        let near_at = self.last_fix.filter(|(position, _)| place.distance_to(*position) <= NOT_ASKED_WITHIN);
        let due = later(near_at.map_or(last, |(_, at)| at.max(last)), timing.after);
        // An arrival lapses when a later position is far away, or when no position comes for too long: it is checked again.
        Some(if self.is_there(place, now) { due.max(later(now, timing.after)) } else { due })
    }
}

impl Emergency {
    /// Asks the helpers who have given no sign for too long, and marks those as stalled who have not answered. The search is renewed if
    /// no response counts as help afterwards.
    pub fn check_responses(&mut self, timing: StallTiming, now: Timestamp) -> CheckedResponses {
        let mut checked = CheckedResponses::default();
        if !self.status().is_live() {
            return checked;
        }
        let place = self.call.details.location.position;
        for response in &mut self.responses {
            if response.check_at(place, timing, now).is_none_or(|due| due > now) {
                continue;
            }
            let was_asked = response.record.dispatch.check_until.take().is_some();
            // A sign would have cleared the question, so only being there answers it now.
            if was_asked && (response.is_by(place, timing, now) || response.is_there(place, now)) {
                checked.settled.push(response.clone());
            } else if was_asked {
                response.record.dispatch.stalled_at = Some(now);
                checked.stalled.push(response.clone());
            } else {
                response.record.dispatch.check_until = Some(later(now, timing.answer));
                checked.asked.push(response.clone());
            }
        }
        if !checked.stalled.is_empty() || self.lacks_search(now) {
            self.updated_at = now;
            checked.search = self.follow_responses(now);
        }
        checked
    }

    /// Asks the helpers of all responses that are waited for, as after a reopening. Returns their responses.
    pub fn ask_all(&mut self, timing: StallTiming, now: Timestamp) -> Vec<Response> {
        let waited_for = self.responses.iter_mut().filter(|response| response.is_active());
        let asked = waited_for.map(|response| {
            response.record.dispatch.check_until = Some(later(now, timing.answer));
            response.clone()
        });
        asked.collect()
    }

    /// Records a sign from a position of this helper. `None` if it changes nothing: the helper is not engaged, or the sign is
    /// older than the acceptance or another sign.
    pub fn note_sign(&mut self, helper: UserId, sign: Sign, now: Timestamp) -> Option<NotedSign> {
        let is_live = self.status().is_live();
        let response = self.responses.iter_mut().find(|r| r.helper.person.id == helper)?;
        let is_late = response.record.dispatch.sign_at.is_some_and(|earlier| sign.at <= earlier);
        if !is_live || !response.status.is_engaged() || sign.at <= response.responded_at || is_late {
            return None;
        }
        let was_stalled = response.is_stalled();
        response.record_sign(sign.at);
        let dispatch = &mut response.record.dispatch;
        (dispatch.has_moved, dispatch.moved_at, dispatch.speed) = (true, Some(sign.at), sign.speed);
        let response = response.clone();
        let search = if was_stalled { self.resume(now) } else { SearchEffect::default() };
        Some(NotedSign { response, was_stalled, search })
    }

    /// Records that a helper wrote a message, which is a sign. `None` if that need not be stored: the helper is not engaged, or
    /// was not asked and accepted or gave another sign within five seconds, or within [`StallTiming::sign_interval`] if that is shorter.
    pub fn note_written(&mut self, helper: UserId, timing: StallTiming, now: Timestamp) -> Option<NotedSign> {
        let response = self.responses.iter_mut().find(|r| r.helper.person.id == helper)?;
        if !response.status.is_engaged() {
            return None;
        }
        let dispatch = response.record.dispatch;
        let last = dispatch.sign_at.map_or(response.responded_at, |at| at.max(response.responded_at));
        let is_waited_for = dispatch.check_until.is_some() || dispatch.stalled_at.is_some();
        if !is_waited_for && now - last < timing.written_interval() {
            return None;
        }
        response.record_sign(now);
        let response = response.clone();
        let was_stalled = dispatch.stalled_at.is_some();
        let search = if was_stalled { self.resume(now) } else { SearchEffect::default() };
        Some(NotedSign { response, was_stalled, search })
    }

    /// Sets when responses are checked next. To be called before an emergency is stored whose responses may have changed.
    pub fn schedule_checks(&mut self, timing: StallTiming, now: Timestamp) {
        let place = self.call.details.location.position;
        let due = self.responses.iter().filter_map(|response| response.check_at(place, timing, now)).min();
        self.search.check_at = due.filter(|_| self.status().is_live());
    }

    fn resume(&mut self, now: Timestamp) -> SearchEffect {
        self.updated_at = now;
        self.follow_responses(now)
    }
}

#[cfg(test)]
mod tests;
