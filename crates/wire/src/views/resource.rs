//! Resources, the same for everybody.

use allynet_domain::{
    AssignedResource, Metres, Position, Resource, ResourceAccess, ResourceDetails, ResourceId, ResourceKind,
    ResourceSource, ResourceStatus, Text, Timestamp, usecase::resources::PresentResource,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::documents::schema::Word;

/// A box with a defibrillator, or another thing that helps.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Resource")]
pub struct ResourceView<'a> {
    /// The id.
    #[schemars(with = "uuid::Uuid")]
    id: ResourceId,
    /// What it is.
    #[schemars(with = "Word<ResourceKind>")]
    kind: ResourceKind,
    /// Where it is.
    location: ResourcePlace<'a>,
    /// Who may take it.
    #[schemars(with = "Word<ResourceAccess>")]
    access: ResourceAccess,
    /// When it can be reached, in the syntax of OpenStreetMap.
    #[schemars(length(max = 1000), example = &"24/7")]
    opening_hours: Option<&'a str>,
    /// Whether it can be reached now; `null` where the hours are missing or cannot be read.
    open: Option<bool>,
    /// Whether it is inside of a building.
    indoor: Option<bool>,
    /// The floor.
    #[schemars(length(max = 50), example = &"0")]
    level: Option<&'a str>,
    /// How to find it.
    #[schemars(length(max = 500))]
    description: Option<&'a str>,
    /// A telephone number of the place.
    #[schemars(length(max = 40))]
    phone: Option<&'a str>,
    /// Whether it is there.
    #[schemars(with = "Word<ResourceStatus>")]
    status: ResourceStatus,
    /// When it was last known to be there.
    checked_at: Option<Timestamp>,
    /// Where it is known from.
    #[schemars(with = "Word<ResourceSource>")]
    source: ResourceSource,
}

/// The place of a resource.
#[derive(Debug, Serialize, JsonSchema)]
struct ResourcePlace<'a> {
    /// Degrees north (WGS 84).
    #[schemars(range(min = -90.0, max = 90.0))]
    latitude: f64,
    /// Degrees east (WGS 84).
    #[schemars(range(min = -180.0, max = 180.0))]
    longitude: f64,
    /// The postal address.
    #[schemars(length(max = 300))]
    address: Option<&'a str>,
}

impl<'a> ResourcePlace<'a> {
    const fn new(position: Position, address: Option<&'a str>) -> Self {
        Self { latitude: position.latitude(), longitude: position.longitude(), address }
    }
}

impl<'a> From<&'a PresentResource> for ResourceView<'a> {
    fn from(PresentResource { resource, is_open }: &'a PresentResource) -> Self {
        let Resource { id, details, status, checked_at, source, created_at: _ } = resource;
        let ResourceDetails { kind, position, address, access, opening_hours, indoor, level, description, phone } =
            details;
        Self {
            id: *id,
            kind: *kind,
            location: ResourcePlace::new(*position, address.as_ref().map(Text::as_str)),
            access: *access,
            opening_hours: opening_hours.as_ref().map(Text::as_str),
            open: *is_open,
            indoor: *indoor,
            level: level.as_ref().map(Text::as_str),
            description: description.as_ref().map(Text::as_str),
            phone: phone.as_ref().map(Text::as_str),
            status: *status,
            checked_at: *checked_at,
            source: *source,
        }
    }
}

/// The box that a helper is to bring.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AssignedResource")]
pub(crate) struct AssignedResourceView<'a> {
    /// The id.
    #[schemars(with = "uuid::Uuid")]
    id: ResourceId,
    /// What it is.
    #[schemars(with = "Word<ResourceKind>")]
    kind: ResourceKind,
    /// Where it is.
    location: ResourcePlace<'a>,
    /// How to find it.
    #[schemars(length(max = 500))]
    description: Option<&'a str>,
    /// When it cannot be reached any more; `null` if that is not known, or more than a week ahead.
    open_until: Option<Timestamp>,
}

impl<'a> From<&'a AssignedResource> for AssignedResourceView<'a> {
    fn from(resource: &'a AssignedResource) -> Self {
        let AssignedResource { id, kind, position, address, description, open_until } = resource;
        Self {
            id: *id,
            kind: *kind,
            location: ResourcePlace::new(*position, address.as_ref().map(Text::as_str)),
            description: description.as_ref().map(Text::as_str),
            open_until: *open_until,
        }
    }
}

/// A resource with its distance.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NearResource")]
pub struct NearResourceView<'a> {
    #[serde(flatten)]
    resource: ResourceView<'a>,
    /// Metres from the place that was asked for.
    distance: f64,
}

impl<'a> From<&'a (PresentResource, Metres)> for NearResourceView<'a> {
    fn from((resource, distance): &'a (PresentResource, Metres)) -> Self {
        Self { resource: resource.into(), distance: distance.get().round() }
    }
}
