//! Metrics of signals to other nodes.

use metrics::{Counter, counter, describe_counter};

const PUBLISHED: &str = "allynet_signals_published_total";
const SIGNALS_DROPPED: &str = "allynet_signals_dropped_total";

/// Describes the metrics of this crate, and registers them so that they are 0 without Redis.
pub fn describe() {
    describe_counter!(PUBLISHED, "Signals published to Redis");
    describe_counter!(SIGNALS_DROPPED, "Signals dropped because Redis was unreachable or too slow");
    SignalMetrics::new();
}

/// Handles of the metrics.
pub(crate) struct SignalMetrics {
    published: Counter,
    dropped: Counter,
}

impl SignalMetrics {
    pub(crate) fn new() -> Self {
        Self { published: counter!(PUBLISHED), dropped: counter!(SIGNALS_DROPPED) }
    }

    /// Counts signals that Redis accepted.
    pub(crate) fn published(&self, signals: usize) {
        self.published.increment(signals as u64);
    }

    /// Counts signals that will not be published.
    pub(crate) fn dropped(&self, signals: usize) {
        self.dropped.increment(signals as u64);
    }
}
