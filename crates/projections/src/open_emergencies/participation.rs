//! Participation in open emergencies: the trips of helpers, and the emergencies in which a user's presence is visible.

use allynet_domain::{ARRIVED_WITHIN, EmergencyId, Position, ResponseStatus, Timestamp, UserId, dispatch::Transport};

use super::{OpenEmergencies, OpenEmergency, Participation};

/// A helper's way to an emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trip {
    /// The emergency that the helper responds to.
    pub emergency: EmergencyId,
    /// The position of that emergency.
    pub destination: Position,
    /// The arrival that the helper stated, if any.
    pub stated_arrival: Option<Timestamp>,
    /// How the helper travels.
    pub transport: Transport,
    /// When the helper responded.
    pub responded_at: Timestamp,
}

/// An engaged response of a helper, as checks for signs need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engagement {
    /// The emergency that the helper responds to.
    pub emergency: EmergencyId,
    /// When the helper responded.
    pub responded_at: Timestamp,
    /// Whether the helper was asked if they still come, or is stalled.
    pub is_waited_for: bool,
}

impl OpenEmergency {
    fn separated_from(&self, helper: UserId) -> impl Iterator<Item = UserId> {
        let other = move |&(a, b): &(UserId, UserId)| match helper {
            helper if helper == a => Some(b),
            helper if helper == b => Some(a),
            _ => None,
        };
        self.separated.iter().filter_map(other)
    }
}

impl OpenEmergencies {
    /// The trip that a helper is on, or `None`: a helper who has arrived is on no trip any more.
    pub fn trip_of(&self, helper: UserId) -> Option<Trip> {
        let state = self.state.lock();
        state.by_participant.get(&helper)?.iter().find_map(|&emergency| {
            let open = state.open.get(&emergency)?;
            let participation = open.responses.get(&helper)?;
            let is_travelling = matches!(participation.status, ResponseStatus::Responding | ResponseStatus::OnWay);
            let destination = open.call.as_ref()?.position;
            is_travelling.then_some(Trip {
                emergency,
                destination,
                stated_arrival: participation.stated_arrival,
                transport: participation.transport,
                responded_at: participation.responded_at,
            })
        })
    }

    /// The open emergency to which this helper responds, and since when. `None` for a helper without an open response.
    pub fn engagement_of(&self, helper: UserId) -> Option<Engagement> {
        let state = self.state.lock();
        state.by_participant.get(&helper)?.iter().find_map(|&emergency| {
            let response = state.open.get(&emergency)?.responses.get(&helper)?;
            let Participation { responded_at, is_waited_for, .. } = *response;
            response.status.is_engaged().then_some(Engagement { emergency, responded_at, is_waited_for })
        })
    }

    /// Records that a sign of the helper was stored: the next one is not urgent. No-op if the emergency has ended.
    pub fn record_sign(&self, emergency: EmergencyId, helper: UserId) {
        let mut state = self.state.lock();
        let response = state.open.get_mut(&emergency).and_then(|open| open.responses.get_mut(&helper));
        if let Some(response) = response {
            response.is_waited_for = false;
        }
    }

    /// The emergency that a helper responds to, or has completed, and is near at this position, if that was not recorded.
    pub fn reached_by(&self, helper: UserId, position: Position) -> Option<EmergencyId> {
        let state = self.state.lock();
        let is_reached = |id: &&EmergencyId| {
            let Some(open) = state.open.get(id) else { return false };
            let is_unrecorded = open.responses.get(&helper).is_some_and(|response| !response.came_near);
            let place = open.call.as_ref().map(|call| call.position);
            is_unrecorded && place.is_some_and(|place| place.distance_to(position) <= ARRIVED_WITHIN)
        };
        state.by_participant.get(&helper)?.iter().find(is_reached).copied()
    }

    /// Records that a position of the helper near the emergency was recorded. No-op if the emergency has ended.
    pub fn record_near(&self, emergency: EmergencyId, helper: UserId) {
        let mut state = self.state.lock();
        let response = state.open.get_mut(&emergency).and_then(|open| open.responses.get_mut(&helper));
        if let Some(response) = response {
            response.came_near = true;
        }
    }

    /// The helpers of an emergency that a block separates from this helper of it: they are not sent the helper's positions.
    pub fn separated_in(&self, emergency: EmergencyId, helper: UserId) -> Vec<UserId> {
        let state = self.state.lock();
        state.open.get(&emergency).map(|open| open.separated_from(helper).collect()).unwrap_or_default()
    }

    /// The helpers of an emergency that have completed and no longer count as help: they are sent no positions.
    pub fn finished_in(&self, emergency: EmergencyId, now: Timestamp) -> Vec<UserId> {
        let state = self.state.lock();
        let responses = state.open.get(&emergency).into_iter().flat_map(|open| &open.responses);
        let is_finished = |response: &Participation| {
            response.status == ResponseStatus::Completed && response.counts_until.is_none_or(|until| until <= now)
        };
        responses.filter(|(_, response)| is_finished(response)).map(|(helper, _)| *helper).collect()
    }

    /// The helpers that a block separates from this user in any open emergency: they are not sent the user's presence.
    pub fn separated_anywhere(&self, user: UserId) -> Vec<UserId> {
        let state = self.state.lock();
        let emergencies = state.by_participant.get(&user).into_iter().flatten();
        emergencies.filter_map(|id| state.open.get(id)).flat_map(|open| open.separated_from(user)).collect()
    }

    /// All participants of open emergencies, each once.
    pub fn participants(&self) -> Vec<UserId> {
        self.state.lock().by_participant.keys().copied().collect()
    }

    /// The emergencies whose participants may see whether this user is online: those in which the user takes part, except
    /// as an anonymous owner.
    pub fn presence_visible_in(&self, user: UserId) -> Vec<EmergencyId> {
        let state = self.state.lock();
        let is_visible = |id: &&EmergencyId| {
            // An emergency that is not restored yet may have an anonymous owner.
            let call = state.open.get(id).and_then(|open| open.call.as_ref());
            call.is_some_and(|call| !(call.anonymous && call.owner == user))
        };
        state.by_participant.get(&user).into_iter().flatten().filter(is_visible).copied().collect()
    }
}
