//! The live emergencies and who takes part in them, as the log tells: who is on their way where, and who is to hear of
//! whom.
//!
//! Kept in memory on every node, so that a position or a connection costs no query. What the log told holds; what was
//! read from the database besides is only about emergencies that began before this node followed the log.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use allynet_domain::{Call, Emergency, EmergencyId, Event, LoggedEvent, Position, ResponseStatus, Timestamp, UserId};

/// All live emergencies that this node knows of.
#[derive(Debug, Default)]
pub struct LiveEmergencies {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: HashMap<EmergencyId, Watched>,
    /// Where somebody takes part.
    parts: HashMap<UserId, Vec<EmergencyId>>,
    /// Nothing is read from the database any more.
    complete: bool,
    /// What ended while that was still so: it may have been read before.
    ended: HashSet<EmergencyId>,
}

#[derive(Debug, Default)]
struct Watched {
    /// None for one that began before this node followed the log, until it was read.
    place: Option<Place>,
    /// All who ever responded.
    helpers: HashMap<UserId, Part>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    owner: UserId,
    anonymous: bool,
    position: Position,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    status: ResponseStatus,
    stated: Option<Timestamp>,
    since: Timestamp,
}

/// A helper on their way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trip {
    /// To which emergency.
    pub emergency: EmergencyId,
    /// Where that is.
    pub destination: Position,
    /// When the helper says that they will be there.
    pub stated: Option<Timestamp>,
    /// When they said that they come.
    pub since: Timestamp,
}

impl LiveEmergencies {
    /// Takes in an emergency that was live before this node followed the log. It may be older than what the log told.
    pub fn remember(&self, emergency: &Emergency) {
        let (mut state, id) = (self.state(), emergency.id());
        if state.ended.contains(&id) || !emergency.status.is_live() {
            return;
        }
        state.place(&emergency.call);
        for response in &emergency.responses {
            let (status, since) = (response.status, response.responded_at);
            let part = Part { status, stated: response.estimated_arrival, since };
            state.respond(id, response.helper.person.id, part, false);
        }
    }

    /// Every emergency that was live before this node followed the log was taken in.
    pub fn complete(&self) {
        let mut state = self.state();
        state.complete = true;
        state.ended = HashSet::new();
        let unknown = state.live.iter().filter(|(_, watched)| watched.place.is_none());
        for id in unknown.map(|(id, _)| *id).collect::<Vec<_>>() {
            state.end(id);
        }
    }

    /// Whether everything is known. Before, somebody may take part of whom it is not known.
    pub fn is_complete(&self) -> bool {
        self.state().complete
    }

    /// Takes in an event of the log; they must come in order.
    pub fn observe(&self, event: &LoggedEvent) {
        let Some(id) = event.emergency else { return };
        let mut state = self.state();
        match &event.event {
            Event::EmergencyCreated { call, .. } => state.place(call),
            Event::HelperJoined { helper, joined_at, estimated_arrival } => {
                let (status, since) = (ResponseStatus::Responding, *joined_at);
                let part = Part { status, stated: *estimated_arrival, since };
                state.respond(id, helper.person.id, part, true);
            }
            Event::HelperStatusUpdated { helper, status, estimated_arrival, updated_at, .. } => {
                let since = state.part(id, *helper).map_or(*updated_at, |part| part.since);
                state.respond(id, *helper, Part { status: *status, stated: *estimated_arrival, since }, true);
            }
            Event::EmergencyEnded { .. } => state.end(id),
            Event::HelpersAlerted { .. }
            | Event::AlertDeclined { .. }
            | Event::AlertAcknowledged { .. }
            | Event::Unanswered { .. }
            | Event::StatusChanged { .. }
            | Event::EmergencyResolved { .. }
            | Event::EmergencyCancelled { .. }
            | Event::MessagePosted { .. }
            | Event::MessageDeleted { .. }
            | Event::HelperRightsChanged { .. }
            | Event::SessionsRevoked { .. }
            | Event::AccountBlocked { .. } => {}
        }
    }

    /// Where a helper is on their way to, if anywhere: one who has arrived is not on their way any more.
    pub fn trip_of(&self, helper: UserId) -> Option<Trip> {
        let state = self.state();
        state.parts.get(&helper)?.iter().find_map(|&emergency| {
            let watched = state.live.get(&emergency)?;
            let part = watched.helpers.get(&helper)?;
            let on_the_way = matches!(part.status, ResponseStatus::Responding | ResponseStatus::OnWay);
            let destination = watched.place?.position;
            on_the_way.then_some(Trip { emergency, destination, stated: part.stated, since: part.since })
        })
    }

    /// Everybody who takes part in a live emergency.
    pub fn participants(&self) -> Vec<UserId> {
        self.state().parts.keys().copied().collect()
    }

    /// The emergencies whose participants may know whether this user is there: those in which the user takes part, but
    /// not as an anonymous owner.
    pub fn known_in(&self, user: UserId) -> Vec<EmergencyId> {
        let state = self.state();
        let is_known = |emergency: &&EmergencyId| {
            let place = state.live.get(emergency).and_then(|watched| watched.place);
            place.is_some_and(|place| !(place.anonymous && place.owner == user))
        };
        state.parts.get(&user).into_iter().flatten().filter(is_known).copied().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn place(&mut self, call: &Call) {
        let (owner, anonymous) = (call.owner.id, call.details.anonymous);
        let place = Place { owner, anonymous, position: call.details.location.position };
        self.live.entry(call.id).or_default().place = Some(place);
        self.take_part(owner, call.id);
    }

    fn part(&self, emergency: EmergencyId, helper: UserId) -> Option<&Part> {
        self.live.get(&emergency)?.helpers.get(&helper)
    }

    /// A helper's part as it is now, or as it was at some time, which is not `told` by the log.
    fn respond(&mut self, emergency: EmergencyId, helper: UserId, part: Part, told: bool) {
        if self.complete && !self.live.contains_key(&emergency) {
            return;
        }
        match self.live.entry(emergency).or_default().helpers.entry(helper) {
            Entry::Occupied(_) if !told => return,
            Entry::Occupied(mut known) => drop(known.insert(part)),
            Entry::Vacant(first) => drop(first.insert(part)),
        }
        if part.status == ResponseStatus::Cancelled {
            self.leave(helper, emergency);
        } else {
            self.take_part(helper, emergency);
        }
    }

    fn end(&mut self, id: EmergencyId) {
        if !self.complete {
            self.ended.insert(id);
        }
        let Some(watched) = self.live.remove(&id) else { return };
        let owner = watched.place.map(|place| place.owner);
        for user in owner.into_iter().chain(watched.helpers.into_keys()) {
            self.leave(user, id);
        }
    }

    fn take_part(&mut self, user: UserId, emergency: EmergencyId) {
        let parts = self.parts.entry(user).or_default();
        if !parts.contains(&emergency) {
            parts.push(emergency);
        }
    }

    fn leave(&mut self, user: UserId, emergency: EmergencyId) {
        if let Entry::Occupied(mut parts) = self.parts.entry(user) {
            parts.get_mut().retain(|other| *other != emergency);
            if parts.get().is_empty() {
                parts.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
