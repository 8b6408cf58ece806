//! A queue and a back-off for tests without contention, which run without a runtime.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    EmergencyId,
    port::{Backoff, EmergencyQueue, QueuePermit, Urgency},
};

struct NoContention;

#[async_trait]
impl EmergencyQueue for NoContention {
    async fn enter(&self, _: EmergencyId, _: Urgency) -> QueuePermit {
        Box::new(())
    }
}

#[async_trait]
impl Backoff for NoContention {
    async fn pause(&self, _: u32) {}
}

/// A queue in which every turn comes at once.
pub fn no_queue() -> Arc<dyn EmergencyQueue> {
    Arc::new(NoContention)
}

/// A back-off that does not pause.
pub fn no_backoff() -> Arc<dyn Backoff> {
    Arc::new(NoContention)
}
