//! Whether the process lives and whether it takes requests, for people, probes and load balancers.

use std::{sync::Arc, time::Duration};

use allynet_domain::port;
use allynet_wire::{data, problem::faults};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    answer::{Answer, Failure},
    routes::{Resource, Routes},
};

/// Whether this node takes requests: not while it is starting or draining.
pub type Ready = Arc<dyn Fn() -> bool + Send + Sync>;

/// How long the database may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Context {
    changes: Arc<dyn port::Changes>,
    ready: Ready,
}

/// What anybody may call.
pub(crate) fn routes(changes: Arc<dyn port::Changes>, ready: Ready) -> Routes {
    Resource::new()
        .get("/api/health", alive)
        .get("/healthz", alive)
        .get("/readyz", readiness)
        .over(Context { changes, ready })
}

async fn alive() -> Response {
    Json(data::Health { success: true, status: "ok" }).into_response()
}

async fn readiness(State(cx): State<Context>) -> Answer {
    if !(cx.ready)() {
        return Err(faults::unavailable().into());
    }
    match tokio::time::timeout(PATIENCE, cx.changes.ready()).await {
        Ok(answered) => answered?,
        Err(late) => return Err(Failure::from(port::Error::unavailable(late))),
    }
    Ok(alive().await)
}
