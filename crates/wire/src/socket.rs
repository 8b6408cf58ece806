//! Payloads of the Socket.IO interface that do not come from the log: confirmations, failures, and the session events.

use std::{borrow::Cow, time::Duration};

use allynet_domain::{EmergencyId, Error, EventId, Position, Refusal, Room, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::documents::schema::FailureCode;

use crate::Problem;

/// The reason for which a client event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// A constant in snake case that programs can rely on.
    #[schemars(with = "FailureCode", example = &"rate_limited")]
    pub code: &'static str,
    /// A sentence for people, which may change.
    #[schemars(length(max = 500), example = &"Too many events at once")]
    pub message: Cow<'static, str>,
    /// When to try again; present if a limit was reached.
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1500)]
    pub retry_after: Option<RetryAfter>,
}

/// Time after which to try again, when a limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RetryAfter {
    /// After so many milliseconds.
    Milliseconds(u64),
    /// Waiting does not help: a room or connection has to be given up first. `null` on the wire.
    Ended,
}

impl From<Duration> for RetryAfter {
    /// Rounds up, so that a retry after that time succeeds.
    fn from(wait: Duration) -> Self {
        Self::Milliseconds(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

impl Failure {
    const fn fixed(code: &'static str, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), retry_after: None }
    }

    /// The payload of the event is invalid.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::fixed("invalid_payload", "") }
    }

    /// The service has no such event.
    pub const fn unknown_event() -> Self {
        Self::fixed("unknown_event", "Unknown event")
    }

    /// The socket or its user exceeded a rate limit.
    pub fn rate_limited(wait: Duration) -> Self {
        Self { retry_after: Some(wait.into()), ..Self::fixed("rate_limited", "Too many events at once") }
    }

    /// The socket is in the maximum number of rooms.
    pub fn too_many_rooms() -> Self {
        Self { retry_after: Some(RetryAfter::Ended), ..Self::fixed("rate_limited", "Too many rooms; leave one first") }
    }

    /// The user has more connections than allowed, and this is the oldest.
    pub fn too_many_connections() -> Self {
        let failure = Self::fixed("rate_limited", "Too many connections; the oldest is closed");
        Self { retry_after: Some(RetryAfter::Ended), ..failure }
    }

    /// The token of the connection expired, or its session was revoked.
    pub const fn token_expired() -> Self {
        Self::fixed("token_expired", "Token expired")
    }

    /// The event is for administrators.
    pub const fn administrators_only() -> Self {
        Self::fixed("not_authorized", "Only administrators may follow all emergencies")
    }

    /// The account of the connection was blocked.
    pub const fn account_blocked() -> Self {
        Self::fixed("account_blocked", "Account is inactive or blocked")
    }

    /// A fault of the service.
    pub const fn internal() -> Self {
        Self::fixed("internal", "Something went wrong on our side")
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match error {
            Error::Refused(Refusal::EmergencyNotFound) => Self::fixed("emergency_not_found", "Emergency not found"),
            Error::Refused(Refusal::NotAuthorized) => {
                Self::fixed("not_authorized", "Not authorized to join this emergency")
            }
            Error::Refused(Refusal::TokenExpired | Refusal::TokenInvalid) => Self::token_expired(),
            Error::Refused(Refusal::AccountBlocked) => Self::account_blocked(),
            Error::Refused(_) | Error::Port(_) => Self { message: Problem::from(error).message, ..Self::internal() },
        }
    }
}

/// The payload of `error`: a failure, and the event that failed. The event is `null` if the connection is about to be closed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ErrorPayload")]
pub struct ErrorEvent<'a> {
    #[serde(flatten)]
    failure: &'a Failure,
    /// The client event that was refused; `null` if the failure is about the connection.
    #[schemars(length(max = 65_536))]
    event: Option<&'a str>,
}

impl<'a> ErrorEvent<'a> {
    /// Creates the payload for a failed event, or for the connection.
    pub const fn new(failure: &'a Failure, event: Option<&'a str>) -> Self {
        Self { failure, event }
    }
}

/// An acknowledgement: `{ok: true, …}` or `{ok: false, error: {code, message}}`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Acknowledgement<'a, T> {
    /// The event was carried out.
    Done {
        /// Always `true`.
        ok: bool,
        /// The payload of the response event.
        #[serde(flatten)]
        payload: &'a T,
    },
    /// The event was refused.
    Failed {
        /// Always `false`.
        ok: bool,
        /// The reason.
        error: &'a Failure,
    },
}

impl<'a, T> Acknowledgement<'a, T> {
    /// The acknowledgement of an event with this outcome.
    pub const fn of(outcome: &'a Result<T, Failure>) -> Self {
        match outcome {
            Ok(payload) => Self::Done { ok: true, payload },
            Err(error) => Self::Failed { ok: false, error },
        }
    }
}

/// The response event that confirms a client event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Confirmation {
    /// `emergency:joined`
    Joined(Joined),
    /// `emergency:left`
    Left(Left),
    /// `location:updated`
    Located(Located),
    /// `alert:seen` was stored; only acknowledged.
    Seen {},
    /// `dispatcher:joined`
    DispatcherJoined(DispatcherJoined),
    /// `dispatcher:left`
    DispatcherLeft {},
}

/// The payload of `emergency:joined`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EmergencyJoinedPayload")]
pub struct Joined {
    /// The emergency.
    emergency_id: Uuid,
    /// The name of the room.
    #[schemars(length(max = 50))]
    room: String,
    /// A sentence for people.
    #[schemars(length(max = 100), example = &"Successfully joined emergency room")]
    message: &'static str,
}

/// The payload of `dispatcher:joined`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DispatcherJoinedPayload")]
pub struct DispatcherJoined {
    /// Every event after this one follows; what was missed before it is replayed now.
    latest_event_id: i64,
}

/// The payload of `dispatcher:left`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "DispatcherLeftPayload")]
pub struct DispatcherLeft {}

/// The payload of `emergency:left`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EmergencyLeftPayload")]
pub struct Left {
    /// The emergency; for one that does not exist, the id that the client sent.
    emergency_id: Uuid,
    /// The name of the room.
    #[schemars(length(max = 50))]
    room: String,
}

/// The payload of `location:updated`, and the answer to a position over REST.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LocationUpdatedPayload")]
pub struct Located {
    /// Degrees north (WGS 84).
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east (WGS 84).
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
    /// A sentence for people.
    #[schemars(length(max = 100), example = &LOCATED)]
    message: &'static str,
    /// Whether it is the user's last position now, and no newer one.
    stored: bool,
}

/// The message of a received position, over REST and sockets.
pub const LOCATED: &str = "Location updated successfully";

impl Confirmation {
    /// A room was joined.
    pub fn joined(id: EmergencyId) -> Self {
        let room = Room::Emergency(id).to_string();
        Self::Joined(Joined { emergency_id: id.into(), room, message: "Successfully joined emergency room" })
    }

    /// The room of dispatchers was joined after this event.
    pub const fn joined_dispatchers(latest: EventId) -> Self {
        Self::DispatcherJoined(DispatcherJoined { latest_event_id: latest.get() })
    }

    /// A room was left.
    pub fn left(id: EmergencyId) -> Self {
        Self::Left(Left { emergency_id: id.into(), room: Room::Emergency(id).to_string() })
    }

    /// A position was received, and stored unless a newer one was.
    pub const fn located(position: Position, stored: bool) -> Self {
        let (latitude, longitude) = (position.latitude(), position.longitude());
        Self::Located(Located { latitude, longitude, message: LOCATED, stored })
    }

    /// The name of the response event; `None` if there is an acknowledgement only.
    pub const fn event(&self) -> Option<&'static str> {
        match self {
            Self::Joined(_) => Some("emergency:joined"),
            Self::Left(_) => Some("emergency:left"),
            Self::Located(_) => Some("location:updated"),
            Self::DispatcherJoined(_) => Some("dispatcher:joined"),
            Self::DispatcherLeft {} => Some("dispatcher:left"),
            Self::Seen {} => None,
        }
    }
}

/// The payload of `session:ready`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SessionReadyPayload")]
pub struct SessionReady {
    /// The user of the token.
    user_id: Uuid,
    /// The rooms that the connection is in.
    #[schemars(length(max = 1000))]
    rooms: Vec<String>,
    /// Every event after this one is delivered on this connection.
    latest_event_id: i64,
    /// The clock of the service.
    server_time: Timestamp,
}

impl SessionReady {
    /// The first event of a connection. Rooms that cannot be joined by name are left out.
    pub fn new(user: UserId, rooms: &[Room], latest: EventId, now: Timestamp) -> Self {
        let named = rooms
            .iter()
            .filter(|room| !matches!(room, Room::Participants(_) | Room::CriticalHelpers | Room::Dispatchers));
        Self {
            user_id: user.into(),
            rooms: named.map(ToString::to_string).collect(),
            latest_event_id: latest.get(),
            server_time: now,
        }
    }
}

/// The reason for which a client cannot resume from its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// More events were missed than are replayed.
    TooManyEvents,
    /// Some of the missed events were already removed from the log.
    EventsExpired,
    /// The client names an event that this node does not know.
    UnknownEvent,
}

/// The payload of `session:resync`: the client has to read the state again; events after `latestEventId` follow live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SessionResyncPayload")]
pub struct SessionResync {
    /// Why missed events cannot be replayed.
    reason: ResyncReason,
    /// Events after this one follow live.
    latest_event_id: i64,
}

impl SessionResync {
    /// Creates the payload that replaces the missed events.
    pub const fn new(reason: ResyncReason, latest: EventId) -> Self {
        Self { reason, latest_event_id: latest.get() }
    }
}

#[cfg(test)]
mod tests;
