//! One connected device: its socket with its session, the messages that it is sent, and the ways to end it.
//!
//! Knows neither the log nor rooms. Never logs the socket's id, which is a bearer token on polling.

use std::{sync::Arc, time::Duration};

use allynet_wire::socket::{ErrorEvent, Failure, SessionReady};
use serde::{Serialize, de::IgnoredAny};
use socketioxide::{ParserError, ack::AckStream, extract::SocketRef};
use tokio::time::Instant;

use crate::{
    engine::{EngineSocket, NAMESPACE},
    hub::{log_entry::EncodedEvent, members::CloseReason},
    metrics::EmitKind,
    session::state::{NotAccepted, Session},
};

/// Time for which events of a flooding client are still read and dropped after the failure was sent to it.
const FLOODING_CLIENT_LINGER: Duration = Duration::from_millis(500);

/// A connection that can be sent to. Clones are cheap and refer to the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) socket: SocketRef,
    pub(crate) session: Arc<Session>,
}

/// The client's acknowledgement of an event, with any payload.
pub(crate) type ClientAck = AckStream<IgnoredAny>;

/// An event that was sent to a device and asks for an acknowledgement.
pub(crate) struct AwaitedAck {
    pub(crate) device: Device,
    pub(crate) sent_at: Instant,
    pub(crate) ack: ClientAck,
}

impl Device {
    /// Sends a message that is not an event of the log.
    pub(crate) fn send(&self, event: &str, payload: &impl Serialize) -> Result<(), NotAccepted> {
        self.session.send(&self.socket, event, payload)
    }

    /// Sends a message that events of the log may overtake: a client that reads slowly gets them first.
    ///
    /// `is_replaceable` says that the message is worth nothing once it was overtaken, and is dropped then.
    pub(crate) fn send_ephemeral(
        &self,
        event: &str,
        payload: &impl Serialize,
        is_replaceable: bool,
    ) -> Result<(), NotAccepted> {
        let Self { socket, session } = self;
        let packet = NAMESPACE.event(event, payload)?;
        let enqueue = || socket.emit(event, payload);
        let sent = session.writer.send_ephemeral(&EngineSocket(socket), &packet, is_replaceable, enqueue);
        sent.map_err(|error| session.not_accepted(EmitKind::Other, error))
    }

    /// Sends `session:ready`, which precedes everything else.
    pub(crate) fn greet(&self, ready: &SessionReady) -> Result<(), NotAccepted> {
        const EVENT: &str = "session:ready";
        let Self { socket, session } = self;
        let packet = NAMESPACE.event(EVENT, ready)?;
        let sent = session.writer.send_first(&EngineSocket(socket), &packet, || socket.emit(EVENT, ready));
        sent.map_err(|error| session.not_accepted(EmitKind::Other, error))
    }

    /// Sends an event of the log, and returns its future acknowledgement if the event asks for one.
    pub(crate) fn deliver(&self, event: &EncodedEvent) -> Result<Option<AwaitedAck>, NotAccepted> {
        let Self { socket, session } = self;
        let EncodedEvent { name, wants_ack, packet } = event;
        // Before it is sent, so that an answer is never earlier.
        let sent_at = Instant::now();
        // Parsed only if the event has to pass through the engine's queue, which encodes it once more.
        let payload = || packet.argument().map_err(ParserError::new);
        let sent = if *wants_ack {
            session.writer.enqueue(&EngineSocket(socket), packet, || socket.emit_with_ack(name, payload()?)).map(Some)
        } else {
            session.writer.send(&EngineSocket(socket), packet, true, || socket.emit(name, payload()?)).map(|()| None)
        };
        let ack = sent.map_err(|error| session.not_accepted(EmitKind::Log, error))?;
        Ok(ack.map(|ack| AwaitedAck { device: self.clone(), sent_at, ack }))
    }

    /// Whether anything came from the client after this time, acknowledgements and answers to pings included.
    pub(crate) fn has_received_after(&self, time: Instant) -> bool {
        self.session.connections.last_received(&EngineSocket(&self.socket)).is_some_and(|last| last > time)
    }

    /// Cuts off a client that does not read its events: it reconnects and gets a replay.
    ///
    /// No-op for a client that has left the namespace: it accepts nothing either, and may be about to come back on the
    /// same connection.
    pub(crate) fn cut_slow(&self) {
        if !self.session.is_over() && self.socket.connected() {
            tracing::info!("client reads too slowly: connection closed");
            self.cut();
        }
    }

    /// Sends the reason, and ends the connection.
    pub(crate) fn close(&self, reason: CloseReason) {
        let failure = match reason {
            CloseReason::SessionOver => Failure::token_expired(),
            CloseReason::Blocked => Failure::account_blocked(),
        };
        self.fail(&failure);
    }

    /// Sends a failure of the connection, and ends the connection.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.send_error(failure);
        self.cut();
    }

    /// Sends a failure to a client that is still sending, and ends the connection half a second later.
    ///
    /// Until then its events are read and dropped: a connection that is closed with unread data is reset, and the
    /// client would not receive the failure.
    pub(crate) fn fail_flooding(self, failure: &Failure) {
        self.send_error(failure);
        self.session.end();
        tokio::spawn(async move {
            tokio::time::sleep(FLOODING_CLIENT_LINGER).await;
            self.cut();
        });
    }

    /// Sends a failure, and ends the connection in such a way that the official client does not reconnect by itself.
    pub(crate) fn expel(&self, failure: &Failure) {
        self.send_error(failure);
        self.session.end();
        // The official client reconnects after a lost transport, and does not after a disconnect packet.
        self.socket.clone().disconnect().ok();
        self.cut();
    }

    /// Ends the connection with its transport.
    pub(crate) fn cut(&self) {
        self.session.inbox.close();
        self.session.connections.close(EngineSocket(self.socket.clone()));
    }

    fn send_error(&self, failure: &Failure) {
        // The connection ends in any case; a client that does not accept the error learns no reason.
        self.send("error", &ErrorEvent::new(failure, None)).ok();
    }
}
