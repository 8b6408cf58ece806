//! Responses of helpers: accepting, declining, reporting progress, and an owner's request for more help.

use crate::{
    Acceptance, Actor, Change, Emergency, EmergencyId, EmergencyOverview, Error, Event, OutboxKind, OutboxRecipient,
    Refusal, Relation, ResponseStatus, ResponseUpdate, SearchEffect, Timestamp, UpdatedResponse, UserId, Write,
    dispatch::Transport,
    message,
    port::{self, AcceptanceContext, Constraint, Fix, HelperSelection, Loaded},
    usecase::{
        alerts::{RenewalCause, alert_substitute, follow_search},
        emergencies::{EmergencyPorts, must_be_helper, post_to_owner},
        retry::refuse_conflict,
        stalls::status_updated,
        team::{assign_roles, check_box_report, report_missing_box},
    },
};

/// Accepts an emergency, for a helper. Accepting again changes nothing.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::OwnEmergency`], [`Refusal::NotAHelper`], [`Refusal::EmergencyEnded`],
/// [`Refusal::AlreadyRespondingElsewhere`], [`Refusal::TooSoon`].
pub async fn accept(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    estimated_arrival: Option<Timestamp>,
) -> Result<Emergency, Error> {
    cx.in_turn(id, || async {
        let helper = actor.id();
        let loaded = cx.emergencies.load_for_acceptance(id, helper).await?;
        let AcceptanceContext { loaded, blocks, transport, last_fix } = loaded.ok_or(Refusal::EmergencyNotFound)?;
        let Loaded { mut emergency, alerts, .. } = for_helper(cx, actor, loaded)?;
        let now = cx.clock.now();
        let card = actor.account.helper_card();
        let accepted = emergency.accept(card.clone(), estimated_arrival, cx.rules.reaccept_pause, now)?;
        let Acceptance::Joined { first } = accepted else { return Ok(emergency) };
        emergency.record_blocks(helper, blocks);
        emergency.record_way(helper, transport, last_fix);
        emergency.schedule_checks(cx.rules.stalls, now);
        let separated_from = emergency.separated_helpers(helper);
        let responses = emergency.response(helper).cloned().into_iter().collect();
        let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses };
        let transport = actor.account.helper.as_ref().map_or_else(Transport::default, |helper| helper.transport);
        let joined = Event::HelperJoined { helper: card, joined_at: now, estimated_arrival, transport, separated_from };
        // The account may have been blocked since it was read. A block that comes later sees this response, and cancels it.
        let expected = Write::ExpectMayHelp { user: helper, policy: cx.rules.helpers };
        let change = Change::new(Some(helper), now).write(update).write(expected).event(id, joined);
        let mut change = tell_partners(cx, change, OutboxKind::Joined, &emergency, helper);
        if let Some(alert) = alerts.iter().find(|a| a.helper == helper && a.declined_at.is_some()) {
            change = change.write(Write::SetDeclined { emergency: id, helper, declined: false });
            if alert.wave.is_some() {
                emergency.uncount_declined();
            }
        }
        if first {
            change = change.event(id, Event::StatusChanged { status: emergency.status(), updated_at: now });
        }
        if cx.rules.gain.is_some() {
            // Engaged here, the helper counts elsewhere no more.
            change = change.write(Write::DecideAgain { helper, except: Some(id) });
        }
        let change = assign_roles(cx, change, &mut emergency).await?;
        // After all that it includes.
        let disclosed = Event::DetailsDisclosed { helper, emergency: EmergencyOverview::shown_to(helper, &emergency) };
        let committed = cx.changes.commit(change.event(id, disclosed)).await;
        committed.map_err(|e| match e {
            port::Error::Conflict(Constraint::MayHelp) => Refusal::NotAHelper.into(),
            other => refuse_conflict(other, Constraint::Engaged, Refusal::AlreadyRespondingElsewhere),
        })?;
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
        let substitute = cx.rules.gain.is_none().then_some(HelperSelection::Nearest(1));
        let loaded = cx.load_maybe_near(id, substitute, None).await?;
        let mut loaded = for_helper(cx, actor, loaded)?;
        let (helper, now) = (actor.id(), cx.clock.now());
        loaded.emergency.decline(helper)?;
        let alert = loaded.alerts.iter_mut().find(|a| a.helper == helper);
        if alert.as_ref().is_some_and(|a| a.declined_at.is_some()) {
            return Ok(loaded.emergency);
        }
        let was_alerted = alert.as_ref().is_some_and(|a| a.wave.is_some());
        if let Some(alert) = alert {
            alert.declined_at = Some(now);
        }
        let change = Change::new(Some(helper), now)
            .write(Write::SetDeclined { emergency: id, helper, declined: true })
            .event(id, Event::AlertDeclined { helper });
        let change = if was_alerted { alert_substitute(cx, change, &mut loaded) } else { change };
        let update = Write::UpdateEmergency { emergency: Box::new(loaded.emergency.clone()), responses: Vec::new() };
        let change = change.write_first(update);
        cx.changes.commit(change).await?;
        if was_alerted {
            loaded.emergency.count_declined();
        }
        Ok(loaded.emergency)
    })
    .await
}

/// Updates the response of a helper, which reports progress or cancels. A repeated report changes nothing.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyEnded`],
/// [`Refusal::InvalidTransition`], [`Refusal::TooSoon`], [`Refusal::NoResource`], [`Refusal::SeenElsewhere`].
pub async fn update(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: EmergencyId,
    told: ResponseUpdate,
) -> Result<(Emergency, Relation), Error> {
    cx.in_turn(id, || async {
        let mut loaded = match told.status {
            ResponseStatus::Cancelled => cx.load_without(id, actor.id()).await,
            ResponseStatus::Completed => cx.load_with(id, cx.nearest()).await,
            ResponseStatus::Responding | ResponseStatus::OnWay | ResponseStatus::Arrived => cx.load(id).await,
        }?;
        // The response that the block has cancelled tells nothing either.
        if loaded.is_hidden_from(&actor.account) {
            return Err(Refusal::EmergencyNotFound.into());
        }
        let (now, helper) = (cx.clock.now(), actor.id());
        if let Some(state) = told.resource_state {
            check_box_report(cx, &loaded.emergency, helper, state).await?;
        }
        let (hold, before) = (cx.rules.completion_hold(), loaded.emergency.clone());
        if let Some(updated) = loaded.emergency.update_response(helper, told.clone(), hold, now)? {
            loaded.emergency.schedule_checks(cx.rules.stalls, now);
            if let Some(missing) = updated.missing_box {
                report_missing_box(cx, &before, helper, missing, now).await?;
            }
            let change = updated_response(cx, Change::new(Some(helper), now), &mut loaded, updated)?;
            cx.changes.commit(assign_roles(cx, change, &mut loaded.emergency).await?).await?;
        }
        let relation = loaded.emergency.relation(&actor.account, cx.rules.helpers);
        Ok((loaded.emergency, relation))
    })
    .await
}

/// Records that a responding helper was near the emergency at a position that was received. No effect if that is known, or if
/// the helper does not respond to it.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn note_near(cx: &EmergencyPorts, id: EmergencyId, fix: Fix) -> Result<(), Error> {
    let Fix { user, position, at } = fix;
    let noted = cx
        .in_turn(id, || async {
            let mut emergency = cx.load(id).await?.emergency;
            let Some(response) = emergency.note_near(user, (position, at)) else { return Ok(()) };
            let update = Write::UpdateEmergency { emergency: Box::new(emergency), responses: vec![response] };
            Ok(cx.changes.commit(Change::new(None, cx.clock.now()).write(update)).await?)
        })
        .await;
    match noted {
        // It has ended since, and was deleted.
        Err(Error::Refused(Refusal::EmergencyNotFound)) => Ok(()),
        noted => noted,
    }
}

/// Adds an updated response to a change, with all that follows from it, and the update of the emergency.
///
/// `loaded` MUST include the nearest helpers if the response ended.
pub(super) fn updated_response(
    cx: &EmergencyPorts,
    change: Change,
    loaded: &mut Loaded,
    updated: UpdatedResponse,
) -> Result<Change, Refusal> {
    let responses = vec![updated.response.clone()];
    let change = follow_response(cx, change, loaded, updated)?;
    let update = Write::UpdateEmergency { emergency: Box::new(loaded.emergency.clone()), responses };
    Ok(change.write_first(update))
}

/// Adds what follows from an updated response to a change: its event, a question to the owner, and the search.
///
/// The change MUST also update the emergency, after this call. `loaded` is as in [`updated_response`].
pub(super) fn follow_response(
    cx: &EmergencyPorts,
    change: Change,
    loaded: &mut Loaded,
    updated: UpdatedResponse,
) -> Result<Change, Refusal> {
    let emergency = &loaded.emergency;
    let UpdatedResponse { response, search, asks_owner, missing_box: _ } = updated;
    let id = emergency.id();
    let helper = response.helper.person.id;
    let event = status_updated(emergency, &response, response.updated_at);
    // Of the helper also when an administrator or a block cancels the response: others see a helper who cancels.
    let mut change = change.event_by(helper, id, event);
    if response.status == ResponseStatus::Arrived {
        change = tell_partners(cx, change, OutboxKind::Arrived, emergency, helper);
    }
    if asks_owner && let Some(text) = message::question_after_completion() {
        change = post_to_owner(cx, change, emergency, text);
        let owner = emergency.reachable_owner().map(OutboxRecipient::user).into_iter().collect();
        change = change.send(OutboxKind::Message, emergency.call(), owner, cx.rules.alert_ttl);
    }
    let cancelled = response.status == ResponseStatus::Cancelled;
    let cause =
        if cancelled && change.actor == Some(helper) { RenewalCause::HelperCancelled } else { RenewalCause::Other };
    if search == SearchEffect::default() {
        return Ok(if cancelled { alert_substitute(cx, change, loaded) } else { change });
    }
    if search.became_active || search.became_responding {
        let changed = Event::StatusChanged { status: emergency.status(), updated_at: change.at };
        change = change.event_by(helper, id, changed);
    }
    let search = SearchEffect { became_active: false, ..search };
    follow_search(cx, change, loaded, search, cause)
}

/// Adds a message to the other participants about what a helper did, of the same content as the last event.
fn tell_partners(
    cx: &EmergencyPorts,
    change: Change,
    kind: OutboxKind,
    emergency: &Emergency,
    helper: UserId,
) -> Change {
    let partners = emergency.reachable_partners(helper).into_iter().map(OutboxRecipient::user).collect();
    change.send(kind, emergency.call(), partners, cx.rules.alert_ttl)
}

/// Adds to a change that a user who may no longer help drops out of all live emergencies, as if they had cancelled.
///
/// # Errors
/// Returns an error if a port fails.
pub(super) async fn withdraw_responses(cx: &EmergencyPorts, change: Change, user: UserId) -> Result<Change, Error> {
    let mut change = change;
    for live in cx.emergencies.live_of(user).await?.emergencies {
        if !live.is_responding(user) {
            continue;
        }
        let mut loaded = match cx.load_without(live.id(), user).await {
            // It has ended since, and was deleted.
            Err(Error::Refused(Refusal::EmergencyNotFound)) => continue,
            loaded => loaded?,
        };
        if let Some(updated) = loaded.emergency.withdraw_response(user, change.at) {
            change = updated_response(cx, change, &mut loaded, updated)?;
            change = assign_roles(cx, change, &mut loaded.emergency).await?;
        }
    }
    Ok(change)
}

/// Asks for more help, for the owner: responses so far no longer count, and the search is renewed.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], [`Refusal::NotAuthorized`], [`Refusal::EmergencyEnded`], [`Refusal::TooSoon`].
pub async fn renew(cx: &EmergencyPorts, actor: &Actor, id: EmergencyId) -> Result<Emergency, Error> {
    cx.in_turn(id, || async {
        let mut loaded = cx.load_with(id, cx.nearest()).await?;
        let now = cx.clock.now();
        let search = loaded.emergency.renew(actor.id(), cx.rules.renew_again_after, now)?;
        let change = Change::new(Some(actor.id()), now).event(id, Event::AlertsRenewed);
        let change = follow_search(cx, change, &mut loaded, search, RenewalCause::Other)?;
        let update = Write::UpdateEmergency { emergency: Box::new(loaded.emergency.clone()), responses: Vec::new() };
        cx.changes.commit(change.write_first(update)).await?;
        Ok(loaded.emergency)
    })
    .await
}

fn for_helper(cx: &EmergencyPorts, actor: &Actor, loaded: Loaded) -> Result<Loaded, Error> {
    if loaded.emergency.owner() == actor.id() {
        return Err(Refusal::OwnEmergency.into());
    }
    if loaded.is_hidden_from(&actor.account) {
        return Err(Refusal::EmergencyNotFound.into());
    }
    must_be_helper(cx, actor)?;
    Ok(loaded)
}

#[cfg(test)]
mod tests;
