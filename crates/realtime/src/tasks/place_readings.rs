//! Stores in access logs what dispatchers were shown, and ends their room where that fails.

use std::time::Duration;

use allynet_domain::{ReadPlace, Room, UserId, usecase::emergencies::EmergencyPorts};
use allynet_wire::socket::{ErrorEvent, Failure};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::{
    failure::log_fault,
    hub::state::Hub,
    inbound::command::EventKind,
    outbound::place_readings::{PlaceReadings, Waiting},
    session::device::Device,
};

/// The time within which what was shown is stored. Later the room is ended: an entry is promised within a second.
const STORED_WITHIN: Duration = Duration::from_millis(900);

/// Stores places as they are shown, for as long as it is polled.
pub(crate) async fn run(readings: &PlaceReadings, hub: &Hub<Device>, emergencies: &EmergencyPorts) {
    loop {
        while let Some(Waiting { places, since, overflowed }) = readings.take() {
            let deadline = since + STORED_WITHIN;
            let storing =
                places.into_iter().map(|(reader, places)| store(readings, emergencies, reader, places, deadline));
            let failed = join_all(storing).await.into_iter().flatten();
            for reader in failed.chain(overflowed) {
                end_room(hub, reader);
            }
        }
        readings.added().await;
    }
}

/// Returns the administrator if the places were not stored in time.
async fn store(
    readings: &PlaceReadings,
    emergencies: &EmergencyPorts,
    reader: UserId,
    places: Vec<ReadPlace>,
    deadline: Instant,
) -> Option<UserId> {
    match timeout_at(deadline, emergencies.record_followed(reader, places.clone())).await {
        Ok(Ok(at)) => {
            readings.stored(reader, places, at);
            None
        }
        Ok(Err(error)) => {
            log_fault(&error, "store what dispatchers were shown");
            Some(reader)
        }
        Err(_late) => {
            tracing::error!("what dispatchers were shown was not stored in time: their room is ended");
            Some(reader)
        }
    }
}

/// Takes the connections of an administrator out of the room, and says so.
fn end_room(hub: &Hub<Device>, reader: UserId) {
    for device in hub.devices_in(Room::User(reader)) {
        let id = device.session.id;
        if hub.rooms(id).contains(&Room::Dispatchers) {
            hub.leave(id, Room::Dispatchers);
            let failure = Failure::internal();
            device.send("error", &ErrorEvent::new(&failure, Some(EventKind::JoinDispatchers.name()))).ok();
        }
    }
}
