//! Finds out from which client address each request comes: the peer's, or the one that a trusted proxy forwards.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use allynet_transport::Connection;
use allynet_wire::client::{TrustedProxies, ViaTrustedProxy};
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The trusted proxies, and whether a missing one was warned of.
#[derive(Clone, Debug)]
pub(super) struct Proxies {
    trusted: TrustedProxies,
    warned: Arc<AtomicBool>,
}

impl Proxies {
    pub(super) fn new(trusted: TrustedProxies) -> Self {
        Self { trusted, warned: Arc::default() }
    }
}

/// Inserts the `ClientAddress` into the request's extensions, which must hold its [`Connection`] already.
pub(super) async fn attach_client_address(State(proxies): State<Proxies>, mut request: Request) -> Request {
    let Some(Connection { peer, .. }) = request.extensions().get() else { return request };
    let peer = peer.ip();
    let forwarded: Vec<_> = request.headers().get_all(FORWARDED_FOR).iter().map(as_text).collect();
    // Once per process: each request through such a proxy would repeat it.
    if !forwarded.is_empty() && !proxies.trusted.contain(peer) && !proxies.warned.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "X-Forwarded-For from an untrusted peer is ignored: if it is your proxy, add it to ALLYNET_TRUSTED_PROXIES, or \
             all of its clients share one address and its rate limits (logged once)"
        );
    }
    let client = proxies.trusted.client(peer, forwarded);
    request.extensions_mut().insert(client);
    if proxies.trusted.contain(peer) {
        request.extensions_mut().insert(ViaTrustedProxy);
    }
    request
}

/// A value that is not ASCII becomes empty, which is no address.
fn as_text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use allynet_wire::client::ClientAddress;
    use axum::body::Body;
    use tokio_util::sync::CancellationToken;

    use super::*;

    async fn client(trusted: &str, headers: &[&[u8]]) -> Option<ClientAddress> {
        let peer: SocketAddr = "127.0.0.1:4711".parse().unwrap();
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(Connection::new(peer, CancellationToken::new(), Arc::default()));
        for header in headers {
            request.headers_mut().append(FORWARDED_FOR, HeaderValue::from_bytes(header).unwrap());
        }
        let proxies = Proxies::new(trusted.parse().unwrap());
        attach_client_address(State(proxies), request).await.extensions().get().copied()
    }

    #[tokio::test]
    async fn x_forwarded_for_counts_only_from_a_trusted_proxy() {
        let address = |text: &str| Some(ClientAddress::from(text.parse::<IpAddr>().unwrap()));
        assert_eq!(client("127.0.0.1", &[b"198.51.100.1"]).await, address("198.51.100.1"));
        assert_eq!(client("127.0.0.1", &[b"6.6.6.6", b"198.51.100.1"]).await, address("198.51.100.1"));
        assert_eq!(client("127.0.0.1", &[b"198.51.100.1, \xff"]).await, address("127.0.0.1"));
        assert_eq!(client("127.0.0.1", &[]).await, address("127.0.0.1"));
        assert_eq!(client("10.0.0.0/8", &[b"198.51.100.1"]).await, address("127.0.0.1"));
    }
}
