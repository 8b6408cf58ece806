//! Extraction of bodies, queries and path parameters.

use std::convert::Infallible;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::Method,
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::app::{App, Got, Mocks, request};
use crate::input::{JsonBody, Query};

const LIMIT: usize = 65_536;

/// Routes that echo what the extractors parsed.
fn echo() -> App {
    let router = Router::new()
        .route("/", post(async |JsonBody(body): JsonBody| Json(body)))
        .route("/", get(async |Query(query): Query| Json(query)));
    App(router)
}

async fn send(content_type: Option<&str>, body: Body) -> Got {
    let request = request(Method::POST, "/");
    let request = content_type.into_iter().fold(request, |request, is| request.header("content-type", is));
    echo().send(request.body(body).unwrap()).await
}

async fn send_json(body: impl Into<Body>) -> Got {
    send(Some("application/json"), body.into()).await
}

/// A body of unknown length, in one chunk.
fn chunked(bytes: impl Into<Bytes>) -> Body {
    Body::from_stream(stream::iter([Ok::<_, Infallible>(bytes.into())]))
}

#[tokio::test]
async fn only_json_is_read() {
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        assert_eq!(send(Some(content_type), "{}".into()).await.status, 200, "{content_type}");
    }
    for content_type in
        [None, Some("text/plain"), Some("application/jsonp"), Some("application/x-www-form-urlencoded"), Some("json")]
    {
        send(content_type, "{}".into()).await.assert_failure(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn no_body_is_an_empty_object() {
    for content_type in [None, Some("application/json"), Some("text/plain")] {
        assert_eq!(send(content_type, Body::empty()).await.body, json!({}));
    }
    // Chunked, and without a chunk.
    assert_eq!(send_json(chunked("")).await.body, json!({}));
}

#[tokio::test]
async fn invalid_json_is_distinguished_from_invalid_fields() {
    for broken in ["{", "", " ", "nul", "{\"a\":1}x", "'a'", "\"\\ud80\"", "{\"a\":NaN}"] {
        let got = send_json(Body::from(broken)).await;
        if broken.is_empty() {
            assert_eq!(got.body, json!({}));
        } else {
            got.assert_failure(400, "invalid_json");
        }
    }
    send_json(vec![b'"', 0xff, b'"']).await.assert_failure(400, "invalid_json");
    assert_eq!(send_json("{\"text\":\"half \\ud83d\"}").await.body, json!({ "text": "half \u{fffd}" }));
    assert_eq!(send_json("\u{feff}{\"number\":1e999}").await.body, json!({ "number": 1e308 }));
    let app = Mocks::default().app();
    for not_an_object in [json!(null), json!([]), json!("text"), json!(1)] {
        let got = app.json_as("user", Method::POST, "/api/v1/auth/login", &not_an_object).await;
        got.assert_failure(400, "invalid_input");
        assert_eq!(got.body["error"]["details"][0]["field"], "body");
    }
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    send_json(deep).await.assert_failure(400, "invalid_json");
}

#[tokio::test]
async fn a_body_may_have_64_kib_at_most() {
    let json_of = |size: usize| format!("\"{}\"", "a".repeat(size - 2));
    assert_eq!(send_json(json_of(LIMIT)).await.status, 200);
    send_json(json_of(LIMIT + 1)).await.assert_failure(413, "body_too_large");
    send_json(json_of(1_000_000)).await.assert_failure(413, "body_too_large");
    send_json(json_of(20_000_000)).await.assert_failure(413, "body_too_large");
    assert_eq!(send_json(chunked(json_of(LIMIT))).await.status, 200);
    send_json(chunked(json_of(LIMIT + 1))).await.assert_failure(413, "body_too_large");
    send_json(chunked(json_of(20_000_000))).await.assert_failure(413, "body_too_large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_times_out() {
    let stalled = stream::once(async { Ok::<_, Infallible>("{") }).chain(stream::pending());
    send_json(Body::from_stream(stalled)).await.assert_failure(408, "request_timeout");
}

#[tokio::test]
async fn query_values_are_strings_and_the_last_of_a_name_counts() {
    let got = echo().get_as("user", "/?a=1&b=%C3%A4+%2B&a=2&c=&d").await;
    assert_eq!(got.body, json!({ "a": "2", "b": "ä +", "c": "", "d": "" }));
    assert_eq!(echo().get_as("user", "/").await.body, json!({}));
    assert_eq!(echo().get_as("user", "/?%ff=%00").await.status, 200);
}

#[tokio::test]
async fn an_id_that_does_not_parse_is_unknown() {
    let app = Mocks::default().app();
    app.get_as("user", "/api/v1/emergencies/%ff").await.assert_failure(404, "emergency_not_found");
    let body = json!({ "status": "verified", "blocked": true });
    for id in ["x", "1", "%00", "..%2f", "null", "00000000000000000000000000000001", &"a".repeat(2000)] {
        let emergency = format!("/api/v1/emergencies/{id}");
        app.get_as("user", &emergency).await.assert_failure(404, "emergency_not_found");
        let messages = format!("{emergency}/messages/{id}");
        let got = app.json_as("user", Method::DELETE, &messages, &Value::Null).await;
        got.assert_failure(404, "emergency_not_found");
        let message = format!("/api/v1/emergencies/00000000-0000-0000-0000-000000000001/messages/{id}");
        app.json_as("user", Method::DELETE, &message, &Value::Null).await.assert_failure(404, "message_not_found");
        let contact = format!("/api/v1/auth/emergency-contacts/{id}");
        app.json_as("user", Method::DELETE, &contact, &Value::Null).await.assert_failure(404, "contact_not_found");
        for what in ["verification", "block"] {
            let user = format!("/api/v1/helpers/{id}/{what}");
            app.json_as("admin", Method::PUT, &user, &body).await.assert_failure(404, "user_not_found");
            app.json_as("user", Method::PUT, &user, &body).await.assert_failure(403, "not_authorized");
        }
    }
}
