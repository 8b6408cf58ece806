//! Ends the effects of blocks between users that were removed from their lists.

use std::time::Duration;

use allynet_domain::{
    Error,
    usecase::blocks::{BlockPorts, MAX_ENDED_AT_ONCE, end_due},
};
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

/// The poll interval, and so the longest delay of an end.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Ends due blocks until `stop` is cancelled. Every node does; the commit of the first makes a block no longer due.
pub(crate) async fn run(cx: BlockPorts, stop: CancellationToken) {
    let ending = async {
        let mut failures = FailureLog::new("ending blocks between users failed, retrying");
        loop {
            let ended = end_due(&cx).await;
            // A full batch means that more may be due: look again at once.
            let more = ended.as_ref().is_ok_and(|&ended| ended >= MAX_ENDED_AT_ONCE as usize);
            failures.record::<_, Error>(ended);
            if !more {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    };
    stop.run_until_cancelled(ending).await;
}
