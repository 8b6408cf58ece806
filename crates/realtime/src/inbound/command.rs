//! Commands: events of clients, parsed once.
//!
//! The only place that knows the names of these events. Everything behind it works on a [`Command`].

use allynet_domain::{EmergencyId, EventId, usecase::rooms::Which};
use allynet_wire::{
    input::{emergencies::Located, socket},
    limits::{EventRule, OTHER_EVENTS, of_event},
    socket::{Confirmation, Failure},
};
use serde_json::Value;

use crate::hub::attachment::{JoinPoint, ReplayFrom};

/// The events that a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// `emergency:join`
    JoinRoom,
    /// `emergency:leave`
    LeaveRoom,
    /// `location:update`
    UpdateLocation,
    /// `alert:seen`
    SeeAlert,
    /// `dispatcher:join`
    JoinDispatchers,
    /// `dispatcher:leave`
    LeaveDispatchers,
}

/// An event with a valid payload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Enter the room of an emergency.
    JoinRoom {
        emergency: Which,
        /// The last event of the emergency that the client has, if it wants a replay.
        last_event: Option<EventId>,
    },
    /// Leave the room of an emergency.
    LeaveRoom { emergency: Which },
    /// Store the user's position.
    UpdateLocation(Located),
    /// Store that the user saw the alert of an emergency; `None` for an id that is none.
    SeeAlert(Option<EmergencyId>),
    /// Enter the room of dispatchers.
    JoinDispatchers {
        /// The last event that the client has, if it wants a replay.
        last_event: Option<EventId>,
    },
    /// Leave the room of dispatchers.
    LeaveDispatchers,
}

/// A parsed event of a client: its command, and the rule by which it is limited.
#[derive(Debug)]
pub(crate) struct Request {
    /// The command, or the failure to be answered for an unknown event or an invalid payload.
    pub(crate) command: Result<Command, Failure>,
    pub(crate) rule: &'static EventRule,
}

/// The outcome of a command that was carried out.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) confirmation: Confirmation,
    /// The events to replay after the confirmation.
    pub(crate) replay: Option<(ReplayFrom, Box<JoinPoint>)>,
}

impl From<Confirmation> for Completed {
    fn from(confirmation: Confirmation) -> Self {
        Self { confirmation, replay: None }
    }
}

impl EventKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 6] = [
        Self::JoinRoom,
        Self::LeaveRoom,
        Self::UpdateLocation,
        Self::SeeAlert,
        Self::JoinDispatchers,
        Self::LeaveDispatchers,
    ];

    /// The event's name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::JoinRoom => "emergency:join",
            Self::LeaveRoom => "emergency:leave",
            Self::UpdateLocation => "location:update",
            Self::SeeAlert => "alert:seen",
            Self::JoinDispatchers => "dispatcher:join",
            Self::LeaveDispatchers => "dispatcher:leave",
        }
    }

    fn parse(self, payload: &Value) -> Result<Command, Failure> {
        match self {
            Self::JoinRoom => socket::room(payload)
                .map(|room| Command::JoinRoom { emergency: room.emergency, last_event: room.last_event_id }),
            Self::LeaveRoom => socket::room(payload).map(|room| Command::LeaveRoom { emergency: room.emergency }),
            Self::UpdateLocation => socket::location(payload).map(Command::UpdateLocation),
            Self::SeeAlert => socket::seen(payload).map(Command::SeeAlert),
            Self::JoinDispatchers => {
                socket::dispatchers(payload).map(|last_event| Command::JoinDispatchers { last_event })
            }
            Self::LeaveDispatchers => socket::dispatchers(payload).map(|_| Command::LeaveDispatchers),
        }
    }
}

impl Request {
    /// Parses the payload of a known event.
    pub(crate) fn parse(kind: EventKind, payload: &Value) -> Self {
        let command = kind.parse(payload);
        let rule = match kind {
            // Without a position there is nothing to defer: the failure is answered at once, and counts as any event.
            EventKind::UpdateLocation if command.is_err() => &OTHER_EVENTS,
            EventKind::JoinRoom
            | EventKind::LeaveRoom
            | EventKind::UpdateLocation
            | EventKind::SeeAlert
            | EventKind::JoinDispatchers
            | EventKind::LeaveDispatchers => of_event(kind.name()),
        };
        Self { command, rule }
    }

    /// The request of an event with an unknown name.
    pub(crate) fn unknown() -> Self {
        Self { command: Err(Failure::unknown_event()), rule: &OTHER_EVENTS }
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::Position;
    use allynet_wire::limits::EVENTS;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_table_of_limits_lists_exactly_the_known_events() {
        let limited: Vec<_> = EVENTS.iter().map(|rule| rule.event).collect();
        assert_eq!(limited, EventKind::ALL.map(EventKind::name));
    }

    #[test]
    fn every_event_is_parsed_to_its_command_and_limited_by_its_own_rule() {
        let id = EmergencyId::from(Uuid::from_u128(7));
        for (kind, payload, expected) in [
            (
                EventKind::JoinRoom,
                json!({ "emergencyId": Uuid::from_u128(7), "lastEventId": 3 }),
                Command::JoinRoom { emergency: Which::Id(id), last_event: Some(EventId::new(3)) },
            ),
            (
                EventKind::LeaveRoom,
                json!({ "emergencyId": "current" }),
                Command::LeaveRoom { emergency: Which::Current },
            ),
            (
                EventKind::UpdateLocation,
                json!({ "latitude": 1, "longitude": 2 }),
                Command::UpdateLocation(Located { position: Position::new(1.0, 2.0).unwrap(), taken: None }),
            ),
            (EventKind::SeeAlert, json!({ "emergencyId": Uuid::from_u128(7) }), Command::SeeAlert(Some(id))),
            (
                EventKind::JoinDispatchers,
                json!({ "lastEventId": "3" }),
                Command::JoinDispatchers { last_event: Some(EventId::new(3)) },
            ),
            (EventKind::JoinDispatchers, Value::Null, Command::JoinDispatchers { last_event: None }),
            (EventKind::LeaveDispatchers, json!({}), Command::LeaveDispatchers),
        ] {
            let request = Request::parse(kind, &payload);
            assert_eq!((request.command, request.rule.event), (Ok(expected), kind.name()));
        }
    }

    #[test]
    fn a_position_that_is_invalid_is_limited_like_any_other_event() {
        for (kind, rule) in [
            (EventKind::JoinRoom, "emergency:join"),
            (EventKind::LeaveRoom, "emergency:leave"),
            (EventKind::UpdateLocation, "*"),
            (EventKind::SeeAlert, "alert:seen"),
        ] {
            let request = Request::parse(kind, &Value::Null);
            assert_eq!(
                (request.command.map_err(|failure| failure.code), request.rule.event),
                (Err("invalid_payload"), rule)
            );
        }
        assert_eq!(Request::unknown().rule, &OTHER_EVENTS);
    }
}
