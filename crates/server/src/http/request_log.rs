//! The span, the log line and the metrics of each request.
//!
//! Logs the method, the route pattern, the status and the time, and never the path, a query, a token or a body.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use tower_http::request_id::RequestId;
use tracing::Instrument as _;

use super::{metrics::RequestMetrics, trace_context::name_trace};
use crate::{telemetry, traceparent::TraceParent};

/// Runs a request in a span with its id and its trace, then logs and measures the answer.
pub(super) async fn observe(State(metrics): State<Arc<RequestMetrics>>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let parent = request.extensions().get::<TraceParent>().cloned();
    let trace_id = parent.as_ref().map(|parent| parent.trace.as_str());
    let (method, path) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let route = path.as_ref().map(MatchedPath::as_str);
    // At the level of errors, so that no filter can take the request id away from an error.
    let kind = tracing::field::Empty;
    let span = tracing::error_span!("request", request_id = id, trace_id, %method, route, otel.kind = kind);
    let exported = telemetry::begin_request(&span, parent.as_ref(), &method, route);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), started.elapsed());
    metrics.record(&method, route, status, took);
    let status = status.as_u16();
    if let Some(exported) = exported {
        telemetry::end_request(&span, status);
        name_trace(&mut response, &exported);
    }
    if route.is_some_and(|route| route.starts_with("/api/v1/")) {
        tracing::info!(parent: &span, status, took_us = took.as_micros(), "answered");
    } else {
        // Probes, polling and unknown paths are frequent and seldom of interest.
        tracing::debug!(parent: &span, status, took_us = took.as_micros(), "answered");
    }
    response
}
