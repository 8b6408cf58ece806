//! The team that comes: gives helpers their roles, by their responses and the boxes around.

use std::{mem, ops::Range};

use chrono::Timelike as _;

use super::{ARRIVED_WITHIN, Emergency, ResourceState, Response, weighing::journey};
use crate::{
    EmergencyType, Metres, Position, Refusal, Resource, ResourceAccess, ResourceId, ResourceKind, ResourceStatus,
    SEEN_AROUND, SEEN_FIX_AGE, SEEN_WITHIN, Timestamp, UserId,
    dispatch::{
        AedBox, Assignment, RoleChange, RoleReason, StandDownReason, TeamMember, TeamRole, Transport, TravelModel,
        assign_team, stand_downs,
    },
};

/// Maximum distance from a box of a helper who says to have it: they may say so on the way, and positions inside of buildings are rough.
const TAKEN_WITHIN: Metres = Metres::new(250.0);
/// The hours of the day at which a box is taken to be open whose hours are not known.
const USUALLY_OPEN: Range<u32> = 8..20;

/// What has changed in a team.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TeamUpdate {
    /// Helpers with another role, or another box.
    pub roles: Vec<RoleChange>,
    /// Helpers who need not come.
    pub stand_downs: Vec<(UserId, StandDownReason)>,
    /// Helpers who had a role and do not come any more.
    pub released: Vec<UserId>,
}

impl TeamUpdate {
    /// Whether the response of this helper has changed.
    pub fn concerns(&self, helper: UserId) -> bool {
        self.roles.iter().any(|change| change.helper == helper)
            || self.stand_downs.iter().any(|(told, _)| *told == helper)
            || self.released.contains(&helper)
    }
}

impl Response {
    /// The role, if it was given for this response and not for one that was cancelled before.
    pub fn assignment(&self) -> Option<Assignment> {
        self.record.dispatch.assignment.filter(|held| held.since >= self.responded_at)
    }

    /// The role, also of a helper who has stalled with a box in hand.
    pub(super) fn held_role(&self) -> Option<Assignment> {
        self.assignment().or(self.record.dispatch.suspended_role.filter(|held| held.since >= self.responded_at))
    }
}

impl Emergency {
    /// Records how a helper who has accepted travels, and the newest position.
    pub fn record_way(&mut self, helper: UserId, transport: Transport, last_fix: Option<(Position, Timestamp)>) {
        if let Some(response) = self.responses.iter_mut().find(|response| response.helper.person.id == helper) {
            (response.transport, response.last_fix) = (transport, last_fix);
        }
    }

    /// Whether a defibrillator helps here, is not here yet, and there is a helper who might bring it.
    pub fn needs_box(&self) -> bool {
        let is_of_kind = matches!(self.call.details.kind, EmergencyType::Medical | EmergencyType::Accident);
        is_of_kind && !self.search.has_box && self.status().is_live() && self.responses.iter().any(Response::is_active)
    }

    /// Whether the resource is near the emergency, and the helper responds and was beside the resource just now.
    pub fn has_seen(&self, helper: UserId, resource: &Resource, now: Timestamp) -> bool {
        let place = resource.details.position;
        if self.call.details.location.position.distance_to(place) > SEEN_AROUND {
            return false;
        }
        let response = self.response(helper).filter(|response| response.status.is_engaged());
        let fix = response.and_then(|response| response.last_fix).filter(|(_, at)| now - *at <= SEEN_FIX_AGE);
        fix.is_some_and(|(position, _)| position.distance_to(place) <= SEEN_WITHIN)
    }

    /// The boxes that helpers are to bring, or have taken.
    pub fn assigned_boxes(&self) -> impl Iterator<Item = ResourceId> + '_ {
        self.responses.iter().filter_map(|response| response.assignment()?.resource)
    }

    /// Assigns roles to the helpers with an active response. `resources` holds the boxes around, and those already assigned.
    pub fn assign_team(&mut self, travel: &TravelModel, resources: &[Resource], now: Timestamp) -> TeamUpdate {
        if !self.status().is_live() {
            return TeamUpdate::default();
        }
        let released = self.release();
        let place = self.call.details.location.position;
        let (boxes, places): (Vec<AedBox>, Vec<Position>) =
            resources.iter().filter_map(|resource| self.usable_box(resource, travel, now)).unzip();
        let of_team = self.responses.iter().filter(|response| response.is_active());
        let members: Vec<_> = of_team.map(|response| member(response, place, &places, travel, now)).collect();
        let mut roles = assign_team(now, self.call.details.kind, travel, &members, &boxes);
        self.give_back_roles(&mut roles);
        for change in &roles {
            self.set_assignment(change.helper, change.assignment);
        }
        let stand_downs = self.tell_to_stand_down(&members, now);
        TeamUpdate { roles, stand_downs, released }
    }

    /// Adds the roles of helpers who had stalled with a box in hand, and come after all. None of them has a role as yet.
    fn give_back_roles(&self, roles: &mut Vec<RoleChange>) {
        let returned = self.responses.iter().filter(|response| response.is_active() && response.assignment().is_none());
        for response in returned {
            let (helper, previous, reason) = (response.helper.person.id, None, RoleReason::Accepted);
            let Some(assignment) = response.held_role() else { continue };
            match roles.iter_mut().find(|change| change.helper == helper) {
                Some(change) => (change.previous, change.reason) = (previous, reason),
                None => roles.push(RoleChange { helper, assignment, previous, reason }),
            }
        }
    }

    /// Takes the roles of helpers who do not come any more. A box that one of them has taken is not where it was: who has stalled
    /// may still bring it, while others are at the patient.
    fn release(&mut self) -> Vec<UserId> {
        let mut released = Vec::new();
        for response in self.responses.iter_mut().filter(|response| !response.is_active()) {
            let is_engaged = response.status.is_engaged();
            let dispatch = &mut response.record.dispatch;
            dispatch.earlier_moves = dispatch.moves();
            let held = dispatch.assignment.take();
            let dropped = if is_engaged { None } else { dispatch.suspended_role.take() };
            if held.is_some() || dropped.is_some() {
                released.push(response.helper.person.id);
            }
            // Who goes with a box in hand, and accepts again, is sent to another one as if the role had moved: so not for ever.
            if !is_engaged && held.or(dropped).is_some_and(|role| role.has_collected) {
                dispatch.earlier_moves = dispatch.earlier_moves.saturating_add(1);
            }
            if let Some(held) = held.filter(|held| held.has_collected)
                && let Some(taken) = held.resource
            {
                dispatch.taken_box = Some(taken);
                dispatch.suspended_role = is_engaged.then_some(Assignment { role: TeamRole::Aed, ..held });
                if !self.search.unavailable_boxes.contains(&taken) {
                    self.search.unavailable_boxes.push(taken);
                }
            }
        }
        released
    }

    /// A box that may be fetched, and where it is. `None` for anything else.
    fn usable_box(&self, resource: &Resource, travel: &TravelModel, now: Timestamp) -> Option<(AedBox, Position)> {
        let details = &resource.details;
        let is_usable = self.needs_box()
            && details.kind == ResourceKind::Aed
            && resource.status == ResourceStatus::Available
            && details.access != ResourceAccess::Private
            && !self.search.unavailable_boxes.contains(&resource.id);
        if !is_usable {
            return None;
        }
        let hour = travel.zone.map_or_else(|| now.hour(), |zone| now.with_timezone(&zone.tz()).hour());
        // Of a box whose hours are not known it costs time by day that they are not, and by night it is taken to be closed.
        let is_open = details.is_open(travel.zone, now).or((!USUALLY_OPEN.contains(&hour)).then_some(false));
        let distance = self.call.details.location.position.distance_to(details.position);
        Some((AedBox { id: resource.id, distance, is_open }, details.position))
    }

    /// Notes which helpers are told that they need not come. Never a second time, nor one who brings a defibrillator.
    fn tell_to_stand_down(&mut self, members: &[TeamMember], now: Timestamp) -> Vec<(UserId, StandDownReason)> {
        let mut told = stand_downs(members);
        told.retain(|(helper, _)| {
            let response = self.responses.iter_mut().find(|response| response.helper.person.id == *helper);
            response.is_some_and(|response| {
                let dispatch = &mut response.record.dispatch;
                let is_told = dispatch.stood_down_at.is_some();
                let brings_box =
                    dispatch.assignment.is_some_and(|held| held.role == TeamRole::Aed || held.resource.is_some());
                if is_told || brings_box {
                    return false;
                }
                dispatch.stood_down_at = Some(now);
                true
            })
        });
        told
    }

    const fn place(&self) -> Position {
        self.call.details.location.position
    }

    fn set_assignment(&mut self, helper: UserId, assignment: Assignment) {
        if let Some(response) = self.responses.iter_mut().find(|response| response.helper.person.id == helper) {
            let dispatch = &mut response.record.dispatch;
            (dispatch.assignment, dispatch.suspended_role) = (Some(assignment), None);
        }
    }

    /// Whether a report of the helper changes what is known of the box that they are to bring.
    pub(super) fn changes_box(&self, response: &Response, state: Option<ResourceState>) -> bool {
        let (Some(state), Some(held)) = (state, response.held_role()) else { return false };
        held.resource.is_some()
            && match state {
                ResourceState::Collected => !held.has_collected,
                ResourceState::Delivered => !self.search.has_box,
                // The report because of which another box was assigned, sent again, is not about that one.
                ResourceState::Missing => response.record.dispatch.box_missing_at != Some(response.updated_at),
            }
    }

    /// Checks that a report of the box which a helper is to bring may be believed. `box_place` is where it was, and `None` if that is not
    /// known. Reports that change nothing are believed, and so are those of helpers without a box, which are refused for that.
    ///
    /// Whoever has a box in hand keeps others from it, and once one is delivered none is fetched: so a position of the last two minutes,
    /// if there is one, has to be near the box or already near the emergency, or near the emergency for one that is delivered. That a box
    /// is missing may be reported anywhere: see [`Self::has_seen`].
    ///
    /// # Errors
    /// [`Refusal::SeenElsewhere`].
    pub fn check_box_report(
        &self,
        helper: UserId,
        state: ResourceState,
        box_place: Option<Position>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let response = self.response(helper).filter(|response| response.status.is_engaged() && self.status().is_live());
        let held = |response: &Response| response.held_role().filter(|held| held.resource.is_some());
        let Some((response, held)) = response.and_then(|response| Some((response, held(response)?))) else {
            return Ok(());
        };
        let is_by_box = || box_place.is_none_or(|place| response.may_be_within(TAKEN_WITHIN, place, now));
        let is_by_emergency = || response.may_be_within(ARRIVED_WITHIN, self.place(), now);
        let is_believed = match state {
            ResourceState::Missing => true,
            ResourceState::Collected => held.has_collected || is_by_box() || is_by_emergency(),
            ResourceState::Delivered => self.search.has_box || is_by_emergency(),
        };
        if is_believed { Ok(()) } else { Err(Refusal::SeenElsewhere { state }) }
    }

    /// Undoes what follows from what a helper said of the box that they had.
    pub(super) fn disbelieve(&mut self, helper: UserId) {
        let Some(response) = self.responses.iter_mut().find(|response| response.helper.person.id == helper) else {
            return;
        };
        let dispatch = &mut response.record.dispatch;
        dispatch.suspended_role = None;
        if let Some(held) = &mut dispatch.assignment {
            held.has_collected = false;
        }
        let (taken, has_delivered) = (dispatch.taken_box.take(), mem::take(&mut dispatch.has_delivered));
        self.search.unavailable_boxes.retain(|unavailable| Some(*unavailable) != taken);
        if has_delivered {
            self.search.has_box = self.responses.iter().any(|response| response.record.dispatch.has_delivered);
        }
    }

    /// The helper reports what became of the box that they are to bring.
    ///
    /// # Errors
    /// [`Refusal::NoResource`] if there is none.
    pub fn note_box(&mut self, helper: UserId, state: ResourceState, now: Timestamp) -> Result<(), Refusal> {
        let response = self.response(helper).ok_or(Refusal::NoResource)?;
        let held = response.held_role().ok_or(Refusal::NoResource)?;
        let is_suspended = response.assignment().is_none();
        let resource = held.resource.ok_or(Refusal::NoResource)?;
        match state {
            ResourceState::Collected => {}
            ResourceState::Delivered => self.search.has_box = true,
            ResourceState::Missing => self.search.unavailable_boxes.push(resource),
        }
        let is_missing = state == ResourceState::Missing;
        let assignment = Assignment { has_collected: !is_missing, ..held };
        if let Some(response) = self.responses.iter_mut().find(|response| response.helper.person.id == helper) {
            let dispatch = &mut response.record.dispatch;
            if is_suspended {
                dispatch.suspended_role = Some(assignment).filter(|_| !is_missing);
            } else {
                dispatch.assignment = Some(assignment);
            }
            dispatch.box_missing_at = is_missing.then_some(now).or(dispatch.box_missing_at);
            dispatch.has_delivered |= state == ResourceState::Delivered;
        }
        Ok(())
    }
}

fn member(
    response: &Response,
    place: Position,
    boxes: &[Position],
    travel: &TravelModel,
    now: Timestamp,
) -> TeamMember {
    let is_there = response.is_there(place, now);
    let at = response.last_fix.map(|(position, _)| position);
    let distances = |at: Position| boxes.iter().map(|place| at.distance_to(*place)).collect();
    TeamMember {
        helper: response.helper.person.id,
        arrival: if is_there { 0.0 } else { travel.arrival_of_accepted(now, &journey(response, place, now)) },
        speed: travel.speed(response.transport),
        distance: at.map(|at| if is_there { Metres::new(0.0) } else { place.distance_to(at) }),
        distances_to_boxes: at.map(distances).unwrap_or_default(),
        assignment: response.held_role(),
        earlier_moves: response.record.dispatch.moves(),
    }
}

#[cfg(test)]
mod tests;
