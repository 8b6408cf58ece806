//! One connected device: its socket, whose it is, and the ways in which the service speaks to it or ends it.
//!
//! Knows neither the log nor rooms. Never logs the socket's id: on polling it is a bearer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use allynet_domain::{EventId, port::Fix};
use allynet_transport::{Connections, SessionWriter, WriteError};
use allynet_wire::socket::{ErrorEvent, Failure, SessionReady};
use serde::{Serialize, de::IgnoredAny};
use socketioxide::{ParserError, SendError, SocketError, ack::AckStream, extract::SocketRef};
use tokio::sync::oneshot;

use crate::{
    engine::{EngineSocket, NAMESPACE, send_error},
    hub::log_entry::Written,
    hub::members::{Farewell, Identity, MemberId},
    hub::state::Entry,
    inbound::location::Unconfirmed,
    metrics::{Emitted, Measures},
    session::ack::Ack,
    session::coalescer::Slot,
    session::connection_permits::Place,
    session::inbox::Inbox,
};

/// How many events of one socket may wait for the one that is being handled.
const INBOX: usize = 64;
/// How long a client that floods may still be sending when it has been told.
const LINGER: Duration = Duration::from_millis(500);

/// What is known of a connection from its handshake to its end.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: MemberId,
    pub(crate) identity: Identity,
    /// What the client asks for, in order.
    pub(crate) inbox: Inbox,
    /// How it is spoken to.
    pub(crate) writer: SessionWriter,
    pub(crate) measures: Arc<Measures>,
    /// The last position that was put off.
    pub(crate) put_off: Slot<Fix, Unconfirmed>,
    /// Its place among those of its address.
    place: Mutex<Option<Place>>,
    pending: Mutex<Option<Pending>>,
}

/// A connection between its handshake and its attachment.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) entry: Entry,
    /// The last event that the client has, if it wants to be told what it missed.
    pub(crate) last_event: Option<EventId>,
    /// Told when the connection is attached; what the client sent before waits for it.
    pub(crate) attached: oneshot::Sender<()>,
}

impl Session {
    /// A connection that passed the handshake.
    pub(crate) fn new(
        (id, identity): (MemberId, Identity),
        writer: SessionWriter,
        entry: Entry,
        last_event: Option<EventId>,
        place: Option<Place>,
        measures: Arc<Measures>,
    ) -> Self {
        let (attached, is_attached) = oneshot::channel();
        let inbox = Inbox::among(INBOX, measures.inboxes.clone());
        // An event may arrive before the connect handler has run: it must not be answered before `session:ready`.
        let gate = async move {
            is_attached.await.ok();
        };
        // Not taken when the service is about to stop: then nothing else is either.
        inbox.push(gate).ok();
        let pending = Mutex::new(Some(Pending { entry, last_event, attached }));
        let (put_off, place) = (Slot::default(), Mutex::new(place));
        Self { id, identity, inbox, writer, measures, put_off, place, pending }
    }

    /// What is needed to attach it, the first time.
    pub(crate) fn take_pending(&self) -> Option<Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The connection is over, which may be before it was attached.
    pub(crate) fn end(&self) {
        self.writer.close();
        self.inbox.close();
        self.put_off.close();
        drop(self.take_pending());
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether the connection is over.
    pub(crate) fn is_over(&self) -> bool {
        self.writer.is_closed()
    }

    /// Sends something that is not of the log.
    pub(crate) fn tell(&self, socket: &SocketRef, event: &str, payload: &impl Serialize) -> Result<(), Refused> {
        let packet = NAMESPACE.event(event, payload)?;
        let sent = self.writer.send(&EngineSocket(socket), &packet, false, || socket.emit(event, payload));
        sent.map_err(|error| self.refused(Emitted::Other, error))
    }

    /// The same, and acknowledges with `ack` what it answers: after it, so that who awaits that has seen the event.
    pub(crate) fn answer(
        &self,
        socket: &SocketRef,
        (event, payload): (&str, &impl Serialize),
        (ack, acknowledgement): (Ack, &impl Serialize),
    ) -> Result<(), Refused> {
        let Some(number) = ack.number() else { return self.tell(socket, event, payload) };
        let told = NAMESPACE.event(event, payload)?;
        let acknowledged = NAMESPACE.acknowledgement(number, acknowledgement)?;
        let sent = self.writer.send_both(
            &EngineSocket(socket),
            (&told, || socket.emit(event, payload)),
            (&acknowledged, || ack.queue(acknowledgement)),
        );
        sent.map_err(|error| self.refused(Emitted::Other, error))
    }

    fn refused(&self, what: Emitted, error: WriteError<SendError>) -> Refused {
        let error = send_error(error);
        self.measures.failed(what, &error);
        error.into()
    }
}

/// A connection that the service can speak to.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) socket: SocketRef,
    pub(crate) session: Arc<Session>,
    pub(crate) connections: Connections,
}

/// The client's answer to an event; any answer will do.
pub(crate) type Acknowledged = AckStream<IgnoredAny>;

/// A socket does not take an event: its queue is full, or it is over.
#[derive(Debug)]
pub(crate) struct Refused;

impl From<SendError> for Refused {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Socket(SocketError::Closed | SocketError::InternalChannelFull) => {}
            SendError::Serialize(error) => tracing::error!(%error, "an event cannot be written"),
        }
        Self
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        tracing::error!(%error, "an event cannot be written");
        Self
    }
}

impl Device {
    /// Sends something that is not of the log.
    pub(crate) fn tell(&self, event: &str, payload: &impl Serialize) -> Result<(), Refused> {
        self.session.tell(&self.socket, event, payload)
    }

    /// Says that it is attached, before anything else.
    pub(crate) fn greet(&self, ready: &SessionReady) -> Result<(), Refused> {
        const EVENT: &str = "session:ready";
        let Self { socket, session, .. } = self;
        let packet = NAMESPACE.event(EVENT, ready)?;
        let sent = session.writer.send_first(&EngineSocket(socket), &packet, || socket.emit(EVENT, ready));
        sent.map_err(|error| session.refused(Emitted::Other, error))
    }

    /// Sends an event of the log; with what will be its acknowledgement, if it asks for one.
    pub(crate) fn deliver(&self, event: &Written) -> Result<Option<Acknowledged>, Refused> {
        let Self { socket, session, .. } = self;
        let Written { name, acknowledged, packet } = event;
        let payload = || packet.argument().map_err(ParserError::new);
        let sent = if *acknowledged {
            session.writer.enqueue(&EngineSocket(socket), packet, || socket.emit_with_ack(name, payload()?)).map(Some)
        } else {
            session.writer.send(&EngineSocket(socket), packet, true, || socket.emit(name, payload()?)).map(|()| None)
        };
        sent.map_err(|error| session.refused(Emitted::Log, error))
    }

    /// Ends the connection of a client that does not take what it is sent: it comes back and resumes. One that has left
    /// takes nothing either, and may be about to come back on the same connection.
    pub(crate) fn cut_slow(&self) {
        if !self.session.is_over() && self.socket.connected() {
            tracing::info!("a client reads too slowly: cut off");
            self.cut();
        }
    }

    /// Says why, and ends the connection.
    pub(crate) fn dismiss(&self, farewell: Farewell) {
        let failure = match farewell {
            Farewell::SessionOver => Failure::token_expired(),
            Farewell::Blocked => Failure::account_blocked(),
        };
        self.fail(&failure);
    }

    /// Says what is wrong with the connection, and ends it.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.tell("error", &ErrorEvent::new(failure, None)).ok();
        self.cut();
    }

    /// The same for a client that is still sending. What it sends is read and dropped for a while: a connection that is
    /// closed on unread data is reset, and the client would not be told.
    pub(crate) fn fail_flooding(self, failure: &Failure) {
        self.tell("error", &ErrorEvent::new(failure, None)).ok();
        self.session.end();
        tokio::spawn(async move {
            tokio::time::sleep(LINGER).await;
            self.cut();
        });
    }

    /// Says what is wrong with the connection, and ends it in such a way that the official client does not come back by
    /// itself.
    pub(crate) fn expel(&self, failure: &Failure) {
        self.tell("error", &ErrorEvent::new(failure, None)).ok();
        self.session.end();
        self.socket.clone().disconnect().ok();
        self.cut();
    }

    /// Ends the connection, transport and all.
    pub(crate) fn cut(&self) {
        self.session.inbox.close();
        self.connections.close(EngineSocket(self.socket.clone()));
    }
}
