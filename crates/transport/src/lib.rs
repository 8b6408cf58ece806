//! Bytes: the TCP listener with its deadlines, the connection behind each Socket.IO session, and the writers through which
//! packets reach clients in order and within a bound.
//!
//! Depends on `engineioxide` for the vocabulary of sessions ([`Sid`](engineioxide::socket::Sid),
//! [`TransportType`](engineioxide::TransportType)). Must not know events, users, rooms or a web framework: an adapter
//! implements [`EngineSession`] for its sockets and mounts [`SessionTrackingService`].

mod activity;
mod connection;
mod connections;
mod engine;
mod listener;
mod open_connections;
mod packet;
mod queued_bytes;
mod session_trust;
mod session_writer;
mod sessions;
mod socket_writer;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
mod tracking_service;

pub use activity::{Activity, PhaseTimeouts};
pub use connection::Connection;
pub use connections::{Connections, trust};
pub use engine::{EngineSession, SOCKET_IO_PATH};
pub use listener::Listener;
pub use open_connections::{ConnectionLimits, PeerKey};
pub use packet::{Namespace, Packet};
pub use session_trust::SessionTrust;
pub use session_writer::{SessionWriter, WriteError};
pub use socket_writer::{MAX_QUEUED_BYTES, SocketWriter};
pub use stream::{ConnectionTimeouts, RewriteFailure, Stream};
pub use tracking_service::SessionTrackingService;
