//! Alerts after the first wave, and the expiry of emergencies.
//!
//! Further waves are sent while no helper responds, substitutes for helpers that decline or cancel, and single alerts
//! to helpers that come near later. After the last wave the owner is notified; an emergency that is too old expires.
//!
//! Every alert is sent on condition that the emergency is still at the revision it was decided on. If the timers of
//! several nodes fire at once, one of them sends it.

use crate::{
    Alert, Change, Emergency, EmergencyId, EmergencyStatus, Error, Event, Metres, Recipient, Refusal, SearchEffect,
    UserId, Write,
    port::{self, Loaded, Whom},
    usecase::emergencies::{EmergencyPorts, resolved},
};

/// Maximum number of emergencies that [`fire_due`] handles at once. If it handled as many, more may be due.
pub const BATCH: u32 = 100;

/// The effect of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// A wave of alerts was sent: the next one, or one of a search that was renewed.
    Wave,
    /// The last wave passed without a response, and the owner is notified.
    Unanswered,
    /// The emergency was too old, and was resolved.
    Expired,
}

/// Stores that devices received alerts, as pairs of emergency and alerted helper, each pair at most once.
///
/// One commit stores all of them, because the helpers of a wave acknowledge at about the same time. Idempotent: an
/// alert that was acknowledged before, or never sent, stays as it is and appends no event.
///
/// # Errors
/// Returns an error if a port fails. Nothing is stored then.
pub async fn acknowledge(cx: &EmergencyPorts, received: &[(EmergencyId, UserId)]) -> Result<(), Error> {
    if received.is_empty() {
        return Ok(());
    }
    let begin = Change::new(None, cx.clock.now());
    let change = received.iter().fold(begin, |change, &(emergency, helper)| {
        let acknowledged = Event::AlertAcknowledged { helper };
        change.write(Write::AcknowledgeAlert { emergency, helper }).event_by(helper, emergency, acknowledged)
    });
    Ok(cx.changes.commit(change).await?)
}

/// Fires the timers that are due: sends waves, notifies owners without a response, and expires old emergencies.
///
/// Returns the number of emergencies handled. If it is [`BATCH`], more may be due. `fired` is called for each timer
/// that had an effect.
///
/// # Errors
/// Returns an error if a port fails. Timers fired before it stay fired.
pub async fn fire_due(
    cx: &EmergencyPorts,
    alerts: &dyn port::Alerts,
    mut fired: impl FnMut(Fired),
) -> Result<usize, Error> {
    let now = cx.clock.now();
    let due = alerts.due(now, cx.rules.expired_before(now), BATCH).await?;
    let mut failure = None;
    for id in &due {
        match fire(cx, *id).await {
            // Ended or deleted meanwhile, or another node fired the timer first: nothing is left to do.
            Err(Error::Refused(_) | Error::Port(port::Error::Stale)) => {}
            Ok(done) => done.into_iter().for_each(&mut fired),
            // An emergency that can never be handled must not delay the others.
            Err(broken @ Error::Port(port::Error::Corrupt { .. } | port::Error::Bug(_))) => failure = Some(broken),
            Err(other) => return Err(other),
        }
    }
    failure.map_or(Ok(due.len()), Err)
}

/// Fires the timers of one emergency. Returns `None` if none of them is due any more.
async fn fire(cx: &EmergencyPorts, id: EmergencyId) -> Result<Option<Fired>, Error> {
    let loaded = cx.load_with(id, Whom::Nearest(cx.rules.alerts.wave_size())).await?;
    let now = cx.clock.now();
    let alerted = loaded.alerted();
    let Loaded { mut emergency, alerts, near, .. } = loaded;
    if emergency.call().created_at < cx.rules.expired_before(now) {
        let resolution = emergency.expire(now)?;
        cx.changes.commit(resolved(cx, &emergency, None, resolution, None, now, alerted)).await?;
        return Ok(Some(Fired::Expired));
    }
    if emergency.next_alert_at().is_none_or(|due| due > now) {
        return Ok(None);
    }
    let change = Change::new(None, now);
    let held = emergency.end_completion_hold(now);
    if held.must_renew {
        let change = follow_search(cx, change, &mut emergency, &alerts, &near, held, RenewalCause::Other)?;
        let update = Write::UpdateEmergency { emergency: Box::new(emergency), responses: Vec::new() };
        cx.changes.commit(change.write_first(update)).await?;
        return Ok(Some(Fired::Wave));
    }
    let (fired, change) = match cx.rules.alerts.next_radius(emergency.alert_radius()) {
        Some(radius) => (Fired::Wave, wave(cx, change, &mut emergency, &alerts, &near, radius)?),
        None => (Fired::Unanswered, report_unanswered(change, &mut emergency)),
    };
    let update = Write::UpdateEmergency { emergency: Box::new(emergency), responses: Vec::new() };
    cx.changes.commit(change.write_first(update)).await?;
    Ok(Some(fired))
}

/// Stops the waves of an emergency and notifies its owner, after the last wave passed without a response.
fn report_unanswered(change: Change, emergency: &mut Emergency) -> Change {
    emergency.stop_waves();
    let unanswered = Event::Unanswered { owner: emergency.owner(), alerted: emergency.alerts().alerted };
    change.event(emergency.id(), unanswered)
}

/// Why a search is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalCause {
    /// The last responding helper cancelled. Such renewals are limited, because helper and owner may be in league.
    HelperCancelled,
    /// The last responding helper may no longer help, the owner asks for more help, the end was undone, or a completed
    /// response no longer counts as help.
    Other,
}

/// Adds what follows for the search from a change of responses: the emergency is active again, and the search is renewed.
///
/// The change MUST also update the emergency, after this call. `near` is as in [`renew_search`].
pub(super) fn follow_search(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
    alerts: &[Alert],
    near: &[Recipient],
    effect: SearchEffect,
    cause: RenewalCause,
) -> Result<Change, Refusal> {
    let SearchEffect { became_active, must_renew } = effect;
    let updated_at = change.at;
    let change = if became_active {
        change.event(emergency.id(), Event::StatusChanged { status: EmergencyStatus::Active, updated_at })
    } else {
        change
    };
    if must_renew { renew_search(cx, change, emergency, alerts, near, cause) } else { Ok(change) }
}

/// Renews the search for helpers, because none responds any more: sends the next wave at once, with the next radius if
/// there is one.
///
/// The change MUST also update the emergency, after this call. `near` are the helpers that
/// [`Whom::Nearest`] with the size of a wave finds.
pub(super) fn renew_search(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
    alerts: &[Alert],
    near: &[Recipient],
    cause: RenewalCause,
) -> Result<Change, Refusal> {
    match cause {
        RenewalCause::HelperCancelled | RenewalCause::Other => {}
    }
    let current = emergency.alert_radius();
    let radius = cx.rules.alerts.next_radius(current).unwrap_or(current);
    wave(cx, change, emergency, alerts, near, radius)
}

/// Alerts a substitute for a helper that declines or cancels. The alert radius stays.
pub(super) fn alert_substitute(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
    alerts: &[Alert],
    near: &[Recipient],
) -> Change {
    let substitute = cx.rules.alerts.substitute(near, alerts, |helper| emergency.response(helper).is_some());
    match substitute {
        Some(recipient) => send(change, emergency, alerts, vec![recipient]),
        None => change,
    }
}

fn wave(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
    alerts: &[Alert],
    near: &[Recipient],
    radius: Metres,
) -> Result<Change, Refusal> {
    let policy = &cx.rules.alerts;
    let recipients = policy.later_wave(radius, near, alerts, |helper| emergency.response(helper).is_some());
    emergency.begin_wave(radius, cx.rules.next_alert(change.at))?;
    Ok(send(change, emergency, alerts, recipients))
}

/// Adds alerts to a change that also updates the emergency.
fn send(change: Change, emergency: &mut Emergency, alerts: &[Alert], recipients: Vec<Recipient>) -> Change {
    let alerted = |helper| alerts.iter().any(|a| a.helper == helper && a.wave.is_some());
    emergency.count_alerted(recipients.iter().filter(|r| !alerted(r.helper)).count());
    let (id, wave) = (emergency.id(), emergency.alerts().wave);
    let event = Event::HelpersAlerted {
        call: emergency.call().clone(),
        status: emergency.status(),
        wave,
        radius: emergency.alert_radius(),
        recipients: recipients.clone(),
    };
    change.write(Write::SendAlerts { emergency: id, wave, recipients }).event(id, event)
}

/// Alerts a user to emergencies without a response that were found near: to each within whose alert radius the user is
/// a helper on duty.
///
/// `found` comes from the caller's projection of open emergencies. Returns the emergencies for which this user need not
/// be checked again. Calls no port if `found` is empty.
///
/// # Errors
/// Returns an error if a port fails. Alerts sent before the failure stay sent; a repeated call finds them settled.
pub async fn alert_found(cx: &EmergencyPorts, found: &[EmergencyId], user: UserId) -> Result<Vec<EmergencyId>, Error> {
    let mut settled = Vec::new();
    for &id in found {
        let is_settled = match alert_if_in_range(cx, id, user).await {
            Err(Error::Refused(Refusal::EmergencyNotFound)) => true,
            outcome => outcome?,
        };
        settled.extend(is_settled.then_some(id));
    }
    Ok(settled)
}

/// Alerts a user that has come near an active emergency, if the user is a helper on duty within its alert radius.
///
/// A user that was alerted before is not alerted again. Returns whether this user need not be checked again.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], or when a port fails.
pub async fn alert_if_in_range(cx: &EmergencyPorts, id: EmergencyId, user: UserId) -> Result<bool, Error> {
    cx.in_turn(id, || async {
        let Loaded { mut emergency, alerts, near, .. } = cx.load_with(id, Whom::Only(user)).await?;
        let known = alerts.iter().any(|a| a.helper == user) || emergency.response(user).is_some();
        if known || emergency.owner() == user || !emergency.status().is_live() {
            return Ok(true);
        }
        let is_unanswered = emergency.status() == EmergencyStatus::Active;
        let within = near.into_iter().filter(|helper| is_unanswered && helper.distance <= emergency.alert_radius());
        let recipients: Vec<_> = within.collect();
        if recipients.is_empty() {
            return Ok(false);
        }
        let change = send(Change::new(None, cx.clock.now()), &mut emergency, &alerts, recipients);
        let update = Write::UpdateEmergency { emergency: Box::new(emergency), responses: Vec::new() };
        cx.changes.commit(change.write_first(update)).await?;
        Ok(true)
    })
    .await
}

#[cfg(test)]
mod tests;
