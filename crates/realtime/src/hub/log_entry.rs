//! An event of the log with its audience, its room changes and its encodings, which are computed once and shared by all
//! recipients.
//!
//! Knows nothing of connections.

use std::sync::{Arc, OnceLock};

use allynet_domain::{Delivery, EventId, LoggedEvent, PlacePolicy, RoomChange, Stage, View, Viewer};
use allynet_transport::Packet;
use allynet_wire::events::{Outgoing, outgoing};

use crate::engine::NAMESPACE;

/// An event of the log, ready to be delivered now or replayed later.
#[derive(Debug)]
pub(crate) struct LogEntry {
    pub(crate) logged: LoggedEvent,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) room_changes: Vec<RoomChange>,
    /// The encodings for [`Viewer::Anyone`], for lookers-on and for participants, made at the first delivery: most entries
    /// of the ring are never replayed. Only an event that depends on the stage has the second.
    for_anyone: [OnceLock<Option<Arc<EncodedEvent>>>; 2],
}

/// An event as it is sent to a client.
#[derive(Debug)]
pub(crate) struct EncodedEvent {
    pub(crate) name: &'static str,
    /// Whether the client is asked to acknowledge it.
    pub(crate) wants_ack: bool,
    /// The whole packet. It lacks the number that an acknowledged event carries, which differs for each socket.
    pub(crate) packet: Packet,
}

impl LogEntry {
    /// An entry for an event of the log.
    pub(crate) fn new(logged: LoggedEvent) -> Arc<Self> {
        let (deliveries, room_changes) = (logged.deliveries(), logged.room_changes());
        Arc::new(Self { logged, deliveries, room_changes, for_anyone: [OnceLock::new(), OnceLock::new()] })
    }

    /// The event's position in the log.
    pub(crate) const fn id(&self) -> EventId {
        self.logged.id
    }

    /// The event in this view, or `None` if it is not sent to clients.
    ///
    /// Encodes once per stage for [`Viewer::Anyone`], and at each call for a particular user. `places` MUST be the same at
    /// each call.
    pub(crate) fn encoded_for(&self, view: View, places: &PlacePolicy) -> Option<Arc<EncodedEvent>> {
        match (view.viewer, view.stage) {
            (Viewer::Anyone, Stage::LookerOn) => self.for_anyone[0].get_or_init(|| self.encode(view, places)).clone(),
            (Viewer::Anyone, Stage::Responder) => self.for_anyone[1].get_or_init(|| self.encode(view, places)).clone(),
            (_, _) => self.encode(view, places),
        }
    }

    fn encode(&self, view: View, places: &PlacePolicy) -> Option<Arc<EncodedEvent>> {
        let encoded = outgoing(&self.logged, view, places).and_then(|outgoing| {
            let Some(Outgoing { name, payload, acknowledged }) = outgoing else { return Ok(None) };
            let packet = NAMESPACE.event(name, &payload)?;
            Ok(Some(EncodedEvent { name, wants_ack: acknowledged, packet }))
        });
        match encoded {
            Ok(encoded) => encoded.map(Arc::new),
            Err(error) => {
                tracing::error!(%error, event = %self.logged.id, "event encoding failed");
                None
            }
        }
    }
}
