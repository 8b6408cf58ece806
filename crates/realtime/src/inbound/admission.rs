//! What becomes of an event that a client sends, by the limits: it is handled, put off or refused, or it is the last.
//!
//! Runs when an event arrives, in the order of arrival, and asks nobody but memory. Knows nothing of sockets.

use std::time::Duration;

use allynet_domain::{Position, Room, usecase::rooms::Which};
use allynet_wire::{
    input::socket,
    limits::{Excess, Limit, LimitKey, OTHER_EVENTS, Subject, of_event},
};
use serde_json::Value;

use crate::{desk::Desk, session::device::Session};

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// It is handled when its turn comes.
    Handled,
    /// It is handled when its turn comes, however many wait.
    Vital,
    /// The newest of these is stored when its time has come.
    PutOff(Position),
    /// It is not done.
    Refused(TooMuch),
    /// The connection is over; what was on its way is not looked at.
    Dropped,
}

/// A limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuch {
    /// How long to wait.
    pub(crate) wait: Duration,
    /// It was one too many of these: the connection is closed.
    pub(crate) closes: bool,
}

/// Counts an event, and tells what becomes of it.
pub(crate) fn judge(desk: &Desk, session: &Session, event: &str, payload: &Value) -> Verdict {
    if session.is_over() {
        return Verdict::Dropped;
    }
    let position = if event == "location:update" { socket::location(payload).ok() } else { None };
    let rule = of_event(event);
    // A position that is none is not put off but told at once.
    let counted = if position.is_none() && event == "location:update" { &OTHER_EVENTS } else { rule };
    for &limit in counted.limits {
        // Nothing overtakes what was put off before it.
        let waits = limit.excess() == Excess::Deferred && !session.put_off.is_empty();
        let taken = if waits { Err(Duration::ZERO) } else { take(desk, session, limit) };
        let Err(wait) = taken else { continue };
        return match (limit.excess(), position) {
            (Excess::Deferred, Some(position)) => Verdict::PutOff(position),
            _ if rule.free_for_participants && takes_part(desk, session, payload) => Verdict::Vital,
            _ => Verdict::Refused(too_much(desk, session, wait)),
        };
    }
    if rule.free_for_participants && session.inbox.is_full() && takes_part(desk, session, payload) {
        return Verdict::Vital;
    }
    Verdict::Handled
}

/// Counts what is refused.
pub(crate) fn too_much(desk: &Desk, session: &Session, wait: Duration) -> TooMuch {
    match take(desk, session, Limit::Refusals) {
        Ok(()) => TooMuch { wait, closes: false },
        Err(longer) => TooMuch { wait: longer, closes: true },
    }
}

/// Counts one more.
pub(crate) fn take(desk: &Desk, session: &Session, limit: Limit) -> Result<(), Duration> {
    let who = match limit.subject() {
        Subject::Socket => LimitKey::Socket(session.id.0),
        Subject::User | Subject::Account | Subject::Address => LimitKey::User(session.identity.user),
    };
    desk.ports.limits.take(limit, who)
}

/// Whether the event is about an emergency that the user takes part in, as far as this connection has heard.
fn takes_part(desk: &Desk, session: &Session, payload: &Value) -> bool {
    let Ok(wanted) = socket::room(payload) else { return false };
    let is_meant = |room: &Room| match (room, wanted.emergency) {
        (Room::Participants(_), Which::Current) => true,
        (Room::Participants(of), Which::Id(id)) => *of == id,
        _ => false,
    };
    desk.hub.rooms(session.id).iter().any(is_meant)
}
