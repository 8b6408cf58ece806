//! Alerts after the first wave: further waves while nobody responds, substitutes for those who will not come, helpers
//! who come near later, and what becomes of an emergency that nobody answers.
//!
//! Every alert is sent on condition that the emergency is still at the revision it was decided on, so that of several
//! nodes whose timers fire at once one sends it.

use crate::{
    Alert, Change, Emergency, EmergencyId, EmergencyStatus, Error, Event, Metres, Recipient, Refusal, UserId, Write,
    port::{self, Loaded, Whom},
    usecase::emergencies::{EmergencyPorts, resolved},
};

/// The most emergencies that [`fire_due`] looks after at once. When it did so many there may be more.
pub const BATCH: u32 = 100;

/// What a timer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// The next wave of alerts went out.
    Wave,
    /// The owner is told that nobody came.
    Unanswered,
    /// The emergency ran out of time, and was resolved.
    Expired,
}

/// Stores that devices received alerts, as pairs of emergency and alerted helper, each pair at most once.
///
/// One commit stores all of them, because the helpers of a wave answer at about the same time. Idempotent: an alert that
/// was acknowledged before, or never sent, stays as it is and appends no event.
///
/// # Errors
/// When a port fails. Nothing is stored then.
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

/// Does what is due: sends waves, tells owners that nobody came, ends what ran out of time. Tells how many emergencies
/// it looked after; the caller asks again soon if there may be more. `fired` is told of each timer that did something.
///
/// # Errors
/// When a port fails. What was done before stays done.
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
            // Ended or deleted meanwhile, or another node was faster: nothing is left to do.
            Err(Error::Refused(_) | Error::Port(port::Error::Stale)) => {}
            Ok(done) => done.into_iter().for_each(&mut fired),
            // An emergency that can never be handled must not delay the others.
            Err(broken @ Error::Port(port::Error::Corrupt { .. } | port::Error::Bug(_))) => failure = Some(broken),
            Err(other) => return Err(other),
        }
    }
    failure.map_or(Ok(due.len()), Err)
}

/// Tells what was done, if anything was.
async fn fire(cx: &EmergencyPorts, id: EmergencyId) -> Result<Option<Fired>, Error> {
    let loaded = cx.load_with(id, Whom::Nearest(cx.rules.alerts.wave_size())).await?;
    let now = cx.clock.now();
    let alerted = loaded.alerted();
    let Loaded { mut emergency, alerts, near } = loaded;
    if emergency.call().created_at < cx.rules.expired_before(now) {
        let resolution = emergency.expire(now)?;
        cx.changes.commit(resolved(&emergency, None, resolution, None, now, alerted)).await?;
        return Ok(Some(Fired::Expired));
    }
    if emergency.next_alert_at().is_none_or(|due| due > now) {
        return Ok(None);
    }
    let change = Change::new(None, now);
    let (fired, change) = match cx.rules.alerts.next_radius(emergency.alert_radius()) {
        Some(radius) => (Fired::Wave, wave(cx, change, &mut emergency, &alerts, &near, radius)?),
        None => (Fired::Unanswered, give_up(change, &mut emergency)),
    };
    let update = Write::UpdateEmergency { emergency: Box::new(emergency), responses: Vec::new() };
    cx.changes.commit(change.write_first(update)).await?;
    Ok(Some(fired))
}

/// The last wave passed without a response.
fn give_up(change: Change, emergency: &mut Emergency) -> Change {
    emergency.stop_waves();
    let unanswered = Event::Unanswered { owner: emergency.owner(), alerted: emergency.alerts().alerted };
    change.event(emergency.id(), unanswered)
}

/// Nobody responds any more: the next wave goes out at once, with the next radius if there is one.
pub(super) fn resume(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
    alerts: &[Alert],
    near: &[Recipient],
) -> Result<Change, Refusal> {
    let current = emergency.alert_radius();
    let radius = cx.rules.alerts.next_radius(current).unwrap_or(current);
    wave(cx, change, emergency, alerts, near, radius)
}

/// One will not come: the nearest who was not alerted yet is alerted in their place. The alert radius stays.
pub(super) fn fill(
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

/// Looks at a user near emergencies that wait for an answer, `found` in the caller's memory of open emergencies: a helper
/// on duty within the alert radius of one is alerted to it.
///
/// Returns the emergencies for which this user need not be looked at again. Asks no port if `found` is empty.
///
/// # Errors
/// When a port fails. Alerts sent before the failure stay sent; a repeated call finds them settled.
pub async fn notice(cx: &EmergencyPorts, found: &[EmergencyId], user: UserId) -> Result<Vec<EmergencyId>, Error> {
    let mut settled = Vec::new();
    for &id in found {
        let is_settled = match reach(cx, id, user).await {
            Err(Error::Refused(Refusal::EmergencyNotFound)) => true,
            outcome => outcome?,
        };
        settled.extend(is_settled.then_some(id));
    }
    Ok(settled)
}

/// Somebody has come near an emergency that nobody has answered. If they are a helper on duty within its alert radius,
/// they are alerted, unless they were before, or the emergency is answered by now. Tells whether this user need not be
/// looked at again.
///
/// # Errors
/// [`Refusal::EmergencyNotFound`], or when a port fails.
pub async fn reach(cx: &EmergencyPorts, id: EmergencyId, user: UserId) -> Result<bool, Error> {
    cx.in_turn(id, || async {
        let Loaded { mut emergency, alerts, near } = cx.load_with(id, Whom::Only(user)).await?;
        let known = alerts.iter().any(|a| a.helper == user) || emergency.response(user).is_some();
        if known || emergency.owner() == user || !emergency.status().is_live() {
            return Ok(true);
        }
        let waits = emergency.status() == EmergencyStatus::Active;
        let within = near.into_iter().filter(|helper| waits && helper.distance <= emergency.alert_radius());
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
