//! The port `Signals` among the nodes of one process.
//!
//! The service has one node in a process, whose signals then reach no listener. Tests have several.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use allynet_domain::{
    Signal,
    port::{SignalListener, Signals},
};
use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

/// Number of the newest signals that are buffered for a slow listener.
const MAX_WAITING_SIGNALS: usize = 1024;

/// The signals of one of the nodes of a process.
#[derive(Debug)]
pub struct InProcessSignals {
    /// Number of this node within the process, by which it skips its own signals.
    node: u64,
    last_node: Arc<AtomicU64>,
    signals: broadcast::Sender<(u64, Signal)>,
}

impl InProcessSignals {
    /// The signals of the first node.
    pub fn single_node() -> Self {
        Self { node: 0, last_node: Arc::default(), signals: broadcast::Sender::new(MAX_WAITING_SIGNALS) }
    }

    /// The signals of another node that reaches this one.
    #[must_use]
    pub fn with_peer(&self) -> Self {
        let node = self.last_node.fetch_add(1, Ordering::Relaxed) + 1;
        Self { node, last_node: Arc::clone(&self.last_node), signals: self.signals.clone() }
    }
}

impl Signals for InProcessSignals {
    fn publish(&self, signal: Signal) {
        // Fails if there is no listener, which is usual for a single node.
        self.signals.send((self.node, signal)).ok();
    }

    fn listen(&self) -> Box<dyn SignalListener> {
        Box::new(Listener { node: self.node, received: self.signals.subscribe(), _open: self.signals.clone() })
    }

    fn is_connected(&self) -> bool {
        true
    }
}

struct Listener {
    node: u64,
    received: broadcast::Receiver<(u64, Signal)>,
    /// Keeps the channel open: a listener never ends.
    _open: broadcast::Sender<(u64, Signal)>,
}

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Signal {
        loop {
            match self.received.recv().await {
                Ok((from, signal)) if from != self.node => return signal,
                // Its own signal, or some were dropped: signals are replaced by newer ones.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
