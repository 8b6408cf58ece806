//! Rooms, the audience of every event, and the room changes that follow from an event.
//!
//! Pure functions of the event. Adapters keep the members of a room; they must not decide membership.

use std::fmt;

use crate::{EmergencyId, Event, LoggedEvent, Relation, ResponseStatus, SessionId, Stage, UserId};

/// A room: a set of connections that receive the same events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Room {
    /// Every helper on duty whom broadcasts of all emergencies reach.
    Helpers,
    /// Every helper on duty whom only those of critical emergencies reach, because of quiet hours, a pause or a limit.
    CriticalHelpers,
    /// One user, on all of their devices.
    User(UserId),
    /// Participants of an emergency, and administrators and lookers-on that joined it.
    Emergency(EmergencyId),
    /// Owner and responding helpers of an emergency. It cannot be joined by name.
    Participants(EmergencyId),
    /// Administrators who follow all emergencies.
    Dispatchers,
}

impl fmt::Display for Room {
    /// The name of the room: `helpers`, `helpers:critical`, `user:<id>`, `emergency:<id>`, `emergency:<id>:participants`,
    /// `dispatchers`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helpers => f.write_str("helpers"),
            Self::CriticalHelpers => f.write_str("helpers:critical"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Emergency(id) => write!(f, "emergency:{id}"),
            Self::Participants(id) => write!(f, "emergency:{id}:participants"),
            Self::Dispatchers => f.write_str("dispatchers"),
        }
    }
}

/// The connections in any room of `to` and in no room of `except`, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// Rooms that receive it.
    pub to: Vec<Room>,
    /// Rooms that do not receive it.
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

/// The viewer that a payload is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Any user in the audience; anonymous owners stay anonymous.
    Anyone,
    /// As `Anyone`: users that were alerted, and are shown what alerted helpers are unless they take part.
    Alerted,
    /// As `Anyone`: users that are shown what lookers-on are, although they are in the room of the participants.
    LookerOn,
    /// An administrator, whoever it is: an anonymous owner is shown.
    Administrator,
    /// This user.
    User(UserId),
}

/// How an event is rendered for a connection: the events of one view are encoded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The viewer.
    pub viewer: Viewer,
    /// Their stage, as far as the event depends on it.
    pub stage: Stage,
}

/// The audience of one payload of an event, and its viewer.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The audience.
    pub audience: Audience,
    /// The viewer.
    pub viewer: Viewer,
}

impl LoggedEvent {
    /// The deliveries of this event. Their audiences do not overlap: dispatchers are sent what they follow once, as
    /// administrators, whatever other rooms they are in.
    pub fn deliveries(&self) -> Vec<Delivery> {
        let mut all = self.deliveries_to_others();
        let is_followed = self.is_for_dispatchers();
        // What is announced later was sent to dispatchers when it was raised.
        if is_followed || matches!(self.event, Event::EmergencyAnnounced { .. }) {
            for delivery in &mut all {
                delivery.audience.except.push(Room::Dispatchers);
            }
        }
        if is_followed {
            let audience = Audience::of([Room::Dispatchers]);
            all.push(Delivery { audience, viewer: Viewer::Administrator });
        }
        all
    }

    /// Whether dispatchers follow events of this kind.
    const fn is_for_dispatchers(&self) -> bool {
        let is_followed = matches!(
            self.event,
            Event::EmergencyCreated { .. }
                | Event::EmergencyUpdated { .. }
                | Event::EmergencyMoved { .. }
                | Event::HelperJoined { .. }
                | Event::HelperStatusUpdated { .. }
                | Event::RoleAssigned { .. }
                | Event::StatusChanged { .. }
                | Event::Unanswered { .. }
                | Event::EmergencyResolved { .. }
                | Event::EmergencyCancelled { .. }
                | Event::EmergencyEnded { .. }
                | Event::EmergencyReopened { .. }
        );
        is_followed && self.emergency.is_some()
    }

    fn deliveries_to_others(&self) -> Vec<Delivery> {
        let to_all = |audience| vec![Delivery { audience, viewer: Viewer::Anyone }];
        if let Event::DeviceLost(lost) = &self.event {
            return to_all(Audience::of([Room::User(lost.user)]));
        }
        let Some(emergency) = self.emergency else { return Vec::new() };
        let room = Room::Emergency(emergency);
        match &self.event {
            // The event names the users that a block separates from the owner: a broadcast asks no database.
            Event::EmergencyCreated { call, hidden_from, announced: true, .. }
            | Event::EmergencyAnnounced { call, hidden_from, .. } => {
                let hidden = hidden_from.iter().copied().map(Room::User);
                let helpers = helpers_for(call.details.is_critical());
                to_all(Audience::of(helpers).but([Room::User(call.owner.id)]).but(hidden))
            }
            Event::HelpersAlerted { recipients, .. } => {
                let each = |user| Delivery { audience: Audience::of([Room::User(user)]), viewer: Viewer::User(user) };
                recipients.iter().map(|r| each(r.helper)).collect()
            }
            // On every device: the answer to the acceptance reaches one only.
            Event::DetailsDisclosed { helper, .. } | Event::ResponseChecked { helper, .. } => {
                let audience = Audience::of([Room::User(*helper)]);
                vec![Delivery { audience, viewer: Viewer::User(*helper) }]
            }
            Event::HelperStoodDown { helper, .. } => to_all(Audience::of([Room::User(*helper)])),
            Event::RoleAssigned { hidden_from, .. } => {
                let hidden = hidden_from.iter().copied().map(Room::User);
                to_all(Audience::of([Room::Participants(emergency)]).but(hidden))
            }
            // Only the owner learns that no helper responds, and what becomes of their contacts.
            Event::Unanswered { owner, .. } | Event::ContactNotified { owner, .. } => {
                to_all(Audience::of([Room::User(*owner)]))
            }
            Event::HelperJoined { .. }
            | Event::HelperStatusUpdated { .. }
            | Event::StatusChanged { .. }
            | Event::EmergencyResolved { .. } => to_all(Audience::of([room])),
            Event::EmergencyCancelled { alerted, .. } => {
                to_all(Audience::of([room].into_iter().chain(alerted.iter().copied().map(Room::User))))
            }
            // A user who did not receive the emergency does not receive its end.
            Event::EmergencyEnded { alerted, hidden_from, announced, critical, .. } => {
                to_all(to_all_who_heard(emergency, (*announced, *critical), alerted, hidden_from))
            }
            Event::EmergencyReopened { call, alerted, hidden_from, announced, .. } => {
                let is_critical = call.details.is_critical();
                to_all(to_all_who_heard(emergency, (*announced, is_critical), alerted, hidden_from))
            }
            Event::EmergencyUpdated { alerted, finished, .. } => to_stages(room, alerted, finished),
            // For all others the new place counts when they read the emergency.
            Event::EmergencyMoved { finished, .. } => {
                let finished = finished.iter().copied().map(Room::User);
                to_all(Audience::of([Room::Participants(emergency)]).but(finished))
            }
            Event::MessagePosted { message } => {
                to_readers(message.readers(), message.from.id(), Room::Participants(emergency))
            }
            Event::MessageDeleted { readers, .. } => match readers {
                None => to_all(Audience::of([Room::Participants(emergency)])),
                Some(readers) => to_all(Audience::of(readers.iter().copied().map(Room::User))),
            },
            Event::EmergencyCreated { announced: false, .. }
            | Event::AlertDeclined { .. }
            | Event::AlertAcknowledged { .. }
            | Event::AlertSeen { .. }
            | Event::AlertsSent { .. }
            | Event::AlertsRenewed
            | Event::EmergencyDeleted
            | Event::HelperRightsChanged { .. }
            | Event::SessionsRevoked { .. }
            | Event::DeviceLost(_)
            | Event::AccountBlocked { .. }
            | Event::UserBlocked(_)
            | Event::UserUnblocked(_) => Vec::new(),
            // The others see a cancelled response at most.
            Event::EmergencyHidden { user, .. } => to_all(Audience::of([Room::User(*user)])),
        }
    }

    /// Whether the payload differs between the stages of the users who receive it.
    pub const fn depends_on_stage(&self) -> bool {
        matches!(
            self.event,
            Event::HelpersAlerted { .. }
                | Event::DetailsDisclosed { .. }
                | Event::ResponseChecked { .. }
                | Event::HelperStatusUpdated { .. }
                | Event::RoleAssigned { .. }
                | Event::EmergencyResolved { .. }
                | Event::EmergencyCancelled { .. }
                | Event::EmergencyUpdated { .. }
                | Event::EmergencyMoved { .. }
        )
    }

    /// The view of this event for a viewer in a stage. Stages that read the same have the same view, so that the event is
    /// encoded for few of them.
    ///
    /// What goes to all helpers is one payload, rendered for lookers-on, whatever the stage of some of them.
    pub const fn view(&self, viewer: Viewer, stage: Stage) -> View {
        if matches!(viewer, Viewer::Administrator) {
            return View { viewer, stage: Stage::Administrator };
        }
        let stage = match (&self.event, stage.is_participant()) {
            (Event::HelpersAlerted { .. }, _) => stage,
            // An administrator is shown an anonymous owner, other participants are not; an alerted helper less than they are.
            (Event::EmergencyUpdated { .. }, _) if matches!(stage, Stage::Administrator | Stage::Alerted) => stage,
            (_, true) if self.depends_on_stage() => Stage::Responder,
            _ => Stage::LookerOn,
        };
        let viewer = match viewer {
            // They decide on the stage only.
            Viewer::Alerted | Viewer::LookerOn => Viewer::Anyone,
            other => other,
        };
        View { viewer, stage }
    }

    /// The stage of a recipient of a delivery to this viewer, in the rooms for which `is_in` holds.
    ///
    /// Being in the room of the participants is taking part: rooms are entered and left with the very event that begins
    /// or ends a response. So the stage is known without asking the database, and as of the moment of delivery.
    pub fn stage_of(&self, viewer: Viewer, administers: bool, is_in: impl Fn(&Room) -> bool) -> Stage {
        match self.emergency {
            _ if administers || viewer == Viewer::Administrator => Stage::Administrator,
            _ if viewer == Viewer::LookerOn => Stage::LookerOn,
            // It goes to no user but those that it alerts. Of participants, only a helper that has completed and counts no
            // more as help is alerted.
            _ if matches!(self.event, Event::HelpersAlerted { .. }) => Stage::Alerted,
            Some(emergency) if is_in(&Room::Participants(emergency)) => Stage::Responder,
            _ if viewer == Viewer::Alerted => Stage::Alerted,
            _ => Stage::LookerOn,
        }
    }

    /// The changes of room membership that follow from this event.
    pub fn room_changes(&self) -> Vec<RoomChange> {
        let part = |emergency| vec![Room::Emergency(emergency), Room::Participants(emergency)];
        match (&self.event, self.emergency) {
            (Event::EmergencyCreated { call, .. }, _) => {
                vec![RoomChange::Enter { user: call.owner.id, rooms: part(call.id) }]
            }
            (Event::HelperJoined { helper, .. }, Some(emergency)) => {
                vec![RoomChange::Enter { user: helper.person.id, rooms: part(emergency) }]
            }
            // Connections that were made after the end are in none of its rooms.
            // A block that was made after the end has left its rooms unchanged.
            (Event::EmergencyReopened { participants, hidden_from, .. }, Some(emergency)) => {
                let enter = |&user| RoomChange::Enter { user, rooms: part(emergency) };
                let leave = |&user| RoomChange::Leave { user, rooms: part(emergency) };
                participants.iter().map(enter).chain(hidden_from.iter().map(leave)).collect()
            }
            (Event::HelperStatusUpdated { helper, status: ResponseStatus::Cancelled, .. }, Some(emergency)) => {
                vec![RoomChange::Leave { user: *helper, rooms: part(emergency) }]
            }
            (Event::HelperRightsChanged { user, on_duty, critical_only, may_help }, _) => {
                let rooms = [(Room::Helpers, *on_duty), (Room::CriticalHelpers, *critical_only && !*on_duty)];
                let duty = rooms.map(|(room, is_in)| match (*user, vec![room]) {
                    (user, rooms) if is_in => RoomChange::Enter { user, rooms },
                    (user, rooms) => RoomChange::Leave { user, rooms },
                });
                let looking = (!may_help).then_some(RoomChange::StopLookingOn { user: *user });
                duty.into_iter().chain(looking).collect()
            }
            (Event::SessionsRevoked { user, only, except, .. }, _) => {
                vec![RoomChange::CloseSessions { user: *user, only: *only, except: *except }]
            }
            (Event::AccountBlocked { user }, _) => vec![RoomChange::CloseBlocked { user: *user }],
            (Event::EmergencyHidden { user, .. }, Some(emergency)) => {
                vec![RoomChange::Leave { user: *user, rooms: part(emergency) }]
            }
            (
                Event::HelperJoined { .. }
                | Event::EmergencyAnnounced { .. }
                | Event::HelpersAlerted { .. }
                | Event::DetailsDisclosed { .. }
                | Event::ResponseChecked { .. }
                | Event::HelperStatusUpdated { .. }
                | Event::RoleAssigned { .. }
                | Event::HelperStoodDown { .. }
                | Event::StatusChanged { .. }
                | Event::EmergencyResolved { .. }
                | Event::EmergencyCancelled { .. }
                | Event::EmergencyEnded { .. }
                | Event::EmergencyReopened { .. }
                | Event::EmergencyUpdated { .. }
                | Event::EmergencyMoved { .. }
                | Event::AlertsRenewed
                | Event::EmergencyDeleted
                | Event::MessagePosted { .. }
                | Event::MessageDeleted { .. }
                | Event::AlertDeclined { .. }
                | Event::AlertAcknowledged { .. }
                | Event::AlertSeen { .. }
                | Event::AlertsSent { .. }
                | Event::Unanswered { .. }
                | Event::ContactNotified { .. }
                | Event::DeviceLost(_)
                | Event::UserBlocked(_)
                | Event::UserUnblocked(_)
                | Event::EmergencyHidden { .. },
                _,
            ) => Vec::new(),
        }
    }
}

/// The rooms of helpers on duty whom broadcasts of an emergency reach.
fn helpers_for(is_critical: bool) -> impl Iterator<Item = Room> {
    [Room::Helpers].into_iter().chain(is_critical.then_some(Room::CriticalHelpers))
}

/// The users of an emergency's room, those that were alerted, and the helpers on duty if they had received the emergency.
fn to_all_who_heard(
    emergency: EmergencyId,
    (announced, is_critical): (bool, bool),
    alerted: &[UserId],
    hidden_from: &[UserId],
) -> Audience {
    let [users, hidden] = [alerted, hidden_from].map(|users| users.iter().copied().map(Room::User));
    let helpers = helpers_for(is_critical).filter(|_| announced);
    Audience::of([Room::Emergency(emergency)].into_iter().chain(helpers).chain(users)).but(hidden)
}

/// Deliveries to the room of an emergency and to alerted users, by what they are shown. `finished`: of the room, but no
/// participants any more.
fn to_stages(room: Room, alerted: &[UserId], finished: &[UserId]) -> Vec<Delivery> {
    let users = |users: &[UserId]| -> Vec<Room> { users.iter().copied().map(Room::User).collect() };
    let others = Audience::of([room]).but(users(alerted)).but(users(finished));
    let apart = [
        Delivery { audience: Audience::of(users(alerted)).but(users(finished)), viewer: Viewer::Alerted },
        Delivery { audience: Audience::of(users(finished)), viewer: Viewer::LookerOn },
    ];
    let apart = apart.into_iter().filter(|delivery| !delivery.audience.to.is_empty());
    [Delivery { audience: others, viewer: Viewer::Anyone }].into_iter().chain(apart).collect()
}

/// Deliveries of a message: a direct one to both users, any other to all participants, rendered for the sender as theirs.
fn to_readers(readers: Option<Vec<UserId>>, sender: Option<UserId>, everyone: Room) -> Vec<Delivery> {
    let own = |user| Delivery { audience: Audience::of([Room::User(user)]), viewer: Viewer::User(user) };
    if let Some(readers) = readers {
        return readers.into_iter().map(own).collect();
    }
    let others = Audience::of([everyone]).but(sender.map(Room::User));
    let others = Delivery { audience: others, viewer: Viewer::Anyone };
    sender.map(own).into_iter().chain([others]).collect()
}

/// A change of room membership. `Enter` is applied before the event is delivered, all others after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomChange {
    /// All sockets of the user enter the rooms.
    Enter {
        /// The user.
        user: UserId,
        /// The rooms.
        rooms: Vec<Room>,
    },
    /// All sockets of the user leave the rooms.
    Leave {
        /// The user.
        user: UserId,
        /// The rooms.
        rooms: Vec<Room>,
    },
    /// All sockets of the user leave the rooms of emergencies in which they take no part.
    StopLookingOn {
        /// The user.
        user: UserId,
    },
    /// Sockets of revoked sessions are closed.
    CloseSessions {
        /// The user.
        user: UserId,
        /// The session whose sockets are closed; `None` for all.
        only: Option<SessionId>,
        /// A session whose sockets stay open.
        except: Option<SessionId>,
    },
    /// All sockets of a blocked account are closed.
    CloseBlocked {
        /// The user.
        user: UserId,
    },
}

/// The rooms of an emergency that a user in this relation belongs to; restored at every connection.
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
