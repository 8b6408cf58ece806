//! How requests fail: what the log has of it, and what the client.

use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use allynet_domain::port;
use axum::http::Method;
use serde_json::json;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use super::app::{App, Mocks};

const CAUSE: &str = "connection to db.internal refused";

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

type PortError = fn() -> port::Error;

fn failing(error: PortError) -> App {
    let mut mocks = Mocks::default();
    mocks.accounts.expect_activity().returning(move |_| Err(error()));
    mocks.app()
}

fn unavailable() -> port::Error {
    port::Error::unavailable(io::Error::other(CAUSE))
}

#[tokio::test]
async fn a_fault_is_logged_once_with_its_causes_and_not_shown_to_the_client() {
    let corrupt = || port::Error::Corrupt { table: "account", column: "role", id: "17".to_owned() };
    let bug = || port::Error::bug(io::Error::other(CAUSE));
    let cases: [(PortError, u16, &str, &str); 4] = [
        (
            unavailable,
            503,
            "unavailable",
            "a port failed: the backend is unavailable: connection to db.internal refused",
        ),
        (bug, 500, "internal", "a port failed: the adapter has a defect: connection to db.internal refused"),
        (corrupt, 500, "internal", "a port failed: account.role of 17 is corrupt"),
        (|| port::Error::Stale, 503, "contended", "a port failed: the stored revision is another"),
    ];
    for (error, status, reason, logged) in cases {
        let (log, _guard) = Log::capture("error");
        let got = failing(error).get_as("user", "/api/v1/auth/stats").await;
        got.assert_failure(status, reason);
        let told = got.body.to_string();
        assert!(!told.contains("db.internal") && !told.contains("account"), "{told}");
        let lines: Vec<_> = log.text().lines().map(ToOwned::to_owned).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(logged), "{lines:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_logged_as_an_error() {
    let (log, _guard) = Log::capture("warn");
    let app = Mocks::default().app();
    app.get_as("user", "/api/v1/helpers/me").await.assert_failure(403, "not_a_helper");
    app.get_as("user", "/api/v1/helpers/presence").await.assert_failure(403, "not_authorized");
    app.get_as("user", "/nowhere").await.assert_failure(404, "route_not_found");
    let wrong = json!({ "email": "nobody", "password": "short", "name": " " });
    let got = app.json_as("user", Method::POST, "/api/v1/auth/register", &wrong).await;
    got.assert_failure(400, "invalid_input");
    assert_eq!(got.body["error"]["details"].as_array().map(Vec::len), Some(3), "{got:?}");
    assert_eq!(log.text(), "");
}
