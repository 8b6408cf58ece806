//! Tells each request from which client it came: the other end of its connection, or whom a trusted proxy names.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use allynet_transport::Connection;
use allynet_wire::client::TrustedProxies;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who is believed.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    trusted: TrustedProxies,
    /// Whether it was said that a proxy may be missing among them.
    warned: Arc<AtomicBool>,
}

impl Proxies {
    pub(crate) fn new(trusted: TrustedProxies) -> Self {
        Self { trusted, warned: Arc::default() }
    }
}

/// Puts the `ClientAddress` of a request into its extensions: for `axum::middleware::map_request_with_state`. The
/// request has its [`Connection`] already.
pub(crate) async fn attach_client(State(proxies): State<Proxies>, mut request: Request) -> Request {
    let Some(Connection { peer, .. }) = request.extensions().get() else { return request };
    let peer = peer.ip();
    let forwarded: Vec<_> = request.headers().get_all(FORWARDED_FOR).iter().map(as_text).collect();
    if !forwarded.is_empty() && !proxies.trusted.contain(peer) && !proxies.warned.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "a request has `X-Forwarded-For` and does not come from ALLYNET_TRUSTED_PROXIES: if it came through a proxy of \
             yours, all of its clients count as one; this is said once"
        );
    }
    let client = proxies.trusted.client(peer, forwarded);
    request.extensions_mut().insert(client);
    request
}

/// What is not ASCII is no address either.
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
        request.extensions_mut().insert(Connection { peer, close: CancellationToken::new(), writer: Arc::default() });
        for header in headers {
            request.headers_mut().append(FORWARDED_FOR, HeaderValue::from_bytes(header).unwrap());
        }
        let proxies = Proxies::new(trusted.parse().unwrap());
        attach_client(State(proxies), request).await.extensions().get().copied()
    }

    #[tokio::test]
    async fn the_header_counts_if_a_trusted_proxy_sends_it() {
        let address = |text: &str| Some(ClientAddress::from(text.parse::<IpAddr>().unwrap()));
        assert_eq!(client("127.0.0.1", &[b"198.51.100.1"]).await, address("198.51.100.1"));
        assert_eq!(client("127.0.0.1", &[b"6.6.6.6", b"198.51.100.1"]).await, address("198.51.100.1"));
        assert_eq!(client("127.0.0.1", &[b"198.51.100.1, \xff"]).await, address("127.0.0.1"));
        assert_eq!(client("127.0.0.1", &[]).await, address("127.0.0.1"));
        assert_eq!(client("10.0.0.0/8", &[b"198.51.100.1"]).await, address("127.0.0.1"));
    }
}
