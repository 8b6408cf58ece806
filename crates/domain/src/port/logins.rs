//! Logins: from which addresses an account logs in, and which logins failed.

use async_trait::async_trait;

use super::{Credentials, KeyedHash, Result};
use crate::{Email, FailedLogins, Timestamp};

/// An attempt to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAttempt {
    /// The email of the account, which need not exist.
    pub email: Email,
    /// Under which its failures are stored.
    pub source: LoginSource,
    /// When it is made.
    pub at: Timestamp,
}

/// The account and the address of a login. Neither the email nor the address is stored with a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginSource {
    /// The hash of the email.
    pub account: KeyedHash,
    /// The hash of the address.
    pub address: KeyedHash,
}

/// What an attempt to log in is decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct LoginContext {
    /// The account, and the hash of its password; `None` if no account has the email.
    pub credentials: Option<Credentials>,
    /// Logins that failed before, whether an account has the email or not.
    pub failed: FailedLogins,
}

/// Failed logins and known addresses. Successful ones are noted by [`Write::RecordLogin`](crate::Write::RecordLogin).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Logins: Send + Sync {
    /// What this attempt is decided on. Takes as long whether an account has the email or not.
    async fn load(&self, attempt: &LoginAttempt) -> Result<LoginContext>;

    /// Notes that a login failed. MUST be seen by every node at once, and MUST delete failures that do not count any more,
    /// so that they do not pile up.
    async fn record_failure(&self, source: LoginSource, at: Timestamp) -> Result<()>;
}
