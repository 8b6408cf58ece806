//! An event of the log with what was found out about it once and serves many: who hears it, who moves by it, and how
//! it reads for anybody.
//!
//! Knows nothing of connections.

use std::sync::{Arc, OnceLock};

use allynet_domain::{Delivery, EventId, LoggedEvent, RoomChange, Viewer};
use allynet_transport::Packet;
use allynet_wire::events::{Outgoing, outgoing};

use crate::engine::NAMESPACE;

/// An event on its way to those who hear it, now or when they come back.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) logged: LoggedEvent,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) movements: Vec<RoomChange>,
    for_anyone: OnceLock<Option<Arc<Written>>>,
}

/// An event as it is sent.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: &'static str,
    /// Whether the client is asked to acknowledge it.
    pub(crate) acknowledged: bool,
    /// The whole of it; without the number that an acknowledgement would bear.
    pub(crate) packet: Packet,
}

impl Told {
    /// An event of the log.
    pub(crate) fn new(logged: LoggedEvent) -> Arc<Self> {
        let (deliveries, movements) = (logged.deliveries(), logged.room_changes());
        Arc::new(Self { logged, deliveries, movements, for_anyone: OnceLock::new() })
    }

    /// Its place in the log.
    pub(crate) const fn id(&self) -> EventId {
        self.logged.id
    }

    /// How it reads for a viewer; for anybody it is written once. None for what nobody hears.
    pub(crate) fn written(&self, viewer: Viewer) -> Option<Arc<Written>> {
        match viewer {
            Viewer::Anyone => self.for_anyone.get_or_init(|| self.write(viewer)).clone(),
            Viewer::User(_) => self.write(viewer),
        }
    }

    fn write(&self, viewer: Viewer) -> Option<Arc<Written>> {
        let written = outgoing(&self.logged, viewer).and_then(|outgoing| {
            let Some(Outgoing { name, payload, acknowledged }) = outgoing else { return Ok(None) };
            let packet = NAMESPACE.event(name, &payload)?;
            Ok(Some(Written { name, acknowledged, packet }))
        });
        match written {
            Ok(written) => written.map(Arc::new),
            Err(error) => {
                tracing::error!(%error, event = %self.logged.id, "an event cannot be written");
                None
            }
        }
    }
}
