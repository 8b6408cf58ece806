//! The state of an emergency, with the data that belongs to each state.

use crate::{Text, Timestamp, UserId, string_enum};

string_enum! {
    /// The status of an emergency: `active → responding → resolved | cancelled`, and back from `responding` to `active`
    /// when no response counts as help any more; from `resolved` back to a live one if an end by a helper is undone.
    EmergencyStatus { Active = "active", Responding = "responding", Resolved = "resolved", Cancelled = "cancelled" }
}

impl EmergencyStatus {
    /// Whether help may still come.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Responding)
    }
}

string_enum! {
    /// The kind of a resolution, by the relation of the user that resolved the emergency.
    ResolutionType {
        UserResolved = "user_resolved", HelperResolved = "helper_resolved", AdminResolved = "admin_resolved",
        AutoExpired = "auto_expired",
    }
}

/// The state of an emergency.
#[derive(Debug, Clone, PartialEq)]
pub enum EmergencyState {
    /// No response counts as help, and no helper is engaged. When the next helpers are alerted is not part of it: that
    /// belongs to the search, which goes on while somebody responds.
    Active,
    /// A helper is engaged, or has completed so recently that it still counts as help.
    Responding,
    /// The emergency is over, and all is well.
    Resolved {
        /// The kind of the resolution.
        resolution: ResolutionType,
        /// When, by which user, with which notes.
        ending: Ending,
    },
    /// The owner withdrew the call. The notes of the ending are the reason.
    Cancelled(Ending),
}

/// How an emergency ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// The user that ended it; `None` if it expired.
    pub by: Option<UserId>,
    /// Notes of a resolution, or the reason of a cancellation.
    pub notes: Option<Text<500>>,
}

impl EmergencyState {
    /// The status of an emergency in this state.
    pub const fn status(&self) -> EmergencyStatus {
        match self {
            Self::Active => EmergencyStatus::Active,
            Self::Responding => EmergencyStatus::Responding,
            Self::Resolved { .. } => EmergencyStatus::Resolved,
            Self::Cancelled(_) => EmergencyStatus::Cancelled,
        }
    }
}
