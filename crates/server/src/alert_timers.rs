//! The timers of emergencies: the next wave of alerts, the notice that no helper responded, and expiry.
//!
//! Timers are rows of the database. Every node polls them; the commit of the one that fires a timer makes it no longer
//! due for the others.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Error, port,
    usecase::{
        alerts::{MAX_FIRED_AT_ONCE, fire_due},
        emergencies::EmergencyPorts,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{failure_log::FailureLog, metrics::TimerMetrics};

/// The poll interval, and so the longest delay of a timer.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Fires due timers until `stop` is cancelled. A timer that is being fired then is committed as a whole or not at all.
pub(crate) async fn run(cx: EmergencyPorts, alerts: Arc<dyn port::Alerts>, stop: CancellationToken) {
    let metrics = TimerMetrics::new();
    let firing = async {
        let mut failures = FailureLog::new("polling the alert timers failed, retrying");
        loop {
            let fired = fire_due(&cx, &*alerts, |fired| metrics.record(fired)).await;
            // A full batch means that more may be due: look again at once.
            let more = fired.as_ref().is_ok_and(|&fired| fired >= MAX_FIRED_AT_ONCE as usize);
            failures.record::<_, Error>(fired);
            if !more {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    };
    stop.run_until_cancelled(firing).await;
}
