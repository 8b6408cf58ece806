//! What is measured of connections to the database. The same on every database.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use sqlx::{Database, Pool};

const CONNECTIONS: &str = "allynet_db_connections";
const MOST: &str = "allynet_db_connections_max";
const WAITED: &str = "allynet_db_acquire_duration_seconds";
const TIMED_OUT: &str = "allynet_db_timeouts_total";

/// Says what is measured here.
pub fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections to the database, by what they do");
    describe_gauge!(MOST, "The most connections that a pool may open");
    describe_histogram!(WAITED, "Time that a call waited for a connection");
    describe_counter!(TIMED_OUT, "Calls given up because no `connection` was to be had, or no `answer` came, in time");
}

/// The handles of one pool.
#[derive(Clone)]
pub(crate) struct Measures {
    idle: Gauge,
    used: Gauge,
    most: Gauge,
    waited: Histogram,
    no_connection: Counter,
}

impl Measures {
    pub(crate) fn new(pool: &'static str) -> Self {
        Self {
            idle: gauge!(CONNECTIONS, "pool" => pool, "state" => "idle"),
            used: gauge!(CONNECTIONS, "pool" => pool, "state" => "used"),
            most: gauge!(MOST, "pool" => pool),
            waited: histogram!(WAITED, "pool" => pool),
            no_connection: counter!(TIMED_OUT, "pool" => pool, "of" => "connection"),
        }
    }

    /// Notes how the pool is used now, of which so many idle connections are kept elsewhere.
    pub(crate) fn look<D: Database>(&self, pool: &Pool<D>, kept: usize) {
        let (open, idle) = (pool.size(), u32::try_from(pool.num_idle() + kept).unwrap_or(u32::MAX));
        self.idle.set(idle.min(open));
        self.used.set(open.saturating_sub(idle));
        self.most.set(pool.options().get_max_connections());
    }

    /// A call waited for a connection, and got one or not.
    pub(crate) fn waited<T>(&self, took: Duration, got: &Result<T, sqlx::Error>) {
        self.waited.record(took);
        if let Err(sqlx::Error::PoolTimedOut) = got {
            self.no_connection.increment(1);
        }
    }
}
