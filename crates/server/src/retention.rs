//! The log is kept for a time: what is older, and what no emergency needs any more, goes in small steps.
//!
//! Any number of nodes may do this at once; each step is one short transaction.

use std::{sync::Arc, time::Duration};

use allynet_domain::port;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::outage::Outage;

/// How long clients can come back and be told what they missed.
const KEPT: TimeDelta = TimeDelta::hours(72);
/// How many events go in one step, so that nobody who writes waits for long.
const STEP: u32 = 500;
/// Between two steps, while there is more.
const BREATH: Duration = Duration::from_millis(100);
/// Between two looks.
const PAUSE: Duration = Duration::from_mins(5);

/// Forgets what is too old until told to stop.
pub(crate) async fn run(log: Arc<dyn port::EventLog>, clock: Arc<dyn port::Clock>, stop: CancellationToken) {
    let forgetting = async {
        let mut outage = Outage::new("old events cannot be forgotten, trying again");
        loop {
            let forgotten = log.forget(clock.now() - KEPT, STEP).await;
            let more = forgotten.as_ref().is_ok_and(|&forgotten| forgotten >= u64::from(STEP));
            outage.saw(forgotten);
            tokio::time::sleep(if more { BREATH } else { PAUSE }).await;
        }
    };
    stop.run_until_cancelled(forgetting).await;
}
