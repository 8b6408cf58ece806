//! Resources: boxes with a defibrillator and other things that help.

use async_trait::async_trait;

use super::Result;
use crate::{
    ImportCounts, ImportedResource, Resource, ResourceDetails, ResourceId, ResourceReport, ResourceSearch, Timestamp,
};

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

    /// Replaces the details of a resource, which an import leaves as it is from then on. Returns whether it exists.
    async fn change(&self, id: ResourceId, details: &ResourceDetails) -> Result<bool>;

    /// Removes a resource. Returns whether it existed.
    async fn remove(&self, id: ResourceId) -> Result<bool>;

    /// Stores a report in place of an earlier one of the same user, and the [status](ResourceReport::outcome) that follows from it.
    /// One that [settles](ResourceReport::settles) removes all reports of the resource. Returns the resource, if it exists.
    ///
    /// Of reports at the same time each MUST count those that were committed before it.
    async fn report(&self, report: &ResourceReport) -> Result<Option<Resource>>;

    /// Adds resources, or replaces the details of those that were imported before under the same id of OpenStreetMap. In one
    /// transaction. No id may be there twice.
    ///
    /// A resource that was seen later than the newest report of it is available, and its reports are removed. The status MUST
    /// change in no other way, nor may resources change that an administrator entered or changed.
    async fn import(&self, resources: &[ImportedResource], at: Timestamp) -> Result<ImportCounts>;
}
