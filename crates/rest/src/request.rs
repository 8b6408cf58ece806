//! The id of a request, what is measured of it, and the one line and span that the log has of it. Never a query, a token
//! or a body: what is told is the method, the route as it is written in the router, the status and the time it took.

use std::{sync::Arc, time::Instant};

use allynet_domain::port::Ids;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use crate::measures::Requests;

/// The header that carries the id, both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a client, in characters.
const LONGEST: usize = 128;

/// What goes along with every request.
pub(crate) struct Companion {
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) requests: Requests,
}

/// Gives a request an id and a span, and the answer the same id; measures it.
pub(crate) async fn accompany(State(with): State<Arc<Companion>>, request: Request, next: Next) -> Response {
    let id = presented(request.headers()).map_or_else(|| with.ids.next().to_string(), ToOwned::to_owned);
    let (method, path) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let route = path.as_ref().map(MatchedPath::as_str);
    let of_the_api = route.is_some_and(|route| route.starts_with("/api/v1/"));
    // At the level of errors, so that an error has the id of its request whatever is filtered out.
    let span = tracing::error_span!("request", request_id = id, %method, route);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), started.elapsed());
    with.requests.answered(&method, route, status, took);
    let status = status.as_u16();
    if of_the_api {
        tracing::info!(parent: &span, status, took_us = took.as_micros(), "answered");
    } else {
        // Probes, polling, and whatever strangers try.
        tracing::debug!(parent: &span, status, took_us = took.as_micros(), "answered");
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// What the client calls its request, if that is fit for a log.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let sane = (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    sane.then_some(id)
}
