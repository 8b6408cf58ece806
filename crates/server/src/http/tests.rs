//! The middleware around the real routes on a SQLite file, without a socket.

use std::{
    io,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use allynet_auth::{HmacHasher, JwtTokens};
use allynet_domain::{
    port::{self, MockIds, MockPresence},
    usecase::Rules,
};
use allynet_wire::limits::{Limits, ROUTES};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, request::Builder},
    routing::{any, get},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use super::*;
use crate::{
    settings::Database,
    store::Store,
    wiring::{Signatures, UseCases},
};

const PAGE: &str = "http://localhost:5173";
const GENERATED_ID: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);

fn options() -> HttpOptions {
    let mut ids = MockIds::new();
    ids.expect_next().returning(|| GENERATED_ID);
    let (origins, proxies) = (Origins::default(), TrustedProxies::default());
    HttpOptions { origins, proxies, ids: Arc::new(ids), storage: Arc::default(), in_flight: TaskTracker::new() }
}

/// Routes behind the middleware.
struct App {
    routes: Router,
    _folder: Option<TempDir>,
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl App {
    /// Any routes.
    fn of(routes: Router) -> Self {
        Self { routes: wrap(routes, options()), _folder: None }
    }

    /// The routes of the service, with a database of their own, and a stub for Socket.IO.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let ports = Store::open(&Database::Sqlite(url)).await.unwrap().ports();
        let (minute, secret) = (Duration::from_mins(1), "k".repeat(32).into());
        let tokens = JwtTokens::new(&secret, minute, minute).unwrap();
        let signatures = Signatures { tokens, hasher: Arc::new(HmacHasher::new(&secret)) };
        let use_cases = UseCases::new(&ports, signatures, (None, None), Rules::default(), Box::new(|_| ()));
        let readiness = allynet_rest::Readiness::new(
            allynet_rest::Build::of_version("0"),
            ports.changes.clone(),
            Arc::new(|| true),
            None,
        );
        let rest = allynet_rest::router(allynet_rest::RestPorts {
            high: allynet_rest::PriorityPorts {
                accounts: use_cases.accounts.clone(),
                emergencies: use_cases.emergencies.clone(),
            },
            scheduler: Arc::new(allynet_wire::scheduling::Unscheduled),
            accounts: use_cases.accounts,
            blocks: use_cases.blocks,
            contact_pages: use_cases.contact_pages,
            contacts: use_cases.contacts,
            devices: use_cases.devices,
            helpers: use_cases.helpers,
            emergencies: use_cases.emergencies,
            sending: use_cases.sending,
            messages: use_cases.messages,
            password_resets: use_cases.password_resets,
            exports: ports.exports,
            log: ports.log,
            presence: Arc::new(MockPresence::new()),
            readiness,
            app: allynet_wire::app_config::AppConfig::default(),
            limits: Limits::none(),
        });
        let socket_io = any(async || StatusCode::BAD_REQUEST);
        let routes = wrap(rest.route(SOCKET_IO_PATH, socket_io), options());
        Self { routes, _folder: Some(folder) }
    }

    async fn send(&self, request: Builder, body: impl Into<Body>) -> Got {
        let response = self.routes.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let is_json =
            parts.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let body = if is_json { serde_json::from_slice(&bytes).unwrap() } else { Value::Null };
        Got { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Got {
        self.send(request(Method::GET, path), Body::empty()).await
    }

    async fn json(&self, method: Method, path: &str, token: &str, body: &Value) -> Got {
        let request = request(method, path).header("content-type", "application/json");
        self.send(request.header("authorization", format!("Bearer {token}")), body.to_string()).await
    }
}

impl Got {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

fn request(method: Method, path: &str) -> Builder {
    Request::builder().method(method).uri(path)
}

/// Every route of the service and of Socket.IO, with a path that can be requested.
fn every_route() -> impl Iterator<Item = (&'static str, String)> {
    let rest = ROUTES.iter().map(|&(method, path, _)| (method, path.replace(['{', '}'], "")));
    rest.chain([("POST", SOCKET_IO_PATH.to_owned())])
}

#[tokio::test]
async fn a_valid_request_id_is_kept_and_any_other_replaced() {
    let app = App::start().await;
    let longest = "x".repeat(128);
    for valid in ["a", "7f3c-1", "~!{}\"<>", &longest] {
        let got = app.send(request(Method::GET, "/healthz").header("x-request-id", valid), Body::empty()).await;
        assert_eq!(got.header("x-request-id"), Some(valid));
    }
    let too_long = "x".repeat(129);
    for invalid in ["", "a b", "a\tb", &too_long, "ä"] {
        let invalid = HeaderValue::from_bytes(invalid.as_bytes()).unwrap();
        let got = app.send(request(Method::GET, "/nowhere").header("x-request-id", invalid), Body::empty()).await;
        assert_eq!(got.header("x-request-id"), Some(GENERATED_ID.to_string().as_str()));
    }
}

#[tokio::test]
async fn every_route_answers_with_a_request_id() {
    let app = App::start().await;
    for (method, path) in every_route() {
        let got = app.send(request(method.parse().unwrap(), &path), Body::empty()).await;
        assert_eq!(got.header("x-request-id"), Some(GENERATED_ID.to_string().as_str()), "{method} {path}");
    }
}

#[tokio::test]
async fn a_preflight_needs_no_token_on_any_route() {
    let app = App::start().await;
    for (method, path) in every_route() {
        let request = request(Method::OPTIONS, &path)
            .header("origin", PAGE)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type");
        let got = app.send(request, Body::empty()).await;
        assert_eq!(got.status, 200, "{path}");
        assert_eq!(got.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(got.header("access-control-allow-methods"), Some("GET,POST,PUT,PATCH,DELETE"));
        let headers = got.header("access-control-allow-headers").unwrap();
        assert_eq!(headers, "authorization,content-type,x-request-id,traceparent");
        assert_eq!(got.header("x-request-id"), Some(GENERATED_ID.to_string().as_str()));
    }
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_read_answers() {
    let app = App::start().await;
    // A success, a failure, and Socket.IO.
    for path in ["/healthz", "/api/v1/auth/me", "/socket.io/?EIO=4&transport=polling"] {
        for (origin, allowed) in [(PAGE, true), ("https://evil.example", false), ("null", false)] {
            let got = app.send(request(Method::GET, path).header("origin", origin), Body::empty()).await;
            assert_eq!(got.header("access-control-allow-origin"), allowed.then_some(origin), "{path}");
            assert!(got.header("vary").is_some_and(|vary| vary.contains("origin")), "{got:?}");
        }
    }
    let got = app.send(request(Method::GET, "/healthz").header("origin", PAGE), Body::empty()).await;
    assert_eq!(got.header("access-control-expose-headers"), Some("x-request-id,retry-after,traceparent"));
    assert_eq!(got.header("access-control-allow-credentials"), Some("true"));
}

/// Captures the log while its guard lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn capture(filter: &str) -> (Self, tracing::subscriber::DefaultGuard) {
        // While there is a single subscriber, tracing asks the one of the current thread whether an event is of interest and
        // caches the answer for all threads. A global one makes two: no other test can disable an event here.
        static SECOND: Once = Once::new();
        SECOND.call_once(|| tracing::subscriber::set_global_default(NoSubscriber::default()).unwrap());
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(log.clone());
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_fault_is_logged_with_the_request_id() {
    let (log, _guard) = Log::capture("error");
    let fails = get(async || -> Result<(), Failure> { Err(port::Error::unavailable("database is gone").into()) });
    let got = App::of(Router::new().route("/", fails)).get("/").await;
    assert_eq!((got.status.as_u16(), &got.body["error"]["reason"]), (503, &json!("unavailable")));
    assert!(!got.body.to_string().contains("gone"));
    let text = log.text();
    assert!(text.lines().count() == 1 && text.contains("database is gone"), "{text}");
    assert!(text.contains(&GENERATED_ID.to_string()), "{text}");
}

#[tokio::test]
async fn a_trace_is_named_in_the_log_and_continued_in_the_answer() {
    let (log, _guard) = Log::capture("error");
    let fails = get(async || -> Result<(), Failure> { Err(port::Error::unavailable("database is gone").into()) });
    let app = App::of(Router::new().route("/", fails));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let given = format!("00-{trace}-00f067aa0ba902b7-01");
    let got = app.send(request(Method::GET, "/").header("traceparent", given), Body::empty()).await;
    assert_eq!(got.header("traceparent"), Some(&*format!("00-{trace}-8000000000000001-01")));
    assert!(log.text().contains(&format!("trace_id=\"{trace}\"")), "{}", log.text());
    // A request without a trace, or with one that is not valid, starts none.
    assert_eq!(app.get("/").await.header("traceparent"), None);
    let got = app.send(request(Method::GET, "/").header("traceparent", trace), Body::empty()).await;
    assert_eq!(got.header("traceparent"), None);
    assert_eq!(log.text().matches("trace_id").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_panic_is_an_internal_fault_like_any_other() {
    let (log, _guard) = Log::capture("error");
    let panics = Router::new().route("/", get(async || -> () { panic!("secret of the house") }));
    let got = App::of(panics).get("/").await;
    assert_eq!((got.status.as_u16(), &got.body["error"]["reason"]), (500, &json!("internal")));
    assert_eq!(got.header("x-request-id"), Some(GENERATED_ID.to_string().as_str()));
    assert!(!got.body.to_string().contains("secret"));
    let text = log.text();
    assert!(text.contains("the handler panicked: secret of the house"), "{text}");
    assert!(text.contains(&GENERATED_ID.to_string()), "{text}");
}

#[tokio::test]
async fn the_log_names_the_route_and_nothing_that_was_sent() {
    let app = App::start().await;
    let registration = json!({ "email": "u1@example.org", "password": "pass phrase", "firstName": "Zebulonia" });
    let (log, _guard) = Log::capture("trace");
    let got = app.json(Method::POST, "/api/v1/auth/register", "forged", &registration).await;
    assert_eq!(got.status, 201, "{got:?}");
    let token = got.body["data"]["tokens"]["accessToken"].as_str().unwrap();
    let nearby = "/api/v1/emergencies/nearby?latitude=52.123&longitude=13.456";
    assert_eq!(app.json(Method::GET, nearby, token, &Value::Null).await.status, 403);
    app.json(Method::GET, "/api/v1/emergencies/Grace-Hopper/timeline", "forged", &Value::Null).await;
    app.json(Method::PUT, "/api/v1/helpers/me/location", token, &json!({ "latitude": 97.531 })).await;
    let text = log.text();
    for route in ["/api/v1/emergencies/nearby", "/api/v1/emergencies/{id}/timeline", "status=401", "method=GET"] {
        assert!(text.contains(route), "{route}: {text}");
    }
    for secret in ["52.123", "13.456", "97.531", "Grace", "forged", token, "Bearer", "Zebulonia", "u1@", "phrase"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

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
async fn requests_are_counted_by_method_route_and_status() {
    let (recorder, handle) = recorder();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let app = App::start().await;
    for path in
        ["/healthz", "/healthz/", "/api/v1/emergencies/4711", "/api/v1/emergencies/0815", "/nowhere/4711", "/wp"]
    {
        app.get(path).await;
    }
    for method in ["BREW", "PROPFIND", "PUT"] {
        app.send(request(method.parse().unwrap(), "/healthz"), Body::empty()).await;
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
async fn the_time_of_a_request_is_recorded_by_route_whatever_the_status() {
    let (recorder, handle) = recorder();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let app = App::start().await;
    for token in ["forged", "Bearer", ""] {
        app.send(request(Method::GET, "/api/v1/auth/me").header("authorization", token), Body::empty()).await;
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
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let panics = Router::new().route("/panics", get(async || -> () { panic!("no reason") }));
    assert_eq!(App::of(panics).get("/panics").await.status, 500);
    let counted = r#"allynet_http_requests_total{method="GET",route="/panics",status="500"} 1"#;
    assert_eq!(lines(&handle, "allynet_http_requests_total"), [counted]);
}
