//! Responses of helpers: accepting, declining, and reporting progress.

use crate::{
    Acceptance, Actor, Change, Emergency, EmergencyId, EmergencyStatus, Error, Event, Refusal, Relation,
    ResponseStatus, ResponseUpdate, Timestamp, UpdatedResponse, Write,
    port::{Constraint, Loaded, Whom},
    usecase::{
        alerts::{RenewalCause, alert_substitute, renew_search},
        emergencies::{EmergencyPorts, must_be_helper},
        retry::refuse_conflict,
    },
};

/// Accepts an emergency, for a helper. Accepting again changes nothing.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::OwnEmergency`], [`Refusal::NotAHelper`], [`Refusal::EmergencyEnded`],
/// [`Refusal::AlreadyRespondingElsewhere`].
pub async fn accept(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    estimated_arrival: Option<Timestamp>,
) -> Result<Emergency, Error> {
    cx.in_turn(id, || async {
        let Loaded { mut emergency, alerts, .. } = for_helper(cx, actor, cx.load(id).await?)?;
        let (now, helper) = (cx.clock.now(), actor.id());
        let Acceptance::Joined { first } = emergency.accept(actor.account.helper_card(), estimated_arrival, now)?
        else {
            return Ok(emergency);
        };
        let responses = emergency.response(helper).cloned().into_iter().collect();
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses };
        let card = actor.account.helper_card();
        let joined = Event::HelperJoined { helper: card, joined_at: now, estimated_arrival };
        let mut change = Change::new(Some(helper), now).write(update).event(id, joined);
        if let Some(alert) = alerts.iter().find(|a| a.helper == helper && a.declined_at.is_some()) {
            change = change.write(Write::SetDeclined { emergency: id, helper, declined: false });
            if alert.wave.is_some() {
                emergency.uncount_declined();
            }
        }
        if first {
            change = change.event(id, Event::StatusChanged { status: emergency.status(), updated_at: now });
        }
        let committed = cx.changes.commit(change).await;
        committed.map_err(|e| refuse_conflict(e, Constraint::Engaged, Refusal::AlreadyRespondingElsewhere))?;
        Ok(emergency)
    })
    .await
}

/// Declines an emergency, for a helper, which is not alerted to it again. Declining again changes nothing.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::OwnEmergency`], [`Refusal::NotAHelper`], [`Refusal::EmergencyEnded`],
/// [`Refusal::AlreadyResponding`].
pub async fn decline(cx: &EmergencyPorts, actor: &Actor, id: EmergencyId) -> Result<Emergency, Error> {
    cx.in_turn(id, || async {
        let loaded = cx.load_with(id, Whom::Nearest(1)).await?;
        let Loaded { mut emergency, alerts, near } = for_helper(cx, actor, loaded)?;
        let helper = actor.id();
        emergency.decline(helper)?;
        let alert = alerts.iter().find(|a| a.helper == helper);
        if alert.is_some_and(|a| a.declined_at.is_some()) {
            return Ok(emergency);
        }
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses: Vec::new() };
        let change = Change::new(Some(helper), cx.clock.now())
            .write(update)
            .write(Write::SetDeclined { emergency: id, helper, declined: true })
            .event(id, Event::AlertDeclined { helper });
        let was_alerted = alert.is_some_and(|a| a.wave.is_some());
        let change = if was_alerted { alert_substitute(cx, change, &mut emergency, &alerts, &near) } else { change };
        cx.changes.commit(change).await?;
        if was_alerted {
            emergency.count_declined();
        }
        Ok(emergency)
    })
    .await
}

/// Updates the response of a helper, which reports progress or cancels.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyEnded`],
/// [`Refusal::InvalidTransition`].
pub async fn update(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    told: ResponseUpdate,
) -> Result<(Emergency, Relation), Error> {
    cx.in_turn(id, || async {
        let cancels = told.status == ResponseStatus::Cancelled;
        let whom = Whom::Nearest(cx.rules.alerts.wave_size());
        let loaded = if cancels { cx.load_with(id, whom).await } else { cx.load(id).await };
        let Loaded { mut emergency, alerts, near } = loaded?;
        let (now, helper) = (cx.clock.now(), actor.id());
        let UpdatedResponse { response, abandoned } = emergency.update_response(helper, told.clone(), now)?;
        let updated = Event::HelperStatusUpdated {
            helper,
            status: response.status,
            notes: response.notes.clone(),
            estimated_arrival: response.estimated_arrival,
            updated_at: now,
            anonymous: emergency.call().details.anonymous,
        };
        let change = Change::new(Some(helper), now).event(id, updated);
        let change = if abandoned {
            let active = Event::StatusChanged { status: EmergencyStatus::Active, updated_at: now };
            renew_search(cx, change.event(id, active), &mut emergency, &alerts, &near, RenewalCause::HelperCancelled)?
        } else if cancels {
            alert_substitute(cx, change, &mut emergency, &alerts, &near)
        } else {
            change
        };
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses: vec![response] };
        let change = change.write_first(update);
        cx.changes.commit(change).await?;
        let relation = emergency.relation(&actor.account, cx.rules.helpers);
        Ok((emergency, relation))
    })
    .await
}

fn for_helper(cx: &EmergencyPorts, actor: &Actor, loaded: Loaded) -> Result<Loaded, Error> {
    if loaded.emergency.owner() == actor.id() {
        return Err(Refusal::OwnEmergency.into());
    }
    must_be_helper(cx, actor)?;
    Ok(loaded)
}

#[cfg(test)]
mod tests;
