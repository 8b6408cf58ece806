//! Changing the details of a live emergency.

use crate::{
    Actor, Alert, Change, DetailsChange, Emergency, EmergencyId, Error, Event, ResponseStatus, UserId, Write,
    port::Loaded,
    usecase::{emergencies::EmergencyPorts, team::assign_roles},
};

/// Changes the details of an emergency, for its owner. A change of nothing has no event. Another type gives helpers other roles.
///
/// If the emergency becomes critical, a step of the search is due at once, which finds the helpers that only critical ones reach:
/// the timers take it as soon as the change is committed, when the store judges helpers by the new details.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`](crate::Refusal::EmergencyNotFound), and those of [`Emergency::change_details`].
pub async fn change(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    change: DetailsChange,
) -> Result<Emergency, Error> {
    cx.in_turn(id, || async {
        let mut loaded = cx.load(id).await?;
        let (now, kind) = (cx.clock.now(), loaded.emergency.call().details.kind);
        if !loaded.emergency.change_details(actor.id(), change.clone(), now)? {
            return Ok(loaded.emergency);
        }
        let emergency = &loaded.emergency;
        let finished = emergency.participants().filter(|user| emergency.has_finished(*user, now)).collect();
        let (call, status) = (emergency.call().clone(), emergency.status());
        let details = Box::new(call.details.clone());
        let updated = Event::EmergencyUpdated { call, status, alerted: still_alerted(&loaded), finished };
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses: Vec::new() };
        let is_of_another_kind = details.kind != kind;
        let change = Change::new(Some(actor.id()), now).write(update);
        let mut change = change.write(Write::ChangeDetails { emergency: id, details }).event(id, updated);
        if is_of_another_kind {
            change = assign_roles(cx, change, &mut loaded.emergency).await?;
        }
        cx.changes.commit(change).await?;
        Ok(loaded.emergency)
    })
    .await
}

/// The helpers that were alerted, and have neither declined nor cancelled. Without those from whom a block hides the emergency.
fn still_alerted(loaded: &Loaded) -> Vec<UserId> {
    let has_cancelled =
        |helper| loaded.emergency.response(helper).is_some_and(|r| r.status == ResponseStatus::Cancelled);
    let has_declined = |helper| loaded.alerts.iter().any(|a: &Alert| a.helper == helper && a.declined_at.is_some());
    loaded.alerted().into_iter().filter(|helper| !has_cancelled(*helper) && !has_declined(*helper)).collect()
}

#[cfg(test)]
mod tests;
