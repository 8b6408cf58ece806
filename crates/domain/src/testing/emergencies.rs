//! An emergency in each state, its responses and its messages.

use chrono::TimeDelta;

use super::{EMERGENCY, MESSAGE, OWNER, at, helper_card, id, person, position, text};
use crate::{
    AlertCounts, Call, CompletionHold, Details, Emergency, EmergencySnapshot, EmergencyStatus, EmergencyType, Location,
    Message, Metres, Movement, Priority, Recipient, Relation, Response, ResponseRecord, ResponseStatus, Revision,
    Search, Sender, Severity, To, Wave,
};

/// The details of the call of [`OWNER`].
pub fn details() -> Details {
    Details {
        kind: EmergencyType::Medical,
        category: None,
        description: Some(text("Fell down the stairs")),
        location: Location { position: position(52.5, 13.4), address: None, description: None },
        priority: Priority::High,
        severity: Severity::DEFAULT,
        silent: false,
        anonymous: false,
    }
}

/// The call of [`OWNER`] at `at(0)`.
pub fn call() -> Call {
    Call {
        id: id(EMERGENCY),
        owner: person(OWNER),
        details: details(),
        created_at: at(0),
        movement: Movement::default(),
    }
}

/// An emergency that was just raised with an alert radius of 5 km. Its first wave reached no helper.
pub fn raised(call: Call) -> Emergency {
    let wave = Wave { number: 1, radius: Metres::new(5_000.0), recipients: Vec::new(), helpers_within: 0 };
    Emergency::raise(call, None, &wave, Search::default())
}

/// A live emergency of [`OWNER`] without responses, at revision 7. Its next wave is due at `at(60)`.
pub fn active_emergency() -> Emergency {
    Emergency::restore(EmergencySnapshot {
        call: call(),
        request_id: None,
        status: EmergencyStatus::Active,
        alert_radius: Metres::new(5_000.0),
        updated_at: at(0),
        first_response_at: None,
        ending: None,
        resolution: None,
        responses: Vec::new(),
        alerts: AlertCounts { wave: 1, alerted: 2, ..AlertCounts::default() },
        next_alert_at: Some(at(60)),
        renewed_at: None,
        search: Search { wave_at: Some(at(60)), places_freed_until: Some(at(0)), ..Search::default() },
        revision: Revision(7),
    })
    .unwrap()
}

/// The emergency with some of its data replaced, also by data that no transition leads to.
///
/// # Panics
/// If the edited data contradict each other, see [`Emergency::restore`].
pub fn edited(emergency: Emergency, edit: impl FnOnce(&mut EmergencySnapshot)) -> Emergency {
    let mut snapshot = emergency.into_snapshot();
    edit(&mut snapshot);
    Emergency::restore(snapshot).unwrap()
}

/// The emergency with an anonymous owner.
pub fn anonymous(emergency: Emergency) -> Emergency {
    edited(emergency, |e| e.call.details.anonymous = true)
}

/// How long completed responses count as help: ten minutes, or one.
pub const COMPLETION_HOLD: CompletionHold =
    CompletionHold { near: TimeDelta::seconds(600), far: TimeDelta::seconds(60) };

/// The pause before a helper that cancelled often may accept again: a minute.
pub const REACCEPT_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// A response of this helper, begun at `at(1)`. A completed one counts as help until `at(601)`.
pub fn response(helper: u128, status: ResponseStatus) -> Response {
    let counts_until = (status == ResponseStatus::Completed).then(|| at(601));
    Response {
        helper: helper_card(helper),
        status,
        notes: None,
        estimated_arrival: None,
        responded_at: at(1),
        updated_at: at(1),
        record: ResponseRecord { counts_until, ..ResponseRecord::default() },
        transport: crate::dispatch::Transport::Foot,
        last_fix: None,
        blocks: Vec::new(),
    }
}

/// [`active_emergency`] with these responses, in the status that follows from them.
pub fn with_responses(responses: &[(u128, ResponseStatus)]) -> Emergency {
    let responding = responses.iter().any(|(_, status)| *status != ResponseStatus::Cancelled);
    let engaged = responses.iter().any(|(_, status)| status.is_engaged());
    edited(active_emergency(), |e| {
        e.status = if responding { EmergencyStatus::Responding } else { EmergencyStatus::Active };
        e.first_response_at = (!responses.is_empty()).then(|| at(1));
        e.next_alert_at = (!engaged).then(|| at(if responding { 601 } else { 60 }));
        e.search.wave_at = if responding { None } else { e.next_alert_at };
        e.responses = responses.iter().map(|&(helper, status)| response(helper, status)).collect();
    })
}

/// The same, once these helpers have their roles.
pub fn with_team(responses: &[(u128, ResponseStatus)]) -> Emergency {
    let mut emergency = with_responses(responses);
    emergency.assign_team(&crate::dispatch::TravelModel::default(), &[], at(1));
    emergency
}

/// The emergency, resolved by [`OWNER`] at `at(10)`.
pub fn resolved(mut emergency: Emergency) -> Emergency {
    emergency.resolve(id(OWNER), Relation::Owner, None, at(10)).unwrap();
    emergency
}

/// The emergency, cancelled by [`OWNER`] at `at(10)`.
pub fn cancelled(mut emergency: Emergency) -> Emergency {
    emergency.cancel(id(OWNER), None, at(10)).unwrap();
    emergency
}

/// [`MESSAGE`] in [`EMERGENCY`], at `at(5)`.
pub fn message(from: Sender, to: To) -> Message {
    Message {
        id: id(MESSAGE),
        emergency: id(EMERGENCY),
        owner: id(OWNER),
        anonymous: false,
        from,
        to,
        text: text("The door is open"),
        created_at: at(5),
    }
}

/// [`message`] from [`OWNER`].
pub fn message_from_owner(to: To) -> Message {
    message(Sender::Owner(person(OWNER)), to)
}

/// [`message`] from this helper.
pub fn message_from_helper(n: u128, to: To) -> Message {
    message(Sender::Helper(person(n)), to)
}

/// A helper to alert, at this distance in metres.
pub fn recipient(n: u128, metres: f64) -> Recipient {
    Recipient::new(id(n), Metres::new(metres))
}
