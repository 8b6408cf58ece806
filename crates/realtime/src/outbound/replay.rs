//! Replay: sends missed events to a connection, no faster than its client reads, and then lets it go live.
//!
//! A replay runs beside the dispatcher. The hub holds back for this connection what happens meanwhile, so that no event
//! is missed, sent twice or out of order, and no other connection waits.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use allynet_domain::{EventId, PlacePolicy, Room, View, Viewer, port};
use allynet_wire::socket::SessionResync;

use crate::{
    hub::{
        attachment::{JoinPoint, Release, ReplayFrom},
        log_entry::LogEntry,
        state::Hub,
    },
    metrics::Metrics,
    outbound::{
        acknowledgements::Acknowledgements,
        missed_events::{Missed, MissedEvents},
        place_readings::PlaceReadings,
    },
    session::{device::Device, state::NotAccepted},
};

/// Number of events that are sent without a break.
const REPLAY_CHUNK_SIZE: usize = 64;
/// Break after each chunk, in which the transport writes and other tasks run.
const REPLAY_CHUNK_DELAY: Duration = Duration::from_millis(2);
/// Delay before an event is sent again that the client did not accept.
const SEND_RETRY_DELAY: Duration = Duration::from_millis(20);
/// How long a client may refuse an event of its replay before it is cut off. The last few events, sent under the lock of the
/// hub, are retried for as long as the client is connected.
const STALLED_CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

type SendResult = Result<(), NotAccepted>;

/// Replays missed events to connections that come back, or that join a room.
pub(crate) struct Replayer {
    pub(crate) missed: MissedEvents,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) acknowledgements: Acknowledgements,
    pub(crate) places: PlacePolicy,
    pub(crate) readings: Arc<PlaceReadings>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Replayer {
    /// Replays the events after `last` that a connection missed, which was attached at `position` in these rooms.
    ///
    /// Events MUST be held back for it.
    pub(crate) async fn to_session(&self, device: &Device, last: EventId, position: EventId, rooms: Vec<Room>) {
        match self.missed.of_user(&device.session.identity, last, position, rooms).await {
            Ok(missed) => self.send(device, missed, position).await,
            Err(error) => self.abort(device, &error),
        }
    }

    /// Replays the events that a connection missed of a room that it joined.
    ///
    /// Events MUST be held back for it.
    pub(crate) async fn to_room(&self, device: &Device, from: ReplayFrom, joined: &JoinPoint) {
        // Events from before the join, of which some may still be sent to the connection, come first.
        self.hub.progress.until_delivered(joined.position).await;
        match self.missed.of_room(from, joined).await {
            Ok(missed) => self.send(device, missed, joined.position).await,
            Err(error) => self.abort(device, &error),
        }
    }

    /// Ends a connection that was sent nothing: its client reconnects and asks again.
    fn abort(&self, device: &Device, error: &port::Error) {
        tracing::error!(error = error as &dyn StdError, "replay failed: missed events could not be read");
        self.hub.remove(device.session.id);
        device.cut();
    }

    async fn send(&self, device: &Device, missed: Missed, position: EventId) {
        let sent = match missed {
            Missed::Resync(reason) => {
                let resync = SessionResync::new(reason, position);
                retry_until_accepted(|| device.send("session:resync", &resync)).await
            }
            Missed::Events(events, history) => {
                // Before the events: if the client joins another room meanwhile, they count as sent.
                self.hub.prepend_history(device.session.id, &history, position);
                self.send_all(device, &events).await
            }
        };
        if sent.is_err() || self.go_live(device).await.is_err() {
            self.hub.remove(device.session.id);
            device.cut_slow();
        }
    }

    /// Sends the events held back, until the hub lets the connection go live.
    async fn go_live(&self, device: &Device) -> SendResult {
        loop {
            let send = |device: &Device, entry: &Arc<LogEntry>, view| self.deliver(device, entry, view).is_ok();
            match self.hub.release(device.session.id, send) {
                Release::Live => return Ok(()),
                Release::Lost => return Err(NotAccepted),
                Release::SendFirst(events) => self.send_all(device, &events).await?,
                Release::Busy => tokio::time::sleep(SEND_RETRY_DELAY).await,
            }
        }
    }

    async fn send_all(&self, device: &Device, events: &[(Arc<LogEntry>, View)]) -> SendResult {
        for chunk in events.chunks(REPLAY_CHUNK_SIZE) {
            for (entry, view) in chunk {
                if device.session.is_over() {
                    return Err(NotAccepted);
                }
                retry_until_accepted(|| self.deliver(device, entry, *view)).await?;
            }
            tokio::time::sleep(REPLAY_CHUNK_DELAY).await;
        }
        Ok(())
    }

    fn deliver(&self, device: &Device, entry: &LogEntry, view: View) -> SendResult {
        let Some(encoded) = entry.encoded_for(view, &self.places) else { return Ok(()) };
        let ack = device.deliver(&encoded)?;
        self.readings.note_event(&entry.logged, view, [device]);
        self.metrics.record_replay();
        if let (Some(ack), Viewer::User(helper)) = (ack, view.viewer) {
            self.acknowledgements.expect(&entry.logged, helper, vec![ack]);
        }
        Ok(())
    }
}

/// Sends, again and again while the client does not accept it, for at most ten seconds.
async fn retry_until_accepted(mut send: impl FnMut() -> SendResult) -> SendResult {
    let accepted = async {
        while send().is_err() {
            tokio::time::sleep(SEND_RETRY_DELAY).await;
        }
    };
    tokio::time::timeout(STALLED_CLIENT_TIMEOUT, accepted).await.map_err(|_| NotAccepted)
}
