//! A helper's response to an emergency.

use crate::{HelperCard, Text, Timestamp, string_enum};

string_enum! {
    /// The status of a response. It only moves forward, may skip steps, and can become `cancelled` from any status but
    /// `completed`.
    ResponseStatus {
        Responding = "responding", OnWay = "on_way", Arrived = "arrived", Completed = "completed",
        Cancelled = "cancelled",
    }
}

impl ResponseStatus {
    /// Whether the helper is bound to this emergency and may not respond to another.
    pub const fn is_engaged(self) -> bool {
        matches!(self, Self::Responding | Self::OnWay | Self::Arrived)
    }

    /// Whether a response in this status may change to `next`. Repeating a status is allowed.
    pub(super) fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Completed, Self::Cancelled) | (Self::Cancelled, _) => false,
            (_, Self::Cancelled) => true,
            (from, to) => from <= to,
        }
    }
}

/// A helper's response to an emergency. There is one per helper; a cancelled one stays listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The helper.
    pub helper: HelperCard,
    /// How far along the helper is.
    pub status: ResponseStatus,
    /// The helper's last notes.
    pub notes: Option<Text<500>>,
    /// When the helper expects to arrive.
    pub estimated_arrival: Option<Timestamp>,
    /// When the helper accepted; the last time, if more than once.
    pub responded_at: Timestamp,
    /// When the response last changed.
    pub updated_at: Timestamp,
}

/// A change of a response, as reported by its helper.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseUpdate {
    /// The new status.
    pub status: ResponseStatus,
    /// The new notes; they replace the earlier ones.
    pub notes: Option<Text<500>>,
    /// The new expected arrival. `None` keeps the earlier one.
    pub estimated_arrival: Option<Timestamp>,
}
