//! Sending of alert counts to the owners of emergencies and to dispatchers: `emergency:alerts`.

use allynet_domain::{
    Audience, EmergencyId, Room,
    port::{Clock, Emergencies},
};
use allynet_wire::signals::AlertsSignal;
use tokio::time::{Instant, sleep_until};

use crate::{failure::log_fault, hub::state::Hub, outbound::alert_counts::AlertCountSchedule, session::device::Device};

/// Reads alert counts and sends them.
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
                self.send(emergency).await;
            }
        }
    }

    async fn send(&self, id: EmergencyId) {
        // Saves the query where neither a participant nor a dispatcher is connected to this node.
        let has_room = |room| !self.hub.devices_in(room).is_empty();
        if !has_room(Room::Participants(id)) && !has_room(Room::Dispatchers) {
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
        let (to, except) = (vec![Room::User(emergency.owner())], vec![Room::Dispatchers]);
        let owners = self.hub.audience(&Audience { to, except });
        let dispatchers = self.hub.devices_in(Room::Dispatchers);
        if owners.is_empty() && dispatchers.is_empty() {
            return self.schedule.remove(id);
        }
        if self.schedule.update(id, emergency.alerts(), emergency.status().is_live(), Instant::now()) {
            for (devices, is_administrator) in [(owners, false), (dispatchers, true)] {
                let signal = AlertsSignal::new(&emergency, self.clock.now(), is_administrator);
                for device in devices {
                    // Not an event of the log: a full queue loses these counts, and the next ones replace them.
                    device.send_ephemeral(AlertsSignal::EVENT, &signal, true).ok();
                }
            }
        }
    }
}
