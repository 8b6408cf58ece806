//! Devices: where users are reached without a connection.

use async_trait::async_trait;

use super::Result;
use crate::{Device, DeviceContext, UserId};

/// Registered devices. They are changed through [`super::Changes`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Devices: Send + Sync {
    /// The devices of a user, newest first.
    async fn list(&self, user: UserId) -> Result<Vec<Device>>;

    /// Reads what a registration of this endpoint by this user is decided on.
    async fn context(&self, user: UserId, endpoint: &str) -> Result<DeviceContext>;
}
