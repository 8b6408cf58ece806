//! Erases the log of emergencies that were deleted, once every node has had the time to tell of their end.

use std::{error::Error, sync::Arc, time::Duration};

use allynet_domain::port::{Changes, Clock};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

/// How often it is looked for what is to be erased.
const EVERY: Duration = Duration::from_secs(15);
/// How long it stays: longer than any node that still serves is behind.
const KEPT: TimeDelta = TimeDelta::minutes(1);

/// Runs until told to stop. Any number of nodes may.
pub(crate) async fn erase(changes: Arc<dyn Changes>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = changes.erase_deleted(clock.now() - KEPT).await {
            tracing::warn!(error = &error as &dyn Error, "deleted emergencies are still in the log, trying again");
        }
    }
}
