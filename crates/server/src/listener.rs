//! Adapter from the listener of the transport crate to `axum::serve`.

use std::{io, net::SocketAddr};

use allynet_transport::{Connection, ConnectionTimeouts, Stream};
use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    serve::IncomingStream,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Listener for `axum::serve`, together with `into_make_service_with_connect_info::<ConnectionInfo>()`.
#[derive(Debug)]
pub struct Listener(allynet_transport::Listener);

impl Listener {
    /// Wraps a bound listener. Cancelling `close_all` closes every connection that was or will be accepted; it does not stop
    /// accepting.
    pub fn new(tcp: TcpListener, timeouts: ConnectionTimeouts, close_all: CancellationToken) -> Self {
        Self(allynet_transport::Listener::new(tcp, timeouts, close_all))
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Connection of a request, as axum hands it over.
#[derive(Clone, Debug)]
pub struct ConnectionInfo(Connection);

impl Connected<IncomingStream<'_, Listener>> for ConnectionInfo {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(stream.io().connection().clone())
    }
}

/// Puts the [`Connection`] of a request into its extensions. For `axum::middleware::map_request`.
pub async fn attach_connection(mut request: Request) -> Request {
    let info = request.extensions().get::<ConnectInfo<ConnectionInfo>>().cloned();
    if let Some(ConnectInfo(ConnectionInfo(connection))) = info {
        request.extensions_mut().insert(connection);
    }
    request
}
