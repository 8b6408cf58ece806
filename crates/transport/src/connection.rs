//! One accepted TCP connection, as requests carry it.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{activity::Activity, socket_writer::SocketWriter};

/// Handle to an accepted TCP connection. The server puts it into the extensions of each request that arrives on it.
///
/// A clone refers to the same connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Address of the peer, which is the reverse proxy if there is one.
    pub peer: SocketAddr,
    /// Closes the connection when cancelled: reads fail at once, writes after
    /// [`ConnectionTimeouts::closing`](crate::ConnectionTimeouts::closing). It is cancelled as well when the connection ends
    /// by itself, so a cancelled token identifies a dead connection.
    pub close: CancellationToken,
    /// Cancelled once nothing more can be read or written.
    pub ended: CancellationToken,
    /// Writer that all bytes to the peer pass through.
    pub writer: Arc<SocketWriter>,
    /// What the connection is doing.
    pub activity: Arc<Activity>,
}

impl Connection {
    /// Connection that `close` closes. Its activity begins now.
    pub fn new(peer: SocketAddr, close: CancellationToken, writer: Arc<SocketWriter>) -> Self {
        Self { peer, close, ended: CancellationToken::new(), writer, activity: Arc::default() }
    }
}
