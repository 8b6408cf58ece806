//! Adapter from the sockets of `socketioxide` to the sessions of the transport crate, and the namespace of the service.

use std::borrow::Borrow;

use allynet_transport::{EngineSession, Namespace, WriteError};
use http::request::Parts;
use socketioxide::{SendError, SocketError, TransportType, extract::SocketRef, socket::Sid};

/// Namespace in which everything happens.
pub(crate) const NAMESPACE: Namespace = Namespace::new("/emergencies");

/// Socket of `socketioxide`, owned or borrowed, as a session of the transport crate.
pub(crate) struct EngineSocket<S>(pub(crate) S);

impl<S: Borrow<SocketRef>> EngineSession for EngineSocket<S> {
    fn sid(&self) -> Sid {
        self.0.borrow().id
    }

    fn transport(&self) -> TransportType {
        self.0.borrow().transport_type()
    }

    fn opening_request(&self) -> &Parts {
        self.0.borrow().req_parts()
    }

    fn is_connected(&self) -> bool {
        self.0.borrow().connected()
    }

    fn leave_namespace(&self) {
        self.0.borrow().clone().disconnect().ok();
    }
}

/// The error of `socketioxide` that means the same.
pub(crate) fn send_error(error: WriteError<SendError>) -> SendError {
    match error {
        WriteError::Full => SendError::Socket(SocketError::InternalChannelFull),
        WriteError::Engine(error) => error,
    }
}
