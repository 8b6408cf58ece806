//! Rules for the rooms that a user was in at a past event, from which the events to replay follow.
//!
//! Rooms at a past event follow from the rooms now and from the events since, read backwards. Broadcasts are the
//! exception: they are replayed to users on duty now, also if the duty began later.

use super::{Audience, Room};
use crate::{Event, LoggedEvent, ResponseStatus, Stage, UserId};

impl Audience {
    /// Whether a connection in the rooms for which `is_in` holds receives the event.
    ///
    /// It does if it is in one of `to` and in none of `except`.
    pub fn includes(&self, is_in: impl Fn(&Room) -> bool) -> bool {
        self.to.iter().any(&is_in) && !self.except.iter().any(&is_in)
    }
}

impl Room {
    /// Whether replay uses past membership of this room, at the time of an event, instead of present membership.
    pub const fn is_replayed_from_history(&self) -> bool {
        match self {
            Self::Emergency(_) | Self::Participants(_) => true,
            Self::Helpers | Self::CriticalHelpers | Self::User(_) | Self::Dispatchers => false,
        }
    }
}

impl LoggedEvent {
    /// The stage that the user has after this event, if the event decides it.
    ///
    /// Of the events of an emergency, the newest that decides it does. A user who was only alerted is not told apart here:
    /// an alert is rendered as one unless a newer event decides otherwise.
    pub fn stage_after(&self, user: UserId) -> Option<Stage> {
        match &self.event {
            Event::HelperJoined { helper, .. } if helper.person.id == user => Some(Stage::Responder),
            Event::HelperStatusUpdated { helper, status: ResponseStatus::Cancelled, .. } if *helper == user => {
                Some(Stage::LookerOn)
            }
            Event::AlertDeclined { helper } if *helper == user => Some(Stage::LookerOn),
            Event::EmergencyEnded { participants, .. } if participants.contains(&user) => Some(Stage::Responder),
            _ => None,
        }
    }

    /// The rooms of an emergency that ended by this event, if the user took part in it.
    ///
    /// The end takes no connection out of the rooms, but no later connection is put into them. So the present rooms of
    /// a user that connects after the end do not show a membership before it.
    pub fn rooms_ended_for(&self, user: UserId) -> Option<[Room; 2]> {
        match (&self.event, self.emergency) {
            (Event::EmergencyEnded { participants, .. }, Some(id)) if participants.contains(&user) => {
                Some([Room::Emergency(id), Room::Participants(id)])
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        EmergencyStatus, EventId,
        testing::{ALAN, EMERGENCY, GRACE_HOPPER, OWNER, at, every_event, id},
    };

    #[test]
    fn an_audience_includes_a_connection_in_a_room_that_is_not_excepted() {
        let (helpers, user) = (Room::Helpers, Room::User(id(GRACE_HOPPER)));
        let audience = Audience { to: vec![helpers], except: vec![user] };
        for (rooms, included) in
            [(vec![], false), (vec![helpers], true), (vec![helpers, user], false), (vec![user], false)]
        {
            assert_eq!(audience.includes(|room| rooms.contains(room)), included, "{rooms:?}");
        }
    }

    #[test]
    fn only_participants_were_in_the_rooms_of_an_emergency_that_ended() {
        let logged =
            |event| LoggedEvent { id: EventId::new(1), at: at(0), emergency: Some(id(EMERGENCY)), actor: None, event };
        let (alerted, participants) = (vec![id(ALAN)], vec![id(OWNER), id(GRACE_HOPPER)]);
        let ended = logged(Event::EmergencyEnded {
            status: EmergencyStatus::Resolved,
            at: at(9),
            alerted,
            participants,
            hidden_from: vec![],
            announced: true,
            critical: false,
        });
        let rooms = Some([Room::Emergency(id(EMERGENCY)), Room::Participants(id(EMERGENCY))]);
        assert_eq!([OWNER, GRACE_HOPPER, ALAN].map(|user| ended.rooms_ended_for(id(user))), [rooms, rooms, None]);
        for event in every_event().into_iter().filter(|event| !matches!(event, Event::EmergencyEnded { .. })) {
            assert_eq!(logged(event.clone()).rooms_ended_for(id(OWNER)), None, "{event:?}");
        }
    }
}
