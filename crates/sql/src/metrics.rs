//! Metrics of a connection pool, the same for every database.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use sqlx::Database;

use crate::IdleConnections;

const CONNECTIONS: &str = "allynet_db_connections";
const MAX_CONNECTIONS: &str = "allynet_db_connections_max";
const ACQUIRE_DURATION: &str = "allynet_db_acquire_duration_seconds";
const TIMEOUTS: &str = "allynet_db_timeouts_total";

/// Registers the description of every metric of this crate.
pub fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections to the database, by state");
    describe_gauge!(MAX_CONNECTIONS, "Maximum number of connections of a pool");
    describe_histogram!(ACQUIRE_DURATION, "Time that a call waits for a connection");
    describe_counter!(
        TIMEOUTS,
        "Calls that failed because no `connection` was available, or no `answer` arrived, before the deadline"
    );
}

/// The metric handles of one pool, made once so that recording costs an atomic operation.
#[derive(Clone)]
pub(crate) struct PoolMetrics {
    idle: Gauge,
    used: Gauge,
    max: Gauge,
    acquire_duration: Histogram,
    acquire_timeouts: Counter,
    answer_timeouts: Counter,
}

impl PoolMetrics {
    /// `pool` is the value of the label `pool`.
    pub(crate) fn new(pool: &'static str) -> Self {
        Self {
            idle: gauge!(CONNECTIONS, "pool" => pool, "state" => "idle"),
            used: gauge!(CONNECTIONS, "pool" => pool, "state" => "used"),
            max: gauge!(MAX_CONNECTIONS, "pool" => pool),
            acquire_duration: histogram!(ACQUIRE_DURATION, "pool" => pool),
            acquire_timeouts: counter!(TIMEOUTS, "pool" => pool, "of" => "connection"),
            answer_timeouts: counter!(TIMEOUTS, "pool" => pool, "of" => "answer"),
        }
    }

    /// Sets the gauges to the present use of the pool.
    pub(crate) fn record_usage<DB: Database>(&self, connections: &IdleConnections<DB>) {
        let pool = connections.pool();
        let open = pool.size();
        // The pool counts connections that are idle with us as used. The numbers are read one after the other, so
        // their sum may exceed the number of open connections for a moment.
        let idle = u32::try_from(pool.num_idle() + connections.idle()).unwrap_or(u32::MAX).min(open);
        self.idle.set(idle);
        self.used.set(open - idle);
        self.max.set(pool.options().get_max_connections());
    }

    /// Records how long a call waited for a connection, and whether it timed out.
    pub(crate) fn record_acquire<T>(&self, waited: Duration, outcome: &Result<T, sqlx::Error>) {
        self.acquire_duration.record(waited);
        if let Err(sqlx::Error::PoolTimedOut) = outcome {
            self.acquire_timeouts.increment(1);
        }
    }

    /// Counts a connection that was closed because its answer did not come in time.
    pub(crate) fn record_answer_timeout(&self) {
        self.answer_timeouts.increment(1);
    }
}
