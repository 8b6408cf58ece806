//! Emergency contacts, and the consent of their addresses.

use async_trait::async_trait;

use super::Result;
use crate::{
    Consent, ConsentId, Contact, ContactDetails, ContactId, ContactState, DueInvitation, InvitationNote, Timestamp,
    UserId,
};

/// A contact that is added or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactEntry {
    /// The user.
    pub owner: UserId,
    /// The id.
    pub id: ContactId,
    /// What the owner says.
    pub details: ContactDetails,
    /// Whether it is added.
    pub is_new: bool,
    /// The id of the consent, unless the address was invited by this user before.
    pub consent: ConsentId,
    /// When it is added or changed.
    pub at: Timestamp,
}

/// What became of a [`ContactEntry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedContact {
    /// It is stored.
    Saved {
        /// Whether its address agreed.
        state: ContactState,
        /// When it agreed.
        confirmed_at: Option<Timestamp>,
    },
    /// The user has the maximum number of contacts.
    TooMany,
    /// The user has no such contact.
    Unknown,
}

/// Which messages an address stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopTarget {
    /// All messages of emergency contacts to the address of a consent.
    Contact(ConsentId),
    /// Alerts by email to the address that an account has.
    Alerts(UserId),
}

/// The contacts of users, and one consent for each user and address, which outlives the contact.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Contacts: Send + Sync {
    /// The contacts of a user in their order, then oldest first.
    async fn list(&self, owner: UserId) -> Result<Vec<Contact>>;

    /// Adds a contact, up to [`MAX_CONTACTS`](crate::MAX_CONTACTS), or changes one, and plans the invitation of an address that
    /// this user never invited.
    ///
    /// An address MUST be invited once by a user, whatever becomes of the contact; of the invitations of a user at most
    /// [`MAX_INVITATIONS`](crate::MAX_INVITATIONS) MUST be due within
    /// [`INVITATIONS_COUNTED_FOR`](crate::INVITATIONS_COUNTED_FOR), and later ones wait. None is planned for a stopped address.
    async fn save(&self, entry: &ContactEntry) -> Result<SavedContact>;

    /// Removes a contact of this user, and its invitation if that was not sent yet. Returns whether it existed.
    async fn remove(&self, owner: UserId, contact: ContactId) -> Result<bool>;

    /// Claims invitations that are due at `now`, the longest overdue first, at most `limit`, until `lease_until`. Those of blocked
    /// accounts wait. Two calls at once MUST NOT return the same.
    async fn claim_invitations(&self, now: Timestamp, lease_until: Timestamp, limit: u32)
    -> Result<Vec<DueInvitation>>;

    /// Stores what became of an invitation that was claimed until `lease_until`; no effect if the claim was lost.
    async fn note_invitation(
        &self,
        consent: ConsentId,
        lease_until: Timestamp,
        note: InvitationNote,
        now: Timestamp,
    ) -> Result<()>;

    /// Drops all invitations that were not sent: those of a restored database may have been sent since the backup. One is planned
    /// again when its contact is added or changed. Returns their number.
    async fn drop_invitations(&self) -> Result<u64>;

    /// The consent with this id, unless its user is blocked.
    async fn consent(&self, id: ConsentId) -> Result<Option<Consent>>;

    /// Stores that an address agreed. Returns the consent as it is then: the same a second time, and an address that was stopped
    /// stays stopped. `None` if it is unknown.
    async fn confirm(&self, id: ConsentId, at: Timestamp) -> Result<Option<Consent>>;

    /// Stops all messages to an address, those about every user. Returns whether the consent or the account exists.
    async fn stop(&self, target: StopTarget, at: Timestamp) -> Result<bool>;
}
