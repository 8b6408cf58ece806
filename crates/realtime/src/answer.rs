//! The acknowledgement of a client's event.

use std::{convert::Infallible, sync::Arc};

use serde::Serialize;
use socketioxide::{
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef},
    handler::{FromMessageParts, Value},
    socket::Socket,
};

use crate::{device::Session, packet::Packet};

/// Acknowledges an event once, if its client has given it a number. Made from the event's parts.
pub(crate) struct Ack {
    number: Option<i64>,
    sender: AckSender,
}

impl FromMessageParts<LocalAdapter> for Ack {
    type Error = Infallible;

    fn from_message_parts(socket: &Arc<Socket>, value: &mut Value, number: &Option<i64>) -> Result<Self, Infallible> {
        Ok(Self { number: *number, sender: AckSender::from_message_parts(socket, value, number)? })
    }
}

impl Ack {
    /// Sends it. A client that does not take it is not told again.
    pub(crate) fn send(self, session: &Session, socket: &SocketRef, payload: &impl Serialize) {
        let Some(number) = self.number else { return };
        let Ok(packet) = Packet::acknowledgement(number, payload) else {
            return tracing::error!("an acknowledgement cannot be written");
        };
        session.line.send(socket, &packet, false, || self.sender.send(payload)).ok();
    }
}
