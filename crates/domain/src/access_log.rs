//! The access log: which exact places administrators have read of others, for the users whose places they are.

use crate::{EmergencyId, Event, LoggedEvent, Timestamp, UserId, string_enum};

/// Maximum number of entries that a user is shown: the newest.
pub const MAX_ACCESS_ENTRIES: u32 = 1_000;

string_enum! {
    /// What an administrator read that shows an exact place.
    AccessKind {
        Emergency = "emergency", List = "list", Timeline = "timeline", Helpers = "helpers", Room = "room",
    }
}

/// An entry for the user whose place was read. It does not name the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessEntry {
    /// When.
    pub at: Timestamp,
    /// The emergency, which may be deleted since.
    pub emergency: EmergencyId,
    /// How.
    pub what: AccessKind,
}

/// A place that is read: that of a user in an emergency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadPlace {
    /// The user: the owner, or a responding helper.
    pub user: UserId,
    /// The emergency.
    pub emergency: EmergencyId,
}

impl LoggedEvent {
    /// The place that this event shows an administrator.
    pub const fn shown_place(&self) -> Option<ReadPlace> {
        match &self.event {
            Event::EmergencyCreated { call, .. } | Event::EmergencyUpdated { call, .. } => {
                Some(ReadPlace { user: call.owner.id, emergency: call.id })
            }
            Event::EmergencyMoved { owner, .. } => match self.emergency {
                Some(emergency) => Some(ReadPlace { user: *owner, emergency }),
                None => None,
            },
            _ => None,
        }
    }
}

/// Places that an administrator reads at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceReading {
    /// The administrator.
    pub reader: UserId,
    /// When.
    pub at: Timestamp,
    /// How.
    pub what: AccessKind,
    /// The places, in their order and each once.
    pub places: Vec<ReadPlace>,
}

impl PlaceReading {
    /// The number of the hour since 1970: further readings of a place by the same administrator in it make no entry.
    pub const fn hour(&self) -> i64 {
        self.at.timestamp().div_euclid(3_600)
    }
}
