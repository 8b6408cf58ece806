//! The team that comes to an emergency: its roles are part of every change of responses.

use crate::{
    Change, Emergency, EmergencyId, Error, Event, Metres, OutboxKind, OutboxRecipient, Refusal, ReportWeight,
    ReportedState, Resource, ResourceId, ResourceKind, ResourceReport, ResourceSearch, ResourceState, Response,
    Timestamp, UserId, Write, dispatch::RoleChange, usecase::emergencies::EmergencyPorts,
};

/// How far from the emergency boxes are looked for: further away, a box comes too late by car.
const BOXES_WITHIN: Metres = Metres::new(4_000.0);
/// Maximum number of boxes that are looked at, nearest first.
const MAX_BOXES: u32 = 50;

/// Assigns roles to the helpers with an active response, and adds the events and the responses to a change that updates the emergency.
/// A change of responses MUST pass through this function before it is committed.
///
/// # Errors
/// Returns an error if a port fails.
pub(super) async fn assign_roles(
    cx: &EmergencyPorts,
    change: Change,
    emergency: &mut Emergency,
) -> Result<Change, Error> {
    let (id, now, travel) = (emergency.id(), change.at, cx.rules.travel);
    // What a helper reports is stored, although no box can be looked for: roles are then given with the next change.
    let Ok(resources) = boxes_near(cx, emergency).await else { return Ok(change) };
    let update = emergency.assign_team(&travel, &resources, now);
    let mut change = change;
    let finished: Vec<UserId> = emergency.participants().filter(|user| emergency.has_finished(*user, now)).collect();
    for &RoleChange { helper, assignment, previous, reason } in &update.roles {
        let near = resources.iter().find(|resource| Some(resource.id) == assignment.resource);
        let resource = match (near, assignment.resource) {
            // In the hands of a helper who had stalled: the role is stored, also when the box cannot be read.
            (None, Some(in_hand)) => cx.resources.find(in_hand).await.unwrap_or_default(),
            (near, _) => near.cloned(),
        };
        let resource = resource.map(|resource| resource.assigned(travel.zone, now));
        let hidden_from = emergency.separated_helpers(helper).into_iter().chain(finished.iter().copied()).collect();
        let role = assignment.role;
        let assigned = Event::RoleAssigned { helper, role, resource, previous, reason, at: now, hidden_from };
        // Of the helper, since the actor may be one whose block cancelled the response of another.
        change = change.event_by(helper, id, assigned);
    }
    for &(helper, reason) in &update.stand_downs {
        change = change.event_by(helper, id, Event::HelperStoodDown { helper, reason, at: now });
        let recipient = vec![OutboxRecipient::user(helper)];
        change = change.send(OutboxKind::StandDown, emergency.call(), recipient, cx.rules.alert_ttl);
    }
    for write in &mut change.writes {
        let Write::UpdateEmergency { emergency: stored, responses } = write else { continue };
        if stored.id() != id {
            continue;
        }
        (**stored).clone_from(emergency);
        responses.retain(|response| !update.concerns(response.helper.person.id));
        let changed = emergency.responses().iter().filter(|response| update.concerns(response.helper.person.id));
        responses.extend(changed.cloned());
    }
    Ok(change)
}

/// The boxes that helpers might bring, and those that they are to bring, wherever these are.
async fn boxes_near(cx: &EmergencyPorts, emergency: &Emergency) -> Result<Vec<Resource>, Error> {
    if !emergency.needs_box() {
        return Ok(Vec::new());
    }
    let centre = emergency.call().details.location.position;
    let kind = Some(ResourceKind::Aed);
    let search = ResourceSearch { centre, radius: BOXES_WITHIN, kind, limit: MAX_BOXES };
    let is_collected = |response: &Response| response.assignment().is_some_and(|held| held.has_collected);
    let mut near = Vec::new();
    if !emergency.responses().iter().any(is_collected) {
        near.extend(search.nearest(cx.resources.around(&search).await?).into_iter().map(|(resource, _)| resource));
    }
    for assigned in emergency.assigned_boxes() {
        if !near.iter().any(|resource| resource.id == assigned) {
            near.extend(cx.resources.find(assigned).await?);
        }
    }
    Ok(near)
}

/// Checks that what a helper reports of the box which they are to bring may be believed.
///
/// # Errors
/// [`Refusal::SeenElsewhere`].
pub(super) async fn check_box_report(
    cx: &EmergencyPorts,
    emergency: &Emergency,
    helper: UserId,
    state: ResourceState,
) -> Result<(), Refusal> {
    let assigned = emergency.response(helper).and_then(Response::assignment).and_then(|held| held.resource);
    let box_place = match assigned.filter(|_| state == ResourceState::Collected) {
        // As with roles, a box that cannot be looked up fails no report.
        Some(id) => cx.resources.find(id).await.unwrap_or_default().map(|resource| resource.details.position),
        None => None,
    };
    emergency.check_box_report(helper, state, box_place, cx.clock.now())
}

/// Stores that a helper has not found the box which they were to bring. `before` is the emergency before that was reported.
///
/// To be called before their report is committed: the same report again replaces this one.
///
/// # Errors
/// Returns an error if a port fails.
pub(super) async fn report_missing_box(
    cx: &EmergencyPorts,
    before: &Emergency,
    helper: UserId,
    missing: ResourceId,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(resource) = cx.resources.find(missing).await? else { return Ok(()) };
    let was_there = before.has_seen(helper, &resource, now);
    let weight = if was_there { ReportWeight::Decisive } else { ReportWeight::Counted };
    let (reporter, note) = (helper, None);
    let report = ResourceReport { resource: missing, reporter, state: ReportedState::Missing, note, weight, at: now };
    cx.resources.report(&report).await?;
    Ok(())
}

/// Gives a helper who reported their box missing another task. No effect if they are not to bring this box any more.
///
/// # Errors
/// Returns an error if a port fails.
pub(super) async fn give_up_box(
    cx: &EmergencyPorts,
    id: EmergencyId,
    helper: UserId,
    resource: ResourceId,
) -> Result<(), Error> {
    let given_up = cx
        .in_turn(id, || async {
            let mut emergency = cx.load(id).await?.emergency;
            let held = emergency.response(helper).and_then(Response::assignment);
            let is_to_fetch = held.is_some_and(|held| held.resource == Some(resource) && !held.has_collected);
            if !is_to_fetch || !emergency.status().is_live() {
                return Ok(());
            }
            let now = cx.clock.now();
            emergency.note_box(helper, ResourceState::Missing, now)?;
            let responses = emergency.response(helper).cloned().into_iter().collect();
            let update = Write::UpdateEmergency { emergency: Box::new(emergency.clone()), responses };
            let change = Change::new(Some(helper), now).write(update);
            Ok(cx.changes.commit(assign_roles(cx, change, &mut emergency).await?).await?)
        })
        .await;
    match given_up {
        // It has ended since, and was deleted.
        Err(Error::Refused(Refusal::EmergencyNotFound)) => Ok(()),
        given_up => given_up,
    }
}

#[cfg(test)]
mod tests;
