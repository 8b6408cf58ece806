//! The deadline of a request.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use allynet_domain::{
    Account, SessionId, SessionOverview, Timestamp, UserId,
    port::{Confirmation, Presentation, Result, Sessions},
    usecase::accounts,
};
use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::Method,
    middleware::from_fn,
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use tokio::time::sleep;

use super::{
    app::{App, Mocks, bearer, request},
    table::AUTHENTICATED,
};
use crate::{PriorityPorts, RestPorts, deadline, input::JsonBody, router};

/// Answers after so many milliseconds, once the body is there.
fn answers_after(millis: u64) -> App {
    let work = async move || sleep(Duration::from_millis(millis)).await;
    let read = async move |_: JsonBody| sleep(Duration::from_millis(millis)).await;
    App(Router::new().route("/", get(work)).route("/", post(read)).route_layer(from_fn(deadline::enforce)))
}

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_too_long_is_503() {
    assert_eq!(answers_after(1_700).get_as("user", "/").await.status, 200);
    answers_after(1_800).get_as("user", "/").await.assert_failure(503, "unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_change_has_longer_and_the_time_in_which_its_body_arrives_does_not_count() {
    for (millis, status) in [(4_900, 200), (5_100, 503)] {
        let late = stream::once(sleep(Duration::from_secs(10))).map(|()| Ok::<_, Infallible>("{}"));
        let post = request(Method::POST, "/").header("content-type", "application/json");
        let got = answers_after(millis).send(post.body(Body::from_stream(late)).unwrap()).await;
        assert_eq!(got.status, status, "{millis} ms");
    }
}

/// Sessions in a database that never answers.
struct Silent;

#[async_trait]
impl Sessions for Silent {
    async fn authenticate(&self, _: SessionId, _: UserId) -> Result<Option<Account>> {
        pending().await
    }

    async fn confirm(&self, _: Presentation) -> Result<Confirmation> {
        pending().await
    }

    async fn list(&self, _: UserId, _: Timestamp, _: u32) -> Result<Vec<SessionOverview>> {
        pending().await
    }
}

const HASHES_A_PASSWORD: &[(&str, &str)] =
    &[("PUT", "/api/v1/auth/update-password"), ("DELETE", "/api/v1/auth/me"), ("POST", "/api/v1/auth/me/delete")];

#[tokio::test(start_paused = true)]
async fn every_authenticated_route_that_hashes_no_password_has_a_deadline() {
    let ports = Mocks::default().ports();
    let accounts = accounts::AccountPorts { sessions: Arc::new(Silent), ..ports.accounts.clone() };
    let high = PriorityPorts { accounts: accounts.clone(), ..ports.high.clone() };
    let app = App(router(RestPorts { accounts, high, ..ports }));
    for &(method, path) in AUTHENTICATED.iter().filter(|route| !HASHES_A_PASSWORD.contains(route)) {
        let request = request(method.parse().unwrap(), &path.replace(['{', '}'], ""));
        let got = app.send(request.header("authorization", bearer("user")).body(Body::empty()).unwrap()).await;
        got.assert_failure(503, "unavailable");
    }
}
