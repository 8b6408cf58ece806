//! Whether signals travel: a node hears its own, which come back the way that those of others come.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// How long the last sign of it counts.
const FRESH: Duration = Duration::from_millis(2_500);

/// When the own signals were last heard.
#[derive(Debug)]
pub(crate) struct Travel {
    began: Instant,
    /// Milliseconds after that, and one; 0 for never.
    heard: AtomicU64,
}

impl Travel {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), heard: AtomicU64::new(0) }
    }

    /// An own signal came back.
    pub(crate) fn heard(&self) {
        self.heard.store(self.millis() + 1, Ordering::Relaxed);
    }

    /// Whether one did of late.
    pub(crate) fn is_open(&self) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
        heard > 0 && self.millis() < heard + u64::try_from(FRESH.as_millis()).unwrap_or(u64::MAX)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_way_is_open_while_own_signals_come_back() {
        let travel = Travel::new();
        assert!(!travel.is_open());
        travel.heard();
        for (pause, open) in [(2_500, true), (1, false), (60_000, false)] {
            tokio::time::advance(Duration::from_millis(pause)).await;
            assert_eq!(travel.is_open(), open);
        }
        travel.heard();
        assert!(travel.is_open());
    }
}
