//! Payloads of client events, and the parameters of the handshake.

use allynet_domain::{EventId, Position, usecase::rooms::Which};
use serde_json::Value;

use super::Fields;
use crate::socket::Failure;

/// The payload of `emergency:join` and `emergency:leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The emergency.
    pub emergency: Which,
    /// The last event of the emergency that the client has handled.
    pub last_event_id: Option<EventId>,
}

/// Parses `{emergencyId, lastEventId?}`, in which `emergencyId` is an id or `current`.
///
/// # Errors
/// `invalid_payload`.
pub fn room(payload: &Value) -> Result<Room, Failure> {
    let mut f = Fields::body(payload);
    let emergency = match f.string("emergencyId").map(str::trim) {
        None | Some("") => return Err(Failure::invalid("Emergency ID is required")),
        Some("current") => Which::Current,
        Some(text) => text.parse().map_or(Which::Unknown, Which::Id),
    };
    let last_event_id = payload.get("lastEventId").filter(|id| !id.is_null());
    let last_event_id = last_event_id.map(|id| event_id(id).ok_or(Failure::invalid("lastEventId must be an event id")));
    Ok(Room { emergency, last_event_id: last_event_id.transpose()? })
}

/// Parses `{latitude, longitude}`.
///
/// # Errors
/// `invalid_payload`.
pub fn location(payload: &Value) -> Result<Position, Failure> {
    let mut f = Fields::body(payload);
    let missing = ["latitude", "longitude"].iter().any(|field| payload.get(field).is_none_or(Value::is_null));
    if missing {
        return Err(Failure::invalid("Latitude and longitude are required"));
    }
    let position = f.position();
    f.finish(position).map_err(|problem| Failure::invalid(problem.message))
}

/// Parses an event id: a whole number that is not negative.
pub fn event_id(value: &Value) -> Option<EventId> {
    value.as_i64().filter(|&id| id >= 0).map(EventId::new)
}
