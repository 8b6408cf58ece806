//! Links to pages of this service, and the tokens in them.

use uuid::Uuid;

use crate::Secret;

/// Makes the links in emails.
pub trait Links: Send + Sync {
    /// The page on which a forgotten password is replaced with this token.
    fn reset_password(&self, token: &Secret) -> Secret;

    /// The page on which an address agrees to messages about a user.
    fn confirm_contact(&self, token: &Secret) -> Secret;

    /// The page on which an address stops all messages.
    fn stop_contact(&self, token: &Secret) -> Secret;

    /// The page of an emergency for a contact of its owner.
    fn contact_page(&self, token: &Secret) -> Secret;
}

/// What the token of a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To agree to messages about a user.
    ConfirmContact,
    /// To stop all messages to an address.
    StopContact,
    /// To stop alerts by email to the address of a user.
    StopAlerts,
    /// To see the emergency that a contact was told of.
    ContactPage,
}

/// Signs the ids in links, so that their tokens cannot be guessed and need not be stored.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait LinkTokens: Send + Sync {
    /// The token of an id, always the same.
    fn sign(&self, purpose: LinkPurpose, id: Uuid) -> Secret;

    /// The id of a token that was signed for this purpose.
    fn verify(&self, purpose: LinkPurpose, token: &str) -> Option<Uuid>;
}
