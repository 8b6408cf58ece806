//! Moves the places of emergencies to where their owners are.
//!
//! Reporting a position never waits for it. One task moves one place after the other.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    Error, PlaceMove, port,
    usecase::{emergencies::EmergencyPorts, moves::follow},
};
use allynet_realtime::OwnerTracking;

use crate::failure_log::FailureLog;

/// Delay before places are looked at again, after a failure or if this node has not read of the last move yet.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Moves places for as long as it is polled.
pub(crate) async fn run(owners: Arc<OwnerTracking>, emergencies: &EmergencyPorts) {
    let mut failures = FailureLog::new("places that follow their owner cannot be moved, retrying");
    loop {
        let (due, delay) = owners.take_moves();
        let mut is_delayed = false;
        for owner in due {
            let outcome = follow(emergencies, owner).await;
            // Trying again mends neither a row that cannot be decoded nor a statement that is wrong.
            let is_lost = matches!(outcome, Err(Error::Port(port::Error::Corrupt { .. } | port::Error::Bug(_))));
            let moved = failures.record(outcome);
            if moved.is_none_or(|moved| moved == PlaceMove::TooSoon) && !is_lost {
                owners.put_back(owner);
                is_delayed = true;
            }
        }
        if is_delayed {
            tokio::time::sleep(RETRY_DELAY).await;
            continue;
        }
        match delay {
            None => owners.may_move().await,
            Some(delay) => tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = owners.may_move() => {}
            },
        }
    }
}

#[cfg(test)]
mod tests;
