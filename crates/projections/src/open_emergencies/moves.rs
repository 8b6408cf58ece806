//! The places of open emergencies that follow their owners.

use allynet_domain::{EmergencyId, PlacePolicy, Position, SessionFix, SessionId, Timestamp, UserId};

use super::{OpenEmergencies, State};

/// The place of an emergency that follows its owner, as far as this node knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FollowedPlace {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The stored place.
    pub place: Position,
    /// The position of the owner that it has followed last, at first that from when the emergency was raised.
    pub followed: SessionFix,
    /// When it moved last.
    pub moved_at: Option<Timestamp>,
}

impl OpenEmergencies {
    /// The emergency of this owner whose place follows the positions of this session.
    pub fn followed_by(&self, owner: UserId, session: SessionId) -> Option<FollowedPlace> {
        let state = self.state.lock();
        let emergencies = state.by_participant.get(&owner)?.iter();
        let mut places = emergencies.filter_map(|id| state.followed_place(*id, Some(owner)));
        places.find(|place| place.followed.session == session)
    }

    /// The place of this emergency. `None` if it does not follow its owner, or has ended.
    pub fn followed_place(&self, emergency: EmergencyId) -> Option<FollowedPlace> {
        self.state.lock().followed_place(emergency, None)
    }
}

impl State {
    fn followed_place(&self, emergency: EmergencyId, owner: Option<UserId>) -> Option<FollowedPlace> {
        let call = self.open.get(&emergency)?.call.as_ref()?;
        let is_owned = owner.is_none_or(|owner| call.owner == owner);
        let followed = call.followed.filter(|_| is_owned)?;
        Some(FollowedPlace { emergency, place: call.position, followed, moved_at: call.moved_at })
    }

    /// Notes that the place of an emergency has moved, also of one that is not restored yet.
    pub(super) fn move_place(&mut self, id: EmergencyId, position: Position, at: Timestamp, places: &PlacePolicy) {
        // Once everything is restored, an unknown emergency is one that has ended.
        if self.complete && !self.open.contains_key(&id) {
            return;
        }
        let open = self.open.entry(id).or_default();
        open.moved = Some((position, at));
        let Some(call) = open.call.as_mut().filter(|call| call.moved_at.is_none_or(|known| known <= at)) else {
            return;
        };
        call.position = position;
        call.judged_place = places.judged_position(position, call.anonymous);
        call.moved_at = Some(at);
        call.followed = call.followed.map(|fix| SessionFix { position, at, ..fix });
    }
}
