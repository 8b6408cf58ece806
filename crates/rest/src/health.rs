//! Liveness, readiness and metrics, for probes, load balancers and Prometheus.

use std::{sync::Arc, time::Duration};

use allynet_domain::port;
use allynet_wire::{data, problem::faults};
use axum::{
    Json,
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};

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

#[derive(Clone)]
struct HealthState {
    changes: Arc<dyn port::Changes>,
    ready: ReadinessCheck,
    redis: Option<ReadinessCheck>,
    metrics: RenderMetrics,
}

/// Routes without authentication.
pub(crate) fn routes(
    changes: Arc<dyn port::Changes>,
    ready: ReadinessCheck,
    redis: Option<ReadinessCheck>,
    metrics: RenderMetrics,
) -> Routes {
    Resource::new()
        .get("/api/health", alive)
        .get("/healthz", alive)
        .get("/readyz", readiness)
        .get("/metrics", render_metrics)
        .with_state(HealthState { changes, ready, redis, metrics })
}

async fn alive() -> Response {
    Json(data::Health { success: true, status: "ok" }).into_response()
}

/// Ready, but `degraded`, while Redis is away: only signals between nodes are lost then. All nodes lose it at once, so
/// reporting "not ready" would take the whole service out of the load balancer.
async fn readiness(State(cx): State<HealthState>) -> Answer {
    if !(cx.ready)() {
        return Err(faults::unavailable().into());
    }
    match tokio::time::timeout(DATABASE_TIMEOUT, cx.changes.ready()).await {
        Ok(answered) => answered?,
        Err(late) => return Err(Failure::from(port::Error::unavailable(late))),
    }
    let redis = cx.redis.map(|redis| if redis() { "ok" } else { "away" });
    let status = if redis == Some("away") { "degraded" } else { "ok" };
    Ok(Json(data::Readiness { success: true, status, database: "ok", redis }).into_response())
}

async fn render_metrics(State(cx): State<HealthState>) -> Response {
    ([(CONTENT_TYPE, METRICS_CONTENT_TYPE), (CACHE_CONTROL, "no-store")], (cx.metrics)()).into_response()
}
