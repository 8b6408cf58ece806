//! Payloads of client events, and the parameters of the handshake.

use allynet_domain::{EmergencyId, EventId, usecase::rooms::Which};
use serde_json::{Number, Value};

use super::{
    Fields,
    emergencies::{self, Located},
};
use crate::{Problem, socket::Failure};

/// 2^53: greater floating-point numbers are all whole, but not exact.
const MAX_WHOLE_FLOAT: f64 = 9_007_199_254_740_992.0;

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
    Ok(Room { emergency, last_event_id: last_event_id(payload) })
}

/// Parses `{emergencyId}`. `None` for a text that is no id.
///
/// # Errors
/// `invalid_payload`.
pub fn seen(payload: &Value) -> Result<Option<EmergencyId>, Failure> {
    let mut f = Fields::body(payload);
    match f.string("emergencyId").map(str::trim) {
        None | Some("") => Err(Failure::invalid("Emergency ID is required")),
        Some(text) => Ok(text.parse().ok()),
    }
}

/// Parses `{latitude, longitude, at?}`.
///
/// # Errors
/// `invalid_payload`.
pub fn location(payload: &Value) -> Result<Located, Failure> {
    let missing = ["latitude", "longitude"].iter().any(|field| payload.get(field).is_none_or(Value::is_null));
    if missing {
        return Err(Failure::invalid("Latitude and longitude are required"));
    }
    emergencies::location(payload).map_err(|problem| Failure::invalid(named(&problem)))
}

/// Parses `{lastEventId?}`, which may be missing: the payload of `dispatcher:join`, and of `dispatcher:leave`, which ignores it.
///
/// # Errors
/// `invalid_payload`.
pub fn dispatchers(payload: &Value) -> Result<Option<EventId>, Failure> {
    match payload {
        Value::Null => Ok(None),
        Value::Object(_) => Ok(last_event_id(payload)),
        _ => Err(Failure::invalid("The payload must be an object")),
    }
}

/// The message of a problem, with every invalid field: a failure has no details.
fn named(problem: &Problem) -> String {
    let fields = problem.details.iter().flatten().map(|error| format!("{} {}", error.field, error.message));
    fields.collect::<Vec<_>>().join("; ")
}

/// Parses the `lastEventId` of a handshake or a join. `None` if it is missing: the client wants no replay.
///
/// A whole number is accepted in any spelling, as clients store it as text or as a floating-point number. Anything else is
/// [`EventId::UNKNOWN`] and not an error, so that the client learns that it has to read the state again.
pub fn last_event_id(payload: &Value) -> Option<EventId> {
    let sent = payload.get("lastEventId").filter(|id| !id.is_null())?;
    let number = match sent {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Some(number.as_ref().and_then(whole).map_or(EventId::UNKNOWN, EventId::new))
}

/// The value of a number that is whole and not negative.
fn whole(number: &Number) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
    let converted = |n: f64| (n.fract() == 0.0 && n < MAX_WHOLE_FLOAT).then_some(n as i64);
    number.as_i64().or_else(|| number.as_f64().and_then(converted)).filter(|&id| id >= 0)
}
