//! What is measured of requests, and how it is handed out.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::app::{MEASURED, Mocks, bearer, request};

fn recorder() -> (PrometheusRecorder, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().set_buckets(&[1.0]).unwrap().build_recorder();
    let handle = recorder.handle();
    (recorder, handle)
}

/// The lines of one series, sorted.
fn lines(handle: &PrometheusHandle, name: &str) -> Vec<String> {
    let text = handle.render();
    let mut lines: Vec<_> = text.lines().filter(|line| line.starts_with(name)).map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn what_was_measured_is_handed_out_as_text_to_anybody() {
    let got = Mocks::default().app().send(request(Method::GET, "/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, Some(MEASURED)));
    assert_eq!(got.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(got.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status() {
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let app = Mocks::default().app();
    for path in
        ["/healthz", "/healthz/", "/api/v1/emergencies/4711", "/api/v1/emergencies/0815", "/nowhere/4711", "/wp"]
    {
        app.send(request(Method::GET, path).body(Body::empty()).unwrap()).await;
    }
    for method in ["BREW", "PROPFIND", "PUT"] {
        app.send(request(method.parse().unwrap(), "/healthz").body(Body::empty()).unwrap()).await;
    }
    assert_eq!(
        lines(&handle, "allynet_http_requests_total"),
        [
            r#"allynet_http_requests_total{method="GET",route="/api/v1/emergencies/{id}",status="401"} 2"#,
            r#"allynet_http_requests_total{method="GET",route="/healthz",status="200"} 2"#,
            r#"allynet_http_requests_total{method="GET",route="none",status="404"} 2"#,
            r#"allynet_http_requests_total{method="PUT",route="/healthz",status="405"} 1"#,
            r#"allynet_http_requests_total{method="other",route="/healthz",status="405"} 2"#,
        ]
    );
}

#[tokio::test]
async fn the_time_of_a_request_is_that_of_its_route_whatever_came_of_it() {
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let app = Mocks::default().app();
    for token in ["forged", "blocked", "expired"] {
        let request = request(Method::GET, "/api/v1/auth/me").header("authorization", bearer(token));
        app.send(request.body(Body::empty()).unwrap()).await;
    }
    let name = "allynet_http_request_duration_seconds";
    let labels = r#"{method="GET",route="/api/v1/auth/me"}"#;
    assert_eq!(lines(&handle, &format!("{name}_count")), [format!("{name}_count{labels} 3")]);
    assert_eq!(
        lines(&handle, &format!("{name}_bucket")),
        [
            format!(r#"{name}_bucket{{method="GET",route="/api/v1/auth/me",le="+Inf"}} 3"#),
            format!(r#"{name}_bucket{{method="GET",route="/api/v1/auth/me",le="1"}} 3"#),
        ]
    );
}

#[tokio::test]
async fn a_request_whose_handler_panicked_is_counted_too() {
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    // Nobody told the mock what to answer.
    Mocks::default().app().get_as("user", "/api/v1/auth/stats").await.assert_failure(500, "internal");
    let counted = r#"allynet_http_requests_total{method="GET",route="/api/v1/auth/stats",status="500"} 1"#;
    assert_eq!(lines(&handle, "allynet_http_requests_total"), [counted]);
}
