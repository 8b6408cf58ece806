//! State of one connection, from its handshake to its end, and the ways to send to it.
//!
//! Knows neither the log nor rooms.

use std::sync::Arc;

use allynet_domain::{EventId, port::Report};
use allynet_transport::{Connections, SessionWriter, WriteError};
use allynet_wire::socket::{Acknowledgement, Confirmation, ErrorEvent, Failure};
use parking_lot::Mutex;
use serde::Serialize;
use socketioxide::{SendError, SocketError, extract::SocketRef};
use tokio::sync::oneshot;

use crate::{
    engine::{EngineSocket, NAMESPACE, send_error},
    hub::{
        attachment::RoomSnapshot,
        members::{Identity, MemberId},
    },
    metrics::{EmitKind, Metrics},
    session::{
        coalescer::Coalescer,
        in_flight::InFlight,
        inbox::Inbox,
        reply::{Ack, DeferredReply, ReplyTo},
    },
};

/// Number of events of one connection that may wait for the one that is being handled.
const INBOX_CAPACITY: usize = 64;
/// Number of positions of one connection that may wait to be confirmed: those of almost three hours at one a second, which a
/// phone sends at once after a tunnel or a flight.
const MAX_PENDING_POSITIONS: usize = 10_000;

/// State of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: MemberId,
    pub(crate) identity: Identity,
    /// Runs the requests of the client, in the order of arrival.
    pub(crate) inbox: Inbox,
    pub(crate) writer: SessionWriter,
    /// The newest positions that are not stored yet. All positions pass through here, so that many at once are stored as one.
    pub(crate) pending_positions: Coalescer<Report, DeferredReply>,
    pub(crate) connections: Connections,
    metrics: Arc<Metrics>,
    pending: Mutex<Option<PendingAttachment>>,
}

/// The data that attaching a connection needs, kept from its handshake on.
#[derive(Debug)]
pub(crate) struct PendingAttachment {
    pub(crate) snapshot: RoomSnapshot,
    /// The last event that the client has, if it wants a replay.
    pub(crate) last_event: Option<EventId>,
    /// To be completed when the connection is attached. Events that the client sent before wait for it.
    pub(crate) attached: oneshot::Sender<()>,
}

/// A message was not accepted by a socket: its queue is full, or it is closed.
#[derive(Debug)]
pub(crate) struct NotAccepted;

impl Session {
    /// State of a connection that passed the handshake.
    pub(crate) fn new(
        (id, identity): (MemberId, Identity),
        writer: SessionWriter,
        (snapshot, last_event): (RoomSnapshot, Option<EventId>),
        connections: Connections,
        (metrics, in_flight): (Arc<Metrics>, InFlight),
    ) -> Self {
        let (attached, is_attached) = oneshot::channel();
        let inbox = Inbox::instrumented(INBOX_CAPACITY, metrics.inbox_events.clone(), in_flight);
        // The first job of the inbox. An event may arrive before the connect handler has run, and must not be answered
        // before `session:ready`.
        let until_attached = async move {
            is_attached.await.ok();
        };
        // Refused only while the service stops, and then all other jobs are refused, too.
        inbox.push(until_attached).ok();
        let pending = Mutex::new(Some(PendingAttachment { snapshot, last_event, attached }));
        let pending_positions = Coalescer::new(MAX_PENDING_POSITIONS);
        Self { id, identity, inbox, writer, pending_positions, connections, metrics, pending }
    }

    /// Takes the data for attaching the connection. `None` at the second call, and once the connection is over.
    pub(crate) fn take_pending(&self) -> Option<PendingAttachment> {
        self.pending.lock().take()
    }

    /// Ends the session, which may happen before it was attached. When this returns, nothing more is sent.
    pub(crate) fn end(&self) {
        self.writer.close();
        self.inbox.close();
        self.pending_positions.close();
        drop(self.take_pending());
    }

    /// Whether the session has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.writer.is_closed()
    }

    /// Sends a message that is not an event of the log.
    pub(crate) fn send(&self, socket: &SocketRef, event: &str, payload: &impl Serialize) -> Result<(), NotAccepted> {
        let packet = NAMESPACE.event(event, payload)?;
        let sent = self.writer.send(&EngineSocket(socket), &packet, false, || socket.emit(event, payload));
        sent.map_err(|error| self.not_accepted(EmitKind::Other, error))
    }

    /// Answers an event of the client with an event, and then with an acknowledgement if the client asked for one.
    ///
    /// In this order, so that a client that awaits the acknowledgement has received the event. An answer is not an
    /// event of the log: it is lost if the queue is full.
    pub(crate) fn reply(&self, reply_to: ReplyTo, outcome: &Result<Confirmation, Failure>) {
        let ReplyTo { socket, event, ack } = reply_to;
        let acknowledgement = Acknowledgement::of(outcome);
        let sent = match outcome {
            Ok(done) => match done.event() {
                Some(event) => self.send_with_ack(&socket, (event, done), (ack, &acknowledgement)),
                None => self.acknowledge(&socket, ack, &acknowledgement),
            },
            Err(failure) => {
                let error = ErrorEvent::new(failure, Some(&event));
                self.send_with_ack(&socket, ("error", &error), (ack, &acknowledgement))
            }
        };
        sent.ok();
    }

    fn acknowledge(&self, socket: &SocketRef, ack: Ack, acknowledgement: &impl Serialize) -> Result<(), NotAccepted> {
        let Some(number) = ack.number() else { return Ok(()) };
        let packet = NAMESPACE.acknowledgement(number, acknowledgement)?;
        let sent = self.writer.send(&EngineSocket(socket), &packet, false, || ack.queue(acknowledgement));
        sent.map_err(|error| self.not_accepted(EmitKind::Other, error))
    }

    fn send_with_ack(
        &self,
        socket: &SocketRef,
        (event, payload): (&str, &impl Serialize),
        (ack, acknowledgement): (Ack, &impl Serialize),
    ) -> Result<(), NotAccepted> {
        let Some(number) = ack.number() else { return self.send(socket, event, payload) };
        let event_packet = NAMESPACE.event(event, payload)?;
        let ack_packet = NAMESPACE.acknowledgement(number, acknowledgement)?;
        let sent = self.writer.send_both(
            &EngineSocket(socket),
            (&event_packet, || socket.emit(event, payload)),
            (&ack_packet, || ack.queue(acknowledgement)),
        );
        sent.map_err(|error| self.not_accepted(EmitKind::Other, error))
    }

    /// Records and converts the error of a failed emit.
    pub(crate) fn not_accepted(&self, kind: EmitKind, error: WriteError<SendError>) -> NotAccepted {
        let error = send_error(error);
        self.metrics.record_emit_error(kind, &error);
        error.into()
    }
}

impl From<SendError> for NotAccepted {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Socket(SocketError::Closed | SocketError::InternalChannelFull) => {}
            SendError::Serialize(error) => tracing::error!(%error, "event encoding failed"),
        }
        Self
    }
}

impl From<serde_json::Error> for NotAccepted {
    fn from(error: serde_json::Error) -> Self {
        tracing::error!(%error, "event encoding failed");
        Self
    }
}
