//! The connection to Redis, kept up for as long as the node lives, and the port over it.
//!
//! Two connections: one publishes, one is subscribed. Each is made again whenever it is lost. That both work is known
//! from hearing the own signals come back; when they do not for too long, everything is made anew.

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

use crate::{Address, WrongAddress, frame, measures::Measures, queue::Queue, travel::Travel};

/// How many signals wait to be published, and for a listener: the newest ones.
const CAPACITY: usize = 4096;
/// How many are published at once.
const BATCH: usize = 256;
/// How often something is published, if only to hear it come back.
const TICK: Duration = Duration::from_millis(500);
/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before a connection is made again, in milliseconds, and after a failure to publish.
const PAUSE_MILLIS: u32 = 250;
const PAUSE: Duration = Duration::from_millis(PAUSE_MILLIS as u64);
/// A connection on which an answer is overdue by so much is given up.
const UNRESPONSIVE: Duration = Duration::from_secs(5);
/// For so many ticks nothing may come back before the subscription is made again, and before both connections are.
const DEAF: u32 = 4;
const LOST: u32 = 20;

/// Signals by way of a Redis. Dropping it ends its connections.
pub struct Redis {
    shared: Arc<Shared>,
    publisher: Client,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    node: NodeId,
    channel: String,
    queue: Queue<Signal>,
    heard: broadcast::Sender<Signal>,
    travel: Travel,
    measures: Measures,
}

impl Redis {
    /// Begins to connect, and comes back at once. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn start(address: &Address, node: NodeId) -> Result<Self, WrongAddress> {
        let builder = builder(address);
        let publisher = builder.build().map_err(|_| WrongAddress::NoRedis)?;
        let subscriber = builder.build_subscriber_client().map_err(|_| WrongAddress::NoRedis)?;
        let shared = Arc::new(Shared {
            node,
            channel: address.channel.clone(),
            queue: Queue::new(CAPACITY),
            heard: broadcast::Sender::new(CAPACITY),
            travel: Travel::new(),
            measures: Measures::new(),
        });
        let tasks = vec![
            tokio::spawn(keep(publisher.clone())),
            tokio::spawn(keep(subscriber.clone())),
            subscriber.manage_subscriptions(),
            tokio::spawn(publish(shared.clone(), publisher.clone())),
            tokio::spawn(hear(shared.clone(), subscriber.clone())),
            tokio::spawn(tend(shared.clone(), publisher.clone(), subscriber)),
        ];
        Ok(Self { shared, publisher, tasks })
    }

    /// Waits until what was told has been sent, but not longer than `limit`.
    pub async fn flush(&self, limit: Duration) {
        let flushed = async {
            while self.shared.travel.is_open() && !self.shared.queue.is_empty() {
                sleep(Duration::from_millis(5)).await;
            }
            // What was taken out last may still be on its way: it goes before this.
            if self.shared.travel.is_open() {
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
    fn tell(&self, signal: Signal) {
        let lost = self.shared.queue.push(signal);
        self.shared.measures.dropped(lost.iter().len());
    }

    fn listen(&self) -> Box<dyn SignalListener> {
        Box::new(Listener { heard: self.shared.heard.subscribe(), _open: self.shared.heard.clone() })
    }

    fn travel(&self) -> bool {
        self.shared.travel.is_open()
    }
}

struct Listener {
    heard: broadcast::Receiver<Signal>,
    /// With it there is always one who may tell something, and so no end.
    _open: broadcast::Sender<Signal>,
}

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Signal {
        loop {
            match self.heard.recv().await {
                Ok(signal) => return signal,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn builder(address: &Address) -> Builder {
    let mut builder = Builder::from_config(address.config.clone());
    let mut policy = ReconnectPolicy::new_constant(0, PAUSE_MILLIS);
    policy.set_jitter(PAUSE_MILLIS / 5);
    builder.set_policy(policy);
    builder.with_performance_config(|config| {
        config.default_command_timeout = PATIENCE;
        config.broadcast_channel_capacity = CAPACITY;
    });
    builder.with_connection_config(|config| {
        config.connection_timeout = PATIENCE;
        config.internal_command_timeout = PATIENCE;
        config.max_command_attempts = 1;
        config.unresponsive.max_timeout = Some(UNRESPONSIVE);
        config.unresponsive.interval = PATIENCE;
    });
    builder
}

/// Keeps a connection: it is made again by itself after all but a few failures, and here after those.
async fn keep<C: ClientLike>(client: C) {
    loop {
        match client.connect().await {
            Ok(Ok(())) => tracing::debug!("the connection to Redis has ended"),
            Ok(Err(error)) => tracing::warn!(%error, "the connection to Redis has failed"),
            Err(error) => tracing::error!(%error, "the connection to Redis has failed"),
        }
        sleep(PAUSE).await;
    }
}

/// Publishes what waits. What cannot be sent now is of no use later.
async fn publish(shared: Arc<Shared>, client: Client) {
    let options = Options { timeout: Some(PATIENCE), max_attempts: Some(1), fail_fast: true, ..Options::default() };
    let client = client.with_options(&options);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.queue.something() => {}
            _ = ticks.tick() => {}
        }
        let signals = shared.queue.take(BATCH);
        let Ok(frame) = frame::write(shared.node, &signals) else {
            tracing::error!("a signal cannot be written");
            continue;
        };
        match client.publish::<i64, _, _>(&*shared.channel, frame.as_slice()).await {
            Ok(_) => shared.measures.published(signals.len()),
            Err(error) => {
                tracing::debug!(%error, "signals could not be published");
                shared.measures.dropped(signals.len());
                sleep(PAUSE).await;
            }
        }
    }
}

/// Hands on what other nodes told.
async fn hear(shared: Arc<Shared>, client: SubscriberClient) {
    let mut messages = client.message_rx();
    loop {
        match messages.recv().await {
            Ok(message) => shared.take_in(message.value.as_bytes().unwrap_or_default()),
            Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "signals came faster than they were taken"),
            Err(RecvError::Closed) => messages = client.message_rx(),
        }
    }
}

impl Shared {
    fn take_in(&self, frame: &[u8]) {
        let Some((from, signals)) = frame::read(frame) else { return };
        if from == self.node {
            return self.travel.heard();
        }
        for signal in signals {
            // Nobody may be listening.
            self.heard.send(signal).ok();
        }
    }
}

/// Subscribes, watches whether signals come back, and makes anew what does not work.
async fn tend(shared: Arc<Shared>, publisher: Client, subscriber: SubscriberClient) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut open, mut missed) = (false, 0_u32);
    let (mut errors, mut cause) = (publisher.error_rx(), None);
    subscribe(&shared, &subscriber).await;
    loop {
        ticks.tick().await;
        let is_open = shared.travel.is_open();
        missed = if is_open { 0 } else { missed + 1 };
        cause = latest(&mut errors).or(cause);
        match (open, is_open) {
            (false, true) => tracing::info!("signals travel between nodes"),
            (true, false) => tracing::warn!(cause, "Redis is away: other nodes are not told of positions and presence"),
            (false, false) if missed == LOST => tracing::warn!(cause, "Redis is still away"),
            (false, false) | (true, true) => {}
        }
        open = is_open;
        if missed > 0 && missed.is_multiple_of(LOST) {
            timeout(PATIENCE, publisher.force_reconnection()).await.ok();
            timeout(PATIENCE, subscriber.force_reconnection()).await.ok();
        } else if missed > 0 && missed.is_multiple_of(DEAF) {
            subscribe(&shared, &subscriber).await;
        }
    }
}

/// What went wrong last, if anything did.
fn latest(errors: &mut broadcast::Receiver<(Error, Option<Server>)>) -> Option<String> {
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
        tracing::debug!(%error, "not subscribed yet");
    }
}
