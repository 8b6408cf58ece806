//! What the routes decide themselves: empty answers, the ends of pages, readiness, metrics.

use allynet_domain::{
    EventId, HelperRecord, ResponseStatus, Verification,
    port::{self, Activity, DutyCounts, Fix, ListedHelper, Live, Loaded, Report},
    testing::{edited, with_responses},
};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::json;

use super::app::{ADMIN, METRICS, Mocks, USER, account, now, request};

#[tokio::test]
async fn without_an_emergency_the_data_is_null_or_an_empty_list() {
    let mut mocks = Mocks::default();
    mocks.emergencies.expect_live_of().returning(|_| Ok(Live { emergencies: Vec::new(), as_of: EventId::START }));
    let app = mocks.app();
    for (route, data) in [("active", json!(null)), ("helper-active", json!(null)), ("pending-for-helper", json!([]))] {
        let got = app.get_as("user", &format!("/api/v1/emergencies/{route}")).await;
        assert_eq!((got.status.as_u16(), got.body), (200, json!({ "success": true, "data": data })), "{route}");
        assert_eq!(got.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn a_helper_is_shown_the_emergency_as_a_participant_while_their_completion_counts_as_help() {
    let counting =
        edited(with_responses(&[(USER, ResponseStatus::Completed)]), |e| e.call.owner.id = account(ADMIN).id);
    let finished = edited(counting.clone(), |e| e.responses[0].record.counts_until = None);
    for (emergency, is_participant) in [(counting, true), (finished, false)] {
        let path = format!("/api/v1/emergencies/{}/helper-status", emergency.id());
        let helper = HelperRecord::new(Verification::Verified, true);
        let mut mocks = Mocks { helper: Some(helper), ..Mocks::default() };
        mocks.presence.expect_is_online().returning(|_| false);
        mocks.presence.expect_last_seen().returning(|_| None);
        mocks.changes.expect_commit().returning(|_| Ok(()));
        let live = Live { emergencies: vec![emergency.clone()], as_of: EventId::START };
        mocks.emergencies.expect_live_of().returning(move |_| Ok(live.clone()));
        let (alerts, near, hidden_from, rings) = (vec![], vec![], vec![], vec![]);
        let loaded = Loaded { emergency, alerts, near, hidden_from, rings, skipped: vec![], census: Vec::new() };
        mocks.emergencies.expect_load().returning(move |_, _| Ok(Some(loaded.clone())));
        let app = mocks.app();
        let repeated = app.json_as("user", Method::PUT, &path, &json!({ "status": "completed" })).await;
        for got in [app.get_as("user", "/api/v1/emergencies/helper-active").await, repeated] {
            assert_eq!(got.status, StatusCode::OK, "{got:?}");
            // Only participants learn how many helpers were alerted.
            assert_eq!(!got.body["data"]["emergency"]["alerts"].is_null(), is_participant, "{got:?}");
        }
    }
}

#[tokio::test]
async fn authorization_is_checked_before_the_query_is_parsed() {
    let got = Mocks::default().app().get_as("user", "/api/v1/emergencies/nearby").await;
    got.assert_failure(403, "not_a_helper");
}

#[tokio::test]
async fn a_page_has_a_cursor_only_when_there_is_more() {
    for (stored, shown, more) in [(2, 2, false), (3, 2, true), (0, 0, false)] {
        let mut mocks = Mocks::default();
        mocks.accounts.expect_helpers().returning(move |page| {
            assert_eq!(page.limit, 3, "one more than asked for");
            let helper = HelperRecord::new(Verification::Pending, true);
            Ok((10..10 + stored)
                .map(|id| allynet_domain::Account { helper: Some(helper.clone()), ..account(id) })
                .map(|account| ListedHelper { account, reports: 4 })
                .collect())
        });
        let got = mocks.app().get_as("admin", "/api/v1/helpers?limit=2").await;
        assert_eq!(got.body["data"]["helpers"].as_array().map(Vec::len), Some(shown));
        assert!(got.body["data"]["helpers"].as_array().unwrap().iter().all(|helper| helper["reports"] == 4));
        let cursor = more.then(|| format!("{}.{}", now().timestamp_micros(), account(11).id));
        assert_eq!(got.body["data"]["nextCursor"], json!(cursor));
    }
}

#[tokio::test]
async fn presence_is_three_counts() {
    let mut mocks = Mocks::default();
    mocks.helpers.expect_count().returning(|_, _| Ok(DutyCounts { on_duty: 7, fresh: 5 }));
    mocks.presence.expect_helpers_online().returning(|| 3);
    let got = mocks.app().get_as("admin", "/api/v1/helpers/presence").await;
    assert_eq!(got.body["data"], json!({ "onDuty": 7, "connected": 3, "fresh": 5 }));
}

#[tokio::test]
async fn a_position_is_confirmed_after_it_is_stored() {
    let mut mocks = Mocks::default();
    let here = allynet_domain::Position::new(52.5, 13.4).unwrap();
    let fix = Fix { user: account(1).id, position: here, at: now() };
    let stored = |reports: &[Report]| Ok(reports.iter().map(|report| report.fix.user).collect());
    let is_of_session = move |reports: &[Report]| matches!(reports, [report] if report.fix == fix && report.session.is_some() && report.taken.is_none());
    mocks.positions.expect_record().withf(is_of_session).times(1).returning(stored);
    let body = json!({ "latitude": 52.5, "longitude": 13.4 });
    let got = mocks.app().json_as("user", Method::PUT, "/api/v1/helpers/me/location", &body).await;
    let message = "Location updated successfully";
    let data = json!({ "latitude": 52.5, "longitude": 13.4, "message": message, "stored": true });
    assert_eq!((got.status.as_u16(), &got.body["data"]), (200, &data));
}

#[tokio::test]
async fn statistics_are_those_of_the_caller() {
    let mut mocks = Mocks::default();
    mocks.accounts.expect_activity().returning(|user| {
        assert_eq!(user, account(1).id);
        Ok(Activity { helped: 2, requested: 1 })
    });
    let got = mocks.app().get_as("user", "/api/v1/auth/stats").await;
    assert_eq!(got.body["data"]["helped"], json!({ "general": 0, "emergency": 2, "total": 2 }));
}

#[tokio::test]
async fn health_is_a_fixed_answer() {
    let app = Mocks::default().app();
    assert_eq!(app.get_as("user", "/healthz").await.body, json!({ "success": true, "status": "ok" }));
    let expected = json!({
        "success": true, "status": "ok", "version": "1.2.3", "commit": "0123456789ab", "builtAt": "2026-11-28",
    });
    assert_eq!(app.get_as("user", "/api/health").await.body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_ready_when_it_serves_and_its_database_answers_in_time() {
    let mut mocks = Mocks::default();
    mocks.changes.expect_ready().returning(|| Ok(()));
    assert_eq!(mocks.app().get_as("user", "/readyz").await.status, 200);

    let draining = Mocks { not_ready: true, ..Mocks::default() };
    draining.app().get_as("user", "/readyz").await.assert_failure(503, "unavailable");

    let mut mocks = Mocks::default();
    mocks.changes.expect_ready().returning(|| Err(port::Error::unavailable("gone")));
    mocks.app().get_as("user", "/readyz").await.assert_failure(503, "unavailable");

    let silent = Mocks::default().ports();
    let readiness =
        crate::Readiness::new(super::app::BUILD, std::sync::Arc::new(Silent), std::sync::Arc::new(|| true), None);
    let router = crate::router(crate::RestPorts { readiness, ..silent });
    super::app::App(router).get_as("user", "/readyz").await.assert_failure(503, "unavailable");
}

#[tokio::test]
async fn a_node_whose_redis_is_away_is_ready_but_degraded() {
    for (redis, status, told) in
        [(None, "ok", json!(null)), (Some(true), "ok", json!("ok")), (Some(false), "degraded", json!("away"))]
    {
        let mut mocks = Mocks { redis, ..Mocks::default() };
        mocks.changes.expect_ready().returning(|| Ok(()));
        let got = mocks.app().get_as("user", "/readyz").await;
        let expected = json!({ "success": true, "status": status, "database": "ok", "redis": told });
        assert_eq!((got.status.as_u16(), got.body), (200, expected));
    }
}

#[tokio::test(start_paused = true)]
async fn the_database_is_asked_at_most_once_a_second() {
    let mut mocks = Mocks::default();
    mocks.changes.expect_ready().times(1).returning(|| Err(port::Error::unavailable("gone")));
    mocks.changes.expect_ready().times(1).returning(|| Ok(()));
    let app = mocks.app();
    for _ in 0..3 {
        app.get_as("user", "/readyz").await.assert_failure(503, "unavailable");
    }
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    for _ in 0..3 {
        assert_eq!(app.get_as("user", "/readyz").await.status, 200);
    }
}

#[tokio::test]
async fn metrics_are_text_and_on_the_router_for_operators_only() {
    let get = || request(Method::GET, "/metrics").body(Body::empty()).unwrap();
    let admin = crate::admin_router(Mocks::default().ports().readiness, std::sync::Arc::new(|| METRICS.to_owned()));
    let got = super::app::App(admin).send(get()).await;
    assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, Some(METRICS)));
    assert_eq!(got.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(got.header("cache-control"), Some("no-store"));
    Mocks::default().app().send(get()).await.assert_failure(404, "route_not_found");
}

/// A database that never answers.
struct Silent;

#[async_trait::async_trait]
impl port::Changes for Silent {
    async fn commit(&self, _: allynet_domain::Change) -> port::Result<()> {
        std::future::pending().await
    }

    async fn erase_deleted(&self, _: allynet_domain::Timestamp, _: u32) -> port::Result<u64> {
        std::future::pending().await
    }

    async fn forget_deleted(
        &self,
        _: allynet_domain::Timestamp,
        _: allynet_domain::Timestamp,
        _: u32,
    ) -> port::Result<u64> {
        std::future::pending().await
    }

    async fn ready(&self) -> port::Result<()> {
        std::future::pending().await
    }
}
