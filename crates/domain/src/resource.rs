//! Boxes with a defibrillator and other things that help, and where they are.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{Metres, Position, ResourceId, Text, Timestamp, UserId, Zone, opening_hours, string_enum};

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

string_enum! {
    /// What somebody saw who looked for a resource.
    ReportedState { Missing = "missing", Unusable = "unusable", Moved = "moved", Ok = "ok" }
}

/// Number of helpers whose reports together count as a decisive one.
pub const ENOUGH_REPORTS: u32 = 3;
/// How long a report counts.
pub const REPORTS_COUNTED_FOR: TimeDelta = TimeDelta::days(30);
/// Maximum distance from a resource at which a responding helper has seen it.
pub const SEEN_WITHIN: Metres = Metres::new(100.0);
/// Maximum distance between that resource and the emergency, so that one response gives no weight to reports all over a city.
pub const SEEN_AROUND: Metres = Metres::new(3_000.0);
/// Maximum age of the helper's position by which both are judged.
pub const SEEN_FIX_AGE: TimeDelta = TimeDelta::minutes(2);
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
    /// Whether it can be reached now, by its hours. `None` if they are missing, or cannot be read.
    pub fn is_open(&self, zone: Option<Zone>, now: Timestamp) -> Option<bool> {
        opening_hours::is_open(self.opening_hours.as_ref()?.as_str(), self.position, zone, now)
    }

    /// When it cannot be reached any more, if it can be now and that is less than a week ahead.
    pub fn open_until(&self, zone: Option<Zone>, now: Timestamp) -> Option<Timestamp> {
        opening_hours::open_until(self.opening_hours.as_ref()?.as_str(), self.position, zone, now)
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

/// How much a report of a resource counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportWeight {
    /// By a user who may not help: it is stored for administrators.
    Noted,
    /// By a helper: it counts together with others.
    Counted,
    /// By an administrator, or a responding helper who was there.
    Decisive,
}

/// What a user saw who looked for a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceReport {
    /// The resource.
    pub resource: ResourceId,
    /// The user.
    pub reporter: UserId,
    /// What they saw.
    pub state: ReportedState,
    /// What else they say.
    pub note: Option<Text<500>>,
    /// How much it counts.
    pub weight: ReportWeight,
    /// When.
    pub at: Timestamp,
}

impl ResourceReport {
    /// The status that follows from it, and the number of helpers who have to report the same within [`REPORTS_COUNTED_FOR`], this one
    /// included; 0 if it is decisive. `None` if the status stays.
    pub fn outcome(&self) -> Option<(ResourceStatus, u32)> {
        let helpers_needed = match self.weight {
            ReportWeight::Decisive => 0,
            ReportWeight::Counted => ENOUGH_REPORTS,
            ReportWeight::Noted => return None,
        };
        match self.state {
            ReportedState::Missing => Some((ResourceStatus::Missing, helpers_needed)),
            ReportedState::Unusable => Some((ResourceStatus::Unusable, helpers_needed)),
            ReportedState::Ok => self.settles().then_some((ResourceStatus::Available, 0)),
            // Where it is now is for an administrator to enter.
            ReportedState::Moved => None,
        }
    }

    /// Whether no earlier report counts any more.
    pub fn settles(&self) -> bool {
        self.state == ReportedState::Ok && self.weight == ReportWeight::Decisive
    }

    /// Whether it counts together with those of other helpers.
    pub fn is_counted(&self) -> bool {
        self.weight != ReportWeight::Noted
    }

    /// Earliest time of a report that counts together with this one.
    pub fn counted_since(&self) -> Timestamp {
        self.at.checked_sub_signed(REPORTS_COUNTED_FOR).unwrap_or(Timestamp::MIN_UTC)
    }
}

/// An entry of OpenStreetMap.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedResource {
    /// Its id there, `node/1`.
    pub osm_id: Text<64>,
    /// Its id here, if it was not imported before.
    pub id: ResourceId,
    /// What it is and where.
    pub details: ResourceDetails,
    /// When somebody last saw that it is there.
    pub checked_at: Option<Timestamp>,
}

/// What an import has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportCounts {
    /// Resources that were not known.
    pub added: u64,
    /// Resources that were imported before.
    pub updated: u64,
    /// Resources that an administrator has changed since: they stay as they are.
    pub kept: u64,
}

/// A resource that a helper is to bring, as participants are told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssignedResource {
    /// The id.
    pub id: ResourceId,
    /// What it is.
    pub kind: ResourceKind,
    /// Where it is.
    pub position: Position,
    /// The postal address.
    pub address: Option<Text<300>>,
    /// How to find it.
    pub description: Option<Text<500>>,
    /// When it cannot be reached any more, if that is known and less than a week ahead.
    pub open_until: Option<Timestamp>,
}

impl Resource {
    /// What a helper is told who is to bring it.
    pub fn assigned(&self, zone: Option<Zone>, now: Timestamp) -> AssignedResource {
        let ResourceDetails { kind, position, address, description, .. } = &self.details;
        AssignedResource {
            id: self.id,
            kind: *kind,
            position: *position,
            address: address.clone(),
            description: description.clone(),
            open_until: self.details.open_until(zone, now),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{GRACE_HOPPER, id, now};

    #[test]
    fn only_enough_helpers_or_who_was_there_decide_on_the_status() {
        use ReportWeight::{Counted, Decisive, Noted};
        for (state, weight, expected) in [
            (ReportedState::Missing, Noted, None),
            (ReportedState::Missing, Counted, Some((ResourceStatus::Missing, 3))),
            (ReportedState::Missing, Decisive, Some((ResourceStatus::Missing, 0))),
            (ReportedState::Unusable, Counted, Some((ResourceStatus::Unusable, 3))),
            (ReportedState::Unusable, Decisive, Some((ResourceStatus::Unusable, 0))),
            (ReportedState::Moved, Decisive, None),
            (ReportedState::Ok, Counted, None),
            (ReportedState::Ok, Decisive, Some((ResourceStatus::Available, 0))),
        ] {
            let (resource, reporter, note, at) = (id(1), id(GRACE_HOPPER), None, now());
            let report = ResourceReport { resource, reporter, state, note, weight, at };
            assert_eq!(report.outcome(), expected, "{state} {weight:?}");
            assert_eq!(report.is_counted(), weight != Noted);
        }
    }
}
