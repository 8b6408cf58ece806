//! The middleware of the service: everything a request passes before it reaches a route, and in which order.
//!
//! The layers here go around every route, Socket.IO polling included. What depends on the kind of route is
//! [`allynet_rest::router`]'s: a deadline, authentication, rate limits.

use std::{any::Any, sync::Arc, time::Duration};

use allynet_domain::port::Ids;
use allynet_realtime::SocketService;
use allynet_rest::Failure;
use allynet_transport::SOCKET_IO_PATH;
use allynet_wire::{client::TrustedProxies, origin::Origins};
use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderValue, Method,
        header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::{Next, from_fn, from_fn_with_state, map_request, map_request_with_state, map_response},
    response::{IntoResponse as _, Response},
};
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    request_id::{PropagateRequestIdLayer, SetRequestIdLayer},
};

use crate::storage::StoragePressure;

mod body_deadline;
mod client_address;
mod framework_answers;
mod metrics;
mod request_id;
mod request_log;
mod response_headers;
mod storage_reserve;
mod trace_context;

pub(crate) use framework_answers::replace_server_answer;
pub(crate) use metrics::describe as describe_metrics;

use body_deadline::limit_body_time;
use client_address::{Proxies, attach_client_address};
use framework_answers::fill_empty_failure;
use metrics::RequestMetrics;
use request_id::{GenerateRequestId, REQUEST_ID, discard_invalid_request_id};
use request_log::observe;
use response_headers::finish_response;
use storage_reserve::reserve_storage;
use trace_context::{TRACEPARENT, continue_trace};

/// The time for which a browser may cache the answer to a preflight.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(1);

/// The configuration of the middleware.
pub(crate) struct HttpOptions {
    /// Web origins that may read answers.
    pub(crate) origins: Origins,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub(crate) proxies: TrustedProxies,
    /// Source of request ids.
    pub(crate) ids: Arc<dyn Ids>,
    /// Whether space is to be left to emergencies.
    pub(crate) storage: Arc<StoragePressure>,
    /// Counts requests that are not answered yet, so that a shutdown can wait for them.
    pub(crate) in_flight: TaskTracker,
}

/// Wraps all routes in the middleware. Must be served by [`serve`](crate::listener::serve), which attaches the connection of
/// each request.
pub(crate) fn service(rest: Router, socket_io: SocketService, options: HttpOptions) -> Router {
    let socket_io = ServiceBuilder::new().layer(map_request(limit_body_time)).service(socket_io);
    let rest = rest.route_layer(from_fn_with_state(options.storage.clone(), reserve_storage));
    wrap(rest.route_service(SOCKET_IO_PATH, socket_io), options)
}

/// Wraps the routes for operators in the same middleware.
pub(crate) fn admin_service(routes: Router, options: HttpOptions) -> Router {
    wrap(routes, options)
}

fn wrap(routes: Router, HttpOptions { origins, proxies, ids, storage: _, in_flight }: HttpOptions) -> Router {
    // A request passes these from top to bottom, its answer from bottom to top.
    let layers = ServiceBuilder::new()
        // First, so that a shutdown waits for everything below.
        .layer(from_fn_with_state(in_flight, count_in_flight))
        // A client has to be distinguished from a proxy by everything below.
        .layer(map_request_with_state(Proxies::new(proxies), attach_client_address))
        // An id that is not fit for a log counts as none: it is dropped before one is generated.
        .layer(map_request(discard_invalid_request_id))
        .layer(SetRequestIdLayer::new(REQUEST_ID, GenerateRequestId::new(ids.clone())))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(from_fn_with_state(ids, continue_trace))
        // Outside CORS and panics, so that these answers get the headers as well.
        .layer(from_fn(finish_response))
        // Outside CORS and panics, so that preflights and panics are logged and measured as well.
        .layer(from_fn_with_state(Arc::new(RequestMetrics::default()), observe))
        // Outside panics, so that a browser may read that answer too.
        .layer(cors(origins))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(map_response(fill_empty_failure));
    routes.layer(layers)
}

/// Credentials are allowed because a browser otherwise drops the cookie by which a proxy keeps the requests of one
/// polling connection on one node. The service reads no cookie: the token alone identifies the caller, so a foreign
/// page gains nothing from a browser that sends some.
fn cors(origins: Origins) -> CorsLayer {
    let allowed = move |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| origins.allow(origin));
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| allowed(origin)))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, REQUEST_ID, TRACEPARENT])
        .expose_headers([REQUEST_ID, RETRY_AFTER, TRACEPARENT])
        .allow_credentials(true)
        .max_age(PREFLIGHT_MAX_AGE)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of tower-http")]
fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    Failure::panicked(&*panic).into_response()
}

/// Counts a request until the head of its answer is ready. Socket.IO is not counted: a long poll may wait for its whole
/// interval, and sockets are drained by the gateway.
async fn count_in_flight(State(in_flight): State<TaskTracker>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(SOCKET_IO_PATH) {
        return next.run(request).await;
    }
    in_flight.track_future(next.run(request)).await
}

#[cfg(test)]
mod tests;
