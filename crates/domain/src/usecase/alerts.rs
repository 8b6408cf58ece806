//! Alerts after the first wave, and the expiry of emergencies.
//!
//! Further waves are sent while no helper responds, substitutes for helpers that decline or cancel, and single alerts
//! to helpers that come near later. After the last wave the owner is notified; an emergency that is too old expires.
//!
//! Every alert is sent on condition that the emergency is still at the revision it was decided on. If the timers of
//! several nodes fire at once, one of them sends it.

pub use crate::RenewalCause;
use crate::{
    Alert, Change, Emergency, EmergencyId, EmergencyStatus, Error, Event, GainInput, HeldAnnouncement, OutboxKind,
    OutboxRecipient, ReceivingDevice, Recipient, Refusal, SearchEffect, SessionId, Step, Timestamp, UserId, Write,
    dispatch::LoggedDecision,
    port::{self, HelperSelection, Loaded},
    usecase::{
        emergencies::{EmergencyPorts, resolved, tell_owner_unanswered},
        stalls::tell_of_checks,
        team::assign_roles,
    },
};

/// Maximum number of emergencies that [`fire_due`] handles at once. If it handled as many, more may be due.
pub const MAX_FIRED_AT_ONCE: u32 = 100;

/// The effect of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// Alerts were sent: a wave, substitutes, or repetitions.
    Wave,
    /// No helper is left, or the last alerts have passed without an answer, and the owner is notified.
    Unanswered,
    /// The emergency was too old, and was resolved.
    Expired,
}

/// The receipt of an alert by a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt {
    /// The emergency.
    pub emergency: EmergencyId,
    /// The alerted helper.
    pub helper: UserId,
    /// The session of the device.
    pub session: SessionId,
    /// Whether the device acknowledged the alert. Otherwise something else came from it after it was sent the alert.
    pub is_acknowledged: bool,
}

/// Stores that devices received alerts; each receipt at most once.
///
/// One commit stores all of them, because the helpers of a wave acknowledge at about the same time. Idempotent: an
/// alert that was received or acknowledged before, or never sent, stays as it is and appends no event.
///
/// # Errors
/// Returns an error if a port fails. Nothing is stored then.
pub async fn record_receipts(cx: &EmergencyPorts, receipts: &[Receipt]) -> Result<(), Error> {
    if receipts.is_empty() {
        return Ok(());
    }
    let begin = Change::new(None, cx.clock.now());
    let change = receipts.iter().fold(begin, |change, &Receipt { emergency, helper, session, is_acknowledged }| {
        if is_acknowledged {
            let acknowledged = Event::AlertAcknowledged { helper };
            let device = ReceivingDevice::OfSession(session);
            let change = change.write(Write::AcknowledgeAlert { emergency, helper });
            let change = change.write(Write::NoteDeviceReceived { emergency, device });
            change.event_by(helper, emergency, acknowledged)
        } else {
            change.write(Write::ReceiveAlert { emergency, helper })
        }
    });
    Ok(cx.changes.commit(change).await?)
}

/// Fires the timers that are due: sends waves, notifies owners without a response, and expires old emergencies.
///
/// Returns the number of emergencies handled. If it is [`MAX_FIRED_AT_ONCE`], more may be due. `fired` is called for each timer
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
    let due = alerts.due(now, cx.rules.expired_before(now), MAX_FIRED_AT_ONCE).await?;
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

/// Fires the timers of one emergency. Returns what it did: nothing if none of them is due any more.
async fn fire(cx: &EmergencyPorts, id: EmergencyId) -> Result<Vec<Fired>, Error> {
    let mut loaded = cx.load_with(id, cx.nearest()).await?;
    let now = cx.clock.now();
    if loaded.emergency.call().created_at < cx.rules.expired_before(now) {
        let resolution = loaded.emergency.expire(now)?;
        let change = resolved(cx, &loaded, None, resolution, None, now);
        cx.changes.commit(change).await?;
        return Ok(vec![Fired::Expired]);
    }
    if !loaded.emergency.is_timer_due(now) {
        return Ok(Vec::new());
    }
    // Those who accepted at a node of the release before have no roles.
    let gives_roles = loaded.emergency.next_alert_at().is_none();
    let change = Change::new(None, now);
    let held = loaded.emergency.end_completion_hold(now);
    let checked = loaded.emergency.check_responses(cx.rules.stalls, now);
    let change = tell_of_checks(cx, change, &loaded.emergency, &checked);
    let renews = held.must_renew || checked.search.must_renew;
    let became_active = held.became_active || checked.search.became_active;
    let search = SearchEffect { became_active, must_renew: renews, became_responding: false };
    let change = follow_search(cx, change, &mut loaded, search, RenewalCause::Other)?;
    let (change, fired) = if renews { (change, vec![Fired::Wave]) } else { step_search(cx, change, &mut loaded, None) };
    loaded.emergency.schedule_checks(cx.rules.stalls, now);
    let update = Write::UpdateEmergency { emergency: Box::new(loaded.emergency.clone()), responses: checked.changed() };
    let mut change = change.write_first(update);
    if gives_roles || !checked.stalled.is_empty() {
        change = assign_roles(cx, change, &mut loaded.emergency).await?;
    }
    cx.changes.commit(change).await?;
    Ok(fired)
}

/// Takes the step of a search that is due, and adds what follows from it.
///
/// `joined` is a helper who has just become available, because of whom it is decided by gain.
fn step_search(
    cx: &EmergencyPorts,
    change: Change,
    loaded: &mut Loaded,
    joined: Option<UserId>,
) -> (Change, Vec<Fired>) {
    let Loaded { emergency, alerts, near, skipped, rings, hidden_from, census } = loaded;
    let judged_place = cx.rules.places.judged_place(&emergency.call().details);
    let gain = cx.rules.gain.as_ref();
    let gain = gain.map(|policy| GainInput { policy, judged_place, alerts, near, census, joined });
    let step = emergency.step_search(change.at, &cx.rules.alerts, gain, (alerts, near), (skipped, rings));
    let Step { radius: _, begins_wave, ring, is_unanswered, decision, announcement } = step;
    let (mut change, mut fired) = (change, Vec::new());
    // First, as when an emergency is raised.
    if let Some(HeldAnnouncement { nearby_helpers, due_at: _ }) = announcement {
        let (id, call, status) = (emergency.id(), emergency.call().clone(), emergency.status());
        let hidden_from = hidden_from.clone();
        let announced = Event::EmergencyAnnounced { call, status, nearby_helpers, hidden_from };
        change = change.write(Write::AnnounceEmergency(id)).event(id, announced);
    }
    // A wave without recipients is an event, too: it moves the radius.
    if begins_wave || !ring.is_empty() {
        change = send(cx, change, emergency, alerts, ring, decision);
        fired.push(Fired::Wave);
    }
    if is_unanswered {
        change = report_unanswered(cx, change, emergency);
        fired.push(Fired::Unanswered);
    }
    (change, fired)
}

/// Tells the owner and their contacts that no helper answered.
fn report_unanswered(cx: &EmergencyPorts, change: Change, emergency: &Emergency) -> Change {
    tell_owner_unanswered(cx, cx.review_contacts(change, emergency.id()), emergency)
}

/// Adds what follows for the search from a change of responses: the emergency is active again, and the search is renewed.
///
/// The change MUST also update the emergency, after this call. `loaded` is as in [`renew_search`].
pub(super) fn follow_search(
    cx: &EmergencyPorts,
    change: Change,
    loaded: &mut Loaded,
    effect: SearchEffect,
    cause: RenewalCause,
) -> Result<Change, Refusal> {
    let SearchEffect { became_active, became_responding: _, must_renew } = effect;
    let updated_at = change.at;
    let change = if became_active {
        let active = Event::StatusChanged { status: EmergencyStatus::Active, updated_at };
        change.event(loaded.emergency.id(), active)
    } else {
        change
    };
    if must_renew { renew_search(cx, change, loaded, cause) } else { Ok(change) }
}

/// Renews the search for helpers: rings those again that were alerted and have not answered, and goes on with the next
/// wave. The first steps are part of this change, unless the renewal has to wait.
///
/// The change MUST also update the emergency, after this call. `loaded` MUST hold the helpers that [`HelperSelection::Nearest`] with
/// the size of a wave finds.
///
/// # Errors
/// [`Refusal::EmergencyEnded`].
pub(super) fn renew_search(
    cx: &EmergencyPorts,
    change: Change,
    loaded: &mut Loaded,
    cause: RenewalCause,
) -> Result<Change, Refusal> {
    loaded.emergency.renew_search(change.at, &cx.rules.alerts, cause)?;
    if loaded.emergency.search().due_at.is_some_and(|due| due > change.at) {
        return Ok(change);
    }
    Ok(step_search(cx, change, loaded, None).0)
}

/// Alerts another helper in place of one that declines or cancels, within the present alert radius. Tells the owner if the
/// search has no helper left to alert. By gain, all of this is decided by the timer, at once.
///
/// The change MUST also update the emergency, after this call. `loaded.alerts` MUST reflect the decline.
pub(super) fn alert_substitute(cx: &EmergencyPorts, change: Change, loaded: &mut Loaded) -> Change {
    let Loaded { emergency, alerts, near, rings, .. } = loaded;
    if cx.rules.gain.is_some() {
        emergency.decide_soon(change.at);
        return change;
    }
    match emergency.substitute(change.at, &cx.rules.alerts, alerts, near, rings) {
        Some(recipient) => send(cx, change, emergency, alerts, vec![recipient], None),
        None if emergency.exhaust_search(change.at, alerts, near) => report_unanswered(cx, change, emergency),
        None => change,
    }
}

/// Adds alerts to a change that also updates the emergency.
fn send(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
    alerts: &[Alert],
    recipients: Vec<Recipient>,
    decision: Option<Box<LoggedDecision>>,
) -> Change {
    let alerted = |helper| alerts.iter().any(|a| a.helper == helper && a.wave.is_some());
    emergency.count_alerted(recipients.iter().filter(|r| !alerted(r.helper)).count());
    let (id, wave) = (emergency.id(), emergency.alerts().wave);
    let event = Event::HelpersAlerted {
        call: emergency.call().clone(),
        status: emergency.status(),
        wave,
        radius: emergency.alert_radius(),
        recipients: recipients.clone(),
        decision,
    };
    // A repetition leaves out the devices that have received the alert; a renewed search starts anew on all of them.
    let renewed_at = emergency.search().renewed_at;
    let is_repeat =
        |helper| alerts.iter().any(|a| a.helper == helper && a.sent_at.is_some() && a.sent_at >= renewed_at);
    let devices = recipients.iter().map(|r| OutboxRecipient::alerted(r, is_repeat(r.helper))).collect();
    let change = change.write(Write::SendAlerts { emergency: id, wave, recipients }).event(id, event);
    change.send(OutboxKind::Alert, emergency.call(), devices, cx.rules.alert_ttl)
}

/// Alerts a user to emergencies without a response that were found near: to each within whose alert radius the user is
/// an available helper.
///
/// `found` comes from the caller's projection of open emergencies. `freed_at` is when the user became available, after
/// having been engaged elsewhere: then an alert from before does not count, unless it was declined. Returns the emergencies
/// for which this user need not be checked again. Calls no port if `found` is empty.
///
/// # Errors
/// Returns an error if a port fails. Alerts sent before the failure stay sent; a repeated call finds them settled.
pub async fn alert_found(
    cx: &EmergencyPorts,
    found: &[EmergencyId],
    user: UserId,
    freed_at: Option<Timestamp>,
) -> Result<Vec<EmergencyId>, Error> {
    let mut settled = Vec::new();
    for &id in found {
        let is_settled = match alert_if_in_range(cx, id, user, freed_at).await {
            Err(Error::Refused(Refusal::EmergencyNotFound)) => true,
            outcome => outcome?,
        };
        settled.extend(is_settled.then_some(id));
    }
    Ok(settled)
}

/// Alerts a user that has come near an emergency whose search runs, if the user is an available helper within its alert
/// radius.
///
/// A user that was alerted before is not alerted again, unless that was before `freed_at`. Returns whether this user need
/// not be checked again.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], or when a port fails.
pub async fn alert_if_in_range(
    cx: &EmergencyPorts,
    id: EmergencyId,
    user: UserId,
    freed_at: Option<Timestamp>,
) -> Result<bool, Error> {
    if cx.rules.gain.is_some() {
        return decide_for(cx, id, user, freed_at).await;
    }
    cx.in_turn(id, || async {
        let Loaded { mut emergency, alerts, near, skipped: _, rings, hidden_from, census: _ } =
            cx.load_with(id, HelperSelection::Only(user)).await?;
        let alert = alerts.iter().find(|a| a.helper == user);
        let is_outdated = |alert: &Alert| alert.declined_at.is_none() && alert.sent_at < freed_at;
        let is_held = emergency.search().is_held(user);
        let has_responded = emergency.has_responded(user);
        if alert.is_some_and(|alert| !is_outdated(alert)) || is_held || has_responded || emergency.owner() == user {
            return Ok(true);
        }
        // As if it had ended.
        if hidden_from.contains(&user) {
            return Ok(true);
        }
        if !emergency.status().is_live() {
            return Ok(true);
        }
        let is_searching = emergency.search().is_running();
        let within = |helper: &Recipient| is_searching && helper.distance <= emergency.alert_radius();
        let Some(recipient) = near.into_iter().find(within) else { return Ok(false) };
        let now = cx.clock.now();
        let ring = match alert {
            // The emergency has rung this helper before: no further ring in the sense of the limit.
            Some(_) => Some(recipient),
            None => emergency.add_helper_in_range(now, &cx.rules.alerts, recipient, &rings),
        };
        let mut change = Change::new(None, now);
        if let Some(recipient) = ring {
            change = send(cx, change, &mut emergency, &alerts, vec![recipient], None);
        }
        let update = Write::UpdateEmergency { emergency: Box::new(emergency), responses: Vec::new() };
        cx.changes.commit(change.write_first(update)).await?;
        Ok(true)
    })
    .await
}

/// Decides by gain anew, because this user has come near or is available again. Returns whether the user need not be checked
/// again.
async fn decide_for(
    cx: &EmergencyPorts,
    id: EmergencyId,
    user: UserId,
    freed_at: Option<Timestamp>,
) -> Result<bool, Error> {
    cx.in_turn(id, || async {
        let mut loaded = cx.load_with(id, cx.nearest()).await?;
        let (emergency, now) = (&loaded.emergency, cx.clock.now());
        let alert = loaded.alerts.iter().find(|alert| alert.helper == user);
        let is_answered = emergency.search().is_held(user) || emergency.has_responded(user);
        let is_outdated = |alert: &Alert| alert.declined_at.is_none() && alert.sent_at < freed_at;
        if is_answered || alert.is_some_and(|alert| !is_outdated(alert)) || !emergency.search().is_running() {
            return Ok(true);
        }
        let is_near = loaded.near.iter().any(|recipient| recipient.helper == user);
        if !is_near || (freed_at.is_none() && !emergency.search().may_decide_on_position(now)) {
            return Ok(false);
        }
        if alert.is_some() {
            // Rung before they were engaged elsewhere: they count as not yet alerted.
            loaded.alerts.retain(|alert| alert.helper != user);
        }
        let (change, fired) = step_search(cx, Change::new(None, now), &mut loaded, Some(user));
        if !fired.is_empty() {
            let update = Write::UpdateEmergency { emergency: Box::new(loaded.emergency), responses: Vec::new() };
            cx.changes.commit(change.write_first(update)).await?;
        }
        Ok(false)
    })
    .await
}

#[cfg(test)]
mod tests;
