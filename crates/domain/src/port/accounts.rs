//! Accounts and their emergency contacts.

use async_trait::async_trait;

use super::Result;
use crate::{Account, Contact, ContactId, Email, PasswordHash, Profile, Timestamp, UserId, Verification};

/// An account with what proves its password.
#[derive(Debug, Clone, PartialEq)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub password: PasswordHash,
}

/// What an account has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// Resolved emergencies in which it responded and did not cancel.
    pub helped: u32,
    /// Emergencies it raised.
    pub requested: u32,
}

/// A helper, as administrators look at them.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedHelper {
    /// The account.
    pub account: Account,
    /// How often others have complained about it.
    pub reports: u32,
}

/// A page of helpers in the order (registered at, id).
#[derive(Debug, Clone, PartialEq)]
pub struct HelperPage {
    /// Only helpers that an administrator decided this about.
    pub verification: Option<Verification>,
    /// After the account registered at this time with this id.
    pub after: Option<(Timestamp, UserId)>,
    /// The most to return.
    pub limit: u32,
}

/// Accounts, read and told about. What has events goes through [`super::Changes`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account with this id.
    async fn find(&self, id: UserId) -> Result<Option<Account>>;

    /// The account with this email, with its password hash.
    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>>;

    /// Replaces the profile. Nothing happens for an unknown account.
    async fn set_profile(&self, id: UserId, profile: &Profile) -> Result<()>;

    /// What the account has done; zeroes for an unknown one.
    async fn activity(&self, id: UserId) -> Result<Activity>;

    /// Accounts that asked to be helpers, oldest first, each with all reports about it. MUST lose none between two pages.
    async fn helpers(&self, page: &HelperPage) -> Result<Vec<ListedHelper>>;

    /// The contacts of an account, oldest first.
    async fn contacts(&self, owner: UserId) -> Result<Vec<Contact>>;

    /// Adds a contact unless there are `limit` already; tells whether it did.
    async fn add_contact(&self, owner: UserId, contact: &Contact, limit: u32) -> Result<bool>;

    /// Removes a contact of this owner; tells whether there was one.
    async fn remove_contact(&self, owner: UserId, contact: ContactId) -> Result<bool>;
}
