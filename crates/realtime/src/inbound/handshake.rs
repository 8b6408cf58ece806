//! The handshake: decides which clients may connect.
//!
//! The position in the log is noted *before* the database is read. What is committed later is applied when the
//! connection is [attached](crate::inbound::attach): rooms that were entered or left, a session that was revoked, an
//! account that was blocked.

use std::{sync::Arc, time::Duration};

use allynet_domain::{Error, Refusal, port};
use allynet_transport::{Connections, SessionWriter, trust};
use allynet_wire::{
    client::{ClientAddress, ViaTrustedProxy},
    input::socket::last_event_id,
    origin::{Origins, is_same_host},
};
use http::{
    HeaderName,
    header::{HOST, ORIGIN},
    request::Parts,
};
use serde_json::Value;
use socketioxide::extract::{SocketRef, State};

use crate::{
    engine::EngineSocket,
    failure::log_fault,
    hub::state::Hub,
    inbound::{access::AccessReader, event_router::EventRouter, payload::Payload},
    metrics::Metrics,
    session::{connection_permits::ConnectionPermits, device::Device, in_flight::InFlight, state::Session},
};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

const NO_TOKEN: &str = "Authentication error: No token provided";
const INVALID_TOKEN: &str = "Authentication error: Invalid token";
const TOKEN_EXPIRED: &str = "Authentication error: Token expired";
const ACCOUNT_BLOCKED: &str = "Authentication error: Account is inactive or blocked";
const ORIGIN_NOT_ALLOWED: &str = "Origin not allowed";
/// How long a transport that was closed may still send what is queued.
const CLOSING_TIME: Duration = Duration::from_secs(2);
const UNAVAILABLE: &str = "The service cannot do this right now; try again";

/// Time that a client over the limit of its address has to show a token in the other namespace.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a handshake waits for a node that does not follow the log yet.
const LOG_OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Carries out handshakes.
pub(crate) struct Handshake {
    pub(crate) origins: Origins,
    pub(crate) access: Arc<AccessReader>,
    /// Maximum number of sessions of one address whose clients have not shown a valid token.
    pub(crate) anonymous_per_address: usize,
    pub(crate) permits: ConnectionPermits,
    pub(crate) events: Arc<EventRouter>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) connections: Connections,
    pub(crate) in_flight: InFlight,
    pub(crate) metrics: Arc<Metrics>,
}

/// The reason for which a client may not connect.
enum Rejection {
    /// Trying again would not help: the client is told by a `CONNECT_ERROR` packet, and the official client gives up.
    Final(&'static str),
    /// Trying again may help: the transport is closed without an answer, and the official client reconnects by itself.
    Temporary,
}

/// Decides whether a client may connect to the namespace.
///
/// Registers the event handlers before it returns, so that an event sent right after the handshake is not lost.
pub(crate) async fn admit(
    socket: SocketRef,
    Payload(auth): Payload,
    State(handshake): State<Arc<Handshake>>,
) -> Result<(), &'static str> {
    let admitted = match handshake.in_flight.begin() {
        // The guard is held to the end, so that the database is not closed meanwhile.
        Some(_guard) => handshake.admit(&socket, &auth).await,
        // The service is stopping.
        None => Err(Rejection::Temporary),
    };
    handshake.answer(socket, admitted).await
}

/// Lets any client connect to the main namespace, in which nothing is sent, within the limit of its address.
pub(crate) async fn admit_to_main(
    socket: SocketRef,
    State(handshake): State<Arc<Handshake>>,
) -> Result<(), &'static str> {
    let admitted = handshake.admit_anonymous(&socket).await;
    handshake.answer(socket, admitted).await
}

impl Handshake {
    async fn admit(&self, socket: &SocketRef, auth: &Value) -> Result<(), Rejection> {
        let request = socket.req_parts();
        check_origin(&self.origins, request).map_err(Rejection::Final)?;
        let token = token(auth, request.uri.query()).ok_or(Rejection::Final(NO_TOKEN))?;
        // Before the database is asked, which may take long when many reconnect at once: the connection must not count as
        // one of a stranger meanwhile.
        if self.access.is_signed(&token) {
            self.connections.authenticate(&EngineSocket(socket));
        }
        let last_event = last_event_id(auth);
        let position = tokio::time::timeout(LOG_OPEN_TIMEOUT, self.hub.position()).await;
        let read_after = position.map_err(|_| Rejection::Temporary)?;
        let address = request.extensions.get::<ClientAddress>().copied();
        let authenticated = self.access.authenticate(read_after, &token, address).await;
        let (identity, snapshot) = authenticated.map_err(|error| rejection(&error))?;
        let session = Arc::new(Session::new(
            (self.hub.next_member_id(), identity),
            SessionWriter::new(&self.connections, &EngineSocket(socket)),
            (snapshot, last_event),
            self.connections.clone(),
            (Arc::clone(&self.metrics), self.in_flight.clone()),
        ));
        // Once more, now that the session's writer keeps the fact for later polls.
        self.connections.authenticate(&EngineSocket(socket));
        self.events.listen(socket, &session);
        socket.extensions.insert(session);
        Ok(())
    }

    /// Counts the session of a client without a token by its address, until it shows one or ends.
    async fn admit_anonymous(&self, socket: &SocketRef) -> Result<(), Rejection> {
        let session = EngineSocket(socket);
        let Some(trust) = trust(&session) else { return Ok(()) };
        let Some(address) = socket.req_parts().extensions.get::<ClientAddress>() else { return Ok(()) };
        if trust.is_authenticated() || trust.is_holding() {
            return Ok(());
        }
        if let Some(permit) = self.permits.acquire(*address, self.anonymous_per_address) {
            trust.hold_until_authenticated(permit);
            return Ok(());
        }
        // The official client connects to both namespaces at once, and a token must not be refused for the address.
        let shown = tokio::time::timeout(TOKEN_TIMEOUT, trust.authenticated()).await;
        shown.map_err(|_| Rejection::Temporary)
    }

    /// The answer to a CONNECT packet. A transport that has to be closed is closed when this returns.
    async fn answer(&self, socket: SocketRef, admitted: Result<(), Rejection>) -> Result<(), &'static str> {
        match admitted {
            Ok(()) => Ok(()),
            Err(Rejection::Final(message)) => Err(message),
            Err(Rejection::Temporary) => {
                self.connections.close_and_wait(EngineSocket(socket)).await;
                // A poll may still be taking what is queued: the packet of this error must not be in it.
                tokio::time::sleep(CLOSING_TIME).await;
                Err(UNAVAILABLE)
            }
        }
    }
}

/// Accepts requests without an origin, which do not come from a browser, those from pages of listed origins, and those that
/// name the service itself: native libraries send the address that they connect to.
fn check_origin(origins: &Origins, request: &Parts) -> Result<(), &'static str> {
    let Some(origin) = request.headers.get(ORIGIN) else { return Ok(()) };
    let forwarded = request.extensions.get::<ViaTrustedProxy>().and(request.headers.get(FORWARDED_HOST));
    let hosts = [request.headers.get(HOST), forwarded];
    let mut hosts = hosts.into_iter().flatten().filter_map(|host| host.to_str().ok());
    let allowed =
        origin.to_str().is_ok_and(|origin| origins.allow(origin) || hosts.any(|host| is_same_host(origin, host)));
    if allowed { Ok(()) } else { Err(ORIGIN_NOT_ALLOWED) }
}

/// The token in the payload of the handshake, else in the query.
fn token(auth: &Value, query: Option<&str>) -> Option<String> {
    let in_payload = auth.get("token").and_then(Value::as_str).filter(|token| !token.is_empty());
    in_payload.map(ToOwned::to_owned).or_else(|| {
        let mut pairs = form_urlencoded::parse(query?.as_bytes());
        let token = pairs.find_map(|(name, value)| (name == "token").then_some(value))?;
        Some(token.into_owned()).filter(|token| !token.is_empty())
    })
}

fn rejection(error: &Error) -> Rejection {
    log_fault(error, "connect");
    match error {
        Error::Refused(Refusal::TokenExpired) => Rejection::Final(TOKEN_EXPIRED),
        Error::Refused(Refusal::AccountBlocked) => Rejection::Final(ACCOUNT_BLOCKED),
        Error::Refused(_) => Rejection::Final(INVALID_TOKEN),
        Error::Port(port::Error::Unavailable(_) | port::Error::Stale) => Rejection::Temporary,
        Error::Port(port::Error::Conflict(_) | port::Error::Corrupt { .. } | port::Error::Bug(_)) => {
            Rejection::Final(UNAVAILABLE)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_is_taken_from_the_payload_or_else_from_the_query() {
        for (auth, query, expected) in [
            (json!({ "token": "a" }), Some("token=b"), Some("a")),
            (json!({ "token": "" }), Some("EIO=4&token=b"), Some("b")),
            (json!({}), Some("token=a%2Eb%20c"), Some("a.b c")),
            (json!({ "token": 7 }), None, None),
            (json!({ "token": ["a"] }), Some("token="), None),
            (json!([1]), Some("mytoken=b"), None),
            (Value::Null, None, None),
        ] {
            assert_eq!(token(&auth, query).as_deref(), expected, "{auth} {query:?}");
        }
    }

    fn check(origin: &[u8], host: &str, forwarded: Option<&str>, via_proxy: bool) -> Result<(), &'static str> {
        let mut request = Request::get("/").header(ORIGIN, origin).header(HOST, host);
        if let Some(forwarded) = forwarded {
            request = request.header(FORWARDED_HOST, forwarded);
        }
        let mut request = request.body(()).unwrap();
        if via_proxy {
            request.extensions_mut().insert(ViaTrustedProxy);
        }
        check_origin(&Origins::default(), &request.into_parts().0)
    }

    #[test]
    fn foreign_origins_are_refused_and_requests_without_an_origin_accepted() {
        let (without, ()) = Request::new(()).into_parts();
        assert_eq!(check_origin(&Origins::default(), &without), Ok(()));
        assert_eq!(check(b"http://localhost:5173", "ally.example", None, false), Ok(()));
        for foreign in [&b"https://evil.example"[..], b"null", b"http://localhost\xff"] {
            assert_eq!(check(foreign, "ally.example", None, false), Err(ORIGIN_NOT_ALLOWED));
        }
    }

    #[test]
    fn the_address_of_the_service_is_an_accepted_origin() {
        assert_eq!(check(b"https://ally.example", "ally.example:443", None, false), Ok(()));
        assert_eq!(check(b"http://ally.example:5000", "ally.example:5000", None, false), Ok(()));
        assert_eq!(check(b"http://ally.example:5001", "ally.example:5000", None, false), Err(ORIGIN_NOT_ALLOWED));
        // Behind a proxy that passes on its own name for the service.
        let forwarded = Some("ally.example");
        assert_eq!(check(b"https://ally.example", "10.0.0.1:5000", forwarded, true), Ok(()));
        assert_eq!(check(b"https://ally.example", "10.0.0.1:5000", forwarded, false), Err(ORIGIN_NOT_ALLOWED));
    }
}
