//! The tables agree with themselves and with the document.

use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/limits.md");

/// What a person in an emergency and those who come to help depend on.
const VITAL: &[(&str, &str)] = &[
    ("POST", "/api/v1/emergencies"),
    ("POST", "/api/v1/emergencies/{id}/respond"),
    ("PUT", "/api/v1/emergencies/{id}/helper-status"),
    ("POST", "/api/v1/emergencies/{id}/resolve"),
    ("POST", "/api/v1/emergencies/{id}/cancel"),
    ("GET", "/api/v1/emergencies/active"),
    ("GET", "/api/v1/emergencies/helper-active"),
    ("GET", "/api/v1/emergencies/pending-for-helper"),
    ("GET", "/api/v1/emergencies/nearby"),
    ("GET", "/api/v1/emergencies/{id}"),
];

#[test]
fn what_people_in_an_emergency_depend_on_is_never_limited() {
    for (method, path) in VITAL {
        for slash in ["", "/"] {
            assert_eq!(of_route(method, &format!("{path}{slash}")), Some(NEVER), "{method} {path}");
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
fn routes_are_counted_by_what_is_known_of_a_request_and_events_by_what_is_known_of_a_socket() {
    for limit in ROUTES.iter().flat_map(|row| row.2) {
        assert!(limit.subject() != Subject::Socket && limit.excess() == Excess::Refused, "{limit:?}");
    }
    // Who calls an open route is not known.
    for (method, path, limits) in ROUTES {
        let open = ["register", "login", "refresh"].iter().any(|end| path.ends_with(end));
        for limit in *limits {
            assert_eq!(limit.subject() == Subject::User, !open, "{method} {path} {limit:?}");
        }
    }
    for limit in EVENTS.iter().chain([&OTHER_EVENTS]).flat_map(|rule| rule.limits) {
        assert!(matches!(limit.subject(), Subject::User | Subject::Socket), "{limit:?}");
        assert_eq!(limit.excess() == Excess::PutOff, *limit == Limit::Positions, "{limit:?}");
    }
}

#[test]
fn numbers_of_limits_are_their_places() {
    for (index, limit) in Limit::ALL.iter().enumerate() {
        assert_eq!(*limit as usize, index);
        assert!(limit.quota().burst > 0 && !limit.quota().each.is_zero());
    }
}

#[test]
fn what_is_no_route_has_no_limit() {
    assert_eq!(of_route("PATCH", "/api/v1/emergencies"), None);
    assert_eq!(of_route("GET", "/socket.io/"), None);
    assert_eq!(of_route("HEAD", "/api/v1/auth/me"), of_route("GET", "/api/v1/auth/me/"));
    assert_eq!(of_event("emergency:dance"), &OTHER_EVENTS);
}

#[test]
fn an_account_is_known_by_its_email_however_it_is_written() {
    let who = |email: &str| Who::account(&email.parse().unwrap());
    assert_eq!(who("Ada@Example.org "), who("ada@example.org"));
    assert_ne!(who("ada@example.org"), who("eve@example.org"));
}

#[test]
fn without_limits_everything_is_allowed() {
    let limits = Limits::off();
    assert_eq!(limits.take(Limit::Credentials, Who::Account(7)), Ok(()));
    assert_eq!(limits.connections_per_address(), usize::MAX);
    assert_eq!((limits.connections_per_user(), limits.rooms_per_socket()), (usize::MAX, usize::MAX));
}

#[test]
fn limits_ask_who_counts() {
    struct Never;
    impl Limiter for Never {
        fn take(&self, _: Limit, _: Who) -> Result<(), Duration> {
            Err(Duration::from_secs(3))
        }
    }
    let limits = Limits::on(Arc::new(Never), 100);
    assert_eq!(limits.take(Limit::Writes, Who::Socket(1)), Err(Duration::from_secs(3)));
    assert_eq!(limits.connections_per_address(), 100);
    assert_eq!((limits.connections_per_user(), limits.rooms_per_socket()), (10, 50));
}

/// The rows of the document's table of limits: by, at once, then.
fn documented(limit: Limit) -> Vec<String> {
    let quota = limit.quota();
    let rate = 1.0 / quota.each.as_secs_f64();
    let then = if rate < 1.0 { format!("1 in {} s", quota.each.as_secs()) } else { format!("{rate:.0} a second") };
    let by = match limit.subject() {
        Subject::Address => "address",
        Subject::Account => "account",
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
