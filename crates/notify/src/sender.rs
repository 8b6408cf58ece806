//! The sender of the outbox: takes due steps and attempts, sends pushes, emails and requests to the gateway, and stores what
//! became of them.
//!
//! Runs on every node. A claim keeps the nodes apart, and one that dies loses its claims. Nothing here is on the path of a
//! request: sending has connections of its own to the database and to push services. Emails and requests to the gateway are slow,
//! and limited, so that they do not delay pushes.

use std::{collections::hash_map::RandomState, hash::BuildHasher as _, sync::Arc, time::Duration};

use allynet_domain::{
    EmergencyId, Error, OutboxKind, Secret, SendChannel, Timestamp, UserId,
    outbox::{ConfiguredChannels, Connections, DueDelivery, SendOutcome, Target},
    port::{
        self, AlertSummary, AlertWebhook, EscalatedAlert, Mail, MailContent, MailOutcome, Mailer, PushChannel,
        PushMessage, PushOutcome, PushPayload, PushUrgency, WebhookOutcome,
    },
    usecase::outbox::{Prepared, SendingPorts, note_outcomes, take_retries, take_steps},
};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{mail, web_push, webhook};

/// How often due work is looked for. Work that this node has stored itself is taken at once.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of messages, and of deliveries, that are claimed at once.
const CLAIM_LIMIT: u32 = 100;
/// No work is claimed while more deliveries than this are under way.
const MAX_UNDER_WAY: usize = 2_048;
/// No delivery is tried again while more than this are under way. A push service that does not answer makes many retries, and new
/// messages, to others too, must not wait for them.
const MAX_UNDER_WAY_BEFORE_RETRIES: usize = MAX_UNDER_WAY / 2;
/// Maximum number of emails under way, and of requests to the gateway.
const MAX_SLOW: usize = 32;
/// How long a push waits for its turn, at most. Less is left if claiming it took long.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// The end of a claim that is left for storing what became of the delivery.
const NOTE_RESERVE: Duration = Duration::from_secs(1);
/// How long outcomes are collected before they are stored: those of a wave come at about the same time.
const NOTE_DELAY: Duration = Duration::from_millis(5);
/// Maximum number of outcomes that are stored at once.
const MAX_NOTES: usize = 256;
const NOTE_RETRY_DELAY: Duration = Duration::from_millis(500);
/// How long pushes under way may go on when the node stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the backlog is measured.
const BACKLOG_INTERVAL: Duration = Duration::from_secs(5);

/// What messages tell their receivers.
pub trait MessageTexts: Send + Sync {
    /// What a push tells its device; `None` if it does not fit.
    fn push(&self, message: &Prepared) -> Option<PushPayload>;

    /// The link that opens an emergency.
    fn emergency_link(&self, emergency: EmergencyId) -> String;

    /// The link with which the address of a user stops alerts by email.
    fn stop_link(&self, user: UserId) -> Secret;

    /// The token with which a gateway confirms a message, as text.
    fn receipt(&self, message: &Prepared) -> Secret;

    /// Where it is confirmed.
    fn receipt_url(&self) -> String;
}

/// How messages are sent: what is not configured is `None`.
#[derive(Clone, Default)]
pub struct Channels {
    /// Sends pushes.
    pub push: Option<Arc<dyn PushChannel>>,
    /// Sends emails.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Reaches telephones.
    pub webhook: Option<Arc<dyn AlertWebhook>>,
}

impl Channels {
    fn configured(&self) -> ConfiguredChannels {
        ConfiguredChannels { email: self.mailer.is_some(), webhook: self.webhook.is_some() }
    }
}

/// The sender of this node.
pub struct OutboxSender {
    ports: SendingPorts,
    channels: Channels,
    connections: Arc<dyn Connections>,
    texts: Arc<dyn MessageTexts>,
    email_slots: Semaphore,
    webhook_slots: Semaphore,
}

type Outcome = (DueDelivery, SendOutcome);

impl OutboxSender {
    /// Creates the sender. The ports claim messages and store what became of them; what they can be sent with follows from
    /// `channels`.
    pub fn new(
        ports: SendingPorts,
        channels: Channels,
        connections: Arc<dyn Connections>,
        texts: Arc<dyn MessageTexts>,
    ) -> Self {
        let ports = SendingPorts { channels: channels.configured(), ..ports };
        let [email_slots, webhook_slots] = [(); 2].map(|()| Semaphore::new(MAX_SLOW));
        Self { ports, channels, connections, texts, email_slots, webhook_slots }
    }

    /// Sends until `stop` is cancelled, and then waits for the deliveries under way.
    pub async fn run(self, stop: CancellationToken) {
        let (outcomes, to_note) = mpsc::channel(MAX_UNDER_WAY);
        let (under_way, sender) = (TaskTracker::new(), Arc::new(self));
        let noting = tokio::spawn(note(sender.ports.clone(), to_note));
        let measuring = tokio::spawn(stop.clone().run_until_cancelled_owned(measure(sender.ports.clone())));
        stop.run_until_cancelled(sender.send_due(&under_way, &outcomes)).await;
        under_way.close();
        timeout(DRAIN_TIMEOUT, under_way.wait()).await.ok();
        drop(outcomes);
        // The deliveries that still wait for an answer hold the channel open, and are sent again by another node.
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
        let (again, more_retries) = if under_way.len() > MAX_UNDER_WAY_BEFORE_RETRIES {
            (Vec::new(), false)
        } else {
            take_retries(&self.ports, CLAIM_LIMIT).await?
        };
        for message in first.into_iter().chain(again) {
            let (sender, outcomes, metrics) = (Arc::clone(self), outcomes.clone(), Arc::clone(metrics));
            under_way.spawn(async move {
                let outcome = sender.send(&message).await;
                metrics.record(&message.due, outcome, sender.ports.clock.now());
                // Fails only when the node has stopped storing: it is sent again by another one.
                outcomes.send((message.due, outcome)).await.ok();
            });
        }
        Ok(more_steps || more_retries)
    }

    /// Sends nothing if the answer may come after the end of the claim, when another node sends it, too.
    async fn send(&self, message: &Prepared) -> SendOutcome {
        let due = &message.due;
        let Some(spare) = spare_time(due.target.channel(), due.lease_until, self.ports.clock.now()) else {
            return SendOutcome::Busy;
        };
        match &due.target {
            Target::Device(_) => {
                self.send_push(message, spare.min(MAX_WAIT)).await.map_or(SendOutcome::Busy, SendOutcome::Push)
            }
            Target::Email => self.send_email(message).await.map_or(SendOutcome::Busy, SendOutcome::Mail),
            Target::Phone => self.send_to_gateway(message).await.map_or(SendOutcome::Busy, SendOutcome::Webhook),
        }
    }

    /// `None` if there is no push channel.
    async fn send_push(&self, message: &Prepared, max_wait: Duration) -> Option<PushOutcome> {
        let (channel, topic) = (self.channels.push.as_ref()?, message.topic?);
        let device = message.due.target.device()?;
        let Some(payload) = self.texts.push(message) else { return Some(PushOutcome::Refused { status: 0 }) };
        let left = message.due.message.expires_at - self.ports.clock.now();
        let push = PushMessage {
            subscription: device.subscription.clone(),
            payload,
            ttl: Duration::from_secs(left.num_seconds().max(0).unsigned_abs()),
            urgency: PushUrgency::High,
            topic,
        };
        Some(channel.deliver(&push, max_wait).await)
    }

    /// `None` if there is no mail server, or too many emails are under way.
    async fn send_email(&self, message: &Prepared) -> Option<MailOutcome> {
        let (mailer, _slot) = (self.channels.mailer.as_ref()?, self.email_slots.try_acquire().ok()?);
        let addresses = &message.due.message.addresses;
        let (Some(to), Some(summary)) = (addresses.email.clone(), self.summary(message)) else {
            return Some(MailOutcome::Rejected);
        };
        let (id, locale) = (message.due.delivery.id.into(), addresses.locale);
        let content = MailContent::Alert { summary, stop: self.texts.stop_link(message.due.message.user) };
        Some(mailer.send(&Mail { id, to, locale, content }).await)
    }

    /// `None` if there is no gateway, or too many requests are under way.
    async fn send_to_gateway(&self, message: &Prepared) -> Option<WebhookOutcome> {
        let (webhook, _slot) = (self.channels.webhook.as_ref()?, self.webhook_slots.try_acquire().ok()?);
        let (stored, delivery) = (&message.due.message, &message.due.delivery);
        let alert = EscalatedAlert {
            id: delivery.id.into(),
            at: delivery.planned_at,
            phone: stored.addresses.phone.clone()?,
            locale: stored.addresses.locale,
            emergency: stored.emergency?,
            summary: self.summary(message)?,
            receipt: self.texts.receipt(message),
            receipt_url: self.texts.receipt_url(),
        };
        Some(webhook.send(&alert).await)
    }

    fn summary(&self, message: &Prepared) -> Option<AlertSummary> {
        let message = &message.due.message;
        let link = self.texts.emergency_link(message.emergency?);
        Some(AlertSummary { kind: message.emergency_kind?, distance: message.distance?, link })
    }
}

/// The time that is left before an attempt has to begin so that its answer, or its timeout, comes within the claim. `None` if it is
/// too late.
fn spare_time(channel: SendChannel, lease_until: Timestamp, now: Timestamp) -> Option<Duration> {
    let answer = match channel {
        SendChannel::WebPush => web_push::ANSWER_TIMEOUT,
        SendChannel::Email => mail::SEND_TIMEOUT,
        SendChannel::Webhook => webhook::ANSWER_TIMEOUT,
    };
    (lease_until - now).to_std().ok()?.checked_sub(answer + NOTE_RESERVE)
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
        note_until_stored(&ports, &batch).await;
        batch.clear();
    }
}

/// Stores outcomes, however often the database fails, until their claims have ended: then they are sent again.
async fn note_until_stored(ports: &SendingPorts, batch: &[Outcome]) {
    let claimed_until = batch.iter().map(|(due, _)| due.lease_until).max();
    while let Err(error) = note_outcomes(ports, batch, jitter).await {
        let can_pass = matches!(error, Error::Port(port::Error::Unavailable(_) | port::Error::Stale));
        if !can_pass || claimed_until <= Some(ports.clock.now()) {
            tracing::error!(error = &error as &dyn std::error::Error, "storing what became of messages failed");
            return;
        }
        sleep(NOTE_RETRY_DELAY).await;
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

const SENT: &str = "allynet_messages_sent_total";
const DELAY: &str = "allynet_push_delay_seconds";
const DEPTH: &str = "allynet_outbox_due";
const OLDEST: &str = "allynet_outbox_oldest_seconds";

/// Describes the metrics of the sender.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(SENT, "Pushes, emails and requests to the gateway, by what became of them");
    metrics::describe_histogram!(
        DELAY,
        metrics::Unit::Seconds,
        "Time from an alert to its acceptance by a push service"
    );
    metrics::describe_gauge!(DEPTH, "Messages and deliveries that are due and not sent");
    metrics::describe_gauge!(OLDEST, metrics::Unit::Seconds, "Time since which the oldest message or delivery is due");
}

struct SendMetrics {
    /// By channel, in the order of [`SendChannel::ALL`].
    sent: Vec<OutcomeCounters>,
    delay: Histogram,
}

struct OutcomeCounters {
    sent: Counter,
    gone: Counter,
    refused: Counter,
    failed: Counter,
}

impl SendMetrics {
    fn new() -> Self {
        Self { sent: SendChannel::ALL.iter().map(|&of| OutcomeCounters::new(of)).collect(), delay: histogram!(DELAY) }
    }

    fn record(&self, due: &DueDelivery, outcome: SendOutcome, now: Timestamp) {
        let Some(of) = self.sent.get(due.target.channel() as usize) else { return };
        match outcome {
            outcome if outcome.is_sent() => of.sent.increment(1),
            SendOutcome::Push(PushOutcome::Gone) => of.gone.increment(1),
            SendOutcome::Push(PushOutcome::Unknown | PushOutcome::Refused { .. })
            | SendOutcome::Mail(MailOutcome::Rejected) => of.refused.increment(1),
            _ => of.failed.increment(1),
        }
        let is_first = due.message.kind == OutboxKind::Alert && due.delivery.step == 0;
        if is_first && matches!(outcome, SendOutcome::Push(PushOutcome::Sent { .. })) {
            self.delay.record((now - due.message.created_at).as_seconds_f64());
        }
    }
}

impl OutcomeCounters {
    fn new(channel: SendChannel) -> Self {
        let messages = |outcome: &'static str| counter!(SENT, "channel" => channel.as_str(), "outcome" => outcome);
        Self {
            sent: messages("sent"),
            gone: messages("gone"),
            refused: messages("refused"),
            failed: messages("failed"),
        }
    }
}

#[cfg(test)]
mod tests;
