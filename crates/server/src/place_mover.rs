//! Moves the places of emergencies to where their owners are.
//!
//! Reporting a position never waits for it. One task moves one place after the other.

use std::sync::Arc;

use allynet_domain::{
    PlaceMove,
    usecase::{emergencies::EmergencyPorts, moves::follow},
};
use allynet_realtime::OwnerTracking;

use crate::retry::{Attempt, RETRY_DELAY, Retries};

/// Moves places for as long as it is polled.
pub(crate) async fn run(owners: Arc<OwnerTracking>, emergencies: &EmergencyPorts) {
    let mut retries = Retries::new("places that follow their owner cannot be moved, retrying");
    loop {
        let (due, delay) = owners.take_moves();
        let mut is_delayed = false;
        for owner in due {
            let attempt = retries.record(follow(emergencies, owner).await);
            // It is too soon if this node has not read of the last move yet.
            if matches!(attempt, Attempt::Failed | Attempt::Done(PlaceMove::TooSoon)) {
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
