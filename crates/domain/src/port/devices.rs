//! Devices: where users are reached without a connection.

use async_trait::async_trait;

use super::Result;
use crate::{Device, DeviceContext, Timestamp, UserId};

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

    /// Reads what a registration of this endpoint by this user is decided on.
    async fn context(&self, user: UserId, endpoint: &str) -> Result<DeviceContext>;
}
