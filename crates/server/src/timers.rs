//! What is due with time: waves of alerts, telling owners that nobody came, ending what ran out of time.
//!
//! The timers are rows of the database: any number of nodes look at them, and what one has done is not due any more.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Error, port,
    usecase::{
        alerts::{BATCH, fire_due},
        emergencies::EmergencyPorts,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{measures::TimerMeasures, outage::Outage};

/// How long a timer may be late.
const PAUSE: Duration = Duration::from_millis(500);

/// Fires what is due until told to stop. What is under way then is done as a whole or not at all.
pub(crate) async fn run(cx: EmergencyPorts, alerts: Arc<dyn port::Alerts>, stop: CancellationToken) {
    let measures = TimerMeasures::new();
    let firing = async {
        let mut outage = Outage::new("timers cannot be looked at, trying again");
        loop {
            let fired = fire_due(&cx, &*alerts, |fired| measures.fired(fired)).await;
            let more = fired.as_ref().is_ok_and(|&fired| fired >= BATCH as usize);
            outage.saw::<_, Error>(fired);
            if !more {
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    stop.run_until_cancelled(firing).await;
}
