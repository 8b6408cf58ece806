//! This node and the way to the others, if there may be any.

use std::{sync::Arc, time::Duration};

use allynet_domain::{NodeId, port::Signals};
use allynet_realtime::InProcess;
use allynet_redis::{Address, Redis};
use anyhow::Context as _;

/// How long the last words of a node may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How signals go to the other nodes.
pub(crate) enum Way {
    /// There are none.
    Alone(Arc<InProcess>),
    /// By a Redis.
    Redis(Arc<Redis>),
}

impl Way {
    /// Opens the way; that there is nothing at its end yet keeps nobody from starting.
    pub(crate) fn open(redis: Option<&Address>, node: NodeId) -> anyhow::Result<Self> {
        Ok(match redis {
            None => Self::Alone(Arc::new(InProcess::alone())),
            Some(address) => Self::Redis(Arc::new(Redis::start(address, node).context("REDIS_URL")?)),
        })
    }

    pub(crate) fn signals(&self) -> Arc<dyn Signals> {
        match self {
            Self::Alone(alone) => alone.clone(),
            Self::Redis(redis) => redis.clone(),
        }
    }

    /// What tells whether the Redis can be used; none without one.
    pub(crate) fn state(&self) -> Option<Arc<dyn Fn() -> bool + Send + Sync>> {
        match self {
            Self::Alone(_) => None,
            Self::Redis(redis) => {
                let redis = redis.clone();
                Some(Arc::new(move || redis.travel()))
            }
        }
    }

    /// Lets what was told last go out.
    pub(crate) async fn close(&self) {
        if let Self::Redis(redis) = self {
            redis.flush(FAREWELL).await;
        }
    }
}
