//! Handlers of `emergency:join` and `emergency:leave`.
//!
//! Rights are read when an event is handled, never remembered from the handshake.

use std::sync::Arc;

use allynet_domain::{
    EmergencyId, Error, EventId, Room,
    port::EventLog,
    usecase::{
        accounts::{self, recall},
        emergencies, outbox,
        rooms::{self, Which},
    },
};
use allynet_wire::{
    limits::Limits,
    scheduling::{Overflow, Priority, Requester, Scheduler, WorkPermit},
    socket::{Confirmation, Failure},
};

use crate::{
    failure::to_failure,
    hub::{
        attachment::{JoinOutcome, JoinedRoom, ReplayFrom, RoomSnapshot},
        state::Hub,
    },
    inbound::command::{Completed, EventKind},
    session::{device::Device, state::Session},
};

/// Number of attempts to join a room while the user's rights keep changing.
const MAX_JOIN_ATTEMPTS: u32 = 8;

/// Joins and leaves rooms of emergencies.
pub(crate) struct RoomHandler {
    pub(crate) accounts: accounts::AccountPorts,
    pub(crate) emergencies: emergencies::EmergencyPorts,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) limits: Limits,
    pub(crate) scheduler: Arc<dyn Scheduler>,
}

impl RoomHandler {
    /// Puts a connection into the room of an emergency.
    ///
    /// With `last_event`, events are held back for the connection until it was replayed to.
    pub(crate) async fn join(
        &self,
        session: &Session,
        wanted: Which,
        last_event: Option<EventId>,
    ) -> Result<Completed, Failure> {
        if let Some(last_event) = last_event {
            self.hub.progress.wait_for_client(last_event).await;
        }
        for _ in 0..MAX_JOIN_ATTEMPTS {
            let read = self.read_rooms(session, wanted).await;
            let (emergency, snapshot) = read.map_err(|error| to_failure(&error, EventKind::JoinRoom.name()))?;
            let participates = snapshot.rooms.contains(&Room::Participants(emergency));
            if !participates && self.has_too_many_rooms(session, emergency) {
                return Err(Failure::too_many_rooms());
            }
            let room = JoinedRoom::Emergency(emergency);
            let from = last_event.map(|last_event| ReplayFrom { last_event, room });
            let outcome = self.hub.join(session.id, session.identity.user, &snapshot, from.is_some());
            if let JoinOutcome::Joined(joined) = outcome {
                let replay = from.map(|from| (from, joined));
                return Ok(Completed { confirmation: Confirmation::joined(emergency), replay });
            }
        }
        Err(Failure::internal())
    }

    /// Puts a connection of an administrator into the room of dispatchers.
    ///
    /// With `last_event`, events are held back for the connection until it was replayed to.
    pub(crate) async fn join_dispatchers(
        &self,
        session: &Session,
        last_event: Option<EventId>,
    ) -> Result<Completed, Failure> {
        if let Some(last_event) = last_event {
            self.hub.progress.wait_for_client(last_event).await;
        }
        for _ in 0..MAX_JOIN_ATTEMPTS {
            // Before the read: an event that takes the right away from now on is noticed when the room is entered.
            let read_after = self.hub.position().await;
            let permit = self.permit(session).await;
            let actor = recall(&self.accounts, session.identity.session, session.identity.user).await;
            drop(permit);
            let actor = actor.map_err(|error| to_failure(&error, EventKind::JoinDispatchers.name()))?;
            let room = rooms::join_dispatchers(&actor).map_err(|_| Failure::administrators_only())?;
            let snapshot = RoomSnapshot { read_after, rooms: vec![room] };
            let outcome = self.hub.join(session.id, session.identity.user, &snapshot, last_event.is_some());
            if let JoinOutcome::Joined(joined) = outcome {
                let confirmation = Confirmation::joined_dispatchers(joined.position);
                let from = last_event.map(|last_event| ReplayFrom { last_event, room: JoinedRoom::Dispatchers });
                return Ok(Completed { confirmation, replay: from.map(|from| (from, joined)) });
            }
        }
        Err(Failure::internal())
    }

    /// Takes a connection out of the room of dispatchers.
    pub(crate) fn leave_dispatchers(&self, session: &Session) -> Completed {
        self.hub.leave(session.id, Room::Dispatchers);
        Confirmation::DispatcherLeft {}.into()
    }

    /// Stores that the user saw the alert of an emergency. No effect without one, so that nothing is learnt by it.
    pub(crate) async fn see_alert(
        &self,
        session: &Session,
        emergency: Option<EmergencyId>,
    ) -> Result<Completed, Failure> {
        if let Some(emergency) = emergency {
            let (helper, permit) = (session.identity.user, self.permit(session).await);
            let seen = outbox::see(&self.emergencies, helper, session.identity.session, emergency).await;
            drop(permit);
            seen.map_err(|error| to_failure(&error, EventKind::SeeAlert.name()))?;
        }
        Ok(Confirmation::Seen {}.into())
    }

    /// Takes a connection out of the room of an emergency. A participant is still sent the events for participants.
    pub(crate) async fn leave(&self, session: &Session, wanted: Which) -> Result<Completed, Failure> {
        let fail = |error: Error| to_failure(&error, EventKind::LeaveRoom.name());
        let permit = self.permit(session).await;
        let left = rooms::leave(&self.emergencies, &*self.log, session.identity.user, wanted).await;
        drop(permit);
        let (emergency, as_of) = left.map_err(fail)?;
        // What happened before the read is still sent in the room.
        self.hub.progress.catch_up_to(as_of).await.map_err(|error| fail(error.into()))?;
        self.hub.leave(session.id, Room::Emergency(emergency));
        Ok(Confirmation::left(emergency).into())
    }

    /// Reads from the database which emergency is meant, and which of its rooms the user may enter.
    async fn read_rooms(&self, session: &Session, wanted: Which) -> Result<(EmergencyId, RoomSnapshot), Error> {
        // Before the read: what happens from now on is checked when the rooms are entered.
        let read_after = self.hub.position().await;
        let permit = self.permit(session).await;
        let actor = recall(&self.accounts, session.identity.session, session.identity.user).await?;
        let (emergency, rooms) = rooms::join(&self.emergencies, &*self.log, &actor, wanted).await?;
        drop(permit);
        self.hub.progress.catch_up_to(rooms.as_of).await?;
        Ok((emergency, RoomSnapshot { read_after, rooms: rooms.rooms }))
    }

    /// Waits until the user may be served, among all requests and events.
    async fn permit(&self, session: &Session) -> Option<WorkPermit> {
        let requester = Requester { user: Some(session.identity.user), address: None };
        // Never refused: `Queued` waits.
        self.scheduler.acquire(requester, Priority::Normal, Overflow::Queued).await.ok()
    }

    /// Whether the connection looks on in as many other emergencies as it may. Those of its user do not count.
    fn has_too_many_rooms(&self, session: &Session, next: EmergencyId) -> bool {
        let rooms = self.hub.rooms(session.id);
        let is_looker_on_room = |room: &Room| match room {
            Room::Emergency(of) => *of != next && !rooms.contains(&Room::Participants(*of)),
            Room::Helpers | Room::CriticalHelpers | Room::User(_) | Room::Participants(_) | Room::Dispatchers => false,
        };
        rooms.iter().filter(|room| is_looker_on_room(room)).count() >= self.limits.rooms_per_socket()
    }
}
