//! The handshake: decides which clients may connect.
//!
//! The position in the log is noted *before* the database is read. What is committed later is applied when the
//! connection is [attached](crate::inbound::attach): rooms that were entered or left, a session that was revoked, an
//! account that was blocked.

use std::{sync::Arc, time::Duration};

use allynet_domain::{Error, Refusal, Room};
use allynet_transport::{Connections, SessionWriter};
use allynet_wire::{client::ClientAddress, input::socket::event_id, limits::Limits, origin::Origins};
use http::{HeaderMap, header::ORIGIN};
use serde_json::Value;
use socketioxide::extract::{SocketRef, State, TryData};

use crate::{
    engine::EngineSocket,
    failure::log_fault,
    hub::state::Hub,
    inbound::{access::AccessReader, event_router::EventRouter},
    metrics::Metrics,
    session::{
        connection_permits::{ConnectionPermit, ConnectionPermits},
        device::Device,
        in_flight::InFlight,
        state::Session,
    },
};

const NO_TOKEN: &str = "Authentication error: No token provided";
const INVALID_TOKEN: &str = "Authentication error: Invalid token";
const TOKEN_EXPIRED: &str = "Authentication error: Token expired";
const ACCOUNT_BLOCKED: &str = "Authentication error: Account is inactive or blocked";
const ORIGIN_NOT_ALLOWED: &str = "Origin not allowed";
const TOO_MANY_CONNECTIONS: &str = "Too many connections from this address; try again later";
const UNAVAILABLE: &str = "The service cannot do this right now; try again";

/// How long a handshake waits for a node that does not follow the log yet.
const LOG_OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Carries out handshakes.
pub(crate) struct Handshake {
    pub(crate) origins: Origins,
    pub(crate) access: Arc<AccessReader>,
    pub(crate) limits: Limits,
    pub(crate) permits: ConnectionPermits,
    pub(crate) events: Arc<EventRouter>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) connections: Connections,
    pub(crate) in_flight: InFlight,
    pub(crate) metrics: Arc<Metrics>,
}

/// Decides whether a client may connect to the namespace.
///
/// Registers the event handlers before it returns, so that an event sent right after the handshake is not lost.
pub(crate) async fn admit(
    socket: SocketRef,
    TryData(auth): TryData<Value>,
    State(handshake): State<Arc<Handshake>>,
) -> Result<(), &'static str> {
    // Held to the end, so that the database is not closed meanwhile.
    let Some(_guard) = handshake.in_flight.begin() else {
        // The service is stopping. The transport is closed without an answer: the official client reconnects by itself
        // after a lost transport, and would not after a refusal.
        handshake.connections.close(EngineSocket(socket));
        return std::future::pending().await;
    };
    handshake.admit(&socket, &auth.unwrap_or_default()).await
}

/// Lets any client connect to the main namespace, in which nothing is sent, within the limit of its address.
pub(crate) async fn admit_to_main(
    socket: SocketRef,
    State(handshake): State<Arc<Handshake>>,
) -> Result<(), &'static str> {
    if let Some(permit) = handshake.permit(&socket, false)? {
        // Returned when the socket is dropped.
        socket.extensions.insert(Arc::new(permit));
    }
    Ok(())
}

impl Handshake {
    async fn admit(&self, socket: &SocketRef, auth: &Value) -> Result<(), &'static str> {
        let request = socket.req_parts();
        check_origin(&self.origins, &request.headers)?;
        let token = token(auth, request.uri.query()).ok_or(NO_TOKEN)?;
        let last_event = auth.get("lastEventId").and_then(event_id);
        let read_after = tokio::time::timeout(LOG_OPEN_TIMEOUT, self.hub.position()).await.map_err(|_| UNAVAILABLE)?;
        let authenticated = self.access.authenticate(read_after, &token).await;
        let (identity, snapshot) = authenticated.map_err(|error| refusal(&error))?;
        // A participant of a live emergency is let in from any address.
        let participates = snapshot.rooms.iter().any(|room| matches!(room, Room::Participants(_)));
        let permit = self.permit(socket, participates)?;
        let session = Arc::new(Session::new(
            (self.hub.next_member_id(), identity),
            SessionWriter::new(&self.connections, &EngineSocket(socket)),
            (snapshot, last_event),
            permit,
            self.connections.clone(),
            (Arc::clone(&self.metrics), self.in_flight.clone()),
        ));
        self.events.listen(socket, &session);
        socket.extensions.insert(session);
        Ok(())
    }

    /// A permit for a connection of the socket's address; `None` if the address is unknown.
    fn permit(&self, socket: &SocketRef, exempt: bool) -> Result<Option<ConnectionPermit>, &'static str> {
        let Some(address) = socket.req_parts().extensions.get::<ClientAddress>() else { return Ok(None) };
        let limit = if exempt { usize::MAX } else { self.limits.connections_per_address() };
        self.permits.acquire(*address, limit).map(Some).ok_or(TOO_MANY_CONNECTIONS)
    }
}

/// Accepts requests without an origin, which do not come from a browser.
fn check_origin(origins: &Origins, headers: &HeaderMap) -> Result<(), &'static str> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let allowed = origin.to_str().is_ok_and(|origin| origins.allow(origin));
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

fn refusal(error: &Error) -> &'static str {
    log_fault(error, "connect");
    match error {
        Error::Refused(Refusal::TokenExpired) => TOKEN_EXPIRED,
        Error::Refused(Refusal::AccountBlocked) => ACCOUNT_BLOCKED,
        Error::Refused(_) => INVALID_TOKEN,
        Error::Port(_) => UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn foreign_origins_are_refused_and_requests_without_an_origin_accepted() {
        let origins = Origins::default();
        let headers = |origin: &[u8]| HeaderMap::from_iter([(ORIGIN, origin.try_into().unwrap())]);
        assert_eq!(check_origin(&origins, &HeaderMap::new()), Ok(()));
        assert_eq!(check_origin(&origins, &headers(b"http://localhost:5173")), Ok(()));
        for foreign in [&b"https://evil.example"[..], b"null", b"http://localhost\xff"] {
            assert_eq!(check_origin(&origins, &headers(foreign)), Err(ORIGIN_NOT_ALLOWED));
        }
    }
}
