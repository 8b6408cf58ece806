//! Entry points for bytes of strangers: each takes arbitrary bytes, must neither panic nor hang, and asserts what holds for
//! any input.
//!
//! `tests/fuzz` runs them under `cargo fuzz`, `tests/fuzz_corpus.rs` on the checked-in corpus and on mutations of it.

use std::{net::IpAddr, time::Duration};

use allynet_auth::JwtTokens;
use allynet_domain::{
    EmergencyId, Name, Position, Profile, Timestamp, opening_hours,
    port::{RefreshClaims, Tokens as _},
};
use allynet_wire::{
    Problem,
    client::{ClientAddress, TrustedProxies},
    cursor,
    input::{accounts, contacts, emergencies, socket},
    json,
    origin::{Origins, is_same_host},
};
use serde_json::{Map, Value};

/// An entry point.
pub type Target = fn(&[u8]);

/// All entry points by name. Each has a folder of this name in the corpus.
pub const TARGETS: [(&str, Target); 9] = [
    ("json_text", json_text),
    ("bodies", bodies),
    ("queries", queries),
    ("socket_payloads", socket_payloads),
    ("cursors", cursors),
    ("tokens", tokens),
    ("headers", headers),
    ("opening_hours", opening_hours),
    ("output_frames", output_frames),
];

/// JSON in which lone surrogates and numbers that are too large are replaced: the same value as for `serde_json` where that
/// accepts the text.
pub fn json_text(bytes: &[u8]) {
    let strict = serde_json::from_slice::<Value>(bytes);
    let lenient = json::parse(bytes);
    if let Ok(strict) = strict {
        assert_eq!(lenient.ok(), Some(strict), "valid JSON is parsed otherwise");
    }
    if let Some(replaced) = json::replace_invalid(bytes) {
        assert_eq!(replaced.len(), bytes.len(), "a replacement has another length");
        assert_eq!(json::replace_invalid(&replaced), None, "something invalid is left");
    }
}

/// JSON bodies of every route.
pub fn bodies(bytes: &[u8]) {
    let Ok(body) = json::parse(bytes) else { return };
    let name = Name::parse("Ada").unwrap();
    let profile = Profile::new(name, None);
    assert_named(accounts::register(&body));
    assert_named(accounts::login(&body));
    assert_named(accounts::refresh(&body));
    assert_named(accounts::logout(&body));
    assert_named(accounts::profile(&body, &profile));
    assert_named(accounts::update_password(&body));
    assert_named(contacts::add(&body));
    assert_named(accounts::block_by_email(&body));
    assert_named(accounts::duty(&body));
    assert_named(accounts::verification(&body));
    assert_named(accounts::block(&body));
    assert_named(emergencies::raise(&body));
    assert_named(emergencies::respond(&body));
    assert_named(emergencies::helper_status(&body));
    assert_named(emergencies::resolve(&body));
    assert_named(emergencies::cancel(&body));
    assert_named(emergencies::rating(&body));
    assert_named(emergencies::report(&body));
    assert_named(emergencies::message(&body));
    assert_named(emergencies::location(&body));
}

/// Query strings of every route.
pub fn queries(bytes: &[u8]) {
    let query: Map<String, Value> =
        form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    assert_named(accounts::helper_page(&query));
    assert_named(emergencies::nearby(&query));
    assert_named(emergencies::history(&query));
    assert_named(emergencies::messages(&query));
    assert_named(emergencies::timeline(&query));
    assert_named(emergencies::admin_page(&query));
}

/// Asserts that a refusal is `invalid_input` and names at least one field.
fn assert_named<T>(read: Result<T, Problem>) {
    let Err(problem) = read else { return };
    assert_eq!((problem.status, problem.reason), (400, "invalid_input"));
    assert!(problem.details.is_some_and(|fields| !fields.is_empty()), "no field is named");
}

/// Payloads of Socket.IO events, and the `auth` of a connection.
pub fn socket_payloads(bytes: &[u8]) {
    let Ok(payload) = json::parse(bytes) else { return };
    for failure in [socket::room(&payload).err(), socket::location(&payload).err()].into_iter().flatten() {
        assert_eq!(failure.code, "invalid_payload");
        assert!(!failure.message.is_empty(), "the failure says nothing");
    }
    let is_present = payload.get("lastEventId").is_some_and(|id| !id.is_null());
    assert_eq!(socket::last_event_id(&payload).is_some(), is_present, "a resume is forgotten or made up");
}

/// Cursors of pages.
pub fn cursors(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some((at, id)) = cursor::read::<EmergencyId>(text) {
        let again = cursor::read::<EmergencyId>(&cursor::write(at, id));
        assert_eq!(again, Some((at, id)), "a cursor that was read is written otherwise");
    }
}

/// Access and refresh tokens: the bytes as they are, and as a change of a token that was issued.
pub fn tokens(bytes: &[u8]) {
    let secret = "the fuzzer never learns this secret".to_owned().into();
    let hour = Duration::from_hours(1);
    let tokens = JwtTokens::new(&secret, hour, hour).unwrap();
    let now = Timestamp::UNIX_EPOCH;
    let refuse = |text: &str| {
        assert!(tokens.read_access(text, now).is_err(), "a forged access token");
        assert!(tokens.read_refresh(text).is_err(), "a forged refresh token");
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        refuse(text);
    }
    let id = uuid::Uuid::nil();
    let claims = RefreshClaims { user: id.into(), session: id.into(), token: id.into(), parent: None };
    let issued = tokens.refresh(&claims, now).unwrap();
    let issued = issued.expose();
    let Some((&at, replacement)) = bytes.split_first() else { return };
    // Two positions for each value of the first byte reach the whole of a token.
    let begin = usize::from(at) * 2 % issued.len();
    let end = (begin + replacement.len()).min(issued.len());
    let changed = [&issued.as_bytes()[..begin], replacement, &issued.as_bytes()[end..]].concat();
    if let Ok(changed) = str::from_utf8(&changed)
        && changed != issued
    {
        refuse(changed);
    }
}

/// Headers by which an address and an origin are judged.
pub fn headers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, ""));
    let stranger: IpAddr = [203, 0, 113, 9].into();
    let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    let values = [first, second];
    assert_eq!(proxies.client(stranger, values), ClientAddress::from(stranger), "a stranger names its own address");
    proxies.client([10, 0, 0, 1].into(), values);
    let listed = Origins::Listed(vec!["https://ally.example".to_owned()]);
    if listed.allow(first) {
        assert!(first.eq_ignore_ascii_case("https://ally.example"), "an origin that is not listed");
    }
    if is_same_host(first, "ally.example") {
        assert!(first.to_ascii_lowercase().contains("://ally.example"), "an origin of another host");
    }
    is_same_host(first, second);
    Origins::Loopback.allow(first);
}

/// Hours of opening, which strangers wrote into OpenStreetMap: what is open has an end of opening that lies ahead, or none.
pub fn opening_hours(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (place, zone) = (Position::new(52.5, 13.4).unwrap(), "Europe/Berlin".parse().ok());
    for now in ["2026-01-15T10:00:00Z", "2026-03-29T01:30:00Z", "2028-02-29T23:59:59Z"] {
        let now: Timestamp = now.parse().unwrap();
        let (is_open, until) =
            (opening_hours::is_open(text, place, zone, now), opening_hours::open_until(text, place, zone, now));
        assert!(until.is_none() || is_open == Some(true), "what is not open has an end of opening");
        assert!(until.is_none_or(|until| until > now), "the end of opening is over");
    }
}

/// The output of a WebSocket connection, in pieces of a length that the first byte says.
pub fn output_frames(bytes: &[u8]) {
    let Some((&length, output)) = bytes.split_first() else { return };
    let whole = allynet_transport::testing::text_messages([output]);
    let pieces = allynet_transport::testing::text_messages(output.chunks(usize::from(length).max(1)));
    assert_eq!(whole, pieces, "where the output is cut changes what is in it");
    let observed: usize = whole.iter().map(Vec::len).sum();
    assert!(observed <= output.len(), "more text than was written");
}
