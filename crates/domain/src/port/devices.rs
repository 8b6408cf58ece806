//! Devices: where users are reached without a connection.

use async_trait::async_trait;

use super::Result;
use crate::{Device, DeviceContext, PushKey, Timestamp, UserId};

/// What decides whether an alert would reach a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachability {
    /// The devices, newest first.
    pub devices: Vec<Device>,
    /// The time of the last position.
    pub located_at: Option<Timestamp>,
}

/// Registered devices. They are changed through [`super::Changes`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Devices: Send + Sync {
    /// The devices of a user, newest first.
    async fn list(&self, user: UserId) -> Result<Vec<Device>>;

    /// Reads whether an alert would reach a user.
    async fn reachability(&self, user: UserId) -> Result<Reachability>;

    /// Devices that were registered under another key than this one, and whose users were not told of this one yet, at most
    /// `limit`.
    async fn with_other_key(&self, key: &PushKey, limit: u32) -> Result<Vec<Device>>;

    /// Reads what a registration of this endpoint by this user is decided on.
    async fn context(&self, user: UserId, endpoint: &str) -> Result<DeviceContext>;
}
