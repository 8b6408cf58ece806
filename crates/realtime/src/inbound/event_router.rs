//! Routing of client events: each is parsed, passes admission control, is handled in the order of arrival, and
//! answered.

use std::{borrow::Cow, future::ready, sync::Arc, time::Duration};

use allynet_wire::socket::Failure;
use socketioxide::{
    adapter::Adapter,
    extract::{Event, SocketRef},
    handler::DisconnectHandler,
    socket::{DisconnectReason, Socket},
};

use crate::{
    hub::state::Hub,
    inbound::{
        admission::{Admission, AdmissionControl, LimitExceeded},
        command::{Command, Completed, EventKind, Request},
        location::LocationHandler,
        payload::Payload,
        rooms::RoomHandler,
    },
    outbound::replay::Replayer,
    session::{
        device::Device,
        inbox::PushError,
        reply::{Ack, ReplyTo},
        state::Session,
    },
};

/// Number of privileged events of one connection that may wait beyond the inbox's capacity.
const PRIVILEGED_INBOX_RESERVE: usize = 1024;
/// The delay that is suggested to a client whose inbox is full. Handling an event takes some milliseconds.
const FULL_INBOX_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The handlers of client events, shared by all connections.
pub(crate) struct EventRouter {
    pub(crate) admission: Arc<AdmissionControl>,
    pub(crate) rooms: RoomHandler,
    pub(crate) locations: Arc<LocationHandler>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) replayer: Arc<Replayer>,
}

/// Ends a session when its socket leaves the namespace.
///
/// Not a closure: the library runs the future of a closure in a task, and removes the socket from the namespace when that has
/// ended. Until then it ignores a CONNECT packet, so a client that disconnects and connects again would get no answer.
struct EndSession {
    hub: Arc<Hub<Device>>,
    session: Arc<Session>,
}

impl<A: Adapter> DisconnectHandler<A, ()> for EndSession {
    fn call_with_defer(&self, socket: Arc<Socket<A>>, _: DisconnectReason, remove: fn(Arc<Socket<A>>)) {
        self.session.end();
        self.hub.remove(self.session.id);
        remove(socket);
    }
}

impl EventRouter {
    /// Registers the handlers of all events on a socket.
    pub(crate) fn listen(self: &Arc<Self>, socket: &SocketRef, session: &Arc<Session>) {
        // The body of a handler runs in the order of arrival, before the future that it returns is polled. That is why
        // all of them return a future that is ready, and push what takes time to the inbox.
        for kind in EventKind::ALL {
            let (router, session) = (Arc::clone(self), Arc::clone(session));
            let handler = move |socket, Payload(payload): Payload, ack: Ack, fallback: Ack| {
                let request = Request::parse(kind, &payload);
                router.receive(&session, request, (socket, kind.name().into()), (ack, fallback));
                ready(())
            };
            socket.on(kind.name(), handler);
        }
        let (router, listener) = (Arc::clone(self), Arc::clone(session));
        socket.on_fallback(move |socket: SocketRef, Event(event), ack: Ack, fallback: Ack| {
            router.receive(&listener, Request::unknown(), (socket, Cow::Owned(event)), (ack, fallback));
            ready(())
        });
        socket.on_disconnect(EndSession { hub: Arc::clone(&self.hub), session: Arc::clone(session) });
    }

    /// Queues, coalesces or refuses an event. Of its two acknowledgements one goes with the job, the other answers if the
    /// job is not accepted.
    fn receive(
        self: &Arc<Self>,
        session: &Arc<Session>,
        request: Request,
        (socket, event): (SocketRef, Cow<'static, str>),
        (ack, fallback): (Ack, Ack),
    ) {
        let admission = self.admission.admit(session, &request);
        let fallback = ReplyTo { socket: socket.clone(), event: event.clone(), ack: fallback };
        let reserve = match admission {
            Admission::Queued => 0,
            Admission::Privileged => PRIVILEGED_INBOX_RESERVE,
            Admission::Coalesced { position, is_allowed } => {
                return self.locations.receive(session, fallback, position, is_allowed);
            }
            Admission::Refused(exceeded) => return self.refuse(session, fallback, exceeded),
            Admission::Dropped => return,
        };
        let (router, owner, reply_to) = (Arc::clone(self), Arc::clone(session), ReplyTo { socket, event, ack });
        let job = async move { router.handle(owner, request, reply_to).await };
        match session.inbox.push_with_reserve(reserve, job) {
            // Positions that come now are handled after this event.
            Ok(()) => session.pending_positions.seal(),
            Err(PushError::Closed) => {}
            Err(PushError::Full) => {
                let exceeded = self.admission.refuse(session, FULL_INBOX_RETRY_AFTER);
                self.refuse(session, fallback, exceeded);
            }
        }
    }

    /// Carries out a request, answers it, and replays the events that the client missed.
    async fn handle(&self, session: Arc<Session>, request: Request, reply_to: ReplyTo) {
        let socket = reply_to.socket.clone();
        let (outcome, replay) = match self.execute(&session, request.command).await {
            Ok(Completed { confirmation, replay }) => (Ok(confirmation), replay),
            Err(failure) => (Err(failure), None),
        };
        session.reply(reply_to, &outcome);
        if let Some((from, joined)) = replay {
            self.replayer.to_room(&Device { socket, session }, from, &joined).await;
        }
    }

    async fn execute(&self, session: &Session, command: Result<Command, Failure>) -> Result<Completed, Failure> {
        match command? {
            Command::JoinRoom { emergency, last_event } => self.rooms.join(session, emergency, last_event).await,
            Command::LeaveRoom { emergency } => self.rooms.leave(session, emergency).await,
            Command::JoinDispatchers { last_event } => self.rooms.join_dispatchers(session, last_event).await,
            Command::LeaveDispatchers => Ok(self.rooms.leave_dispatchers(session)),
            Command::SeeAlert(emergency) => self.rooms.see_alert(session, emergency).await,
            // Admission control coalesces every position.
            Command::UpdateLocation(_) => Err(Failure::internal()),
        }
    }

    fn refuse(&self, session: &Arc<Session>, reply_to: ReplyTo, exceeded: LimitExceeded) {
        let failure = Failure::rate_limited(exceeded.retry_after);
        if !exceeded.closes {
            return session.reply(reply_to, &Err(failure));
        }
        tracing::info!("client exceeds its limits: connection closed");
        self.hub.remove(session.id);
        Device { socket: reply_to.socket, session: Arc::clone(session) }.fail_flooding(&failure);
    }
}
