//! The connections to Redis and the port over them.
//!
//! One connection publishes, the other is subscribed; each reconnects when it is lost. A TCP connection that looks alive
//! may deliver nothing, so health is judged by echoes: the node publishes at least every [`PUBLISH_INTERVAL`] and receives
//! its own frames. When they stay away, it subscribes again, and then reconnects both.

use std::{sync::Arc, time::Duration};

use allynet_domain::{
    NodeId, Signal,
    port::{SignalListener, Signals},
};
use async_trait::async_trait;
use fred::{
    clients::{Client, SubscriberClient},
    error::Error,
    interfaces::{ClientLike, EventInterface as _, PubsubInterface as _},
    types::{
        Builder,
        config::{Options, ReconnectPolicy, Server},
    },
};
use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{Address, InvalidAddress, echo::Echo, frame, metrics::SignalMetrics, signal_queue::SignalQueue};

/// The most signals that wait to be published, and for each listener; the oldest are dropped.
const MAX_QUEUED_SIGNALS: usize = 4096;
/// The most signals in one frame.
const MAX_FRAME_SIGNALS: usize = 256;
/// The longest time between two frames: an empty one is published for its echo. Also the interval of health checks.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(500);
/// The time in which Redis has to answer.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
/// The delay before a reconnect, and after a failure to publish.
const RETRY_DELAY_MILLIS: u32 = 250;
const RETRY_DELAY: Duration = Duration::from_millis(RETRY_DELAY_MILLIS as u64);
/// A connection with an answer overdue by this time is closed.
const UNRESPONSIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Health checks without an echo after which the node subscribes again.
const RESUBSCRIBE_AFTER: u32 = 4;
/// Health checks without an echo after which both connections are closed and opened again.
const RECONNECT_AFTER: u32 = 20;

/// The port `Signals` over Redis. Dropping it closes the connections.
pub struct Redis {
    shared: Arc<Shared>,
    publisher: Client,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    node: NodeId,
    channel: String,
    /// Signals of this node that are to be published.
    outgoing: SignalQueue<Signal>,
    /// Signals of other nodes, for the listeners.
    incoming: broadcast::Sender<Signal>,
    echo: Echo,
    metrics: SignalMetrics,
}

impl Redis {
    /// Starts to connect in the background. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Returns an error if the address is invalid; an unreachable Redis is not an error.
    pub fn start(address: &Address, node: NodeId) -> Result<Self, InvalidAddress> {
        let builder = builder(address);
        let publisher = builder.build().map_err(|_| InvalidAddress::NotAUrl)?;
        let subscriber = builder.build_subscriber_client().map_err(|_| InvalidAddress::NotAUrl)?;
        let shared = Arc::new(Shared {
            node,
            channel: address.channel.clone(),
            outgoing: SignalQueue::new(MAX_QUEUED_SIGNALS),
            incoming: broadcast::Sender::new(MAX_QUEUED_SIGNALS),
            echo: Echo::new(),
            metrics: SignalMetrics::new(),
        });
        let tasks = vec![
            tokio::spawn(keep_connected(publisher.clone())),
            tokio::spawn(keep_connected(subscriber.clone())),
            subscriber.manage_subscriptions(),
            tokio::spawn(publish(shared.clone(), publisher.clone())),
            tokio::spawn(receive(shared.clone(), subscriber.clone())),
            tokio::spawn(supervise(shared.clone(), publisher.clone(), subscriber)),
        ];
        Ok(Self { shared, publisher, tasks })
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.publisher
    }

    /// The key of the high-water marks of all databases.
    pub(crate) fn high_water_key(&self) -> String {
        self.shared.channel.replace("signals", "high-water")
    }

    /// Waits until the queued signals are published, at most for `limit`. Returns at once while Redis is away.
    pub async fn flush(&self, limit: Duration) {
        let flushed = async {
            while self.shared.echo.is_recent() && !self.shared.outgoing.is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
            // The last frame may have left the queue and not the socket. Commands of one connection are answered in order,
            // so the answer to this one comes after it.
            if self.shared.echo.is_recent() {
                self.publisher.publish::<i64, _, _>(&*self.shared.channel, "").await.ok();
            }
        };
        timeout(limit, flushed).await.ok();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Signals for Redis {
    fn publish(&self, signal: Signal) {
        let dropped = self.shared.outgoing.push(signal);
        self.shared.metrics.dropped(dropped.iter().len());
    }

    fn listen(&self) -> Box<dyn SignalListener> {
        Box::new(Listener { incoming: self.shared.incoming.subscribe(), _sender: self.shared.incoming.clone() })
    }

    fn is_connected(&self) -> bool {
        self.shared.echo.is_recent()
    }
}

struct Listener {
    incoming: broadcast::Receiver<Signal>,
    /// Keeps the channel open after the `Redis` is dropped: a listener waits for ever instead of ending.
    _sender: broadcast::Sender<Signal>,
}

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Signal {
        loop {
            match self.incoming.recv().await {
                Ok(signal) => return signal,
                // Signals are superseded by later ones: a slow listener skips the oldest.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn builder(address: &Address) -> Builder {
    let mut builder = Builder::from_config(address.config.clone());
    let mut policy = ReconnectPolicy::new_constant(0, RETRY_DELAY_MILLIS);
    policy.set_jitter(RETRY_DELAY_MILLIS / 5);
    builder.set_policy(policy);
    builder.with_performance_config(|config| {
        config.default_command_timeout = COMMAND_TIMEOUT;
        config.broadcast_channel_capacity = MAX_QUEUED_SIGNALS;
    });
    builder.with_connection_config(|config| {
        config.connection_timeout = COMMAND_TIMEOUT;
        config.internal_command_timeout = COMMAND_TIMEOUT;
        config.max_command_attempts = 1;
        config.unresponsive.max_timeout = Some(UNRESPONSIVE_TIMEOUT);
        config.unresponsive.interval = COMMAND_TIMEOUT;
    });
    builder
}

/// Keeps a client connected. It reconnects by itself after most errors; this loop handles those that end it.
async fn keep_connected<C: ClientLike>(client: C) {
    loop {
        match client.connect().await {
            Ok(Ok(())) => tracing::debug!("Redis connection closed"),
            Ok(Err(error)) => tracing::warn!(%error, "Redis connection failed, reconnecting"),
            Err(error) => tracing::error!(%error, "Redis connection task failed, restarting it"),
        }
        sleep(RETRY_DELAY).await;
    }
}

/// Publishes queued signals. A frame that fails is dropped: later signals supersede it.
async fn publish(shared: Arc<Shared>, client: Client) {
    let options =
        Options { timeout: Some(COMMAND_TIMEOUT), max_attempts: Some(1), fail_fast: true, ..Options::default() };
    let client = client.with_options(&options);
    let mut ticks = interval(PUBLISH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.outgoing.wait() => {}
            _ = ticks.tick() => {}
        }
        let signals = shared.outgoing.take(MAX_FRAME_SIGNALS);
        let Ok(frame) = frame::encode(shared.node, &signals) else {
            tracing::error!("encoding signals failed");
            continue;
        };
        match client.publish::<i64, _, _>(&*shared.channel, frame.as_slice()).await {
            Ok(_) => shared.metrics.published(signals.len()),
            Err(error) => {
                tracing::debug!(%error, "publishing signals failed");
                shared.metrics.dropped(signals.len());
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

/// Hands the signals of other nodes to the listeners.
async fn receive(shared: Arc<Shared>, client: SubscriberClient) {
    let mut messages = client.message_rx();
    loop {
        match messages.recv().await {
            Ok(message) => shared.deliver(message.value.as_bytes().unwrap_or_default()),
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!(lost, "receiving signals fell behind, the oldest were dropped");
            }
            Err(RecvError::Closed) => messages = client.message_rx(),
        }
    }
}

impl Shared {
    fn deliver(&self, frame: &[u8]) {
        let Some((from, signals)) = frame::decode(frame) else { return };
        if from == self.node {
            return self.echo.received();
        }
        for signal in signals {
            // Fails without a listener, which is no error.
            self.incoming.send(signal).ok();
        }
    }
}

/// Subscribes, watches the echoes, and repairs the connections when they stay away.
async fn supervise(shared: Arc<Shared>, publisher: Client, subscriber: SubscriberClient) {
    let mut ticks = interval(PUBLISH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut was_linked, mut missed) = (false, 0_u32);
    let (mut errors, mut cause) = (publisher.error_rx(), None);
    subscribe(&shared, &subscriber).await;
    loop {
        ticks.tick().await;
        let is_linked = shared.echo.is_recent();
        missed = if is_linked { 0 } else { missed + 1 };
        cause = last_error(&mut errors).or(cause);
        match (was_linked, is_linked) {
            (false, true) => tracing::info!("Redis is connected: signals reach the other nodes"),
            (true, false) => {
                tracing::warn!(cause, "Redis is away: other nodes get no positions and presence of this node");
            }
            (false, false) if missed == RECONNECT_AFTER => tracing::warn!(cause, "Redis is still away"),
            (false, false) | (true, true) => {}
        }
        was_linked = is_linked;
        if missed > 0 && missed.is_multiple_of(RECONNECT_AFTER) {
            timeout(COMMAND_TIMEOUT, publisher.force_reconnection()).await.ok();
            timeout(COMMAND_TIMEOUT, subscriber.force_reconnection()).await.ok();
        } else if missed > 0 && missed.is_multiple_of(RESUBSCRIBE_AFTER) {
            subscribe(&shared, &subscriber).await;
        }
    }
}

/// Drains the errors of a client and returns the last one.
fn last_error(errors: &mut broadcast::Receiver<(Error, Option<Server>)>) -> Option<String> {
    let mut latest = None;
    loop {
        match errors.try_recv() {
            Ok((error, _)) => latest = Some(error.to_string()),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return latest,
        }
    }
}

async fn subscribe(shared: &Shared, subscriber: &SubscriberClient) {
    if let Err(error) = subscriber.subscribe(&*shared.channel).await {
        tracing::debug!(%error, "subscribing failed, retrying");
    }
}
