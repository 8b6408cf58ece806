//! The listener for operators: health, readiness and metrics, away from the public port.

use std::{fmt, net::SocketAddr, str::FromStr};

use allynet_transport::{ConnectionLimits, ConnectionTimeouts, Listener};
use anyhow::Context as _;
use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::listener::serve;

/// Maximum number of connections of operators and their probes.
const MAX_CONNECTIONS: usize = 64;

/// Address of the listener for operators, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminListen {
    On(SocketAddr),
    Off,
}

impl FromStr for AdminListen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        text.parse().map(Self::On).map_err(|_| "must be an address with a port, like 127.0.0.1:5001, or `off`")
    }
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(address) => address.fmt(f),
            Self::Off => f.write_str("off"),
        }
    }
}

/// The running server for operators.
pub(crate) struct AdminServer {
    serving: Option<JoinHandle<()>>,
    stop: CancellationToken,
}

impl AdminServer {
    /// Listens on the configured address, and serves `router` until [`close`](Self::close).
    ///
    /// # Errors
    /// Returns an error that names the setting if the address cannot be bound.
    pub(crate) async fn bind(listen: AdminListen, router: Router) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let AdminListen::On(address) = listen else { return Ok(Self { serving: None, stop }) };
        let tcp = TcpListener::bind(address).await;
        let tcp = tcp.with_context(|| format!("ALLYNET_ADMIN_LISTEN: cannot listen on {address}"))?;
        tracing::info!("metrics on http://{}/metrics", tcp.local_addr()?);
        let limits = ConnectionLimits { total: MAX_CONNECTIONS, ..ConnectionLimits::default() };
        let listener = Listener::new(tcp, ConnectionTimeouts::default(), stop.clone()).with_limits(limits);
        Ok(Self { serving: Some(tokio::spawn(serve(listener, router, stop.clone()))), stop })
    }

    /// Closes the listener and all of its connections.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        if let Some(serving) = self.serving {
            serving.await.ok();
        }
    }
}
