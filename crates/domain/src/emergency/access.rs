//! Who stands in which relation to an emergency, and who may read it.

use super::{EmergencyStatus, Revision};
use crate::{Account, HelperPolicy, Refusal};

/// How a person stands to an emergency. The first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Raised it.
    Owner,
    /// Responds to it (or has completed), and did not cancel.
    RespondingHelper,
    /// Administers the service.
    Admin,
    /// May help, but does not respond.
    Helper,
    /// None of these.
    Stranger,
}

impl Relation {
    /// Owner and responding helpers: they talk, and see where helpers are.
    pub const fn is_participant(self) -> bool {
        matches!(self, Self::Owner | Self::RespondingHelper)
    }
}

/// What is known of an emergency and of one person in it, where the emergency itself is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmergencyAccess {
    /// They raised it.
    pub owns: bool,
    /// They respond, or have completed.
    pub responds: bool,
    /// Where the emergency is in its life.
    pub status: EmergencyStatus,
    /// At which revision this was so.
    pub revision: Revision,
}

impl EmergencyAccess {
    /// How the person, who has this account, stands to the emergency.
    pub fn relation(self, account: &Account, policy: HelperPolicy) -> Relation {
        if self.owns {
            Relation::Owner
        } else if self.responds {
            Relation::RespondingHelper
        } else if account.is_admin() {
            Relation::Admin
        } else if account.may_help(policy) {
            Relation::Helper
        } else {
            Relation::Stranger
        }
    }

    /// Whether the person may read the emergency and enter its room.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`].
    pub fn admit(self, account: &Account, policy: HelperPolicy) -> Result<Relation, Refusal> {
        let relation = self.relation(account, policy);
        match relation {
            Relation::Owner | Relation::RespondingHelper | Relation::Admin => Ok(relation),
            Relation::Helper if self.status.is_live() => Ok(relation),
            Relation::Helper | Relation::Stranger => Err(Refusal::NotAuthorized),
        }
    }
}
