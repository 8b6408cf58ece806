//! A helper's response to an emergency.

use serde::{Deserialize, Serialize};

use crate::{
    HelperCard, Position, ResourceId, Text, Timestamp, UserId,
    dispatch::{Assignment, Transport},
    string_enum,
};

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
///
/// Events hold it without what the service records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// What the service records about it.
    #[serde(skip)]
    pub record: ResponseRecord,
    /// How the helper travels, read with the response and never written with it.
    #[serde(skip)]
    pub transport: Transport,
    /// The helper's newest position and its time, read with the response and never written with it.
    #[serde(skip)]
    pub last_fix: Option<(Position, Timestamp)>,
    /// The users that the helper blocks, read with a response that is not cancelled and never written with it.
    #[serde(skip)]
    pub blocks: Vec<UserId>,
}

/// What the service records about a response, beyond what its helper reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseRecord {
    /// Until when a completed response counts as help.
    pub counts_until: Option<Timestamp>,
    /// Number of times that the helper cancelled.
    pub cancellations: u16,
    /// Number of reports of an unchanged status since [`Self::repeats_since`].
    pub repeats: u16,
    /// Begin of the window in which such reports are counted.
    pub repeats_since: Option<Timestamp>,
    /// Whether a position since the acceptance was near the emergency; `None` without such a position.
    pub came_near: Option<bool>,
    /// The helper has reopened the emergency.
    pub reopened: bool,
    /// The owner has undone an end by this helper.
    pub end_undone: bool,
    /// What dispatch keeps.
    pub dispatch: ResponseDispatch,
}

/// What dispatch keeps of a response. Stored as JSON: fields may be added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseDispatch {
    /// When the helper last gave a sign: moved, reported or wrote. `None` if not since accepting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_at: Option<Timestamp>,
    /// Whether a position of the helper was 20 m from an earlier one since accepting.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_moved: bool,
    /// Until when the helper may answer whether they still come. `None` if they are not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_until: Option<Timestamp>,
    /// Since when the helper has given no sign, and so does not count as help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<Timestamp>,
    /// When the helper last said to be there, or completed there. Before a request for more help it counts as much as the
    /// acceptance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<Timestamp>,
    /// The newest position that was 20 m from an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<Timestamp>,
    /// Millimetres per second by the positions before [`Self::moved_at`], if they tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// The helper's role. `None` for one who does not come, or has stalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// The role of a helper who stalled with a box in hand. They have it again with the next sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_role: Option<Assignment>,
    /// The box that the helper took along, as they said, and does not bring: they cancelled, completed or stalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_box: Option<ResourceId>,
    /// Whether the helper said to have delivered a box.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_delivered: bool,
    /// When the helper last reported that the box which they were to bring is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub box_missing_at: Option<Timestamp>,
    /// When the helper was told that they need not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stood_down_at: Option<Timestamp>,
    /// How often the roles had moved that the helper does not have any more. Kept when they accept again.
    #[serde(skip_serializing_if = "is_zero")]
    pub earlier_moves: u8,
    /// Number of times that the helper completed. Kept when they accept again.
    #[serde(skip_serializing_if = "is_zero")]
    pub completions: u8,
    /// Until when the last completion counted as help. Kept when the helper accepts again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_until: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl ResponseDispatch {
    /// What is kept when the helper accepts again, so that nothing is gained by it.
    pub(super) fn kept(&self) -> Self {
        let Self { taken_box, has_delivered, completions, completed_until, .. } = *self;
        let earlier_moves = self.moves();
        Self { taken_box, has_delivered, earlier_moves, completions, completed_until, ..Self::default() }
    }

    /// How often the role of the helper has moved, also before they accepted the last time.
    pub(super) fn moves(&self) -> u8 {
        let held = self.assignment.iter().chain(&self.suspended_role).map(|held| held.moves);
        held.fold(self.earlier_moves, u8::max)
    }

    /// What is stored: `None` for the default.
    pub fn stored(&self) -> Option<&Self> {
        (*self != Self::default()).then_some(self)
    }
}

string_enum! {
    /// What became of the box that a helper was to bring.
    ResourceState { Collected = "collected", Missing = "missing", Delivered = "delivered" }
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
    /// What became of the box that the helper was to bring.
    pub resource_state: Option<ResourceState>,
}
