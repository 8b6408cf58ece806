//! Detection of whether signals get through: a node subscribes to its own channel, and its frames come back the way
//! those of other nodes arrive.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// The time for which an echo counts: five frames, at one every half second.
const ECHO_TIMEOUT: Duration = Duration::from_millis(2_500);

/// When the last echo arrived.
#[derive(Debug)]
pub(crate) struct Echo {
    created: Instant,
    /// Milliseconds from `created` to the last echo, plus one; 0 before the first.
    last: AtomicU64,
}

impl Echo {
    pub(crate) fn new() -> Self {
        Self { created: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Records an echo.
    pub(crate) fn received(&self) {
        // One independent value: no other memory is published with it, so relaxed ordering is enough.
        self.last.store(self.millis() + 1, Ordering::Relaxed);
    }

    /// Whether an echo arrived within [`ECHO_TIMEOUT`].
    pub(crate) fn is_recent(&self) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        last > 0 && self.millis() < last + u64::try_from(ECHO_TIMEOUT.as_millis()).unwrap_or(u64::MAX)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_echo_is_recent_for_its_timeout() {
        let echo = Echo::new();
        assert!(!echo.is_recent());
        echo.received();
        for (pause, recent) in [(2_500, true), (1, false), (60_000, false)] {
            tokio::time::advance(Duration::from_millis(pause)).await;
            assert_eq!(echo.is_recent(), recent);
        }
        echo.received();
        assert!(echo.is_recent());
    }
}
