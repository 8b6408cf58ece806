//! What goes around every route: request ids and CORS.

use axum::{
    body::Body,
    http::{HeaderValue, Method},
};

use super::{
    app::{MADE_ID, Mocks, request},
    table::every_route,
};

const PAGE: &str = "http://localhost:5173";

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let app = Mocks::default().app();
    let longest = "x".repeat(128);
    for sane in ["a", "7f3c-1", "~!{}\"<>", &longest] {
        let request = request(Method::GET, "/healthz").header("x-request-id", sane).body(Body::empty()).unwrap();
        assert_eq!(app.send(request).await.header("x-request-id"), Some(sane));
    }
    let too_long = "x".repeat(129);
    for odd in ["", "a b", "a\tb", &too_long, "ä"] {
        let odd = HeaderValue::from_bytes(odd.as_bytes()).unwrap();
        let request = request(Method::GET, "/nowhere").header("x-request-id", odd).body(Body::empty()).unwrap();
        assert_eq!(app.send(request).await.header("x-request-id"), Some(MADE_ID.to_string().as_str()));
    }
}

#[tokio::test]
async fn a_preflight_needs_no_token_on_any_route() {
    let app = Mocks::default().app();
    for (method, path) in every_route().chain([(Method::POST, "/socket.io/".to_owned())]) {
        let request = request(Method::OPTIONS, &path)
            .header("origin", PAGE)
            .header("access-control-request-method", method.as_str())
            .header("access-control-request-headers", "authorization,content-type");
        let got = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(got.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(got.header("access-control-allow-methods"), Some("GET,POST,PUT,DELETE"));
        let headers = got.header("access-control-allow-headers").unwrap();
        assert_eq!(headers, "authorization,content-type,x-request-id");
        assert_eq!(got.header("x-request-id"), Some(MADE_ID.to_string().as_str()));
    }
}

#[tokio::test]
async fn only_pages_of_known_origins_may_read_answers() {
    let app = Mocks::default().app();
    // A success, a failure, and what Socket.IO would answer.
    for path in ["/healthz", "/api/v1/auth/me", "/socket.io/?EIO=4&transport=polling"] {
        for (origin, allowed) in [(PAGE, true), ("https://evil.example", false), ("null", false)] {
            let request = request(Method::GET, path).header("origin", origin).body(Body::empty()).unwrap();
            let got = app.send(request).await;
            assert_eq!(got.header("access-control-allow-origin"), allowed.then_some(origin), "{path}");
            assert!(got.header("vary").is_some_and(|vary| vary.contains("origin")), "{got:?}");
        }
    }
    let request = request(Method::GET, "/healthz").header("origin", PAGE).body(Body::empty()).unwrap();
    let got = app.send(request).await;
    assert_eq!(got.header("access-control-expose-headers"), Some("x-request-id,retry-after"));
    assert_eq!(got.header("access-control-allow-credentials"), Some("true"));
}
