//! The live emergencies that nobody has answered, as the log tells: whom to alert when a helper comes near.
//!
//! Kept in memory on every node, so that a position that concerns no emergency costs no query. It may say too much,
//! never too little: the use case that is called then looks at the emergency itself.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use allynet_domain::{
    Call, Emergency, EmergencyId, EmergencyStatus, Event, LoggedEvent, Metres, Position, ResponseStatus, Timestamp,
    UserId,
};

/// Metres in a degree of latitude, at least (WGS 84: 110,574 at the equator).
const METRES_PER_DEGREE: f64 = 110_574.0;

/// Emergencies that wait for an answer.
#[derive(Debug, Default)]
pub struct Unanswered {
    live: Mutex<HashMap<EmergencyId, Watched>>,
}

#[derive(Debug)]
struct Watched {
    owner: UserId,
    since: Timestamp,
    position: Position,
    radius: Metres,
    waits: bool,
    known: HashSet<UserId>,
}

impl Unanswered {
    /// Takes in an emergency that was live before this node followed the log.
    pub fn remember(&self, emergency: &Emergency) {
        let mut watched = Watched::of(&emergency.call, emergency.status == EmergencyStatus::Active);
        watched.radius = emergency.alert_radius;
        watched.known.extend(emergency.responses.iter().map(|r| r.helper.person.id));
        self.live().entry(emergency.id()).or_insert(watched);
    }

    /// Takes in an event of the log; they must come in order.
    pub fn observe(&self, event: &LoggedEvent) {
        let Some(id) = event.emergency else { return };
        let mut live = self.live();
        match &event.event {
            Event::EmergencyCreated { call, .. } => {
                live.insert(id, Watched::of(call, true));
            }
            Event::EmergencyEnded { .. } => {
                live.remove(&id);
            }
            other => match (live.get_mut(&id), other) {
                (Some(watched), _) => watched.observe(other),
                // Live since before this node followed the log, and not remembered yet. Whoever waits again, or in a
                // larger radius, is told of by a wave: so what is remembered after this may be old, and is not taken.
                (None, Event::HelpersAlerted { call, status, .. }) => {
                    let mut watched = Watched::of(call, *status == EmergencyStatus::Active);
                    watched.observe(other);
                    live.insert(id, watched);
                }
                (None, _) => {}
            },
        }
    }

    /// The emergencies that a helper at this place should hear of, as far as is known here.
    pub fn near(&self, helper: UserId, position: Position) -> Vec<EmergencyId> {
        let live = self.live();
        live.iter().filter(|(_, watched)| watched.concerns(helper, position)).map(|(id, _)| *id).collect()
    }

    /// Whether somebody whose last position was stored at `stored` has come near an emergency: they stand where they
    /// should hear of it, and did not before. Who was there already when it was raised was counted by its waves, and
    /// alerted by them or passed over because others are nearer.
    pub fn is_approached(&self, helper: UserId, before: Option<Position>, now: Position, stored: Timestamp) -> bool {
        self.live().values().any(|watched| {
            watched.since <= stored
                && watched.concerns(helper, now)
                && !before.is_some_and(|before| watched.concerns(helper, before))
        })
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        !self.live().values().any(|watched| watched.waits)
    }

    /// This helper was looked at, and need not be again.
    pub fn settle(&self, emergency: EmergencyId, helper: UserId) {
        if let Some(watched) = self.live().get_mut(&emergency) {
            watched.known.insert(helper);
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<EmergencyId, Watched>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// Before any wave.
    fn of(call: &Call, waits: bool) -> Self {
        let (owner, position) = (call.owner.id, call.details.location.position);
        let since = call.created_at;
        Self { owner, since, position, radius: Metres::new(0.0), waits, known: HashSet::new() }
    }

    fn observe(&mut self, event: &Event) {
        match event {
            Event::HelpersAlerted { radius, recipients, .. } => {
                self.radius = *radius;
                self.known.extend(recipients.iter().map(|r| r.helper));
            }
            Event::HelperJoined { helper, .. } => {
                self.known.insert(helper.person.id);
            }
            Event::AlertDeclined { helper }
            | Event::HelperStatusUpdated { helper, status: ResponseStatus::Cancelled, .. } => {
                self.known.insert(*helper);
            }
            Event::StatusChanged { status, .. } => self.waits = *status == EmergencyStatus::Active,
            _ => {}
        }
    }

    fn concerns(&self, helper: UserId, position: Position) -> bool {
        let north = (self.position.latitude() - position.latitude()).abs() * METRES_PER_DEGREE;
        self.waits
            && north <= self.radius.get()
            && helper != self.owner
            && !self.known.contains(&helper)
            && position.distance_to(self.position) <= self.radius
    }
}

#[cfg(test)]
mod tests;
