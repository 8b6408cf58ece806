//! Liveness, readiness and metrics, for probes, load balancers and Prometheus.

use std::{fmt, sync::Arc, time::Duration};

use allynet_domain::port;
use allynet_wire::{data, problem::faults};
use axum::{
    Json, Router,
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    answer::{Answer, Failure},
    routes::{Resource, Routes},
};

/// Reports whether something is ready: this node (neither starting nor draining), or its Redis.
pub type ReadinessCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// Renders all metrics in the text format of Prometheus.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The media type of the text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>
const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The time in which the database has to answer `/readyz`.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(1);
/// The time for which the answer of the database is reused: the route needs no token and has no limit.
const DATABASE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What the running program was built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The version.
    pub version: &'static str,
    /// The abbreviated commit, if it is known.
    pub commit: Option<&'static str>,
    /// The day, if it is known: `2026-11-28`.
    pub date: Option<&'static str>,
}

impl Build {
    /// A build of which only the version is known.
    pub const fn of_version(version: &'static str) -> Self {
        Self { version, commit: None, date: None }
    }
}

/// Health and readiness of this node, with the latest answer of the database.
pub struct Readiness {
    build: Build,
    changes: Arc<dyn port::Changes>,
    node: ReadinessCheck,
    redis: Option<ReadinessCheck>,
    /// Time of the latest check, and whether the database can store a change. Locked during a check, so that there is one at
    /// a time and all requests that arrive meanwhile share its result.
    latest: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// Readiness of a node, its database, and its Redis if it has one.
    pub fn new(
        build: Build,
        changes: Arc<dyn port::Changes>,
        node: ReadinessCheck,
        redis: Option<ReadinessCheck>,
    ) -> Arc<Self> {
        Arc::new(Self { build, changes, node, redis, latest: Mutex::default() })
    }

    /// Asks the database whether it can store a change, at most once a second.
    async fn check_database(&self) -> Result<(), Failure> {
        let mut latest = self.latest.lock().await;
        if let Some((at, is_ready)) = *latest
            && at.elapsed() < DATABASE_CHECK_INTERVAL
        {
            return if is_ready { Ok(()) } else { Err(faults::unavailable().into()) };
        }
        let checked = match tokio::time::timeout(DATABASE_TIMEOUT, self.changes.ready()).await {
            Ok(answered) => answered.map_err(Failure::from),
            Err(late) => Err(Failure::from(port::Error::unavailable(late))),
        };
        *latest = Some((Instant::now(), checked.is_ok()));
        checked
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").finish_non_exhaustive()
    }
}

/// Routes without authentication.
pub(crate) fn routes(readiness: Arc<Readiness>) -> Routes {
    Resource::new()
        .get("/api/health", health)
        .get("/healthz", alive)
        .get("/readyz", check_readiness)
        .with_state(readiness)
}

#[derive(Clone)]
struct MetricsState {
    render: RenderMetrics,
    /// Rendering takes a core for milliseconds: never more than one.
    turn: Arc<Mutex<()>>,
}

/// The router of the listener for operators: health, readiness and metrics.
pub fn admin_router(readiness: Arc<Readiness>, metrics: RenderMetrics) -> Router {
    let metrics = MetricsState { render: metrics, turn: Arc::default() };
    let metrics = Resource::new().get("/metrics", render_metrics).with_state(metrics);
    routes(readiness)
        .merge(metrics)
        .router
        .method_not_allowed_fallback(async || Failure::from(faults::method_not_allowed()))
        .fallback(async || Failure::from(faults::route_not_found()))
}

async fn alive() -> Response {
    Json(data::Liveness { success: true, status: "ok" }).into_response()
}

async fn health(State(cx): State<Arc<Readiness>>) -> Response {
    let Build { version, commit, date } = cx.build;
    Json(data::Health { success: true, status: "ok", version, commit, built_at: date }).into_response()
}

/// Ready, but `degraded`, while Redis is away: only signals between nodes are lost then. All nodes lose it at once, so
/// reporting "not ready" would take the whole service out of the load balancer.
async fn check_readiness(State(cx): State<Arc<Readiness>>) -> Answer {
    if !(cx.node)() {
        return Err(faults::unavailable().into());
    }
    cx.check_database().await?;
    let redis = cx.redis.as_ref().map(|redis| if redis() { "ok" } else { "away" });
    let status = if redis == Some("away") { "degraded" } else { "ok" };
    Ok(Json(data::Readiness { success: true, status, database: "ok", redis }).into_response())
}

async fn render_metrics(State(cx): State<MetricsState>) -> Response {
    let _turn = cx.turn.lock().await;
    ([(CONTENT_TYPE, METRICS_CONTENT_TYPE), (CACHE_CONTROL, "no-store")], (cx.render)()).into_response()
}
