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
        ("--dispatch", "dice", "ALLYNET_DISPATCH"),
        ("--alert-price", "2h", "ALLYNET_ALERT_PRICE"),
        ("--decide-interval", "0s", "ALLYNET_DECIDE_INTERVAL"),
        ("--silence-acknowledgement", "20", "ALLYNET_SILENCE_ACKNOWLEDGEMENT"),
        ("--silence-answer", "soon", "ALLYNET_SILENCE_ANSWER"),
        ("--stall-after", "0s", "ALLYNET_STALL_AFTER"),
        ("--stall-answer", "45", "ALLYNET_STALL_ANSWER"),
        ("--move-interval", "60", "ALLYNET_MOVE_INTERVAL"),
        ("--ambulance-median", "0s", "ALLYNET_AMBULANCE_MEDIAN"),
        ("--ambulance-never", "1.1", "ALLYNET_AMBULANCE_NEVER"),
        ("--time-zone", "Mars/Olympus", "ALLYNET_TIME_ZONE"),
        ("--emergency-ttl", "0s", "ALLYNET_EMERGENCY_TTL"),
        ("--emergency-number", "1", "ALLYNET_EMERGENCY_NUMBER"),
        ("--alert-hold", "121s", "ALLYNET_ALERT_HOLD"),
        ("--alert-hold", "1500ms", "ALLYNET_ALERT_HOLD"),
        ("--map-tiles", "https://tiles.example.org/{z}/{x}.png", "ALLYNET_MAP_TILES"),
        ("--map-attribution", "bell \u{7}", "ALLYNET_MAP_ATTRIBUTION"),
    ] {
        let error = CommandLine::try_parse_from(["allynet", flag, value]).unwrap_err().to_string();
        assert!(error.lines().next().unwrap().contains(name), "{error}");
    }
}

#[test]
fn an_app_is_told_what_is_configured() {
    let config = |arguments: &[&str], offers| {
        let line = CommandLine::try_parse_from(["allynet"].iter().chain(arguments)).unwrap();
        serde_json::to_value(line.settings.app_config(offers)).unwrap()
    };
    assert_eq!(
        // Without a map its attribution means nothing.
        config(&["--map-attribution", "Me"], (false, false)),
        serde_json::to_value(allynet_wire::app_config::AppConfig::default()).unwrap()
    );
    let tiles = "https://tiles.example.org/{z}/{x}/{y}.png";
    let given = ["--emergency-number", "*911#", "--alert-hold", "2m", "--map-tiles", tiles, "--helper-policy", "open"];
    assert_eq!(
        config(&given, (true, true)),
        serde_json::json!({
            "emergencyNumber": "*911#", "alertHold": 120, "mapTiles": { "url": tiles, "attribution": null },
            "helperPolicy": "open", "placeBeforeAccept": "approximate", "push": true, "mail": true,
        })
    );
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
