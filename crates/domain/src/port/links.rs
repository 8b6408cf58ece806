//! Links to pages of this service.

use crate::Secret;

/// Makes the links in emails.
pub trait Links: Send + Sync {
    /// The page on which a forgotten password is replaced with this token.
    fn reset_password(&self, token: &Secret) -> Secret;
}
