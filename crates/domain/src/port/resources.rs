//! Resources: boxes with a defibrillator and other things that help.

use async_trait::async_trait;

use super::Result;
use crate::{Resource, ResourceDetails, ResourceId, ResourceSearch};

/// The resources of a community.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Resources: Send + Sync {
    /// Resources around a place, among them the nearest that [`ResourceSearch::nearest`] of them returns, and others; at most twice
    /// the limit. Uses a spatial index.
    async fn around(&self, search: &ResourceSearch) -> Result<Vec<Resource>>;

    /// Finds a resource.
    async fn find(&self, id: ResourceId) -> Result<Option<Resource>>;

    /// Adds a resource.
    async fn add(&self, resource: &Resource) -> Result<()>;

    /// Replaces the details of a resource. Returns whether it exists.
    async fn change(&self, id: ResourceId, details: &ResourceDetails) -> Result<bool>;

    /// Removes a resource. Returns whether it existed.
    async fn remove(&self, id: ResourceId) -> Result<bool>;
}
