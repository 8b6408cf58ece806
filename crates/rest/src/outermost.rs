//! What goes around everything, Socket.IO polling included: request ids, measuring, CORS, and an answer when something
//! panics.

use std::{sync::Arc, time::Duration};

use allynet_domain::port::Ids;
use allynet_wire::origin::Origins;
use axum::{
    Router,
    http::{
        Method,
        header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    },
    middleware,
    response::IntoResponse,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};

use crate::{
    answer::Failure,
    measures::Requests,
    request::{Companion, REQUEST_ID, accompany},
};

/// How long a browser may remember the answer to a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_hours(1);

/// Wraps all of the service. Whatever layer is added after this one has no request id and no CORS headers, and
/// is not measured.
pub fn outermost(router: Router, origins: Origins, ids: Arc<dyn Ids>) -> Router {
    let companion = Arc::new(Companion { ids, requests: Requests::default() });
    router
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            Failure::panicked(&*panic).into_response()
        }))
        .layer(cors(origins))
        .layer(middleware::from_fn_with_state(companion, accompany))
}

/// Credentials are allowed because a browser otherwise drops the cookie by which a proxy keeps the requests of one
/// polling connection on one node. The service itself reads no cookie: who calls is told by the token alone, so a
/// foreign page gains nothing from a browser that sends some.
fn cors(origins: Origins) -> CorsLayer {
    let allowed = move |origin: &axum::http::HeaderValue| origin.to_str().is_ok_and(|origin| origins.allow(origin));
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| allowed(origin)))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, REQUEST_ID])
        .expose_headers([REQUEST_ID, RETRY_AFTER])
        .allow_credentials(true)
        .max_age(PREFLIGHT_AGE)
}
