//! Rate limits: what is counted per request, and the answer over a limit.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use allynet_wire::{
    client::ClientAddress,
    limits::{Excess, Limit, LimitKey, Limiter, Limits, ROUTES, Subject, of_route},
};
use axum::{body::Body, http::Method};
use serde_json::json;

use super::{
    app::{App, Got, Mocks, USER, bearer, request},
    table::PUBLIC,
};

const WAIT: Duration = Duration::from_nanos(2_000_000_001);

/// Records what is counted, and refuses the given limits.
#[derive(Default)]
struct Script {
    refused: Vec<Limit>,
    counted: Mutex<Vec<(Limit, LimitKey)>>,
}

impl Limiter for Script {
    fn take(&self, limit: Limit, key: LimitKey) -> Result<(), Duration> {
        self.counted.lock().unwrap().push((limit, key));
        if self.refused.contains(&limit) { Err(WAIT) } else { Ok(()) }
    }
}

fn limited(refused: &[Limit]) -> (App, Arc<Script>) {
    let script = Arc::new(Script { refused: refused.to_vec(), ..Script::default() });
    (Mocks { limits: Limits::on(script.clone()), ..Mocks::default() }.app(), script)
}

fn address() -> ClientAddress {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)).into()
}

/// Sends a request of a user from an address. Its body is invalid JSON, so that no handler gets far.
async fn call(app: &App, method: &str, path: &str) -> Got {
    let request = request(method.parse().unwrap(), &path.replace(['{', '}'], ""))
        .header("authorization", bearer("user"))
        .header("content-type", "application/json")
        .extension(address());
    app.send(request.body(Body::from("{")).unwrap()).await
}

#[tokio::test]
async fn a_receipt_over_its_limit_is_answered_like_any_and_ignored() {
    let receipt = || {
        let body = json!({ "receipt": "A".repeat(43), "state": "seen" }).to_string();
        let request = request(Method::POST, "/api/v1/alerts/receipts").header("content-type", "application/json");
        request.extension(address()).body(Body::from(body)).unwrap()
    };
    // No port is expected to be called: that would be a fault of the service.
    for limits in [Limits::on, Limits::off] {
        let script = Arc::new(Script { refused: vec![Limit::Receipts], ..Script::default() });
        let app = Mocks { limits: limits(script.clone()), ..Mocks::default() }.app();
        assert_eq!(app.send(receipt()).await.status, 200);
        assert_eq!(*script.counted.lock().unwrap(), [(Limit::Receipts, LimitKey::Address(address()))]);
    }
    assert_eq!(limited(&[]).0.send(receipt()).await.status, 500);
}

#[tokio::test]
async fn over_a_limit_exactly_the_limited_routes_are_refused() {
    let (app, script) = limited(Limit::ALL);
    for (method, path, limits) in ROUTES {
        for slash in ["", "/"] {
            script.counted.lock().unwrap().clear();
            let got = call(&app, method, &format!("{path}{slash}")).await;
            let counted = script.counted.lock().unwrap().clone();
            let Some(&limit) = limits.first() else {
                assert_ne!(got.status, 429, "{method} {path}: {got:?}");
                assert_eq!(counted, [], "{method} {path}");
                continue;
            };
            if limit.excess() == Excess::Ignored {
                assert_ne!(got.status, 429, "{method} {path}: {got:?}");
                continue;
            }
            got.assert_failure(429, "rate_limited");
            assert_eq!(got.header("retry-after"), Some("3"), "whole seconds, rounded up: {got:?}");
            let public = PUBLIC.contains(&(*method, *path));
            let who =
                if public { LimitKey::Address(address()) } else { LimitKey::User(uuid::Uuid::from_u128(USER).into()) };
            assert_eq!(counted, [(limit, who)], "{method} {path}");
        }
    }
}

#[tokio::test]
async fn nothing_is_counted_for_an_unauthenticated_caller() {
    let (app, script) = limited(Limit::ALL);
    let forged = request(Method::PUT, "/api/v1/auth/me").header("authorization", bearer("forged"));
    app.send(forged.body(Body::empty()).unwrap()).await.assert_failure(401, "token_invalid");
    assert_eq!(*script.counted.lock().unwrap(), []);
}

#[tokio::test]
async fn a_head_request_is_counted_like_a_get_request() {
    let (app, script) = limited(&[Limit::Reads]);
    let head = request(Method::HEAD, "/api/v1/auth/me").header("authorization", bearer("user"));
    assert_eq!(app.send(head.body(Body::empty()).unwrap()).await.status, 429);
    assert_eq!(script.counted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn login_attempts_are_counted_by_account_before_the_password_is_checked() {
    // The mocks of accounts and passwords expect no call.
    let (app, script) = limited(&[Limit::Credentials]);
    let registration = json!({ "email": "Ada@Example.org", "password": "long enough", "name": "Ada" });
    for path in ["/api/v1/auth/login", "/api/v1/auth/register"] {
        let got = app.json_as("nobody", Method::POST, path, &registration).await;
        got.assert_failure(429, "rate_limited");
        let last = script.counted.lock().unwrap().pop();
        assert_eq!(
            last,
            Some((Limit::Credentials, LimitKey::account(&"ada@example.org".parse().unwrap(), [0; 4].into())))
        );
        let limits = of_route("POST", path).unwrap();
        assert!(limits.iter().any(|limit| limit.subject() == Subject::Account), "{path}");
    }
}

#[tokio::test]
async fn only_a_rate_limited_answer_has_retry_after() {
    let (app, _) = limited(&[]);
    for (path, status) in [("/api/v1/auth/me", 200), ("/nowhere", 404), ("/api/v1/helpers/me", 403)] {
        let got = app.get_as("user", path).await;
        assert_eq!((got.status.as_u16(), got.header("retry-after")), (status, None), "{path}");
    }
}
