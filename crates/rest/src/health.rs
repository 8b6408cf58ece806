//! Whether the process lives, whether it takes requests and what it measured, for people, probes, load balancers and
//! Prometheus.

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

/// Whether this node takes requests: not while it is starting or draining.
pub type Ready = Arc<dyn Fn() -> bool + Send + Sync>;

/// Writes down what was measured, in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long the database may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Context {
    changes: Arc<dyn port::Changes>,
    ready: Ready,
    redis: Option<Ready>,
    metrics: Metrics,
}

/// What anybody may call.
pub(crate) fn routes(changes: Arc<dyn port::Changes>, ready: Ready, redis: Option<Ready>, metrics: Metrics) -> Routes {
    Resource::new()
        .get("/api/health", alive)
        .get("/healthz", alive)
        .get("/readyz", readiness)
        .get("/metrics", measured)
        .over(Context { changes, ready, redis, metrics })
}

async fn alive() -> Response {
    Json(data::Health { success: true, status: "ok" }).into_response()
}

/// Without its Redis a node serves: what is lost is what other nodes tell in passing. Were it not ready, then no node
/// would be, and nobody could be helped. So it says that something is amiss, and is ready.
async fn readiness(State(cx): State<Context>) -> Answer {
    if !(cx.ready)() {
        return Err(faults::unavailable().into());
    }
    match tokio::time::timeout(PATIENCE, cx.changes.ready()).await {
        Ok(answered) => answered?,
        Err(late) => return Err(Failure::from(port::Error::unavailable(late))),
    }
    let redis = cx.redis.map(|redis| if redis() { "ok" } else { "away" });
    let status = if redis == Some("away") { "degraded" } else { "ok" };
    Ok(Json(data::Readiness { success: true, status, database: "ok", redis }).into_response())
}

async fn measured(State(cx): State<Context>) -> Response {
    ([(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")], (cx.metrics)()).into_response()
}
