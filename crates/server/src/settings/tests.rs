//! The defaults, and what errors show.

use super::*;

#[test]
fn the_defaults_are_valid_rules() {
    let line = CommandLine::try_parse_from(["allynet"]).unwrap();
    assert!(line.settings.rules().is_ok());
}

#[test]
fn places_are_approximate_by_default_under_the_open_policy() {
    use PlaceBeforeAccept::{Approximate, Exact};
    for (arguments, expected) in [
        (&[][..], Exact),
        (&["--helper-policy", "open"], Approximate),
        (&["--helper-policy", "open", "--place-before-accept", "exact"], Exact),
        (&["--place-before-accept", "approximate"], Approximate),
    ] {
        let line = CommandLine::try_parse_from(["allynet"].iter().chain(arguments)).unwrap();
        assert_eq!(line.settings.rules().unwrap().places.before_accept, expected, "{arguments:?}");
    }
}

#[test]
fn an_invalid_value_is_reported_with_its_variable() {
    for (flag, value, name) in [
        ("--listen", "nowhere", "ALLYNET_LISTEN"),
        ("--admin-listen", "5001", "ALLYNET_ADMIN_LISTEN"),
        ("--helper-policy", "everyone", "ALLYNET_HELPER_POLICY"),
        ("--place-before-accept", "roughly", "ALLYNET_PLACE_BEFORE_ACCEPT"),
        ("--access-token-ttl", "soon", "ALLYNET_ACCESS_TOKEN_TTL"),
        ("--cors-origins", "example.org", "ALLYNET_CORS_ORIGINS"),
        ("--rate-limits", "sometimes", "ALLYNET_RATE_LIMITS"),
        ("--docs", "sometimes", "ALLYNET_DOCS"),
        ("--connections-per-address", "0", "ALLYNET_CONNECTIONS_PER_ADDRESS"),
        ("--trusted-proxies", "10.0.0.0/33", "ALLYNET_TRUSTED_PROXIES"),
        ("--disk-reserve", "51", "ALLYNET_DISK_RESERVE"),
        ("--alert-interval", "60", "ALLYNET_ALERT_INTERVAL"),
        ("--emergency-ttl", "0s", "ALLYNET_EMERGENCY_TTL"),
    ] {
        let error = CommandLine::try_parse_from(["allynet", flag, value]).unwrap_err().to_string();
        assert!(error.lines().next().unwrap().contains(name), "{error}");
    }
}

#[test]
fn errors_show_no_secret() {
    let settings =
        |arguments: &[&str]| CommandLine::try_parse_from(["allynet"].iter().chain(arguments)).unwrap().settings;
    let error = settings(&["--database-url", "mysql://me:hush@db"]).database().unwrap_err();
    assert_eq!(error.to_string(), "DATABASE_URL must begin with sqlite: or postgres:");
    let error = settings(&["--redis-url", "redis-cluster://:hush@cache"]).redis().unwrap_err();
    assert_eq!(error.to_string(), "REDIS_URL must be redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]");
    let error = settings(&["--admin-email", "a@b.c", "--admin-password", "hush"]).admin().unwrap_err();
    assert_eq!(format!("{error:#}"), "ALLYNET_ADMIN_PASSWORD: must be 8 to 128 characters long");
}
