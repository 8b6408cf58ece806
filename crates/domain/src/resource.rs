//! Boxes with a defibrillator and other things that help, and where they are.

use crate::{Metres, Position, ResourceId, Text, Timestamp, string_enum};

string_enum! {
    /// What a resource is.
    ResourceKind {
        Aed = "aed", Naloxone = "naloxone", FirstAidKit = "first_aid_kit", Extinguisher = "extinguisher", Other = "other",
    }
}

string_enum! {
    /// Who may take a resource.
    ResourceAccess { Public = "public", Customers = "customers", Private = "private", Unknown = "unknown" }
}

string_enum! {
    /// Whether a resource is where it should be.
    ResourceStatus { Available = "available", Missing = "missing", Unusable = "unusable" }
}

string_enum! {
    /// Where a resource is known from: entered by an administrator, or OpenStreetMap.
    ResourceSource { Manual = "manual", Osm = "osm" }
}

/// Maximum length of a list of resources.
pub const MAX_RESOURCES: u32 = 500;

/// What an administrator says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDetails {
    /// What it is.
    pub kind: ResourceKind,
    /// Where it is.
    pub position: Position,
    /// The postal address.
    pub address: Option<Text<300>>,
    /// Who may take it.
    pub access: ResourceAccess,
    /// When it can be reached, in the syntax of OpenStreetMap; verbatim.
    pub opening_hours: Option<Text<1000>>,
    /// Whether it is inside of a building.
    pub indoor: Option<bool>,
    /// The floor.
    pub level: Option<Text<50>>,
    /// How to find it.
    pub description: Option<Text<500>>,
    /// A telephone number of the place.
    pub phone: Option<Text<40>>,
}

impl ResourceDetails {
    /// Whether it can be reached now. `None` if its hours are missing, or tell more than that it is always open: they are not
    /// interpreted.
    pub fn is_open(&self) -> Option<bool> {
        let hours = self.opening_hours.as_ref()?;
        (hours.as_str() == "24/7").then_some(true)
    }
}

/// A resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The id.
    pub id: ResourceId,
    /// What it is and where.
    pub details: ResourceDetails,
    /// Whether it is there.
    pub status: ResourceStatus,
    /// When somebody last saw that it is there.
    pub checked_at: Option<Timestamp>,
    /// Where it is known from.
    pub source: ResourceSource,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A search for resources.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResourceSearch {
    /// The centre.
    pub centre: Position,
    /// How far from it.
    pub radius: Metres,
    /// Only resources of this kind.
    pub kind: Option<ResourceKind>,
    /// Maximum number of resources.
    pub limit: u32,
}

impl ResourceSearch {
    /// The nearest of these within the radius, nearest first, with their distance; ties by id.
    pub fn nearest(&self, found: Vec<Resource>) -> Vec<(Resource, Metres)> {
        let with_distance = |resource: Resource| {
            let distance = self.centre.distance_to(resource.details.position);
            (resource, distance)
        };
        let mut near: Vec<_> =
            found.into_iter().map(with_distance).filter(|(_, distance)| distance.get() <= self.radius.get()).collect();
        near.sort_by(|(a, to_a), (b, to_b)| to_a.get().total_cmp(&to_b.get()).then(a.id.cmp(&b.id)));
        near.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        near
    }
}
