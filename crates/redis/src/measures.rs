//! What is measured of signals on their way to the other nodes.

use metrics::{Counter, counter, describe_counter};

const PUBLISHED: &str = "allynet_signals_published_total";
const DROPPED: &str = "allynet_signals_dropped_total";

/// Says what is measured here. It is 0 where there is no Redis.
pub fn describe() {
    describe_counter!(PUBLISHED, "Signals that Redis took for the other nodes");
    describe_counter!(DROPPED, "Signals that other nodes were not told of, because Redis was away or too slow");
    Measures::new();
}

/// The handles.
pub(crate) struct Measures {
    published: Counter,
    dropped: Counter,
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self { published: counter!(PUBLISHED), dropped: counter!(DROPPED) }
    }

    /// So many were taken by Redis.
    pub(crate) fn published(&self, signals: usize) {
        self.published.increment(signals as u64);
    }

    /// So many will not be told.
    pub(crate) fn dropped(&self, signals: usize) {
        self.dropped.increment(signals as u64);
    }
}
