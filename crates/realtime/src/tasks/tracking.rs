//! Sends the positions of helpers on their way to participants and dispatchers: `helper:location`.

use allynet_domain::{Approach, Audience, ReadPlace, Room, Signal, UserId, port::Signals};
use allynet_projections::FixSource;
use allynet_wire::signals::LocationSignal;

use crate::{hub::state::Hub, outbound::place_readings::PlaceReadings, session::device::Device, tracking::Tracking};

/// Sends updates for as long as it is polled, to the sockets of this node and to the other nodes.
///
/// MUST be polled by the task of the dispatcher. It so runs between two events: a position is never sent after the event
/// that ends its response.
pub(crate) async fn run(tracking: &Tracking, hub: &Hub<Device>, readings: &PlaceReadings, signals: &dyn Signals) {
    loop {
        let (due, delay) = tracking.take_due();
        for update in &due {
            let except = tracking.excluded_from(update.approach.emergency, update.approach.fix.user);
            send(hub, readings, &update.approach, except);
            // The other nodes receive the fix itself, and decide for their own sockets. What they sent is not returned.
            if update.source == FixSource::ThisNode {
                signals.publish(Signal::from(&update.approach.fix));
            }
        }
        match delay {
            None => tracking.changed().await,
            Some(delay) => tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = tracking.changed() => {}
            },
        }
        // The other loops of this task get their turn, however many helpers move.
        tokio::task::yield_now().await;
    }
}

/// Sends a position to the participants who are connected to this node, but not to the users in `except`, and to dispatchers.
fn send(hub: &Hub<Device>, readings: &PlaceReadings, approach: &Approach, except: Vec<UserId>) {
    let signal = LocationSignal::from(approach);
    let to = vec![Room::Participants(approach.emergency)];
    let except = except.into_iter().map(Room::User).chain([Room::Dispatchers]).collect();
    let dispatchers = hub.devices_in(Room::Dispatchers);
    for dispatcher in &dispatchers {
        let place = ReadPlace { user: approach.fix.user, emergency: approach.emergency };
        readings.note(dispatcher.session.identity.user, place);
    }
    for device in hub.audience(&Audience { to, except }).into_iter().chain(dispatchers) {
        // Not of the log: a full queue loses this position, and the next one is better. Replaceable, because it must not
        // be read after an event that overtakes it and ends the response.
        device.send_ephemeral(LocationSignal::EVENT, &signal, true).ok();
    }
}
