//! The tables are consistent, and `docs/limits.md` shows the same numbers.

use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/limits.md");

/// Routes that must never be limited.
const VITAL: &[(&str, &str)] = &[
    ("POST", "/api/v1/emergencies"),
    ("PATCH", "/api/v1/emergencies/{id}"),
    ("POST", "/api/v1/emergencies/{id}/respond"),
    ("PUT", "/api/v1/emergencies/{id}/helper-status"),
    ("POST", "/api/v1/emergencies/{id}/resolve"),
    ("POST", "/api/v1/emergencies/{id}/cancel"),
    ("POST", "/api/v1/emergencies/{id}/renew"),
    ("POST", "/api/v1/emergencies/{id}/reopen"),
    ("GET", "/api/v1/emergencies/active"),
    ("GET", "/api/v1/emergencies/helper-active"),
    ("GET", "/api/v1/emergencies/pending-for-helper"),
    ("GET", "/api/v1/emergencies/nearby"),
    ("GET", "/api/v1/emergencies/{id}"),
];

#[test]
fn routes_that_an_emergency_depends_on_are_never_limited() {
    for (method, path) in VITAL {
        for slash in ["", "/"] {
            assert_eq!(of_route(method, &format!("{path}{slash}")), Some(UNLIMITED), "{method} {path}");
        }
    }
    assert!(of_event("emergency:join").free_for_participants);
}

#[test]
fn every_other_route_that_writes_is_limited() {
    for (method, path, limits) in ROUTES {
        let vital = VITAL.contains(&(*method, *path));
        assert!(*method == "GET" || vital || !limits.is_empty(), "{method} {path}");
    }
}

#[test]
fn no_route_and_no_event_has_two_rows() {
    let routes: BTreeSet<_> = ROUTES.iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(routes.len(), ROUTES.len());
    let events: BTreeSet<_> = EVENTS.iter().map(|rule| rule.event).collect();
    assert_eq!(events.len(), EVENTS.len());
}

#[test]
fn routes_are_counted_by_request_and_events_by_user_or_socket() {
    for limit in ROUTES.iter().flat_map(|row| row.2) {
        let is_of_requests = matches!(limit.excess(), Excess::Refused | Excess::Ignored);
        assert!(limit.subject() != Subject::Socket && is_of_requests, "{limit:?}");
    }
    // Open routes have no authenticated user.
    for (method, path, limits) in ROUTES {
        let open = ["register", "login", "refresh", "forgot-password", "reset-password", "receipts", "{token}"]
            .iter()
            .any(|end| path.ends_with(end));
        for limit in *limits {
            assert_eq!(limit.subject() == Subject::User, !open, "{method} {path} {limit:?}");
        }
    }
    for limit in EVENTS.iter().chain([&OTHER_EVENTS]).flat_map(|rule| rule.limits) {
        assert!(matches!(limit.subject(), Subject::User | Subject::Socket), "{limit:?}");
        assert_eq!(limit.excess() == Excess::Deferred, *limit == Limit::Positions, "{limit:?}");
    }
}

#[test]
fn discriminants_of_limits_are_indices_of_all() {
    for (index, limit) in Limit::ALL.iter().enumerate() {
        assert_eq!(*limit as usize, index);
        assert!(limit.quota().burst > 0 && !limit.quota().each.is_zero());
    }
}

#[test]
fn unknown_routes_have_no_limits_and_unknown_events_the_default() {
    assert_eq!(of_route("PATCH", "/api/v1/emergencies"), None);
    assert_eq!(of_route("GET", "/socket.io/"), None);
    assert_eq!(of_route("HEAD", "/api/v1/auth/me"), of_route("GET", "/api/v1/auth/me/"));
    assert_eq!(of_event("emergency:dance"), &OTHER_EVENTS);
}

#[test]
fn attempts_are_counted_by_email_whatever_its_case_and_by_address() {
    let key = |email: &str, address: [u8; 4]| LimitKey::account(&email.parse().unwrap(), address.into());
    let (home, elsewhere) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    assert_eq!(key("Ada@Example.org ", home), key("ada@example.org", home));
    assert_ne!(key("ada@example.org", home), key("eve@example.org", home));
    assert_ne!(key("ada@example.org", home), key("ada@example.org", elsewhere));
}

#[test]
fn disabled_limits_allow_everything() {
    let limits = Limits::none();
    assert_eq!(limits.take(Limit::Credentials, LimitKey::Account(7)), Ok(()));
    assert_eq!((limits.connections_per_user(), limits.rooms_per_socket()), (usize::MAX, usize::MAX));
}

#[test]
fn enabled_limits_ask_the_limiter() {
    struct Never;
    impl Limiter for Never {
        fn take(&self, _: Limit, _: LimitKey) -> Result<(), Duration> {
            Err(Duration::from_secs(3))
        }
    }
    let limits = Limits::on(Arc::new(Never));
    assert_eq!(limits.take(Limit::Writes, LimitKey::Socket(1)), Err(Duration::from_secs(3)));
    assert_eq!((limits.connections_per_user(), limits.rooms_per_socket()), (10, 50));
}

/// The expected cells of the document's table: by, burst, rate.
fn documented(limit: Limit) -> Vec<String> {
    let quota = limit.quota();
    let rate = 1.0 / quota.each.as_secs_f64();
    let then = if rate < 1.0 { format!("1 in {} s", quota.each.as_secs()) } else { format!("{rate:.0} a second") };
    let by = match limit.subject() {
        Subject::Address => "address",
        Subject::Account => "account and address",
        Subject::User => "user",
        Subject::Socket => "socket",
    };
    vec![by.to_owned(), quota.burst.to_string(), then]
}

#[test]
fn the_document_has_the_numbers_of_the_table() {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `")).map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        (cells[0].trim_matches('`').to_owned(), cells[2..].to_vec())
    });
    let rows: Vec<_> = rows.collect();
    let expected: Vec<_> = Limit::ALL.iter().map(|&limit| (format!("{limit:?}"), documented(limit))).collect();
    assert_eq!(rows, expected);
}
