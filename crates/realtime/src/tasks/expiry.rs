//! Closing of connections when their tokens expire.

use std::time::Duration;

use allynet_domain::{Timestamp, port::Clock};

use crate::{
    hub::{members::CloseReason, state::Hub},
    session::device::Device,
};

/// Upper bound of the wait for the next expiry: the clock of the machine may be set meanwhile.
const MAX_EXPIRY_WAIT: Duration = Duration::from_mins(1);

/// Closes connections whose tokens have expired, for as long as it is polled.
pub(crate) async fn close_expired(hub: &Hub<Device>, clock: &dyn Clock) {
    loop {
        let now = clock.now();
        for device in hub.take_expired(now) {
            device.close(CloseReason::SessionOver);
        }
        let wait = hub.next_expiry().map_or(MAX_EXPIRY_WAIT, |at| until(at, now));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // A connection was attached whose token expires before the one that is waited for.
            () = hub.earlier_expiry() => {}
        }
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    (at - now).to_std().unwrap_or_default().min(MAX_EXPIRY_WAIT)
}
