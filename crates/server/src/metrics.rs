//! The Prometheus exporter behind `GET /metrics`, and the metrics of this crate.
//!
//! Each crate registers and describes its own metrics; `docs/metrics.md` lists all of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use allynet_domain::{port::Signals, usecase::alerts::Fired};
use allynet_realtime::Gateway;
use allynet_rest::{Build, RenderMetrics};
use anyhow::Context as _;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::{build_info, fair_queue, http, settings::Database, store::Store};

const BUILD: &str = "allynet_build_info";
const UPTIME: &str = "allynet_uptime_seconds";
const NODES_LINKED: &str = "allynet_signals_linked";
const POSITIONS_WAITING: &str = "allynet_positions_waiting";
const BATCH_SIZE: &str = "allynet_position_batch_size";
const TIMERS_FIRED: &str = "allynet_timers_fired_total";

/// Samples of histograms are buffered until a scrape or until this interval, which bounds the buffer.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Buckets of durations in seconds: from a read of memory to a client's timeout.
const DURATION_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets of acknowledgements and of pushes in seconds: from a phone in the hand to one that was switched off.
const ACKNOWLEDGEMENT_BUCKETS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];
/// Buckets of positions per statement, up to the largest batch.
const BATCH_SIZE_BUCKETS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// Describes the metrics of all crates.
fn describe() {
    http::describe_metrics();
    fair_queue::describe_metrics();
    allynet_realtime::describe_metrics();
    // Both databases have the same metrics, whichever is used.
    allynet_postgres::describe_metrics();
    allynet_sqlite::describe_metrics();
    allynet_redis::describe_metrics();
    allynet_notify::describe_metrics();
    allynet_rest::describe_metrics();
    describe_gauge!(BUILD, "1, with the running version, its commit and day of build, and the database");
    describe_gauge!(UPTIME, "Time since the process started");
    describe_gauge!(
        NODES_LINKED,
        "1 while signals reach other nodes, or if no Redis is configured; 0 while Redis is unreachable"
    );
    describe_gauge!(POSITIONS_WAITING, "Positions that are received and not stored yet");
    describe_histogram!(BATCH_SIZE, "Positions stored by one statement");
    describe_counter!(
        TIMERS_FIRED,
        "Actions of timers on this node: a `wave` of alerts, `unanswered` sent to an owner, an emergency `expired`"
    );
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let suffix = |text: &str| Matcher::Suffix(text.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_duration_seconds"), &DURATION_BUCKETS)?
        .set_buckets_for_metric(suffix("_lag_seconds"), &DURATION_BUCKETS)?
        .set_buckets_for_metric(suffix("_push_delay_seconds"), &ACKNOWLEDGEMENT_BUCKETS)?
        .set_buckets_for_metric(suffix("_acknowledgement_seconds"), &ACKNOWLEDGEMENT_BUCKETS)?
        .set_buckets_for_metric(suffix("_receipt_seconds"), &ACKNOWLEDGEMENT_BUCKETS)?
        .set_buckets_for_metric(suffix("_batch_size"), &BATCH_SIZE_BUCKETS)
}

/// The Prometheus exporter of this process.
#[derive(Clone)]
pub(crate) struct MetricsExporter {
    recorder: PrometheusHandle,
    started: Instant,
    uptime: Gauge,
    nodes_linked: Gauge,
}

impl MetricsExporter {
    /// Installs the global recorder. Handles that were registered before record nothing.
    ///
    /// # Errors
    /// Returns an error if a recorder is installed already.
    pub(crate) fn install(database: &Database) -> anyhow::Result<Self> {
        let recorder = builder()?.install_recorder().context("the metrics recorder is installed already")?;
        describe();
        let database = match database {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres(_) => "postgres",
        };
        let Build { version, commit, date } = build_info::BUILD;
        let (commit, date) = (commit.unwrap_or("unknown"), date.unwrap_or("unknown"));
        gauge!(BUILD, "version" => version, "commit" => commit, "built" => date, "database" => database).set(1);
        Ok(Self { recorder, started: Instant::now(), uptime: gauge!(UPTIME), nodes_linked: gauge!(NODES_LINKED) })
    }

    /// The function behind `GET /metrics`: samples the gauges, then renders everything.
    pub(crate) fn renderer(&self, store: Store, gateway: Gateway, signals: Arc<dyn Signals>) -> RenderMetrics {
        let exporter = self.clone();
        Arc::new(move || {
            // Sampled and not counted: current numbers of connections, sockets and rooms cost nothing between scrapes.
            exporter.uptime.set(exporter.started.elapsed());
            store.measure();
            gateway.measure();
            exporter.nodes_linked.set(u32::from(signals.is_connected()));
            exporter.recorder.render()
        })
    }

    /// Drains histogram samples periodically until `stop` is cancelled.
    pub(crate) async fn run_upkeep(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.recorder.run_upkeep();
        }
    }
}

/// Metrics of the position batcher.
#[derive(Clone)]
pub(crate) struct PositionMetrics {
    /// Reports that are not stored yet.
    pub(crate) waiting: Gauge,
    /// Positions per statement.
    pub(crate) batch_size: Histogram,
}

impl PositionMetrics {
    pub(crate) fn new() -> Self {
        Self { waiting: gauge!(POSITIONS_WAITING), batch_size: histogram!(BATCH_SIZE) }
    }
}

/// Metrics of the alert timers.
pub(crate) struct TimerMetrics {
    wave: Counter,
    unanswered: Counter,
    expired: Counter,
}

impl TimerMetrics {
    pub(crate) fn new() -> Self {
        let [wave, unanswered, expired] =
            ["wave", "unanswered", "expired"].map(|what| counter!(TIMERS_FIRED, "what" => what));
        Self { wave, unanswered, expired }
    }

    /// Counts a timer that fired.
    pub(crate) fn record(&self, fired: Fired) {
        match fired {
            Fired::Wave => self.wave.increment(1),
            Fired::Unanswered => self.unanswered.increment(1),
            Fired::Expired => self.expired.increment(1),
        }
    }
}

#[cfg(test)]
mod tests;
