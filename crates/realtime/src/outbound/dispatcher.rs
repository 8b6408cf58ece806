//! The dispatcher: follows the event log and delivers every event, in order, to its recipients on this node.
//!
//! Which users are sent an event, and how it reads for them, is decided by the domain and the wire crate.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use allynet_domain::{
    Event, EventId, LoggedEvent, UserId, Viewer,
    port::{self, Clock, EventLog, EventTail},
};
use allynet_projections::OpenEmergencies;
use futures_util::stream::FuturesUnordered;

use crate::{
    hub::{
        archive::Archive,
        log_entry::{EncodedEvent, LogEntry},
        members::MemberId,
        state::{Hub, RING_CAPACITY},
    },
    metrics::Metrics,
    outbound::{acknowledgements::Acknowledgements, alert_counts::AlertCountSchedule},
    session::device::Device,
    tracking::Tracking,
};

/// Delay before the log is read again after a failure.
const LOG_RETRY_DELAY: Duration = Duration::from_millis(500);
/// Number of sockets that are written to before other tasks have a turn.
const DEVICES_PER_TURN: usize = 64;

/// Called with each user who connects or goes on duty. Must return at once.
pub type OnAppeared = Arc<dyn Fn(UserId) + Send + Sync>;

/// The reader of the event log on this node. One per process.
pub(crate) struct Dispatcher {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) acknowledgements: Acknowledgements,
    pub(crate) alert_counts: AlertCountSchedule,
    pub(crate) open_emergencies: Arc<OpenEmergencies>,
    pub(crate) tracking: Arc<Tracking>,
    pub(crate) on_appeared: OnAppeared,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Dispatcher {
    /// Follows the log for as long as it is polled. Connections are attached once it does.
    pub(crate) async fn run(&self) {
        let mut tail = self.open().await;
        let (reach, entries) = self.read_newest(tail.position()).await;
        self.hub.open(tail.position(), reach, entries);
        loop {
            match tail.next().await {
                Ok(events) => {
                    for event in events {
                        self.dispatch(&LogEntry::new(event)).await;
                        tokio::task::yield_now().await;
                    }
                }
                // The tail stays where it is, so that no event is lost, or has moved past an event that cannot be read:
                // waits for that event must end, too.
                Err(error) => {
                    self.hub.progress.delivered(tail.position());
                    self.back_off(&error).await;
                }
            }
        }
    }

    async fn open(&self) -> Box<dyn EventTail> {
        loop {
            match self.log.follow().await {
                Ok(tail) => return tail,
                Err(error) => self.back_off(&error).await,
            }
        }
    }

    /// Reads the events before `position` that fit into the ring, and returns the position after which they are
    /// complete.
    ///
    /// All clients of a node that was restarted come back to it and ask for them.
    async fn read_newest(&self, position: EventId) -> (EventId, Vec<Arc<LogEntry>>) {
        let from = EventId::new(position.get().saturating_sub_unsigned(RING_CAPACITY as u64).max(0));
        loop {
            let read = async {
                let events = self.log.range(from, position, u32::try_from(RING_CAPACITY).unwrap_or(u32::MAX)).await?;
                // Read after the events: retention may have removed some of them in between, and must then be noticed.
                Ok((from.max(self.log.complete_since().await?), events))
            };
            match read.await {
                Ok((reach, events)) => {
                    let events = events.into_iter().filter(|event| event.id > reach).map(LogEntry::new).collect();
                    return (reach, events);
                }
                Err(error) => self.back_off(&error).await,
            }
        }
    }

    async fn back_off(&self, error: &port::Error) {
        tracing::error!(error = error as &dyn StdError, "event log read failed, retrying");
        // The node is not ready during the delay, and gets no new connections from a load balancer.
        self.hub.progress.set_failing(true);
        tokio::time::sleep(LOG_RETRY_DELAY).await;
        self.hub.progress.set_failing(false);
    }

    async fn dispatch(&self, entry: &Arc<LogEntry>) {
        if let Event::MessageDeleted { .. } = entry.logged.event {
            self.archive.invalidate();
        }
        // Before the event is delivered: once participants know that a response has ended, they must not be sent the
        // helper's position any more.
        self.open_emergencies.apply(&entry.logged);
        self.tracking.apply(&entry.logged);
        let fanout = self.hub.advance(entry);
        for (viewer, devices) in fanout.deliveries {
            if let Some(encoded) = entry.encoded_for(viewer) {
                self.deliver(&entry.logged, viewer, &encoded, &devices).await;
            }
        }
        self.hub.progress.delivered(entry.id());
        self.metrics.record_event_lag(entry.logged.at, self.clock.now());
        // After the delivery: a client learns that its account was blocked by the event, if it is sent one.
        for (device, reason) in fanout.closed {
            device.close(reason);
        }
        self.alert_counts.observe(&entry.logged);
        if let Event::HelperRightsChanged { user, on_duty: true, .. } = entry.logged.event {
            (self.on_appeared)(user);
        }
    }

    /// Sends an event to each device.
    ///
    /// A device that does not accept it is removed and cut off, so that it never misses an event unnoticed: its client
    /// reconnects and is replayed to.
    async fn deliver(
        &self,
        event: &LoggedEvent,
        viewer: Viewer,
        encoded: &EncodedEvent,
        devices: &[(MemberId, Device)],
    ) {
        let (mut acks, mut delivered) = (FuturesUnordered::new(), 0);
        for devices in devices.chunks(DEVICES_PER_TURN) {
            for (id, device) in devices {
                if let Ok(ack) = device.deliver(encoded) {
                    acks.extend(ack);
                    delivered += 1;
                } else {
                    self.hub.remove(*id);
                    device.cut_slow();
                }
            }
            // Each delivery was a system call, and other tasks wait for this thread.
            tokio::task::yield_now().await;
        }
        self.metrics.record_deliveries(encoded.name, delivered);
        if let (Viewer::User(user), false) = (viewer, acks.is_empty()) {
            self.acknowledgements.expect(event, user, acks);
        }
    }
}
