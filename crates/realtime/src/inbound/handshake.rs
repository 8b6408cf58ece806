//! From the first packet to `session:ready`: who is let in, and how a connection gets its rooms without missing
//! anything that happens meanwhile.
//!
//! The place in the log is noted *before* the database is asked. Whatever is committed later is applied when the
//! connection is attached: rooms that were entered or left, a session that was revoked, an account that was blocked. And it
//! is attached only *after* this node has met all that the database knew.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Error, EventId, Refusal, Room, UserId, port,
    usecase::{
        accounts::{Authenticated, authenticate, recall},
        rooms::{Rooms, restore},
    },
};
use allynet_transport::SessionWriter;
use allynet_wire::{
    client::ClientAddress,
    input::socket::event_id,
    origin::Origins,
    socket::{Failure, SessionReady},
};
use http::{HeaderMap, header::ORIGIN};
use serde_json::Value;
use socketioxide::extract::{SocketRef, State, TryData};
use tokio::sync::SemaphorePermit;

use crate::{
    desk::{Desk, explain, log_fault},
    engine::EngineSocket,
    hub::members::{Farewell, Identity},
    hub::state::{Attached, Entry},
    inbound::handlers,
    outbound::replay,
    session::connection_permits::Place,
    session::device::{Device, Pending, Session},
};

const NO_TOKEN: &str = "Authentication error: No token provided";
const INVALID_TOKEN: &str = "Authentication error: Invalid token";
const TOKEN_EXPIRED: &str = "Authentication error: Token expired";
const BLOCKED: &str = "Authentication error: Account is inactive or blocked";
const FOREIGN_PAGE: &str = "Origin not allowed";
const CROWDED: &str = "Too many connections from this address; try again later";
const UNAVAILABLE: &str = "The service cannot do this right now; try again";

/// How long a client waits for a node that does not follow the log yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection was told when it was attached: its rooms, and the last event that it does not get live.
type Greeted = (Vec<Room>, EventId);

/// Decides who may connect. Everything that the client may send is listened to when this ends, so that nothing it
/// sends right after is lost.
pub(crate) async fn admit(
    socket: SocketRef,
    TryData(auth): TryData<Value>,
    State(desk): State<Arc<Desk>>,
) -> Result<(), &'static str> {
    // Kept until the end of this: the database is not closed meanwhile.
    let Some(_under_way) = desk.measures.inboxes.work.begin() else {
        // Without an answer: the official client comes back by itself from this, and would not from a refusal.
        desk.connections.close(EngineSocket(socket.clone()));
        return std::future::pending().await;
    };
    let (request, auth) = (socket.req_parts(), auth.unwrap_or_default());
    check_origin(&desk.origins, &request.headers)?;
    let token = token(&auth, request.uri.query()).ok_or(NO_TOKEN)?;
    let last_event = auth.get("lastEventId").and_then(event_id);
    let mark = tokio::time::timeout(PATIENCE, desk.hub.mark()).await.map_err(|_| UNAVAILABLE)?;
    let (identity, entry) = identify(&desk, mark, &token).await.map_err(|error| refusal(&error))?;
    // Who takes part in a live emergency is let in wherever they come from.
    let vital = entry.rooms.iter().any(|room| matches!(room, Room::Participants(_)));
    let place = place(&desk, &socket, vital)?;
    let (id, measures) = (desk.hub.number(), Arc::clone(&desk.measures));
    let writer = SessionWriter::new(&desk.connections, &EngineSocket(&socket));
    let session = Arc::new(Session::new((id, identity), writer, entry, last_event, place, measures));
    handlers::listen(&socket, &desk, &session);
    socket.extensions.insert(session);
    Ok(())
}

/// Lets anybody into the main namespace, of whom there is room for.
pub(crate) async fn admit_to_lobby(socket: SocketRef, State(desk): State<Arc<Desk>>) -> Result<(), &'static str> {
    if let Some(place) = place(&desk, &socket, false)? {
        socket.extensions.insert(Arc::new(place));
    }
    Ok(())
}

/// A place among the connections of the socket's address.
fn place(desk: &Desk, socket: &SocketRef, vital: bool) -> Result<Option<Place>, &'static str> {
    let Some(address) = socket.req_parts().extensions.get::<ClientAddress>() else { return Ok(None) };
    let most = if vital { usize::MAX } else { desk.ports.limits.connections_per_address() };
    desk.addresses.enter(*address, most).map(Some).ok_or(CROWDED)
}

/// A client that is no browser sends no origin, and passes.
fn check_origin(origins: &Origins, headers: &HeaderMap) -> Result<(), &'static str> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let allowed = origin.to_str().is_ok_and(|origin| origins.allow(origin));
    if allowed { Ok(()) } else { Err(FOREIGN_PAGE) }
}

/// The token in the handshake's payload, else in the query.
fn token(auth: &Value, query: Option<&str>) -> Option<String> {
    let given = auth.get("token").and_then(Value::as_str).filter(|token| !token.is_empty());
    given.map(ToOwned::to_owned).or_else(|| {
        let mut pairs = form_urlencoded::parse(query?.as_bytes());
        let token = pairs.find_map(|(name, value)| (name == "token").then_some(value))?;
        Some(token.into_owned()).filter(|token| !token.is_empty())
    })
}

async fn identify(desk: &Desk, mark: EventId, token: &str) -> Result<(Identity, Entry), Error> {
    let turn = turn(desk).await;
    let Authenticated { actor, expires_at } = authenticate(&desk.ports.accounts, token).await?;
    let rooms = restore(&desk.ports.emergencies, &actor.account).await?;
    drop(turn);
    let entry = entry(desk, mark, rooms).await?;
    let administers = actor.account.is_admin();
    Ok((Identity { user: actor.id(), session: actor.session, administers, expires_at }, entry))
}

/// Thousands may come back at once. They take turns, so that a call for help does not wait behind all of them for the
/// database.
async fn turn(desk: &Desk) -> Option<SemaphorePermit<'_>> {
    // It is never closed.
    desk.entering.acquire().await.ok()
}

async fn entry(desk: &Desk, mark: EventId, Rooms { rooms, as_of }: Rooms) -> Result<Entry, Error> {
    met(desk, as_of).await?;
    Ok(Entry { mark, rooms })
}

/// The database may be ahead of this node: what it knows counts here once this node has met all that led to it. Whoever
/// came back to the rooms of an emergency that has just ended would not be told the end otherwise.
pub(crate) async fn met(desk: &Desk, as_of: EventId) -> Result<(), Error> {
    let met = tokio::time::timeout(PATIENCE, desk.hub.settled(as_of)).await;
    Ok(met.map_err(|_| port::Error::unavailable("this node is too far behind the event log"))?)
}

fn refusal(error: &Error) -> &'static str {
    log_fault(error, "connecting");
    match error {
        Error::Refused(Refusal::TokenExpired) => TOKEN_EXPIRED,
        Error::Refused(Refusal::AccountBlocked) => BLOCKED,
        Error::Refused(_) => INVALID_TOKEN,
        Error::Port(_) => UNAVAILABLE,
    }
}

/// Attaches a connection that was let in, and tells it what it missed.
pub(crate) async fn enter(socket: SocketRef, State(desk): State<Arc<Desk>>) {
    let Some(session) = socket.extensions.get::<Arc<Session>>() else { return };
    let Some(Pending { mut entry, last_event, attached }) = session.take_pending() else { return };
    let device = Device { socket, session, connections: desk.connections.clone() };
    let Some(_under_way) = desk.measures.inboxes.work.begin() else { return device.cut() };
    if let Some(last_event) = last_event {
        replay::wait_for(&desk, last_event).await;
    }
    let mut greeted = None;
    while !device.session.is_over() && greeted.is_none() {
        match attach(&desk, &device, &entry, last_event.is_some()) {
            (Attached::Yes, with) => greeted = Some(with),
            (Attached::Refused, _) => return device.cut(),
            (Attached::Dismissed(farewell), _) => return device.dismiss(farewell),
            (Attached::Outdated, _) => match read_again(&desk, &device.session.identity).await {
                Ok(newer) => entry = newer,
                Err(Error::Refused(Refusal::AccountBlocked)) => return device.dismiss(Farewell::Blocked),
                Err(Error::Refused(_)) => return device.dismiss(Farewell::SessionOver),
                Err(error) => return device.fail(&explain(&error, "connecting")),
            },
        }
    }
    make_room(&desk, device.session.identity.user);
    // The disconnect handler may have run before there was anything to remove.
    if device.session.is_over() {
        desk.hub.remove(device.session.id);
    } else if let (Some(last_event), Some((rooms, place))) = (last_event, greeted) {
        replay::session(&desk, &device, last_event, place, rooms).await;
    }
    attached.send(()).ok();
}

/// Ends the oldest connections of a user who has too many. What is left of a phone that lost its network counts until
/// it is found dead: the phone itself must not be kept out by that.
fn make_room(desk: &Desk, user: UserId) {
    let devices = desk.hub.devices_in(Room::User(user));
    let excess = devices.len().saturating_sub(desk.ports.limits.connections_per_user());
    for device in &devices[..excess] {
        desk.hub.remove(device.session.id);
        device.expel(&Failure::too_many_connections());
    }
}

fn attach(desk: &Desk, device: &Device, entry: &Entry, resumes: bool) -> (Attached, Greeted) {
    let Session { id, identity, .. } = &*device.session;
    let mut greeted = (Vec::new(), entry.mark);
    let attached = desk.hub.attach((*id, *identity), device.clone(), entry, resumes, |rooms, latest| {
        greeted = (rooms.to_vec(), latest);
        let ready = SessionReady::new(identity.user, rooms, latest, desk.ports.clock.now());
        device.greet(&ready).is_ok()
    });
    (attached, greeted)
}

async fn read_again(desk: &Desk, identity: &Identity) -> Result<Entry, Error> {
    let mark = desk.hub.mark().await;
    let turn = turn(desk).await;
    let actor = recall(&desk.ports.accounts, identity.session, identity.user).await?;
    let rooms = restore(&desk.ports.emergencies, &actor.account).await?;
    drop(turn);
    entry(desk, mark, rooms).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_is_taken_from_the_payload_and_else_from_the_query() {
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
    fn pages_of_foreign_origins_are_refused_and_clients_without_one_pass() {
        let origins = Origins::default();
        let headers = |origin: &[u8]| HeaderMap::from_iter([(ORIGIN, origin.try_into().unwrap())]);
        assert_eq!(check_origin(&origins, &HeaderMap::new()), Ok(()));
        assert_eq!(check_origin(&origins, &headers(b"http://localhost:5173")), Ok(()));
        for foreign in [&b"https://evil.example"[..], b"null", b"http://localhost\xff"] {
            assert_eq!(check_origin(&origins, &headers(foreign)), Err(FOREIGN_PAGE));
        }
    }
}
