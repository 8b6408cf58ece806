//! Follows the log and brings every event to the sockets of this node that are to hear of it, in order; ends the
//! connections whose tokens expire.
//!
//! Decides nothing: who hears what, and how it reads for them, is asked of the domain and of the wire crate.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use allynet_domain::{
    Event, EventId, LoggedEvent, Signal, Timestamp, UserId, Viewer,
    port::{self, EventTail, Fix},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use socketioxide::AckError;
use tokio_util::sync::CancellationToken;

use crate::{
    desk::Desk,
    hub::log_entry::{Told, Written},
    hub::members::{Farewell, MemberId},
    hub::state::RING,
    outbound::alert_counts::Numbers,
    session::device::{Acknowledged, Device},
    tasks,
};

/// The pause after the log could not be read.
const PAUSE: Duration = Duration::from_millis(500);
/// To how many sockets an event is sent before others have their turn.
const TURN: usize = 64;
/// The clock of the machine may be set: it is looked at again at least this often.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The reader of the log on this node. One per process.
pub struct Dispatcher {
    desk: Arc<Desk>,
    numbers: Numbers,
}

impl Dispatcher {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, numbers: Numbers::default() }
    }

    /// Runs until told to stop. Clients are let in once it follows the log.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = self.expire() => {}
            () = self.numbers.tell(&self.desk) => {}
            () = self.desk.acknowledgements.store(&self.desk.ports.emergencies) => {}
            () = tasks::tracking::run(&self.desk.ports.tracking, &self.desk.hub, &*self.desk.ports.signals) => {}
            () = self.desk.presence.run() => {}
            () = self.hear() => {}
        }
        self.desk.presence.leave();
    }

    /// What other nodes tell in passing.
    async fn hear(&self) {
        let mut listener = self.desk.ports.signals.listen();
        loop {
            match listener.next().await {
                Signal::Moved { user, position, at } => {
                    self.desk.ports.tracking.position_received(Fix { user, position, at });
                }
                Signal::Presence { node, count, news } => self.desk.presence.receive(node, count, news),
            }
            // Others in the same task get their turn, however much is told.
            tokio::task::yield_now().await;
        }
    }

    async fn follow(&self) {
        let mut tail = self.open().await;
        let (reach, events) = self.fill(tail.position()).await;
        self.desk.hub.open(tail.position(), reach, events);
        loop {
            match tail.next().await {
                Ok(events) => {
                    for event in events {
                        self.dispatch(&Told::new(event)).await;
                        tokio::task::yield_now().await;
                    }
                }
                // The tail stays where it is, so nothing is lost; or it has passed what cannot be read.
                Err(error) => {
                    self.desk.hub.settle(tail.position());
                    self.wait(&error).await;
                }
            }
        }
    }

    async fn open(&self) -> Box<dyn EventTail> {
        loop {
            match self.desk.ports.log.follow().await {
                Ok(tail) => return tail,
                Err(error) => self.wait(&error).await,
            }
        }
    }

    /// What happened before: all clients may be coming back to a node that has just been started.
    async fn fill(&self, position: EventId) -> (EventId, Vec<Arc<Told>>) {
        let from = EventId::new(position.get().saturating_sub_unsigned(RING as u64).max(0));
        loop {
            let read = async {
                let log = &self.desk.ports.log;
                let events = log.range(from, position, u32::try_from(RING).unwrap_or(u32::MAX)).await?;
                Ok((from.max(log.complete_since().await?), events))
            };
            match read.await {
                Ok((reach, events)) => {
                    let events = events.into_iter().filter(|event| event.id > reach).map(Told::new).collect();
                    return (reach, events);
                }
                Err(error) => self.wait(&error).await,
            }
        }
    }

    async fn wait(&self, error: &port::Error) {
        tracing::error!(error = error as &dyn StdError, "the event log cannot be read, trying again");
        self.desk.hub.set_failing(true);
        tokio::time::sleep(PAUSE).await;
        self.desk.hub.set_failing(false);
    }

    async fn dispatch(&self, event: &Arc<Told>) {
        if let Event::MessageDeleted { .. } = event.logged.event {
            self.desk.archive.forget();
        }
        // Before it is sent: after the end of a response no position of its helper is sent any more.
        self.desk.ports.open_emergencies.apply(&event.logged);
        self.desk.ports.tracking.apply(&event.logged);
        let step = self.desk.hub.advance(event);
        for (viewer, devices) in step.deliveries {
            if let Some(written) = event.written(viewer) {
                self.deliver(&event.logged, viewer, &written, &devices).await;
            }
        }
        self.desk.hub.settle(event.id());
        self.desk.measures.told(event.logged.at, self.desk.ports.clock.now());
        for (device, farewell) in step.dismissed {
            device.dismiss(farewell);
        }
        self.note(&event.logged);
    }

    /// What this node does about an event besides telling it.
    fn note(&self, event: &LoggedEvent) {
        self.numbers.observe(event);
        if let Event::HelperRightsChanged { user, on_duty: true, .. } = event.event {
            (self.desk.ports.sighted)(user);
        }
    }

    /// Sends to each device. One that does not take it is cut off, and gets nothing more: it comes back and resumes.
    async fn deliver(&self, event: &LoggedEvent, viewer: Viewer, written: &Written, devices: &[(MemberId, Device)]) {
        let (mut answers, mut delivered) = (FuturesUnordered::new(), 0);
        for devices in devices.chunks(TURN) {
            for (id, device) in devices {
                if let Ok(answer) = device.deliver(written) {
                    answers.extend(answer);
                    delivered += 1;
                } else {
                    self.desk.hub.remove(*id);
                    device.cut_slow();
                }
            }
            // Each was a write to a socket, and others wait for this thread.
            tokio::task::yield_now().await;
        }
        self.desk.measures.delivered(written.name, delivered);
        if let (Viewer::User(user), false) = (viewer, answers.is_empty()) {
            expect_answer(&self.desk, event, user, answers);
        }
    }

    async fn expire(&self) {
        let hub = &self.desk.hub;
        loop {
            let now = self.desk.ports.clock.now();
            for device in hub.take_expired(now) {
                device.dismiss(Farewell::SessionOver);
            }
            let pause = hub.next_expiry().map_or(LONGEST_WAIT, |at| until(at, now));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = hub.sooner_expiry() => {}
            }
        }
    }
}

fn until(at: Timestamp, now: Timestamp) -> Duration {
    (at - now).to_std().unwrap_or_default().min(LONGEST_WAIT)
}

/// The first answer of any device of the recipient counts; none within the time that the service gives is no answer.
pub(crate) fn expect_answer(
    desk: &Desk,
    event: &LoggedEvent,
    helper: UserId,
    mut answers: FuturesUnordered<Acknowledged>,
) {
    let Some(emergency) = event.emergency else { return };
    let (acknowledged, clock) = (desk.acknowledgements.queue(), Arc::clone(&desk.ports.clock));
    let (alerted_at, measures) = (event.at, Arc::clone(&desk.measures));
    tokio::spawn(async move {
        while let Some(answer) = answers.next().await {
            if matches!(answer, Ok(_) | Err(AckError::Decode(_))) {
                measures.acknowledged(alerted_at, clock.now());
                // Nobody takes it any more when this node ends: the alert is sent again.
                acknowledged.send((emergency, helper)).await.ok();
                return;
            }
        }
    });
}
