//! An access log for tests that are not about it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    AccessEntry, PlaceReading, UserId,
    port::{AccessLog, Result},
};

struct NoAccessLog;

#[async_trait]
impl AccessLog for NoAccessLog {
    async fn record(&self, _: &PlaceReading) -> Result<()> {
        Ok(())
    }

    async fn entries(&self, _: UserId, _: u32) -> Result<Vec<AccessEntry>> {
        Ok(Vec::new())
    }
}

/// A log that keeps nothing.
pub fn no_access_log() -> Arc<dyn AccessLog> {
    Arc::new(NoAccessLog)
}
