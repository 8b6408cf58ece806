//! Every route of the contract, and that none but the public ones can be called without a valid token.

use axum::{
    body::Body,
    http::{Method, header::ALLOW},
};

use super::app::{Mocks, bearer, request};
use crate::router::{authenticated, own_account, password, public, refreshing};

pub(super) const PUBLIC: &[(&str, &str)] = &[
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/forgot-password"),
    ("POST", "/api/v1/auth/reset-password"),
    ("GET", "/reset-password"),
    ("GET", "/pages/reset-password.js"),
    ("GET", "/pages/style.css"),
    ("GET", "/c/{token}"),
    ("POST", "/c/{token}"),
    ("GET", "/c/confirm/{token}"),
    ("POST", "/c/confirm/{token}"),
    ("GET", "/c/stop/{token}"),
    ("POST", "/c/stop/{token}"),
    ("POST", "/api/v1/auth/refresh"),
    ("GET", "/api/v1/app/config"),
    ("GET", "/api/v1/push/key"),
    ("POST", "/api/v1/alerts/receipts"),
    ("GET", "/api/health"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
];

pub(super) const AUTHENTICATED: &[(&str, &str)] = &[
    ("POST", "/api/v1/auth/logout"),
    ("GET", "/api/v1/auth/me"),
    ("PUT", "/api/v1/auth/me"),
    ("DELETE", "/api/v1/auth/me"),
    ("POST", "/api/v1/auth/me/delete"),
    ("PUT", "/api/v1/auth/update-password"),
    ("GET", "/api/v1/auth/stats"),
    ("GET", "/api/v1/auth/sessions"),
    ("GET", "/api/v1/auth/me/access-log"),
    ("GET", "/api/v1/auth/me/export"),
    ("DELETE", "/api/v1/auth/sessions/{sessionId}"),
    ("GET", "/api/v1/auth/emergency-contacts"),
    ("POST", "/api/v1/auth/emergency-contacts"),
    ("PUT", "/api/v1/auth/emergency-contacts/{contactId}"),
    ("DELETE", "/api/v1/auth/emergency-contacts/{contactId}"),
    ("GET", "/api/v1/auth/me/blocks"),
    ("POST", "/api/v1/auth/me/blocks"),
    ("PUT", "/api/v1/auth/me/blocks/{userId}"),
    ("DELETE", "/api/v1/auth/me/blocks/{userId}"),
    ("GET", "/api/v1/devices"),
    ("POST", "/api/v1/devices"),
    ("DELETE", "/api/v1/devices/{deviceId}"),
    ("POST", "/api/v1/devices/{deviceId}/test"),
    ("PUT", "/api/v1/helpers/me"),
    ("GET", "/api/v1/helpers/me"),
    ("GET", "/api/v1/helpers/me/readiness"),
    ("PUT", "/api/v1/helpers/me/location"),
    ("GET", "/api/v1/helpers"),
    ("GET", "/api/v1/resources"),
    ("POST", "/api/v1/resources"),
    ("PUT", "/api/v1/resources/{resourceId}"),
    ("DELETE", "/api/v1/resources/{resourceId}"),
    ("POST", "/api/v1/resources/{resourceId}/reports"),
    ("PUT", "/api/v1/helpers/{userId}/verification"),
    ("PUT", "/api/v1/helpers/{userId}/block"),
    ("GET", "/api/v1/helpers/presence"),
    ("GET", "/api/v1/helpers/{userId}/blocks"),
    ("GET", "/api/v1/admin/coverage"),
    ("GET", "/api/v1/admin/emergencies"),
    ("POST", "/api/v1/emergencies"),
    ("GET", "/api/v1/emergencies/active"),
    ("GET", "/api/v1/emergencies/helper-active"),
    ("GET", "/api/v1/emergencies/pending-for-helper"),
    ("GET", "/api/v1/emergencies/nearby"),
    ("GET", "/api/v1/emergencies/history"),
    ("GET", "/api/v1/emergencies/{id}"),
    ("PATCH", "/api/v1/emergencies/{id}"),
    ("DELETE", "/api/v1/emergencies/{id}"),
    ("GET", "/api/v1/emergencies/{id}/helpers"),
    ("GET", "/api/v1/emergencies/{id}/timeline"),
    ("POST", "/api/v1/emergencies/{id}/respond"),
    ("PUT", "/api/v1/emergencies/{id}/helper-status"),
    ("POST", "/api/v1/emergencies/{id}/resolve"),
    ("POST", "/api/v1/emergencies/{id}/cancel"),
    ("POST", "/api/v1/emergencies/{id}/renew"),
    ("POST", "/api/v1/emergencies/{id}/reopen"),
    ("POST", "/api/v1/emergencies/{id}/ratings"),
    ("POST", "/api/v1/emergencies/{id}/report"),
    ("GET", "/api/v1/emergencies/{id}/messages"),
    ("POST", "/api/v1/emergencies/{id}/messages"),
    ("DELETE", "/api/v1/emergencies/{id}/messages/{messageId}"),
];

#[tokio::test]
async fn the_router_has_the_routes_of_the_contract_and_no_others() {
    let sorted = |list: Vec<(String, String)>| {
        let mut list = list;
        list.sort();
        list
    };
    let made = |routes: crate::routes::Routes| {
        sorted(routes.list.iter().map(|(method, path)| (method.to_string(), (*path).to_owned())).collect())
    };
    let listed = |list: &[(&str, &str)]| {
        sorted(list.iter().map(|&(method, path)| (method.to_owned(), path.to_owned())).collect())
    };
    let ports = Mocks::default().ports();
    assert_eq!(made(public(&ports).merge(refreshing(&ports))), listed(PUBLIC));
    let ports = Mocks::default().ports();
    assert_eq!(made(password(&ports).merge(own_account(&ports)).merge(authenticated(ports))), listed(AUTHENTICATED));
}

#[test]
fn the_table_of_limits_has_every_route_and_no_other() {
    let mut limited: Vec<_> = allynet_wire::limits::ROUTES.iter().map(|row| (row.0, row.1)).collect();
    let mut routes: Vec<_> = PUBLIC.iter().chain(AUTHENTICATED).copied().collect();
    limited.sort_unstable();
    routes.sort_unstable();
    assert_eq!(limited, routes);
}

#[tokio::test]
async fn no_authenticated_route_accepts_a_missing_or_invalid_token() {
    let app = Mocks::default().app();
    let cases = [
        (None, 401, "token_missing"),
        (Some("Basic dXNlcjpwYXNz"), 401, "token_missing"),
        (Some("Bearer"), 401, "token_missing"),
        (Some("Bearer  "), 401, "token_missing"),
        (Some("Bearer forged"), 401, "token_invalid"),
        (Some("Bearer expired"), 401, "token_expired"),
        (Some("bearer expired"), 401, "token_expired"),
        (Some("Bearer blocked"), 403, "account_blocked"),
    ];
    for &(method, path) in AUTHENTICATED {
        for slash in ["", "/"] {
            for (authorization, status, reason) in cases {
                let path = format!("{}{slash}", path.replace(['{', '}'], ""));
                let mut request = request(method.parse().unwrap(), &path);
                if let Some(authorization) = authorization {
                    request = request.header("authorization", authorization);
                }
                let got = app.send(request.body(Body::from("{")).unwrap()).await;
                got.assert_failure(status, reason);
            }
        }
    }
}

#[tokio::test]
async fn a_public_route_needs_no_token() {
    let app = Mocks::default().app();
    for &(method, path) in PUBLIC {
        let got = app.send(request(method.parse().unwrap(), path).body(Body::empty()).unwrap()).await;
        assert_ne!(got.status, 401, "{path}: {got:?}");
    }
}

#[tokio::test]
async fn an_unsupported_method_is_answered_with_the_supported_ones() {
    let app = Mocks::default().app();
    let all: Vec<_> = PUBLIC.iter().chain(AUTHENTICATED).collect();
    for &&(_, path) in &all {
        let request = request(Method::TRACE, &path.replace(['{', '}'], ""));
        let got = app.send(request.header("authorization", bearer("user")).body(Body::empty()).unwrap()).await;
        got.assert_failure(405, "method_not_allowed");
        let mut allowed: Vec<_> = got.headers[ALLOW].to_str().unwrap().split(',').filter(|m| *m != "HEAD").collect();
        let mut methods: Vec<_> = all.iter().filter(|route| route.1 == path).map(|route| route.0).collect();
        allowed.sort_unstable();
        methods.sort_unstable();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_with_and_without_a_token() {
    let app = Mocks::default().app();
    for path in ["/", "/api/v1", "/api/v1/nothing", "/api/v1/emergencies/x/y/z", "/api/v1/helpers/x", "/%ff"] {
        for token in ["user", "forged"] {
            app.get_as(token, path).await.assert_failure(404, "route_not_found");
        }
    }
}
