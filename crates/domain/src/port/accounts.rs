//! Accounts.

use async_trait::async_trait;

use super::Result;
use crate::{Account, Email, PasswordHash, Profile, Timestamp, UserId, Verification};

/// An account and its password hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// The hash of its password.
    pub password: PasswordHash,
}

/// Counts of the emergencies of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// Resolved emergencies in which it responded and did not cancel.
    pub helped: u32,
    /// Emergencies it raised.
    pub requested: u32,
}

/// A helper in the list for administrators.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedHelper {
    /// The account.
    pub account: Account,
    /// Number of reports about the account.
    pub reports: u32,
}

/// A page of helpers in the order (registered at, id).
#[derive(Debug, Clone, PartialEq)]
pub struct HelperPage {
    /// Only helpers with this verification; `None` for all.
    pub verification: Option<Verification>,
    /// Only accounts after this one: registration time and id of the last of the page before.
    pub after: Option<(Timestamp, UserId)>,
    /// Maximum number of helpers to return.
    pub limit: u32,
}

/// Accounts. Changes that append events go through [`super::Changes`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account with this id.
    async fn find(&self, id: UserId) -> Result<Option<Account>>;

    /// The account with this email, with its password hash.
    async fn credentials(&self, email: &Email) -> Result<Option<Credentials>>;

    /// Replaces the profile. An unknown account is ignored.
    async fn set_profile(&self, id: UserId, profile: &Profile) -> Result<()>;

    /// Counts the emergencies of an account; zeroes for an unknown one.
    async fn activity(&self, id: UserId) -> Result<Activity>;

    /// Accounts with a helper record, oldest first, each with the number of all reports about it.
    ///
    /// Paging MUST NOT lose any.
    async fn helpers(&self, page: &HelperPage) -> Result<Vec<ListedHelper>>;

    /// All administrators, oldest account first.
    async fn administrators(&self) -> Result<Vec<Account>>;
}
