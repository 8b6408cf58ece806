//! The acknowledgement of a client's event.

use std::{convert::Infallible, sync::Arc};

use serde::Serialize;
use socketioxide::{
    SendError,
    adapter::LocalAdapter,
    extract::AckSender,
    handler::{FromMessageParts, Value},
    socket::Socket,
};

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
    /// The number by which the client knows it.
    pub(crate) const fn number(&self) -> Option<i64> {
        self.number
    }

    /// Puts it into the queue of the transport.
    pub(crate) fn queue(self, payload: &impl Serialize) -> Result<(), SendError> {
        self.sender.send(payload)
    }
}
