//! The interface of this crate to an Engine.IO session, and the spelling of sessions in request addresses.

use engineioxide::{TransportType, socket::Sid};
use http::{Uri, request::Parts};

use crate::connection::Connection;

/// Path of the Socket.IO endpoint, with the trailing slash that clients send.
pub const SOCKET_IO_PATH: &str = "/socket.io/";

/// Session of the Engine.IO server. Adapters implement it for the socket type of their Socket.IO library.
pub trait EngineSession {
    /// Id of the session. On polling it authenticates requests: it MUST NOT be logged.
    fn sid(&self) -> Sid;

    /// Transport that the session uses now. A session goes from polling to WebSocket at most once, and never back.
    fn transport(&self) -> TransportType;

    /// Request that opened the session, with its extensions.
    fn opening_request(&self) -> &Parts;

    /// Whether the client is still connected to its namespace.
    fn is_connected(&self) -> bool;

    /// Disconnects the client from its namespace and leaves its transport open: the last resort of
    /// [`Connections::close`](crate::Connections::close).
    fn leave_namespace(&self);
}

/// Connection on which a session was opened, or `None` if it was opened by polling.
pub(crate) fn opening_websocket(session: &impl EngineSession) -> Option<&Connection> {
    let request = session.opening_request();
    if !requests_websocket(&request.uri) {
        return None;
    }
    request.extensions.get::<Connection>()
}

/// Session id of a request, parsed exactly as the engine does: the first pair that begins with `sid=`, not percent-decoded.
pub(crate) fn session_id(uri: &Uri) -> Option<Sid> {
    parameter(uri, "sid=")?.parse().ok()
}

/// Whether a request asks for a WebSocket. The engine answers such a request with 101 or an error, never with a poll.
pub(crate) fn requests_websocket(uri: &Uri) -> bool {
    parameter(uri, "transport=").is_some_and(|transport| transport.starts_with("websocket"))
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name))
}
