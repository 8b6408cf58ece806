//! The sender of the outbox: takes due steps and attempts, sends the pushes, and stores what became of them.
//!
//! Runs on every node. A claim keeps the nodes apart, and one that dies loses its claims after ten seconds. Nothing here is on
//! the path of a request: sending has connections of its own to the database and to push services.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, sync::Arc, time::Duration};

use allynet_domain::{
    Error, OutboxKind, Timestamp,
    outbox::{Connections, DueDelivery},
    port::{self, PushChannel, PushMessage, PushOutcome, PushPayload, PushUrgency},
    usecase::outbox::{PreparedPush, SendingPorts, note_outcomes, take_retries, take_steps},
};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often due work is looked for. Work that this node has stored itself is taken at once.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of messages, and of deliveries, that are claimed at once.
const CLAIM_LIMIT: u32 = 100;
/// No work is claimed while more pushes than this are under way.
const MAX_UNDER_WAY: usize = 2_048;
/// How long a push waits for its turn. Together with the five seconds of an answer it stays below the ten of a claim.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// How long outcomes are collected before they are stored: those of a wave come at about the same time.
const NOTE_DELAY: Duration = Duration::from_millis(5);
/// Maximum number of outcomes that are stored at once.
const MAX_NOTES: usize = 256;
/// Attempts to store outcomes while the database is unavailable. After the last, the pushes are sent again.
const NOTE_ATTEMPTS: u32 = 5;
const NOTE_RETRY_DELAY: Duration = Duration::from_millis(500);
/// How long pushes under way may go on when the node stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the backlog is measured.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(5);

/// Renders what a push tells its device.
pub type RenderPush = Arc<dyn Fn(&PreparedPush) -> Option<PushPayload> + Send + Sync>;

/// The sender of this node.
pub struct OutboxSender {
    /// Claims, and the changes that store what became of them.
    pub ports: SendingPorts,
    /// Sends pushes.
    pub channel: Arc<dyn PushChannel>,
    /// How users are connected.
    pub connections: Arc<dyn Connections>,
    /// Renders what pushes tell.
    pub render: RenderPush,
}

type Outcome = (DueDelivery, PushOutcome);

impl OutboxSender {
    /// Sends until `stop` is cancelled, and then waits for the pushes under way.
    pub async fn run(self, stop: CancellationToken) {
        let (outcomes, to_note) = mpsc::channel(MAX_UNDER_WAY);
        let (under_way, sender) = (TaskTracker::new(), Arc::new(self));
        let noting = tokio::spawn(note(sender.ports.clone(), to_note));
        let measuring = tokio::spawn(stop.clone().run_until_cancelled_owned(measure(sender.ports.clone())));
        stop.run_until_cancelled(sender.send_due(&under_way, &outcomes)).await;
        under_way.close();
        timeout(DRAIN_TIMEOUT, under_way.wait()).await.ok();
        drop(outcomes);
        // The pushes that still wait for an answer hold the channel open, and are sent again by another node.
        timeout(DRAIN_TIMEOUT, noting).await.ok();
        measuring.await.ok();
    }

    async fn send_due(self: &Arc<Self>, under_way: &TaskTracker, outcomes: &mpsc::Sender<Outcome>) {
        let metrics = Arc::new(SendMetrics::new());
        let mut is_failing = false;
        loop {
            let taken = self.take_due(under_way, outcomes, &metrics).await;
            let more = match taken {
                Ok(more) => {
                    is_failing = false;
                    more
                }
                Err(error) => {
                    if !is_failing {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "sending the outbox failed, retrying"
                        );
                    }
                    is_failing = true;
                    false
                }
            };
            if !more {
                tokio::select! {
                    () = self.ports.outbox.wait_for_message(), if !is_failing => {}
                    () = sleep(POLL_INTERVAL) => {}
                }
            }
        }
    }

    /// Takes what is due, and sends it in tasks. Returns whether more may be due.
    async fn take_due(
        self: &Arc<Self>,
        under_way: &TaskTracker,
        outcomes: &mpsc::Sender<Outcome>,
        metrics: &Arc<SendMetrics>,
    ) -> Result<bool, Error> {
        if under_way.len() > MAX_UNDER_WAY {
            return Ok(false);
        }
        let (first, more_steps) = take_steps(&self.ports, &*self.connections, CLAIM_LIMIT).await?;
        let (again, more_retries) = take_retries(&self.ports, CLAIM_LIMIT).await?;
        for push in first.into_iter().chain(again) {
            let (sender, outcomes, metrics) = (Arc::clone(self), outcomes.clone(), Arc::clone(metrics));
            under_way.spawn(async move {
                let outcome = sender.send(&push).await;
                metrics.record(&push.due, outcome, sender.ports.clock.now());
                // Fails only when the node has stopped storing: the push is sent again by another one.
                outcomes.send((push.due, outcome)).await.ok();
            });
        }
        Ok(more_steps || more_retries)
    }

    async fn send(&self, push: &PreparedPush) -> PushOutcome {
        let PreparedPush { due, topic, .. } = push;
        let Some(payload) = (self.render)(push) else { return PushOutcome::Refused { status: 0 } };
        let left = due.message.expires_at - self.ports.clock.now();
        let message = PushMessage {
            subscription: due.device.device.subscription.clone(),
            payload,
            ttl: Duration::from_secs(left.num_seconds().max(0).unsigned_abs()),
            urgency: PushUrgency::High,
            topic: *topic,
        };
        self.channel.deliver(&message, MAX_WAIT).await
    }
}

/// Stores outcomes in batches until no sender is left.
async fn note(ports: SendingPorts, mut queue: mpsc::Receiver<Outcome>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, MAX_NOTES).await > 0 {
        sleep(NOTE_DELAY).await;
        while batch.len() < MAX_NOTES
            && let Ok(more) = queue.try_recv()
        {
            batch.push(more);
        }
        for attempt in 1..=NOTE_ATTEMPTS {
            match note_outcomes(&ports, &batch, jitter).await {
                Err(Error::Port(port::Error::Unavailable(_))) if attempt < NOTE_ATTEMPTS => {
                    sleep(NOTE_RETRY_DELAY).await;
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "storing what became of pushes failed");
                    break;
                }
                Ok(()) => break,
            }
        }
        batch.clear();
    }
}

/// From 0.8 to 1.2. Not secret, so the random keys of the standard library are random enough.
fn jitter() -> f64 {
    let thousandth = RandomState::new().hash_one(0) % 401;
    #[expect(clippy::cast_precision_loss, reason = "400 at most")]
    let thousandth = thousandth as f64;
    0.8 + thousandth / 1_000.0
}

async fn measure(ports: SendingPorts) {
    let (depth, age) = (gauge!(DEPTH), gauge!(OLDEST));
    loop {
        let now = ports.clock.now();
        if let Ok((count, oldest)) = ports.outbox.backlog(now).await {
            record_backlog(&depth, &age, count, oldest, now);
        }
        sleep(BACKLOG_INTERVAL).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn record_backlog(depth: &Gauge, age: &Gauge, count: u64, oldest: Option<Timestamp>, now: Timestamp) {
    depth.set(count as f64);
    age.set(oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0)));
}

const SENT: &str = "allynet_push_sent_total";
const DELAY: &str = "allynet_push_delay_seconds";
const DEPTH: &str = "allynet_outbox_due";
const OLDEST: &str = "allynet_outbox_oldest_seconds";

/// Describes the metrics of the sender.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(SENT, "Pushes by what became of them");
    metrics::describe_histogram!(
        DELAY,
        metrics::Unit::Seconds,
        "Time from an alert to its acceptance by a push service"
    );
    metrics::describe_gauge!(DEPTH, "Messages and deliveries that are due and not sent");
    metrics::describe_gauge!(OLDEST, metrics::Unit::Seconds, "Time since which the oldest message or delivery is due");
}

struct SendMetrics {
    sent: Counter,
    gone: Counter,
    refused: Counter,
    failed: Counter,
    delay: Histogram,
}

impl SendMetrics {
    fn new() -> Self {
        let pushes = |outcome: &'static str| counter!(SENT, "outcome" => outcome);
        Self {
            sent: pushes("sent"),
            gone: pushes("gone"),
            refused: pushes("refused"),
            failed: pushes("failed"),
            delay: histogram!(DELAY),
        }
    }

    fn record(&self, due: &DueDelivery, outcome: PushOutcome, now: Timestamp) {
        match outcome {
            PushOutcome::Sent { .. } => {
                self.sent.increment(1);
                if due.message.kind == OutboxKind::Alert && due.delivery.step == 0 {
                    self.delay.record((now - due.message.created_at).as_seconds_f64());
                }
            }
            PushOutcome::Gone => self.gone.increment(1),
            PushOutcome::Unknown | PushOutcome::Refused { .. } => self.refused.increment(1),
            PushOutcome::RetryAfter(_) | PushOutcome::Failed | PushOutcome::Busy => self.failed.increment(1),
        }
    }
}
