//! Confirmations and failures on a socket.

use std::{borrow::Cow, time::Duration};

use allynet_domain::{EmergencyId, Error, EventId, Position, Refusal, Room, Timestamp, UserId};
use serde::Serialize;
use uuid::Uuid;

use crate::Problem;

/// Why a client's event was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// A constant in snake case, for programs.
    pub code: &'static str,
    /// A sentence, for people.
    pub message: Cow<'static, str>,
    /// When to try again, if a limit was reached.
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<RetryAfter>,
}

/// What helps when a limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RetryAfter {
    /// Waiting for so many milliseconds.
    Milliseconds(u64),
    /// Not waiting but ending something else first; on the wire `null`.
    Ended,
}

impl From<Duration> for RetryAfter {
    /// Rounded up: who waits that long has waited long enough.
    fn from(wait: Duration) -> Self {
        Self::Milliseconds(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

impl Failure {
    const fn fixed(code: &'static str, message: &'static str) -> Self {
        Self { code, message: Cow::Borrowed(message), retry_after: None }
    }

    /// A payload that means nothing.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..Self::fixed("invalid_payload", "") }
    }

    /// An event that this service does not know.
    pub const fn unknown_event() -> Self {
        Self::fixed("unknown_event", "Unknown event")
    }

    /// More events than a socket or a user may send.
    pub fn rate_limited(wait: Duration) -> Self {
        Self { retry_after: Some(wait.into()), ..Self::fixed("rate_limited", "Too many events at once") }
    }

    /// The socket is in as many rooms as it may be.
    pub fn too_many_rooms() -> Self {
        Self { retry_after: Some(RetryAfter::Ended), ..Self::fixed("rate_limited", "Too many rooms; leave one first") }
    }

    /// The user has as many connections as they may have, and newer ones.
    pub fn too_many_connections() -> Self {
        let failure = Self::fixed("rate_limited", "Too many connections; the oldest is closed");
        Self { retry_after: Some(RetryAfter::Ended), ..failure }
    }

    /// The token of this connection expired, or its session was revoked.
    pub const fn token_expired() -> Self {
        Self::fixed("token_expired", "Token expired")
    }

    /// The account of this connection was shut out.
    pub const fn account_blocked() -> Self {
        Self::fixed("account_blocked", "Account is inactive or blocked")
    }

    /// Something is wrong in the service.
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

/// The payload of `error`: a failure, and the event that failed; none when it is about the connection.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorEvent<'a> {
    #[serde(flatten)]
    failure: &'a Failure,
    event: Option<&'a str>,
}

impl<'a> ErrorEvent<'a> {
    /// A failure of an event, or of the connection.
    pub const fn new(failure: &'a Failure, event: Option<&'a str>) -> Self {
        Self { failure, event }
    }
}

/// An acknowledgement: `{ok: true, …}` or `{ok: false, error: {code, message}}`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Acknowledgement<'a, T> {
    /// Done.
    Done {
        /// Always `true`.
        ok: bool,
        /// The response event's payload.
        #[serde(flatten)]
        payload: &'a T,
    },
    /// Not done.
    Failed {
        /// Always `false`.
        ok: bool,
        /// Why.
        error: &'a Failure,
    },
}

impl<'a, T> Acknowledgement<'a, T> {
    /// From what came of an event.
    pub const fn of(outcome: &'a Result<T, Failure>) -> Self {
        match outcome {
            Ok(payload) => Self::Done { ok: true, payload },
            Err(error) => Self::Failed { ok: false, error },
        }
    }
}

/// What a client is told when its event was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Confirmation {
    /// `emergency:joined`
    Joined {
        /// Which emergency.
        emergency_id: Uuid,
        /// The room's name.
        room: String,
        /// A sentence, for people.
        message: &'static str,
    },
    /// `emergency:left`
    Left {
        /// Which emergency; for one that does not exist, what the client sent.
        emergency_id: Uuid,
        /// The room's name.
        room: String,
    },
    /// `location:updated`
    Located {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// A sentence, for people.
        message: &'static str,
    },
}

/// What is told when a position was stored, over REST and sockets.
pub const LOCATED: &str = "Location updated successfully";

impl Confirmation {
    /// A room was joined.
    pub fn joined(id: EmergencyId) -> Self {
        let room = Room::Emergency(id).to_string();
        Self::Joined { emergency_id: id.into(), room, message: "Successfully joined emergency room" }
    }

    /// A room was left.
    pub fn left(id: EmergencyId) -> Self {
        Self::Left { emergency_id: id.into(), room: Room::Emergency(id).to_string() }
    }

    /// A position was stored.
    pub const fn located(position: Position) -> Self {
        Self::Located { latitude: position.latitude(), longitude: position.longitude(), message: LOCATED }
    }

    /// The name of the response event.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Joined { .. } => "emergency:joined",
            Self::Left { .. } => "emergency:left",
            Self::Located { .. } => "location:updated",
        }
    }
}

/// The payload of `session:ready`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReady {
    user_id: Uuid,
    rooms: Vec<String>,
    latest_event_id: i64,
    server_time: Timestamp,
}

impl SessionReady {
    /// What a connection is told first. Rooms that nobody joins by name are not listed.
    pub fn new(user: UserId, rooms: &[Room], latest: EventId, now: Timestamp) -> Self {
        let named = rooms.iter().filter(|room| !matches!(room, Room::Participants(_)));
        Self {
            user_id: user.into(),
            rooms: named.map(ToString::to_string).collect(),
            latest_event_id: latest.get(),
            server_time: now,
        }
    }
}

/// Why a client cannot be told what it missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// More than is told one by one.
    TooManyEvents,
    /// Some of it was already dropped.
    EventsExpired,
    /// The client has seen an event that this service has not.
    UnknownEvent,
}

/// The payload of `session:resync`: read the state again; what is after `latestEventId` comes live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResync {
    reason: ResyncReason,
    latest_event_id: i64,
}

impl SessionResync {
    /// What a client is told instead of what it missed.
    pub const fn new(reason: ResyncReason, latest: EventId) -> Self {
        Self { reason, latest_event_id: latest.get() }
    }
}

#[cfg(test)]
mod tests;
