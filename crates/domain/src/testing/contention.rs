//! Queues and a back-off for tests without contention, which run without a runtime.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;

use crate::{
    EmergencyId, Refusal,
    port::{Backoff, EmergencyQueue, HashingQueue, QueuePermit, Urgency},
};

struct NoContention;

#[async_trait]
impl EmergencyQueue for NoContention {
    async fn enter(&self, _: EmergencyId, _: Urgency) -> QueuePermit {
        Box::new(())
    }
}

#[async_trait]
impl HashingQueue for NoContention {
    async fn enter(&self, _: IpAddr, _: bool) -> Result<QueuePermit, Refusal> {
        Ok(Box::new(()))
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

/// A queue of passwords in which every turn comes at once.
pub fn no_hashing_queue() -> Arc<dyn HashingQueue> {
    Arc::new(NoContention)
}

/// A back-off that does not pause.
pub fn no_backoff() -> Arc<dyn Backoff> {
    Arc::new(NoContention)
}
