//! Reception of the signals of other nodes.

use allynet_domain::{Signal, port::Fix};

use crate::{
    outbound::alert_counts::AlertCountSchedule, owner_tracking::OwnerTracking, tasks::presence::PresenceTask,
    tracking::Tracking,
};

/// Passes signals on to the tracking of helpers and of owners, to presence and to the alert counts, for as long as it is polled.
pub(crate) async fn receive_signals(
    tracking: &Tracking,
    owners: &OwnerTracking,
    presence: &PresenceTask,
    alert_counts: &AlertCountSchedule,
) {
    let mut listener = presence.signals.listen();
    loop {
        match listener.next().await {
            Signal::Moved { user, position, at } => tracking.position_received(Fix { user, position, at }),
            Signal::OwnerMoved { emergency, position, at } => owners.position_received(emergency, position, at),
            Signal::Presence { node, count, news } => presence.receive(node, count, news),
            Signal::AlertsReceived { emergency } => alert_counts.refresh(emergency),
            // For the export of traces, which listens itself.
            Signal::Traced { .. } => {}
        }
        // The other loops of the task get their turn, however many signals arrive.
        tokio::task::yield_now().await;
    }
}
