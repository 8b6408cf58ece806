//! Sending of alert counts to the owners of emergencies: `emergency:alerts`.

use allynet_domain::{
    EmergencyId, Room,
    port::{Clock, Emergencies},
};
use allynet_wire::signals::AlertsSignal;
use tokio::time::{Instant, sleep_until};

use crate::{failure::log_fault, hub::state::Hub, outbound::alert_counts::AlertCountSchedule, session::device::Device};

/// Reads alert counts and sends them to owners.
pub(crate) struct AlertCountSender<'a> {
    pub(crate) schedule: &'a AlertCountSchedule,
    pub(crate) hub: &'a Hub<Device>,
    pub(crate) emergencies: &'a dyn Emergencies,
    pub(crate) clock: &'a dyn Clock,
}

impl AlertCountSender<'_> {
    /// Sends counts as they become due, for as long as it is polled.
    pub(crate) async fn run(&self) {
        loop {
            match self.schedule.next() {
                None => self.schedule.changed().await,
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = self.schedule.changed() => {}
                },
            }
            for emergency in self.schedule.take_due(Instant::now()) {
                self.send_to_owner(emergency).await;
            }
        }
    }

    async fn send_to_owner(&self, id: EmergencyId) {
        // Saves the query where no participant is connected to this node.
        if self.hub.devices_in(Room::Participants(id)).is_empty() {
            return self.schedule.remove(id);
        }
        let emergency = match self.emergencies.find(id).await {
            Ok(Some(emergency)) => emergency,
            Ok(None) => return self.schedule.remove(id),
            Err(error) => {
                log_fault(&error.into(), "read alert counts");
                return self.schedule.retry(id, Instant::now());
            }
        };
        let devices = self.hub.devices_in(Room::User(emergency.owner()));
        if devices.is_empty() {
            return self.schedule.remove(id);
        }
        if self.schedule.update(id, emergency.alerts(), emergency.status().is_live(), Instant::now()) {
            let signal = AlertsSignal::new(&emergency, self.clock.now());
            for device in devices {
                // Not an event of the log: a full queue loses these counts, and the next ones replace them.
                device.send_ephemeral(AlertsSignal::EVENT, &signal, true).ok();
            }
        }
    }
}
