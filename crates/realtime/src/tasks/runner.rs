//! The background tasks of the namespace, run together.

use std::sync::Arc;

use allynet_domain::{
    Signal,
    usecase::{alerts::Receipt, emergencies},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    outbound::dispatcher::{DeliveryObserver, Dispatcher},
    tasks::{
        acknowledgements::store_receipts, alert_counts::AlertCountSender, expiry::close_expired, owner_tracking,
        place_readings, presence::PresenceTask, signals::receive_signals, tracking,
    },
};

/// The dispatcher and all other background tasks. Connections are attached once they run.
pub struct RealtimeTasks {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) presence: PresenceTask,
    pub(crate) receipts: mpsc::Receiver<Receipt>,
    pub(crate) emergencies: emergencies::EmergencyPorts,
}

impl RealtimeTasks {
    /// The same tasks, whose deliveries `observer` learns of.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn DeliveryObserver>) -> Self {
        self.dispatcher.observer = Some(observer);
        self
    }

    /// Runs until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let Self { dispatcher, presence, receipts, emergencies } = self;
        let Dispatcher { hub, tracking, owners, clock, alert_counts, readings, .. } = &dispatcher;
        let sender =
            AlertCountSender { schedule: alert_counts, hub, emergencies: &*emergencies.emergencies, clock: &**clock };
        let on_received = |emergency| {
            alert_counts.refresh(emergency);
            presence.signals.publish(Signal::AlertsReceived { emergency });
        };
        // All in one task: `tracking`, `owner_tracking` and the dispatcher must not run at the same time, so that no position is sent
        // after the event that ends its response.
        tokio::select! {
            () = stop.cancelled() => {}
            () = dispatcher.run() => {}
            () = close_expired(hub, &**clock) => {}
            () = sender.run() => {}
            () = store_receipts(receipts, &emergencies, on_received) => {}
            () = tracking::run(tracking, hub, readings, &*presence.signals) => {}
            () = owner_tracking::run(owners, hub, &*presence.signals) => {}
            () = place_readings::run(readings, hub, &emergencies) => {}
            () = presence.run() => {}
            () = receive_signals(tracking, owners, &presence, alert_counts) => {}
        }
        presence.leave();
    }
}
