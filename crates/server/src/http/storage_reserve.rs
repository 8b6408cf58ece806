//! Refusal of writes that no emergency depends on while the storage has little space.

use std::sync::Arc;

use allynet_domain::port;
use allynet_rest::{Failure, StorageWasFull};
use allynet_wire::limits::of_route;
use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::storage::StoragePressure;

/// Routes that an emergency depends on, beside those that are never limited: a token is needed to raise one, helpers have to be
/// on duty, and participants see each other's messages and positions. A receipt keeps an alert that arrived from being sent
/// again, and on the page of an emergency its owner's contacts say that they are with them or have called for help.
const VITAL_ROUTES: [(Method, &str); 7] = [
    (Method::POST, "/api/v1/alerts/receipts"),
    (Method::POST, "/c/{token}"),
    (Method::POST, "/api/v1/auth/login"),
    (Method::POST, "/api/v1/auth/refresh"),
    (Method::POST, "/api/v1/emergencies/{id}/messages"),
    (Method::PUT, "/api/v1/helpers/me"),
    (Method::PUT, "/api/v1/helpers/me/location"),
];

/// Middleware around every route that answers 503 to a write which has to leave the space to emergencies, and records when one did
/// not fit.
pub(super) async fn reserve_storage(
    State(pressure): State<Arc<StoragePressure>>,
    request: Request,
    next: Next,
) -> Response {
    let is_write = !request.method().is_safe();
    if is_write && pressure.is_high() && is_refusable(&request) {
        return Failure::from(port::Error::unavailable("only emergencies are stored while the disk is nearly full"))
            .into_response();
    }
    let response = next.run(request).await;
    if response.extensions().get::<StorageWasFull>().is_some() {
        pressure.record_full();
    }
    response
}

/// Whether the route of a request stores something that no emergency depends on. Socket.IO and unknown routes do not.
fn is_refusable(request: &Request) -> bool {
    let Some(path) = request.extensions().get::<MatchedPath>() else { return false };
    let path = path.as_str().strip_suffix('/').unwrap_or(path.as_str());
    let is_limited = of_route(request.method().as_str(), path).is_some_and(|limits| !limits.is_empty());
    is_limited && !VITAL_ROUTES.iter().any(|(method, vital)| method == request.method() && *vital == path)
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        http::StatusCode,
        middleware::from_fn_with_state,
        routing::{any, get},
    };
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_write_that_did_not_fit_is_recorded_whatever_stores_it() {
        let pressure = Arc::<StoragePressure>::default();
        let fails = |error: fn() -> port::Error| any(async move || Failure::from(error()));
        let routes = Router::new()
            .route("/gone", fails(|| port::Error::unavailable("gone")))
            .route("/full", fails(|| port::Error::unavailable(Arc::new(port::Error::unavailable(full())))))
            .route_layer(from_fn_with_state(pressure.clone(), reserve_storage));
        for (path, is_high) in [("/gone", false), ("/full", true)] {
            let request = Request::builder().method(Method::PUT).uri(path).body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            assert_eq!((answer.status(), pressure.is_high()), (StatusCode::SERVICE_UNAVAILABLE, is_high), "{path}");
        }
    }

    fn full() -> port::StorageFull {
        port::StorageFull::new("53100")
    }

    #[tokio::test]
    async fn only_what_emergencies_depend_on_is_stored_while_the_disk_is_nearly_full() {
        let pressure = Arc::<StoragePressure>::default();
        let answer = any(async || StatusCode::OK);
        let routes = Router::new()
            .route("/api/v1/emergencies", answer.clone())
            .route("/api/v1/emergencies/{id}/respond", answer.clone())
            .route("/api/v1/emergencies/{id}/messages", answer.clone())
            .route("/api/v1/emergencies/{id}/ratings", answer.clone())
            .route("/api/v1/helpers/me/location", answer.clone())
            .route("/api/v1/auth/login", answer.clone())
            .route("/api/v1/helpers/me", answer.clone())
            .route("/api/v1/alerts/receipts", answer.clone())
            .route("/c/{token}", answer.clone())
            .route("/c/stop/{token}", answer.clone())
            .route("/api/v1/auth/register", answer)
            .route("/api/v1/auth/me", get(async || StatusCode::OK).put(async || StatusCode::OK))
            .route_layer(from_fn_with_state(pressure.clone(), reserve_storage));
        for (is_low, refused) in [(false, StatusCode::OK), (true, StatusCode::SERVICE_UNAVAILABLE)] {
            pressure.set_low(is_low);
            for (method, path, expected) in [
                (Method::POST, "/api/v1/emergencies", StatusCode::OK),
                (Method::POST, "/api/v1/emergencies/1/respond", StatusCode::OK),
                (Method::POST, "/api/v1/emergencies/1/messages", StatusCode::OK),
                (Method::POST, "/api/v1/alerts/receipts", StatusCode::OK),
                (Method::POST, "/c/1", StatusCode::OK),
                (Method::PUT, "/api/v1/helpers/me/location", StatusCode::OK),
                (Method::POST, "/api/v1/auth/login", StatusCode::OK),
                (Method::PUT, "/api/v1/helpers/me", StatusCode::OK),
                (Method::GET, "/api/v1/auth/me", StatusCode::OK),
                (Method::PUT, "/api/v1/auth/me", refused),
                (Method::POST, "/api/v1/emergencies/1/ratings", refused),
                (Method::POST, "/api/v1/auth/register", refused),
                (Method::POST, "/c/stop/1", refused),
            ] {
                let request = Request::builder().method(&method).uri(path);
                let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
                assert_eq!(answer.status(), expected, "{method} {path}, {is_low}");
            }
        }
    }
}
