//! Whether helpers who accepted still come: signs of them, questions to them, and stalled responses.

use crate::{
    Change, CheckedResponses, Emergency, EmergencyId, Error, Event, NotedSign, OutboxKind, OutboxRecipient, Refusal,
    Response, Sign, Timestamp, UserId, Write,
    usecase::{emergencies::EmergencyPorts, team::assign_roles},
};

/// Records that a position of a responding helper shows that they come. No effect if a newer sign is known, or if the helper does
/// not respond to it.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn note_sign(cx: &EmergencyPorts, id: EmergencyId, helper: UserId, sign: Sign) -> Result<(), Error> {
    let noted = cx
        .in_turn(id, || async {
            let mut emergency = cx.load(id).await?.emergency;
            let now = cx.clock.now();
            let Some(noted) = emergency.note_sign(helper, sign, now) else { return Ok(()) };
            emergency.schedule_checks(cx.rules.stalls, now);
            let responses = vec![noted.response.clone()];
            let was_stalled = noted.was_stalled;
            let change = tell_of_sign(Change::new(None, now), &emergency, noted);
            let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses };
            let mut change = change.write_first(update);
            if was_stalled {
                change = assign_roles(cx, change, &mut emergency).await?;
            }
            Ok(cx.changes.commit(change).await?)
        })
        .await;
    match noted {
        // It has ended since, and was deleted.
        Err(Error::Refused(Refusal::EmergencyNotFound)) => Ok(()),
        noted => noted,
    }
}

/// Adds to a change that a helper gave a sign: participants learn of it if the response was stalled.
pub(super) fn tell_of_sign(change: Change, emergency: &Emergency, noted: NotedSign) -> Change {
    let NotedSign { response, was_stalled, search } = noted;
    if !was_stalled {
        return change;
    }
    let (id, updated_at) = (emergency.id(), change.at);
    let change = change.event_by(response.helper.person.id, id, status_updated(emergency, &response, updated_at));
    if !search.became_responding {
        return change;
    }
    change.event(id, Event::StatusChanged { status: emergency.status(), updated_at })
}

/// Adds to a change that helpers are asked whether they still come, and that responses are stalled. The change of the status
/// that may follow is not among it.
pub(super) fn tell_of_checks(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &Emergency,
    checked: &CheckedResponses,
) -> Change {
    let change = ask(cx, change, emergency, &checked.asked);
    let updated_at = change.at;
    let stalled = checked.stalled.iter();
    stalled
        .fold(change, |change, response| change.event(emergency.id(), status_updated(emergency, response, updated_at)))
}

/// Adds to a change that these helpers are asked whether they still come, also by push.
pub(super) fn ask(cx: &EmergencyPorts, change: Change, emergency: &Emergency, asked: &[Response]) -> Change {
    let place = emergency.call().details.location.position;
    asked.iter().fold(change, |change, response| {
        let Some(until) = response.record.dispatch.check_until else { return change };
        let helper = response.helper.person.id;
        let distance = response.last_fix.map(|(position, _)| place.distance_to(position));
        let recipient = OutboxRecipient { distance, ..OutboxRecipient::user(helper) };
        let change = change.event(emergency.id(), Event::ResponseChecked { helper, until });
        change.send(OutboxKind::Check, emergency.call(), vec![recipient], cx.rules.alert_ttl)
    })
}

/// The event of a response that has changed.
pub(super) fn status_updated(emergency: &Emergency, response: &Response, updated_at: Timestamp) -> Event {
    Event::HelperStatusUpdated {
        helper: response.helper.person.id,
        status: response.status,
        notes: response.notes.clone(),
        estimated_arrival: response.estimated_arrival,
        updated_at,
        anonymous: emergency.call().details.anonymous,
        counts_until: emergency.counts_until(response),
        stalled: response.is_stalled(),
    }
}

#[cfg(test)]
mod tests;
