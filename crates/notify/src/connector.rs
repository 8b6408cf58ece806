//! Connections to hosts whose addresses were judged: the guard against requests into the operator's own network.
//!
//! A name is resolved once per connection, every address of it is judged, and the connection goes to one of exactly these
//! addresses. So a name that resolves differently the second time gains nothing.

use std::{
    future::{Ready, ready},
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use rustls::ClientConfig;
use tokio::{net::TcpStream, sync::Semaphore, task, time::timeout};
use tower_service::Service;
use url::Host;

use crate::destination::{AddressRule, EndpointRules};

/// How long resolving, connecting and the TLS handshake may take together. Requests have shorter deadlines: this one ends
/// connections that were begun for a request which has found another connection since.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most names that are resolved at once. The resolver of the system blocks a thread, also after the wait for it is over.
const MAX_LOOKUPS: usize = 128;

/// Resolves the name of a host.
#[async_trait]
pub(crate) trait Resolver: Send + Sync {
    /// All addresses of a name, with this port.
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the system.
pub(crate) struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl SystemResolver {
    pub(crate) fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        let lookup = task::spawn_blocking(move || {
            let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
            // Held by the thread, not by the request: a request that gives up leaves the thread behind.
            drop(permit);
            addresses
        });
        lookup.await.map_err(io::Error::other)?
    }
}

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
}

impl GuardedConnector {
    pub(crate) fn new(resolver: Arc<dyn Resolver>, destinations: Destinations, tls: Arc<ClientConfig>) -> Self {
        Self { resolver, destinations: Arc::new(destinations), tls }
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

    async fn connect(self, uri: Uri) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, BoxError> {
        let checked = self.addresses(&uri).await?;
        // Tries the addresses of both families as RFC 8305 says. It does not resolve anything itself.
        let mut tcp = HttpConnector::new_with_resolver(checked);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        HttpsConnector::from((tcp, self.tls)).call(uri).await
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for GuardedConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

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
