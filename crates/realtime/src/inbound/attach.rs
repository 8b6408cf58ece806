//! Attachment of a connection: it gets its rooms without missing anything that happens meanwhile, and is replayed to.
//!
//! A connection is attached only after this node has delivered everything that its rooms were read from
//! ([`AccessReader`]). What happened since the read is applied by the hub.

use std::sync::Arc;

use allynet_domain::{Error, EventId, Refusal, Room, UserId, port::Clock};
use allynet_wire::{
    limits::Limits,
    socket::{Failure, SessionReady},
};
use socketioxide::extract::{SocketRef, State};

use crate::{
    failure::to_failure,
    hub::{
        attachment::{Attachment, RoomSnapshot},
        members::CloseReason,
        state::Hub,
    },
    inbound::access::AccessReader,
    outbound::{dispatcher::OnAppeared, replay::Replayer},
    session::{
        device::Device,
        in_flight::InFlight,
        state::{PendingAttachment, Session},
    },
};

/// Attaches connections to the hub.
pub(crate) struct Attacher {
    pub(crate) access: Arc<AccessReader>,
    pub(crate) limits: Limits,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) replayer: Arc<Replayer>,
    pub(crate) on_appeared: OnAppeared,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) in_flight: InFlight,
}

/// The content of a greeting: the rooms of a connection, and the last event that it is not sent live.
type Greeting = (Vec<Room>, EventId);

/// Attaches a connection that passed the handshake.
pub(crate) async fn attach(socket: SocketRef, State(attacher): State<Arc<Attacher>>) {
    let Some(session) = socket.extensions.get::<Arc<Session>>() else { return };
    let user = session.identity.user;
    attacher.attach_and_replay(Device { socket, session }).await;
    // A helper who was away may be needed by an emergency that has no response yet.
    (attacher.on_appeared)(user);
}

impl Attacher {
    async fn attach_and_replay(&self, device: Device) {
        let Some(PendingAttachment { snapshot, last_event, attached }) = device.session.take_pending() else { return };
        let Some(_guard) = self.in_flight.begin() else { return device.cut() };
        if let Some(last_event) = last_event {
            self.hub.progress.wait_for_client(last_event).await;
        }
        let Ok(greeting) = self.attach(&device, snapshot, last_event.is_some()).await else { return };
        self.expel_excess(device.session.identity.user);
        // The disconnect handler may have run before there was anything to remove from the hub.
        if device.session.is_over() {
            self.hub.remove(device.session.id);
        } else if let (Some(last_event), Some((rooms, position))) = (last_event, greeting) {
            self.replayer.to_session(&device, last_event, position, rooms).await;
        }
        // The client's events wait until it has been replayed to.
        attached.send(()).ok();
    }

    /// Attaches a connection, and returns its greeting, or `None` if it ended meanwhile.
    ///
    /// # Errors
    ///
    /// The connection was closed, with an explanation if that was possible.
    async fn attach(&self, device: &Device, mut snapshot: RoomSnapshot, replays: bool) -> Result<Option<Greeting>, ()> {
        while !device.session.is_over() {
            match self.try_attach(device, &snapshot, replays) {
                (Attachment::Attached, greeting) => return Ok(Some(greeting)),
                (Attachment::Refused, _) => device.cut(),
                (Attachment::Closed(reason), _) => device.close(reason),
                (Attachment::Outdated, _) => match self.access.read_again(&device.session.identity).await {
                    Ok(newer) => {
                        snapshot = newer;
                        continue;
                    }
                    Err(Error::Refused(Refusal::AccountBlocked)) => device.close(CloseReason::Blocked),
                    Err(Error::Refused(_)) => device.close(CloseReason::SessionOver),
                    Err(error) => device.fail(&to_failure(&error, "connect")),
                },
            }
            return Err(());
        }
        Ok(None)
    }

    fn try_attach(&self, device: &Device, snapshot: &RoomSnapshot, replays: bool) -> (Attachment, Greeting) {
        let Session { id, identity, .. } = &*device.session;
        let mut greeting = (Vec::new(), snapshot.read_after);
        let attachment = self.hub.attach((*id, *identity), device.clone(), snapshot, replays, |rooms, latest| {
            greeting = (rooms.to_vec(), latest);
            let ready = SessionReady::new(identity.user, rooms, latest, self.clock.now());
            device.greet(&ready).is_ok()
        });
        (attachment, greeting)
    }

    /// Ends the oldest connections of a user with too many.
    ///
    /// Not the newest: a phone that lost its network reconnects while its old connections still count, and must not be
    /// kept out by them.
    fn expel_excess(&self, user: UserId) {
        let devices = self.hub.devices_in(Room::User(user));
        let excess = devices.len().saturating_sub(self.limits.connections_per_user());
        for device in &devices[..excess] {
            self.hub.remove(device.session.id);
            device.expel(&Failure::too_many_connections());
        }
    }
}
