//! The documents are served as they are made, and unknown files are answered like unknown routes.

use allynet_wire::documents;
use axum::{body::Body, http::Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;

async fn get(path: &str) -> (StatusCode, String, Vec<u8>) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router().oneshot(request).await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status(), content_type, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn the_documents_are_served_whole() {
    for (path, document) in [("/api/openapi.json", documents::openapi()), ("/api/asyncapi.json", documents::asyncapi())]
    {
        let (status, content_type, body) = get(path).await;
        assert_eq!((status, content_type.as_str()), (StatusCode::OK, "application/json"), "{path}");
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), document, "{path}");
    }
}

#[tokio::test]
async fn a_page_is_served_whether_or_not_it_was_built() {
    for path in ["/api/docs", "/api/docs/", "/api/docs/events", "/api/docs/events/"] {
        let (status, content_type, _) = get(path).await;
        assert_eq!((status, content_type.as_str()), (StatusCode::OK, "text/html; charset=utf-8"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_file_is_an_unknown_route() {
    for path in ["/api/docs/assets/nothing.js", "/api/docs/assets/..%2fevents.html", "/api/docs/assets/index.html"] {
        let (status, _, body) = get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(String::from_utf8(body).unwrap().contains("route_not_found"), "{path}");
    }
}
