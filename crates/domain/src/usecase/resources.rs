//! Resources, which administrators enter and everybody looks up.

use std::sync::Arc;

use crate::{
    Actor, Error, Metres, Refusal, Resource, ResourceDetails, ResourceId, ResourceSearch, ResourceSource,
    ResourceStatus, port, usecase::helpers::must_be_admin,
};

/// The ports of these use cases.
#[derive(Clone)]
pub struct ResourcePorts {
    /// Resources.
    pub resources: Arc<dyn port::Resources>,
    /// Source of the current time.
    pub clock: Arc<dyn port::Clock>,
    /// Source of new identifiers.
    pub ids: Arc<dyn port::Ids>,
}

/// The resources around a place, nearest first, with their distance.
///
/// # Errors
/// Returns an error if a port fails.
pub async fn near(cx: &ResourcePorts, search: &ResourceSearch) -> Result<Vec<(Resource, Metres)>, Error> {
    Ok(search.nearest(cx.resources.around(search).await?))
}

/// Finds a resource, for an administrator who is going to change it.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::ResourceNotFound`].
pub async fn find(cx: &ResourcePorts, actor: &Actor, id: ResourceId) -> Result<Resource, Error> {
    must_be_admin(actor)?;
    Ok(cx.resources.find(id).await?.ok_or(Refusal::ResourceNotFound)?)
}

/// Adds a resource, for an administrator. It is available, as nobody has said otherwise.
///
/// # Errors
/// [`Refusal::NotAuthorized`].
pub async fn add(cx: &ResourcePorts, actor: &Actor, details: ResourceDetails) -> Result<Resource, Error> {
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
    Ok(resource)
}

/// Changes a resource, for an administrator. Of two changes at once the later one wins.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::ResourceNotFound`].
pub async fn change(
    cx: &ResourcePorts,
    actor: &Actor,
    current: Resource,
    details: ResourceDetails,
) -> Result<Resource, Error> {
    must_be_admin(actor)?;
    if cx.resources.change(current.id, &details).await? {
        return Ok(Resource { details, ..current });
    }
    Err(Refusal::ResourceNotFound.into())
}

/// Removes a resource, for an administrator.
///
/// # Errors
/// [`Refusal::NotAuthorized`]; [`Refusal::ResourceNotFound`].
pub async fn remove(cx: &ResourcePorts, actor: &Actor, id: ResourceId) -> Result<(), Error> {
    must_be_admin(actor)?;
    if cx.resources.remove(id).await? { Ok(()) } else { Err(Refusal::ResourceNotFound.into()) }
}
