//! The dispatcher: follows the event log and delivers every event to its recipients on this node.
//!
//! Each connection is sent its events in the order of the log. Over all connections, what is addressed to users or to an
//! emergency comes first, and broadcasts to all helpers on duty are sent a few connections at a time in between
//! ([`FanoutSender`]). Which users are sent an event, and how it reads for them, is decided by the domain and the wire
//! crate.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use allynet_domain::{
    Event, EventId, LoggedEvent, PlacePolicy, UserId,
    port::{self, Clock, EventLog, EventTail},
};
use allynet_projections::OpenEmergencies;

use crate::{
    hub::{
        archive::Archive,
        log_entry::LogEntry,
        state::{Fanout, Hub, RING_CAPACITY},
    },
    metrics::Metrics,
    outbound::{
        acknowledgements::Acknowledgements,
        alert_counts::AlertCountSchedule,
        fanout_sender::{FanoutSender, Sent},
        place_readings::PlaceReadings,
    },
    owner_tracking::OwnerTracking,
    session::device::{AwaitedAck, Device},
    tracking::Tracking,
};

/// Delay before the log is read again after a failure.
const LOG_RETRY_DELAY: Duration = Duration::from_millis(500);
/// Called with each user who connects, goes on duty, or is available again after having been engaged. Must return at once.
pub type OnAppeared = Arc<dyn Fn(UserId) + Send + Sync>;

/// Learns of the deliveries of events on this node. Its methods must return at once.
pub trait DeliveryObserver: Send + Sync {
    /// An event was read from the log, and is about to be delivered.
    fn began(&self, event: &LoggedEvent);

    /// An event was handed to all connections on this node that it is for.
    fn ended(&self, event: EventId);
}

type Sender<'a> = FanoutSender<'a, Device>;

/// The reader of the event log on this node. One per process.
pub(crate) struct Dispatcher {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) hub: Arc<Hub<Device>>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) acknowledgements: Acknowledgements,
    pub(crate) alert_counts: AlertCountSchedule,
    pub(crate) open_emergencies: Arc<OpenEmergencies>,
    pub(crate) tracking: Arc<Tracking>,
    pub(crate) owners: Arc<OwnerTracking>,
    pub(crate) readings: Arc<PlaceReadings>,
    pub(crate) on_appeared: OnAppeared,
    pub(crate) places: PlacePolicy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    /// `None` unless deliveries are traced.
    pub(crate) observer: Option<Arc<dyn DeliveryObserver>>,
}

impl Dispatcher {
    /// Follows the log for as long as it is polled. Connections are attached once it does.
    pub(crate) async fn run(&self) {
        let mut tail = self.open().await;
        let (reach, entries) = self.read_newest(tail.position()).await;
        self.hub.open(tail.position(), reach, entries);
        let mut sender = FanoutSender::new(&*self.hub, self.places, tail.position());
        let during_broadcasts = |sender: &Sender<'_>, sent| self.record_slice(sender, sent);
        loop {
            while sender.is_full() {
                if let Some(sent) = sender.send_slice().await {
                    self.record_slice(&sender, sent);
                }
            }
            match sender.broadcast_until(tail.next(), during_broadcasts).await {
                Ok(events) => {
                    for event in events {
                        self.dispatch(&LogEntry::new(event), &mut sender).await;
                    }
                }
                // The tail stays where it is, so that no event is lost, or has moved past an event that cannot be read:
                // waits for that event must end, too.
                Err(error) => {
                    sender.skip(tail.position());
                    self.hub.progress.reached(tail.position());
                    self.hub.progress.delivered(sender.delivered());
                    sender.broadcast_until(self.back_off(&error), during_broadcasts).await;
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

    /// Takes in an event, sends it to the connections that it is addressed to, and begins to send it to the others.
    async fn dispatch(&self, entry: &Arc<LogEntry>, sender: &mut Sender<'_>) {
        if let Some(observer) = &self.observer {
            observer.began(&entry.logged);
        }
        // Both change earlier events in the log.
        if let Event::MessageDeleted { .. } | Event::SessionsRevoked { former: Some(_), .. } = entry.logged.event {
            self.archive.invalidate();
        }
        // Before the event is delivered: once participants know that a response has ended, they must not be sent the
        // helper's position any more.
        self.open_emergencies.apply(&entry.logged);
        self.tracking.apply(&entry.logged);
        self.owners.apply(&entry.logged);
        let Fanout { addressed, others, closed } = self.hub.advance(entry);
        self.hub.progress.reached(entry.id());
        for (view, devices) in &addressed {
            self.readings.note_event(&entry.logged, *view, devices.iter().map(|(_, device)| device));
        }
        if sender.send(entry, addressed, others, |sent| self.record(&entry.logged, sent)).await {
            self.record_end(&entry.logged);
        }
        self.hub.progress.delivered(sender.delivered());
        self.metrics.set_waiting_deliveries(sender.waiting());
        // After the delivery: a client learns that its account was blocked by the event, if it is sent one.
        for (device, reason) in closed {
            device.close(reason);
        }
        self.alert_counts.observe(&entry.logged);
        if let Event::HelperRightsChanged { user, on_duty, critical_only, .. } = entry.logged.event
            && (on_duty || critical_only)
        {
            (self.on_appeared)(user);
        }
        for user in entry.logged.event.freed_users() {
            (self.on_appeared)(*user);
        }
    }

    /// Counts deliveries, and awaits their acknowledgements.
    fn record(&self, event: &LoggedEvent, sent: Sent<AwaitedAck>) {
        self.metrics.record_deliveries(sent.event.name, sent.accepted);
        if let Some((user, acks)) = sent.acks {
            self.acknowledgements.expect(event, user, acks);
        }
    }

    /// Counts the deliveries of a part of a broadcast, and records which events are delivered.
    fn record_slice(&self, sender: &Sender<'_>, sent: Sent<AwaitedAck>) {
        self.metrics.record_deliveries(sent.event.name, sent.accepted);
        self.metrics.set_waiting_deliveries(sender.waiting());
        if let Some(entry) = sent.completes {
            self.record_end(&entry.logged);
            self.hub.progress.delivered(sender.delivered());
        }
    }

    fn record_end(&self, event: &LoggedEvent) {
        self.metrics.record_event_lag(event.at, self.clock.now());
        if let Some(observer) = &self.observer {
            observer.ended(event.id);
        }
    }
}
