//! Sends where the owners are whose emergency follows them: `emergency:location`.

use allynet_domain::{Audience, Room, Signal, port::Signals};
use allynet_projections::{FixSource, OwnerUpdate};
use allynet_wire::signals::OwnerSignal;

use crate::{hub::state::Hub, owner_tracking::OwnerTracking, session::device::Device};

/// Sends updates for as long as it is polled, to the sockets of this node and to the other nodes.
///
/// MUST be polled by the task of the dispatcher, as the positions of helpers are: none is sent after the event that ends a part.
pub(crate) async fn run(tracking: &OwnerTracking, hub: &Hub<Device>, signals: &dyn Signals) {
    loop {
        let (due, delay) = tracking.take_due();
        for update in &due {
            send(tracking, hub, update);
            // The other nodes decide for their own sockets. What they sent is not returned.
            if update.source == FixSource::ThisNode {
                let OwnerUpdate { emergency, position, at, .. } = *update;
                signals.publish(Signal::OwnerMoved { emergency, position, at });
            }
        }
        match delay {
            None => tracking.changed().await,
            Some(delay) => tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = tracking.changed() => {}
            },
        }
        // The other loops of this task get their turn, however many owners move.
        tokio::task::yield_now().await;
    }
}

/// Sends a position to the participants who are connected to this node and still take part.
fn send(tracking: &OwnerTracking, hub: &Hub<Device>, update: &OwnerUpdate) {
    let OwnerUpdate { emergency, position, moved_by, at, source: _ } = *update;
    let signal = OwnerSignal::new(emergency, position, moved_by, at);
    let to = vec![Room::Participants(emergency)];
    let except = tracking.excluded_from(emergency).into_iter().map(Room::User).collect();
    for device in hub.audience(&Audience { to, except }) {
        // Not of the log, and replaceable: a full queue loses this position, and the next one is better.
        device.send_ephemeral(OwnerSignal::EVENT, &signal, true).ok();
    }
}
