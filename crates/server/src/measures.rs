//! What is measured, gathered and written down for Prometheus: `GET /metrics`. Each crate says itself what it measures;
//! the names, the labels and the meaning of all are in `docs/metrics.md`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use allynet_domain::{port::Signals, usecase::alerts::Fired};
use allynet_realtime::Gateway;
use allynet_rest::Metrics;
use anyhow::Context as _;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::{http, settings::Database, store::Store};

const BUILD: &str = "allynet_build_info";
const UPTIME: &str = "allynet_uptime_seconds";
const TRAVEL: &str = "allynet_signals_travel";
const POSITIONS_WAITING: &str = "allynet_positions_waiting";
const BATCH_SIZE: &str = "allynet_position_batch_size";
const TIMERS: &str = "allynet_timers_fired_total";

/// Samples are taken up this often, so that they do not pile up while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// Seconds: from a look into memory to a client that gave up.
const DURATIONS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds: from a phone that is awake to one that was switched on again.
const ANSWERS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];
/// Positions in one statement; the last is the most there can be.
const SIZES: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// Says what is measured anywhere.
fn describe() {
    http::describe_metrics();
    allynet_realtime::describe_metrics();
    // Both databases measure the same.
    allynet_postgres::describe_metrics();
    allynet_sqlite::describe_metrics();
    allynet_redis::describe_metrics();
    describe_gauge!(BUILD, "1, with what is running");
    describe_gauge!(UPTIME, "Time since the process started");
    describe_gauge!(
        TRAVEL,
        "1 while this node and the others hear of each other, or there is no Redis; 0 while it is away"
    );
    describe_gauge!(POSITIONS_WAITING, "Positions that were reported and are not stored yet");
    describe_histogram!(BATCH_SIZE, "Positions stored by one statement");
    describe_counter!(
        TIMERS,
        "What timers of this node did: a `wave` of alerts sent, `unanswered` told to an owner, an emergency `expired`"
    );
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let ending = |text: &str| Matcher::Suffix(text.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(ending("_duration_seconds"), &DURATIONS)?
        .set_buckets_for_metric(ending("_lag_seconds"), &DURATIONS)?
        .set_buckets_for_metric(ending("_acknowledgement_seconds"), &ANSWERS)?
        .set_buckets_for_metric(ending("_batch_size"), &SIZES)
}

/// Everything that is measured in this process.
#[derive(Clone)]
pub(crate) struct Measures {
    written: PrometheusHandle,
    started: Instant,
    uptime: Gauge,
    travel: Gauge,
}

impl Measures {
    /// Begins to measure. What is made before is not measured.
    pub(crate) fn start(database: &Database) -> anyhow::Result<Self> {
        let written = builder()?.install_recorder().context("measuring was started already")?;
        describe();
        let database = match database {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres(_) => "postgres",
        };
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION"), "database" => database).set(1);
        Ok(Self { written, started: Instant::now(), uptime: gauge!(UPTIME), travel: gauge!(TRAVEL) })
    }

    /// Writes it all down when asked to; what comes and goes is looked at then.
    pub(crate) fn port(&self, store: Store, gateway: Gateway, signals: Arc<dyn Signals>) -> Metrics {
        let measures = self.clone();
        Arc::new(move || {
            measures.uptime.set(measures.started.elapsed());
            store.measure();
            gateway.measure();
            measures.travel.set(u32::from(signals.travel()));
            measures.written.render()
        })
    }

    /// Takes samples up until told to stop.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(UPKEEP);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.written.run_upkeep();
        }
    }
}

/// What is measured of positions on their way to the store.
#[derive(Clone)]
pub(crate) struct PositionMeasures {
    pub(crate) waiting: Gauge,
    pub(crate) batch_size: Histogram,
}

impl PositionMeasures {
    pub(crate) fn new() -> Self {
        Self { waiting: gauge!(POSITIONS_WAITING), batch_size: histogram!(BATCH_SIZE) }
    }
}

/// What is measured of timers.
pub(crate) struct TimerMeasures {
    wave: Counter,
    unanswered: Counter,
    expired: Counter,
}

impl TimerMeasures {
    pub(crate) fn new() -> Self {
        let [wave, unanswered, expired] =
            ["wave", "unanswered", "expired"].map(|what| counter!(TIMERS, "what" => what));
        Self { wave, unanswered, expired }
    }

    /// A timer did something.
    pub(crate) fn fired(&self, what: Fired) {
        match what {
            Fired::Wave => self.wave.increment(1),
            Fired::Unanswered => self.unanswered.increment(1),
            Fired::Expired => self.expired.increment(1),
        }
    }
}

#[cfg(test)]
mod tests;
