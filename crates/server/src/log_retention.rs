//! Deletes what is no longer needed: old events, the events of deleted emergencies, and old records of these.
//!
//! Any number of nodes may run both tasks at once.

use std::{error::Error, sync::Arc, time::Duration};

use allynet_domain::port::{Changes, Clock, EventLog};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

/// The age at which events are deleted: clients that reconnect sooner can resume.
const EVENT_RETENTION: TimeDelta = TimeDelta::hours(72);
/// Events per transaction, so that writers wait only briefly.
const PRUNE_BATCH: u32 = 500;
/// The pause between two transactions while there is more to delete.
const PRUNE_BATCH_PAUSE: Duration = Duration::from_millis(100);
const PRUNE_INTERVAL: Duration = Duration::from_mins(5);

/// The time for which a deleted emergency stays in the log: longer than a node that still serves lags behind it, so that
/// each has sent the end to its sockets.
const DELETED_RETENTION: TimeDelta = TimeDelta::minutes(1);
const ERASE_INTERVAL: Duration = Duration::from_secs(15);

/// Deletes old events that no emergency needs, until `stop` is cancelled.
pub(crate) async fn prune_old_events(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let pruning = async {
        let mut failures = FailureLog::new("pruning the event log failed, retrying");
        loop {
            let pruned = log.prune(clock.now() - EVENT_RETENTION, PRUNE_BATCH).await;
            let more = pruned.as_ref().is_ok_and(|&pruned| pruned >= u64::from(PRUNE_BATCH));
            failures.record(pruned);
            tokio::time::sleep(if more { PRUNE_BATCH_PAUSE } else { PRUNE_INTERVAL }).await;
        }
    };
    stop.run_until_cancelled(pruning).await;
}

/// Erases the events of deleted emergencies until `stop` is cancelled.
pub(crate) async fn erase_deleted_emergencies(
    changes: Arc<dyn Changes>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(ERASE_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = changes.erase_deleted(clock.now() - DELETED_RETENTION).await {
            tracing::warn!(error = &error as &dyn Error, "erasing deleted emergencies from the log failed, retrying");
        }
    }
}

/// Removes records of emergencies that were deleted longer than `retention` ago, until `stop` is cancelled.
pub(crate) async fn forget_deleted_emergencies(
    changes: Arc<dyn Changes>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    stop: CancellationToken,
) {
    let forgetting = async {
        let mut failures = FailureLog::new("removing records of deleted emergencies failed, retrying");
        loop {
            let before = TimeDelta::from_std(retention).ok().and_then(|age| clock.now().checked_sub_signed(age));
            // A retention that reaches back further than time does keeps everything.
            let forgotten = match before {
                Some(before) => changes.forget_deleted(before, PRUNE_BATCH).await,
                None => Ok(0),
            };
            let more = forgotten.as_ref().is_ok_and(|&forgotten| forgotten >= u64::from(PRUNE_BATCH));
            failures.record(forgotten);
            tokio::time::sleep(if more { PRUNE_BATCH_PAUSE } else { PRUNE_INTERVAL }).await;
        }
    };
    stop.run_until_cancelled(forgetting).await;
}
