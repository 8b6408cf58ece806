//! Admission control: the decision on a client's event by the limits, made when it arrives.
//!
//! Runs in the order of arrival and reads nothing but memory, so that a refused event never waits. Knows nothing of
//! sockets.

use std::{sync::Arc, time::Duration};

use allynet_domain::{Room, usecase::rooms::Which};
use allynet_wire::{
    input::emergencies::Located,
    limits::{Excess, Limit, LimitKey, Limits, Subject},
};

use crate::{
    hub::state::Hub,
    inbound::command::{Command, Request},
    session::{device::Device, state::Session},
};

/// The decision on an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Admission {
    /// It is queued in the inbox, if the inbox has room.
    Queued,
    /// It is queued in the inbox beyond the inbox's capacity.
    Privileged,
    /// It is coalesced with other positions, and the newest is stored: now, or once the limit allows it.
    Coalesced { position: Located, is_allowed: bool },
    /// It is refused, and the client gets an error.
    Refused(LimitExceeded),
    /// It is ignored: the connection is over.
    Dropped,
}

/// A limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitExceeded {
    pub(crate) retry_after: Duration,
    /// Whether the connection is to be closed, because too many of its events were refused.
    pub(crate) closes: bool,
}

/// Admission control of all connections.
pub(crate) struct AdmissionControl {
    pub(crate) limits: Limits,
    pub(crate) hub: Arc<Hub<Device>>,
}

impl AdmissionControl {
    /// Counts an event against its limits, and decides on its admission.
    pub(crate) fn admit(&self, session: &Session, request: &Request) -> Admission {
        if session.is_over() {
            return Admission::Dropped;
        }
        for &limit in request.rule.limits {
            // A position that joins another one is no statement of its own, and is not counted.
            let joins_pending = limit.excess() == Excess::Deferred && session.pending_positions.is_open();
            let taken = if joins_pending { Err(Duration::ZERO) } else { self.take(session, limit) };
            let Err(retry_after) = taken else { continue };
            return match (limit.excess(), &request.command) {
                (Excess::Deferred, Ok(Command::UpdateLocation(position))) => {
                    Admission::Coalesced { position: *position, is_allowed: false }
                }
                _ if self.is_exempt(session, request) => Admission::Privileged,
                _ => Admission::Refused(self.refuse(session, retry_after)),
            };
        }
        if let Ok(Command::UpdateLocation(position)) = request.command {
            return Admission::Coalesced { position, is_allowed: true };
        }
        // Asked last: it copies the rooms of the connection.
        if session.inbox.is_full() && self.is_exempt(session, request) {
            return Admission::Privileged;
        }
        Admission::Queued
    }

    /// Counts a refusal, and decides whether it is one too many.
    pub(crate) fn refuse(&self, session: &Session, retry_after: Duration) -> LimitExceeded {
        match self.take(session, Limit::Refusals) {
            Ok(()) => LimitExceeded { retry_after, closes: false },
            Err(longer) => LimitExceeded { retry_after: longer, closes: true },
        }
    }

    /// Counts one more of this.
    ///
    /// # Errors
    ///
    /// Returns the time to wait before the next one.
    pub(crate) fn take(&self, session: &Session, limit: Limit) -> Result<(), Duration> {
        let who = match limit.subject() {
            Subject::Socket => LimitKey::Socket(session.id.0),
            Subject::User | Subject::Account | Subject::Address => LimitKey::User(session.identity.user),
        };
        self.limits.take(limit, who)
    }

    /// Whether the event is not limited because it is about an emergency in which the user takes part.
    fn is_exempt(&self, session: &Session, request: &Request) -> bool {
        let participates_in = |emergency: Which| {
            let is_meant = |room: &Room| match (room, emergency) {
                (Room::Participants(_), Which::Current) => true,
                (Room::Participants(of), Which::Id(id)) => *of == id,
                _ => false,
            };
            self.hub.rooms(session.id).iter().any(is_meant)
        };
        request.rule.free_for_participants
            && match request.command {
                Ok(Command::JoinRoom { emergency, .. } | Command::LeaveRoom { emergency }) => {
                    participates_in(emergency)
                }
                Ok(
                    Command::UpdateLocation(_)
                    | Command::SeeAlert(_)
                    | Command::JoinDispatchers { .. }
                    | Command::LeaveDispatchers,
                )
                | Err(_) => false,
            }
    }
}
