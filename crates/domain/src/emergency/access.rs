//! A user's relation to an emergency, and the access that follows from it.

use super::{EmergencyStatus, Revision};
use crate::{Account, HelperPolicy, Refusal};

/// A user's relation to an emergency: the first variant that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Raised the emergency.
    Owner,
    /// Takes part: responds to it or has completed, did not cancel, and may help now.
    RespondingHelper,
    /// Administers the service.
    Admin,
    /// May help, but does not respond.
    Helper,
    /// None of these.
    Stranger,
}

impl Relation {
    /// Whether the user is the owner or a responding helper: these exchange messages and see helpers' positions.
    pub const fn is_participant(self) -> bool {
        matches!(self, Self::Owner | Self::RespondingHelper)
    }
}

/// The facts that decide on a user's access to an emergency, without the emergency itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmergencyAccess {
    /// The user raised the emergency.
    pub owns: bool,
    /// The user responds, or has completed.
    pub responds: bool,
    /// A [block](crate::UserBlock) hides it from the user.
    pub hidden: bool,
    /// The status of the emergency.
    pub status: EmergencyStatus,
    /// The revision at which this was read.
    pub revision: Revision,
}

impl EmergencyAccess {
    /// The relation to the emergency. This is the one rule of who takes part: a response alone gives no right.
    ///
    /// `account` is the account of the user that this access is about.
    pub fn relation(self, account: &Account, policy: HelperPolicy) -> Relation {
        if self.owns {
            Relation::Owner
        } else if self.responds && account.may_help(policy) {
            Relation::RespondingHelper
        } else if account.is_admin() {
            Relation::Admin
        } else if account.may_help(policy) {
            Relation::Helper
        } else {
            Relation::Stranger
        }
    }

    /// Checks that the user may read the emergency and enter its room.
    ///
    /// A helper that does not respond may do so only while it is live. To a user from whom a block hides it, it is unknown. A
    /// block ends the part that the user took, and hides nothing from administrators.
    ///
    /// # Errors
    /// [`Refusal::NotAuthorized`], [`Refusal::EmergencyNotFound`].
    pub fn admit(self, account: &Account, policy: HelperPolicy) -> Result<Relation, Refusal> {
        let relation = self.relation(account, policy);
        match relation {
            Relation::Owner | Relation::RespondingHelper | Relation::Admin => Ok(relation),
            Relation::Helper | Relation::Stranger if self.hidden => Err(Refusal::EmergencyNotFound),
            Relation::Helper if self.status.is_live() => Ok(relation),
            Relation::Helper | Relation::Stranger => Err(Refusal::NotAuthorized),
        }
    }
}
