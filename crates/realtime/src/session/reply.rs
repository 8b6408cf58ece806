//! The origin of a client's event, to which it is answered: its socket, its name, and its acknowledgement.
//!
//! Knows nothing of the content of the answer.

use std::{borrow::Cow, convert::Infallible, sync::Arc};

use allynet_domain::port::Report;
use serde::Serialize;
use socketioxide::{
    SendError,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef},
    handler::{FromMessageParts, Value},
    socket::Socket,
};

/// The origin of a client's event, and the acknowledgement if the client requested one.
///
/// Answering consumes it, so no event is answered twice.
pub(crate) struct ReplyTo {
    pub(crate) socket: SocketRef,
    /// The event's name, which the payload of `error` repeats.
    pub(crate) event: Cow<'static, str>,
    pub(crate) ack: Ack,
}

/// A position update that is answered once it, or a newer one of the same connection, is stored.
pub(crate) struct DeferredReply {
    pub(crate) reply_to: ReplyTo,
    /// The position that this update sent, which its confirmation repeats.
    pub(crate) report: Report,
}

/// The acknowledgement of a client's event: sent at most once, and only if the client numbered the event.
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
    /// The number that the client gave the event, or `None` if it wants no acknowledgement.
    pub(crate) const fn number(&self) -> Option<i64> {
        self.number
    }

    /// Queues the acknowledgement in the transport.
    pub(crate) fn queue(self, payload: &impl Serialize) -> Result<(), SendError> {
        self.sender.send(payload)
    }
}
