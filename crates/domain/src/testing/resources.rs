//! A community without resources, for tests that are not about them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    ImportCounts, ImportedResource, Resource, ResourceDetails, ResourceId, ResourceReport, ResourceSearch, Timestamp,
    port::{Resources, Result},
};

struct NoResources;

#[async_trait]
impl Resources for NoResources {
    async fn around(&self, _: &ResourceSearch) -> Result<Vec<Resource>> {
        Ok(Vec::new())
    }

    async fn find(&self, _: ResourceId) -> Result<Option<Resource>> {
        Ok(None)
    }

    async fn add(&self, _: &Resource) -> Result<()> {
        Ok(())
    }

    async fn change(&self, _: ResourceId, _: &ResourceDetails) -> Result<bool> {
        Ok(false)
    }

    async fn remove(&self, _: ResourceId) -> Result<bool> {
        Ok(false)
    }

    async fn report(&self, _: &ResourceReport) -> Result<Option<Resource>> {
        Ok(None)
    }

    async fn import(&self, _: &[ImportedResource], _: Timestamp) -> Result<ImportCounts> {
        Ok(ImportCounts::default())
    }
}

/// A store that holds no resource, and keeps none.
pub fn no_resources() -> Arc<dyn Resources> {
    Arc::new(NoResources)
}
