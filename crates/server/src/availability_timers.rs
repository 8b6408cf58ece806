//! Looks at helpers whose quiet hours, pause or limit begins or ends.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    ALERT_LIMIT_WINDOW, Error, port,
    usecase::{
        availability::{MAX_REVIEWED_AT_ONCE, review_due},
        helpers::HelperPorts,
    },
};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::failure_log::FailureLog;

/// The poll interval, and so the longest time for which broadcasts go by what was.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// For how long rings are looked at again, since they are committed a moment after the time that they bear, on nodes with other
/// clocks.
const RING_OVERLAP: TimeDelta = TimeDelta::seconds(10);

/// Reviews due helpers until `stop` is cancelled. Every node does; the commit of the first makes a helper no longer due.
pub(crate) async fn run(cx: HelperPorts, helpers: Arc<dyn port::Helpers>, stop: CancellationToken) {
    let reviewing = async {
        let mut failures = FailureLog::new("reviewing the availability of helpers failed, retrying");
        // What happened while no node ran.
        let mut rung_since = cx.clock.now() - ALERT_LIMIT_WINDOW;
        loop {
            let began_at = cx.clock.now();
            let reviewed = review_due(&cx, &helpers, rung_since).await;
            // A full batch means that more may be due: look again at once.
            let more = reviewed.as_ref().is_ok_and(|&reviewed| reviewed >= MAX_REVIEWED_AT_ONCE as usize);
            if failures.record::<_, Error>(reviewed).is_some() && !more {
                rung_since = began_at - RING_OVERLAP;
            }
            if !more {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    };
    stop.run_until_cancelled(reviewing).await;
}
