//! Participation in open emergencies: the trips of helpers, and the emergencies in which a user's presence is visible.

use allynet_domain::{EmergencyId, Position, ResponseStatus, Timestamp, UserId};

use super::OpenEmergencies;

/// A helper's way to an emergency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trip {
    /// The emergency that the helper responds to.
    pub emergency: EmergencyId,
    /// The position of that emergency.
    pub destination: Position,
    /// The arrival that the helper stated, if any.
    pub stated_arrival: Option<Timestamp>,
    /// When the helper responded.
    pub responded_at: Timestamp,
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
                responded_at: participation.responded_at,
            })
        })
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
