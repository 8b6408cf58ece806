//! The link to the other nodes: Redis, or none for a single node.

use std::{sync::Arc, time::Duration};

use allynet_domain::{NodeId, port::Signals};
use allynet_realtime::InProcessSignals;
use allynet_redis::{Address, Redis};
use allynet_rest::ReadinessCheck;
use anyhow::Context as _;

/// The time that the last signals have to go out at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Carries signals between nodes.
pub(crate) enum NodeLink {
    /// A single node: signals stay in the process.
    SingleNode(Arc<InProcessSignals>),
    /// Publish/subscribe of a Redis.
    Redis(Arc<Redis>),
}

impl NodeLink {
    /// Starts to connect in the background. An unreachable Redis does not stop the start.
    pub(crate) fn open(redis: Option<&Address>, node: NodeId) -> anyhow::Result<Self> {
        Ok(match redis {
            None => Self::SingleNode(Arc::new(InProcessSignals::single_node())),
            Some(address) => Self::Redis(Arc::new(Redis::start(address, node).context("REDIS_URL")?)),
        })
    }

    /// The port over this link.
    pub(crate) fn signals(&self) -> Arc<dyn Signals> {
        match self {
            Self::SingleNode(in_process) => in_process.clone(),
            Self::Redis(redis) => redis.clone(),
        }
    }

    /// Whether the Redis is usable, for `/readyz`; `None` for a single node.
    pub(crate) fn readiness(&self) -> Option<ReadinessCheck> {
        match self {
            Self::SingleNode(_) => None,
            Self::Redis(redis) => {
                let redis = redis.clone();
                Some(Arc::new(move || redis.is_connected()))
            }
        }
    }

    /// Publishes the signals that are queued, within a second.
    pub(crate) async fn close(&self) {
        if let Self::Redis(redis) = self {
            redis.flush(FLUSH_TIMEOUT).await;
        }
    }
}
