//! Deletes what is no longer needed: old events, the events of deleted emergencies, and records whose retention is over.
//!
//! Any number of nodes may run these tasks at once.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    port::{Changes, Clock, EventLog},
    usecase::retention::{self, RetentionPorts},
};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

/// The age at which events are deleted: clients that reconnect sooner can resume.
pub(crate) const EVENT_RETENTION: Duration = Duration::from_hours(72);
/// Events per transaction, so that writers wait only briefly.
const PRUNE_BATCH: u32 = 500;
/// The pause between two transactions while there is more to delete.
const BATCH_PAUSE: Duration = Duration::from_millis(100);
const PRUNE_INTERVAL: Duration = Duration::from_mins(5);

/// The time for which a deleted emergency stays in the log: longer than a node that still serves lags behind it, so that
/// each has sent the end to its sockets.
const DELETED_RETENTION: TimeDelta = TimeDelta::minutes(1);
/// Emergencies, and deleted accounts, per transaction.
const ERASE_BATCH: u32 = 20;
const ERASE_INTERVAL: Duration = Duration::from_secs(15);

/// How often records are looked at. Those that are kept for less than ten times as long are looked at more often.
const MAX_RETENTION_INTERVAL: Duration = Duration::from_mins(1);

/// Deletes old events that no emergency needs, until `stop` is cancelled.
pub(crate) async fn prune_old_events(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let pruning = async {
        let mut failures = FailureLog::new("pruning the event log failed, retrying");
        loop {
            let pruned = log.prune(clock.now() - EVENT_RETENTION, PRUNE_BATCH).await;
            let has_more = pruned.as_ref().is_ok_and(|&pruned| pruned >= u64::from(PRUNE_BATCH));
            failures.record(pruned);
            tokio::time::sleep(if has_more { BATCH_PAUSE } else { PRUNE_INTERVAL }).await;
        }
    };
    stop.run_until_cancelled(pruning).await;
}

/// Erases the events of deleted and thinned emergencies, and the ids of deleted accounts, until `stop` is cancelled.
pub(crate) async fn erase_deleted_emergencies(
    changes: Arc<dyn Changes>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let erasing = async {
        let mut failures = FailureLog::new("erasing deleted emergencies from the log failed, retrying");
        loop {
            let erased = changes.erase_deleted(clock.now() - DELETED_RETENTION, ERASE_BATCH).await;
            let has_more = erased.as_ref().is_ok_and(|&erased| erased >= u64::from(ERASE_BATCH));
            failures.record(erased);
            tokio::time::sleep(if has_more { BATCH_PAUSE } else { ERASE_INTERVAL }).await;
        }
    };
    stop.run_until_cancelled(erasing).await;
}

/// Thins emergencies and removes other records when their retention is over, until `stop` is cancelled.
pub(crate) async fn remove_old_records(cx: RetentionPorts, stop: CancellationToken) {
    let tenth = (cx.policy.records / 10).to_std().unwrap_or_default();
    let interval = tenth.clamp(BATCH_PAUSE, MAX_RETENTION_INTERVAL);
    let removing = async {
        let mut failures = FailureLog::new("removing old records failed, retrying");
        loop {
            let outcome = retention::step(&cx).await;
            let has_more = outcome.as_ref().is_ok_and(|&has_more| has_more);
            failures.record(outcome);
            tokio::time::sleep(if has_more { BATCH_PAUSE } else { interval }).await;
        }
    };
    stop.run_until_cancelled(removing).await;
}
