//! Connections to hosts whose addresses were judged: the guard against requests into the operator's own network.
//!
//! A name is resolved once per connection, every address of it is judged, and the connection goes to one of exactly these
//! addresses. So a name that resolves differently the second time gains nothing.

mod open_connections;
mod resolver;

use std::{
    future::{Ready, ready},
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;
use url::Host;

use self::open_connections::CountedStream;
pub(crate) use self::{
    open_connections::OpenConnections,
    resolver::{Resolver, SystemResolver},
};
use crate::destination::{AddressRule, EndpointRules};

/// How long resolving, connecting and the TLS handshake may take together. Requests have shorter deadlines: this one ends
/// connections that were begun for a request which has found another connection since.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection, with TLS or without.
type Connection = CountedStream<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// The origin of the URLs of a connector, from which the rule about addresses follows.
pub(crate) enum Destinations {
    /// Strangers: globally reachable addresses, and the exemptions of the operator.
    Strangers(EndpointRules),
    /// The operator: every address with TLS, and addresses of the own network without.
    Operator,
}

impl Destinations {
    fn address_rule(&self, encrypted: bool, host: &Host<String>, port: u16) -> Option<AddressRule> {
        match (self, encrypted) {
            (Self::Strangers(rules), true) => Some(rules.address_rule(host, port)),
            (Self::Strangers(_), false) => None,
            (Self::Operator, true) => Some(AddressRule::Any),
            (Self::Operator, false) => Some(AddressRule::Internal),
        }
    }
}

/// The error of a connection that is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The URL has no host, or a scheme that is not served.
    #[error("the URL cannot be connected to")]
    Url,
    /// An address of the host must not be connected to.
    #[error("an address of the host is not allowed")]
    Address,
    /// The name of the host does not resolve.
    #[error("the name of the host does not resolve")]
    Name,
    /// It took too long.
    #[error("connecting took too long")]
    Timeout,
}

/// Opens TCP and TLS connections for the HTTP client.
#[derive(Clone)]
pub(crate) struct GuardedConnector {
    resolver: Arc<dyn Resolver>,
    destinations: Arc<Destinations>,
    tls: Arc<ClientConfig>,
    open: OpenConnections,
}

impl GuardedConnector {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, destinations: Destinations, tls: Arc<ClientConfig>) -> Self {
        Self { resolver, destinations: Arc::new(destinations), tls, open: OpenConnections::default() }
    }

    /// Its connections.
    pub(crate) const fn open_connections(&self) -> &OpenConnections {
        &self.open
    }

    /// The addresses of the host of a URL, all of which may be connected to.
    async fn addresses(&self, uri: &Uri) -> Result<CheckedAddresses, ConnectError> {
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ConnectError::Url),
        };
        let host = uri.host().and_then(|host| Host::parse(host).ok()).ok_or(ConnectError::Url)?;
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let rule = self.destinations.address_rule(encrypted, &host, port).ok_or(ConnectError::Url)?;
        let addresses = match &host {
            Host::Domain(name) => self.resolver.resolve(name, port).await.map_err(|_| ConnectError::Name)?,
            Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
            Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
        };
        if addresses.is_empty() {
            return Err(ConnectError::Name);
        }
        // One forbidden address forbids all: the owner of a name must not choose which one is connected to.
        let allowed = addresses.iter().all(|address| rule.allows(address.ip()));
        if allowed { Ok(CheckedAddresses(addresses)) } else { Err(ConnectError::Address) }
    }

    async fn connect(self, uri: Uri) -> Result<Connection, BoxError> {
        // Counted from here on: a handshake takes a descriptor, too.
        let counted = self.open.count_one();
        let checked = self.addresses(&uri).await?;
        // Tries the addresses of both families as RFC 8305 says. It does not resolve anything itself.
        let mut tcp = HttpConnector::new_with_resolver(checked);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Ok(counted.with(HttpsConnector::from((tcp, self.tls)).call(uri).await?))
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for GuardedConnector {
    type Response = Connection;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(CONNECT_TIMEOUT, self.clone().connect(uri));
        Box::pin(async { connecting.await.map_err(|_| ConnectError::Timeout)? })
    }
}

/// The resolver of one connection: it answers with the addresses that were judged.
#[derive(Clone)]
struct CheckedAddresses(Vec<SocketAddr>);

impl Service<Name> for CheckedAddresses {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}

#[cfg(test)]
mod tests;
