//! The access log.

use async_trait::async_trait;

use super::Result;
use crate::{AccessEntry, PlaceReading, UserId};

/// Which exact places administrators have read of others.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AccessLog: Send + Sync {
    /// Stores an entry for each place. There MUST be at most one entry for each place, administrator and
    /// [hour](PlaceReading::hour): the first one stays. A user without an account has none.
    async fn record(&self, reading: &PlaceReading) -> Result<()>;

    /// The entries of a user, newest first; at most `limit`. They MUST stay when the emergency is deleted.
    async fn entries(&self, user: UserId, limit: u32) -> Result<Vec<AccessEntry>>;
}
