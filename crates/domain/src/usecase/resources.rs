//! Resources: administrators enter them, every user looks them up and reports on them.

use crate::{
    Actor, Error, Metres, Refusal, ReportWeight, ReportedState, Resource, ResourceDetails, ResourceId, ResourceReport,
    ResourceSearch, ResourceSource, ResourceStatus, Text,
    usecase::{emergencies::EmergencyPorts, helpers::must_be_admin, team::give_up_box},
};

/// A resource at the time of the request.
#[derive(Debug, Clone, PartialEq)]
pub struct PresentResource {
    /// The resource.
    pub resource: Resource,
    /// Whether it can be reached now. `None` if its hours are missing, or cannot be read.
    pub is_open: Option<bool>,
}

/// The resources around a place, nearest first, with their distance.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn near(cx: &EmergencyPorts, search: &ResourceSearch) -> Result<Vec<(PresentResource, Metres)>, Error> {
    let nearest = search.nearest(cx.resources.around(search).await?);
    Ok(nearest.into_iter().map(|(resource, distance)| (present(cx, resource), distance)).collect())
}

/// Finds a resource, for an administrator who is going to change it.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::ResourceNotFound`].
pub async fn find(cx: &EmergencyPorts, actor: &Actor, id: ResourceId) -> Result<Resource, Error> {
    must_be_admin(actor)?;
    Ok(cx.resources.find(id).await?.ok_or(Refusal::ResourceNotFound)?)
}

/// Adds a resource, for an administrator. It is available, as nothing says otherwise.
///
/// # Errors
/// [`Refusal::NotAuthorized`].
pub async fn add(cx: &EmergencyPorts, actor: &Actor, details: ResourceDetails) -> Result<PresentResource, Error> {
    must_be_admin(actor)?;
    let now = cx.clock.now();
    let resource = Resource {
        id: cx.ids.next().into(),
        details,
        status: ResourceStatus::Available,
        checked_at: Some(now),
        source: ResourceSource::Manual,
        created_at: now,
    };
    cx.resources.add(&resource).await?;
    Ok(present(cx, resource))
}

/// Changes a resource, for an administrator. Of two changes at once the later one wins. An import leaves it as it is from then on.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::ResourceNotFound`].
pub async fn change(
    cx: &EmergencyPorts,
    actor: &Actor,
    current: Resource,
    details: ResourceDetails,
) -> Result<PresentResource, Error> {
    must_be_admin(actor)?;
    if cx.resources.change(current.id, &details).await? {
        return Ok(present(cx, Resource { details, source: ResourceSource::Manual, ..current }));
    }
    Err(Refusal::ResourceNotFound.into())
}

/// Removes a resource, for an administrator.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::ResourceNotFound`].
pub async fn remove(cx: &EmergencyPorts, actor: &Actor, id: ResourceId) -> Result<(), Error> {
    must_be_admin(actor)?;
    if cx.resources.remove(id).await? { Ok(()) } else { Err(Refusal::ResourceNotFound.into()) }
}

/// Stores what a user saw of a resource, and the status that follows from it.
///
/// # Errors
/// [`Refusal::ResourceNotFound`].
pub async fn report(
    cx: &EmergencyPorts,
    actor: &Actor,
    id: ResourceId,
    state: ReportedState,
    note: Option<Text<500>>,
) -> Result<PresentResource, Error> {
    let resource = cx.resources.find(id).await?.ok_or(Refusal::ResourceNotFound)?;
    let live =
        if actor.account.is_admin() { Vec::new() } else { cx.emergencies.live_of(actor.id()).await?.emergencies };
    let now = cx.clock.now();
    let was_there = live.iter().any(|emergency| emergency.has_seen(actor.id(), &resource, now));
    let weight = match actor.account.may_help(cx.rules.helpers) {
        _ if actor.account.is_admin() || was_there => ReportWeight::Decisive,
        true => ReportWeight::Counted,
        false => ReportWeight::Noted,
    };
    let report = ResourceReport { resource: id, reporter: actor.id(), state, note, weight, at: now };
    let resource = cx.resources.report(&report).await?.ok_or(Refusal::ResourceNotFound)?;
    if state != ReportedState::Ok {
        for emergency in live.iter().filter(|emergency| emergency.assigned_boxes().any(|assigned| assigned == id)) {
            give_up_box(cx, emergency.id(), actor.id(), id).await?;
        }
    }
    Ok(present(cx, resource))
}

fn present(cx: &EmergencyPorts, resource: Resource) -> PresentResource {
    let is_open = resource.details.is_open(cx.rules.travel.zone, cx.clock.now());
    PresentResource { resource, is_open }
}

#[cfg(test)]
mod tests;
