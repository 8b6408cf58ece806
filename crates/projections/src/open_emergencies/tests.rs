//! Open emergencies after any part of the log and of the read at the start.

mod moves;
mod nearby;
mod participation;

use allynet_domain::{Event, EventId, HelperCard, LoggedEvent};

use super::*;
use allynet_domain::testing::{EMERGENCY, at, call, id, recipient};

/// The event as the log holds it.
fn logged(event: Event) -> LoggedEvent {
    LoggedEvent { id: EventId::new(1), at: at(0), emergency: Some(id(EMERGENCY)), actor: None, event }
}

fn created() -> Event {
    Event::EmergencyCreated { call: call(), nearby_helpers: 0, hidden_from: vec![], announced: true }
}

fn wave(radius: f64, recipients: &[u128]) -> Event {
    let recipients = recipients.iter().map(|&n| recipient(n, 10.0)).collect();
    let (status, radius) = (EmergencyStatus::Active, Metres::new(radius));
    Event::HelpersAlerted { call: call(), status, wave: 1, radius, recipients, decision: None }
}

fn status(status: EmergencyStatus) -> Event {
    Event::StatusChanged { status, updated_at: at(1) }
}

fn joined(helper: HelperCard, arrival: Option<i64>) -> Event {
    Event::HelperJoined {
        helper,
        joined_at: at(1),
        estimated_arrival: arrival.map(at),
        transport: Transport::Foot,
        separated_from: vec![],
    }
}

fn updated(helper: u128, status: ResponseStatus, arrival: Option<i64>) -> Event {
    let (helper, estimated_arrival) = (id(helper), arrival.map(at));
    Event::HelperStatusUpdated {
        helper,
        status,
        notes: None,
        estimated_arrival,
        updated_at: at(2),
        anonymous: false,
        counts_until: None,
        stalled: false,
    }
}

fn ended() -> Event {
    let (status, alerted) = (EmergencyStatus::Resolved, vec![]);
    Event::EmergencyEnded {
        status,
        at: at(3),
        alerted,
        participants: vec![],
        hidden_from: vec![],
        announced: true,
        critical: false,
    }
}

fn apply(open: &OpenEmergencies, event: Event) {
    open.apply(&logged(event));
}

/// On a node that has restored everything, after these events.
fn after(events: impl IntoIterator<Item = Event>) -> OpenEmergencies {
    let open = OpenEmergencies::default();
    open.mark_complete();
    for event in events {
        apply(&open, event);
    }
    open
}

/// On a node that has just been started, after these events and before the read.
fn before_restoring(events: impl IntoIterator<Item = Event>) -> OpenEmergencies {
    let open = OpenEmergencies::default();
    for event in events {
        apply(&open, event);
    }
    open
}
