//! Who hears of what: rooms, the audience of every event, and how events move people between rooms.
//!
//! Pure functions of the event. The transport knows how a room is kept; it must not decide who is in it.

use std::fmt;

use crate::{EmergencyId, Event, LoggedEvent, Relation, ResponseStatus, SessionId, UserId};

/// A set of sockets that hear the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Room {
    /// Every helper on duty.
    Helpers,
    /// One user, on all of their devices.
    User(UserId),
    /// Everyone who joined the room of an emergency: participants, administrators and lookers-on.
    Emergency(EmergencyId),
    /// Owner and responding helpers of an emergency. Nobody joins it by name.
    Participants(EmergencyId),
}

impl fmt::Display for Room {
    /// The name on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helpers => f.write_str("helpers"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Emergency(id) => write!(f, "emergency:{id}"),
            Self::Participants(id) => write!(f, "emergency:{id}:participants"),
        }
    }
}

/// Everyone in any of `to` and in none of `except`, each socket once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// Who hears it.
    pub to: Vec<Room>,
    /// Who does not, even so.
    pub except: Vec<Room>,
}

impl Audience {
    fn of(to: impl IntoIterator<Item = Room>) -> Self {
        Self { to: to.into_iter().collect(), except: Vec::new() }
    }

    fn but(mut self, except: impl IntoIterator<Item = Room>) -> Self {
        self.except.extend(except);
        self
    }
}

/// With whose eyes a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody in the audience; whoever is anonymous stays so.
    Anyone,
    /// This user.
    User(UserId),
}

/// One payload of an event and who hears it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Who.
    pub audience: Audience,
    /// With whose eyes.
    pub viewer: Viewer,
}

impl LoggedEvent {
    /// Who is to hear of this event, and for whom it is written. Nobody hears two deliveries of one event.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let to_all = |audience| vec![Delivery { audience, viewer: Viewer::Anyone }];
        let Some(emergency) = self.emergency else { return Vec::new() };
        let room = Room::Emergency(emergency);
        match &self.event {
            Event::EmergencyCreated { call, .. } => {
                to_all(Audience::of([Room::Helpers]).but([Room::User(call.owner.id)]))
            }
            Event::HelpersAlerted { recipients, .. } => {
                let each = |user| Delivery { audience: Audience::of([Room::User(user)]), viewer: Viewer::User(user) };
                recipients.iter().map(|r| each(r.helper)).collect()
            }
            // To the owner: nobody else is to know that nobody comes.
            Event::Unanswered { owner, .. } => to_all(Audience::of([Room::User(*owner)])),
            Event::HelperJoined { .. }
            | Event::HelperStatusUpdated { .. }
            | Event::StatusChanged { .. }
            | Event::EmergencyResolved { .. } => to_all(Audience::of([room])),
            Event::EmergencyCancelled { alerted, .. } => {
                to_all(Audience::of([room].into_iter().chain(alerted.iter().copied().map(Room::User))))
            }
            Event::EmergencyEnded { alerted, .. } => {
                let users = alerted.iter().copied().map(Room::User);
                to_all(Audience::of([room, Room::Helpers].into_iter().chain(users)))
            }
            Event::MessagePosted { message } => {
                to_readers(message.readers(), message.from.id(), Room::Participants(emergency))
            }
            Event::MessageDeleted { readers, .. } => match readers {
                None => to_all(Audience::of([Room::Participants(emergency)])),
                Some(readers) => to_all(Audience::of(readers.iter().copied().map(Room::User))),
            },
            Event::AlertDeclined { .. }
            | Event::AlertAcknowledged { .. }
            | Event::HelperRightsChanged { .. }
            | Event::SessionsRevoked { .. }
            | Event::AccountBlocked { .. } => Vec::new(),
        }
    }

    /// What this event changes about who is in which room.
    pub fn room_changes(&self) -> Vec<RoomChange> {
        let part = |emergency| vec![Room::Emergency(emergency), Room::Participants(emergency)];
        match (&self.event, self.emergency) {
            (Event::EmergencyCreated { call, .. }, _) => {
                vec![RoomChange::Enter { user: call.owner.id, rooms: part(call.id) }]
            }
            (Event::HelperJoined { helper, .. }, Some(emergency)) => {
                vec![RoomChange::Enter { user: helper.person.id, rooms: part(emergency) }]
            }
            (Event::HelperStatusUpdated { helper, status: ResponseStatus::Cancelled, .. }, Some(emergency)) => {
                vec![RoomChange::Leave { user: *helper, rooms: part(emergency) }]
            }
            (Event::HelperRightsChanged { user, on_duty, may_help }, _) => {
                let rooms = vec![Room::Helpers];
                let duty = if *on_duty {
                    RoomChange::Enter { user: *user, rooms }
                } else {
                    RoomChange::Leave { user: *user, rooms }
                };
                let looking = (!may_help).then_some(RoomChange::StopLookingOn { user: *user });
                [duty].into_iter().chain(looking).collect()
            }
            (Event::SessionsRevoked { user, only, except }, _) => {
                vec![RoomChange::CloseSessions { user: *user, only: *only, except: *except }]
            }
            (Event::AccountBlocked { user }, _) => vec![RoomChange::CloseBlocked { user: *user }],
            (
                Event::HelperJoined { .. }
                | Event::HelpersAlerted { .. }
                | Event::HelperStatusUpdated { .. }
                | Event::StatusChanged { .. }
                | Event::EmergencyResolved { .. }
                | Event::EmergencyCancelled { .. }
                | Event::EmergencyEnded { .. }
                | Event::MessagePosted { .. }
                | Event::MessageDeleted { .. }
                | Event::AlertDeclined { .. }
                | Event::AlertAcknowledged { .. }
                | Event::Unanswered { .. },
                _,
            ) => Vec::new(),
        }
    }
}

/// Direct messages go to both users; others to all participants, of whom the sender alone gets it as their own.
fn to_readers(readers: Option<Vec<UserId>>, sender: Option<UserId>, everyone: Room) -> Vec<Delivery> {
    let own = |user| Delivery { audience: Audience::of([Room::User(user)]), viewer: Viewer::User(user) };
    if let Some(readers) = readers {
        return readers.into_iter().map(own).collect();
    }
    let others = Audience::of([everyone]).but(sender.map(Room::User));
    let others = Delivery { audience: others, viewer: Viewer::Anyone };
    sender.map(own).into_iter().chain([others]).collect()
}

/// A change of who is in which room. Entering happens before the event is delivered, all else after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomChange {
    /// All sockets of the user enter the rooms.
    Enter {
        /// Who.
        user: UserId,
        /// Where to.
        rooms: Vec<Room>,
    },
    /// All sockets of the user leave the rooms.
    Leave {
        /// Who.
        user: UserId,
        /// Where from.
        rooms: Vec<Room>,
    },
    /// All sockets of the user leave the rooms of emergencies in which they take no part.
    StopLookingOn {
        /// Who.
        user: UserId,
    },
    /// Sockets of revoked sessions are closed.
    CloseSessions {
        /// Whose.
        user: UserId,
        /// Only this session's, or all.
        only: Option<SessionId>,
        /// But not this session's.
        except: Option<SessionId>,
    },
    /// All sockets of a blocked account are closed.
    CloseBlocked {
        /// Whose.
        user: UserId,
    },
}

/// The rooms that follow from taking part, which are restored at every connection.
pub fn rooms_of(relation: Relation, emergency: EmergencyId) -> Vec<Room> {
    match relation {
        Relation::Owner | Relation::RespondingHelper => {
            vec![Room::Emergency(emergency), Room::Participants(emergency)]
        }
        Relation::Admin | Relation::Helper => vec![Room::Emergency(emergency)],
        Relation::Stranger => Vec::new(),
    }
}

mod entitlement;

#[cfg(test)]
mod tests;
