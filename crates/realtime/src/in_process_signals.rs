//! Signals among the nodes of one process. The service has one node in a process, and then they go nowhere; tests have
//! several.

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

/// How many signals wait for a listener, the newest ones.
const CAPACITY: usize = 1024;

/// One of the nodes of a process.
#[derive(Debug)]
pub struct InProcess {
    number: u64,
    numbers: Arc<AtomicU64>,
    signals: broadcast::Sender<(u64, Signal)>,
}

impl InProcess {
    /// The only node, as long as no other is put beside it.
    pub fn alone() -> Self {
        Self { number: 0, numbers: Arc::default(), signals: broadcast::Sender::new(CAPACITY) }
    }

    /// Another node.
    #[must_use]
    pub fn beside(&self) -> Self {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        Self { number, numbers: Arc::clone(&self.numbers), signals: self.signals.clone() }
    }
}

impl Signals for InProcess {
    fn tell(&self, signal: Signal) {
        // Nobody may be listening.
        self.signals.send((self.number, signal)).ok();
    }

    fn listen(&self) -> Box<dyn SignalListener> {
        Box::new(Listener { number: self.number, told: self.signals.subscribe(), _open: self.signals.clone() })
    }

    fn travel(&self) -> bool {
        true
    }
}

struct Listener {
    number: u64,
    told: broadcast::Receiver<(u64, Signal)>,
    /// With it there is always one who may tell something, and so no end.
    _open: broadcast::Sender<(u64, Signal)>,
}

#[async_trait]
impl SignalListener for Listener {
    async fn next(&mut self) -> Signal {
        loop {
            match self.told.recv().await {
                Ok((from, signal)) if from != self.number => return signal,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
