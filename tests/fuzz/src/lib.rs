//! Entry points for bytes of strangers: each takes arbitrary bytes, must neither panic nor hang, and asserts what holds for
//! any input.
//!
//! `tests/fuzz` runs them under `cargo fuzz`, `tests/fuzz_corpus.rs` on the checked-in corpus and on mutations of it.

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use allynet_auth::{HmacHasher, JwtTokens, VapidIdentity, VapidKey};
use allynet_domain::{
    ContactDetails, EmergencyId, Name, Position, Profile, ResourceDetails, Timestamp, opening_hours,
    port::{
        Clock, LinkPurpose, LinkTokens as _, MAX_ENDPOINT_BYTES, PushEndpoints as _, PushSubscription, RefreshClaims,
        ResetTokens as _, SubscriptionError, Tokens as _,
    },
};
use allynet_notify::{ExtraCa, WebPush};
use allynet_wire::{
    Problem,
    client::{ClientAddress, TrustedProxies},
    cursor,
    input::{accounts, contacts, devices, emergencies, resources, socket},
    json,
    origin::{Origins, is_same_host},
};
use serde_json::{Map, Value, json};

/// An entry point.
pub type Target = fn(&[u8]);

/// All entry points by name. Each has a folder of this name in the corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("json_text", json_text),
    ("bodies", bodies),
    ("queries", queries),
    ("socket_payloads", socket_payloads),
    ("cursors", cursors),
    ("tokens", tokens),
    ("headers", headers),
    ("opening_hours", opening_hours),
    ("output_frames", output_frames),
    ("endpoint_urls", endpoint_urls),
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

/// A resource that is changed.
static DEFIBRILLATOR: LazyLock<ResourceDetails> = LazyLock::new(|| {
    let body = json!({ "kind": "aed", "location": { "latitude": 52.5, "longitude": 13.4 } });
    resources::add(&body).unwrap()
});

/// JSON bodies of every route.
pub fn bodies(bytes: &[u8]) {
    let Ok(body) = json::parse(bytes) else { return };
    let name = Name::parse("Ada").unwrap();
    let profile = Profile::new(name.clone(), None);
    let contact = ContactDetails::new(name, "mum@home.example".parse().unwrap());
    assert_named(accounts::register(&body));
    assert_named(accounts::login(&body));
    assert_named(accounts::forgot_password(&body));
    assert_named(accounts::reset_password(&body));
    assert_named(accounts::confirmation(&body));
    assert_named(accounts::refresh(&body));
    assert_named(accounts::logout(&body));
    assert_named(accounts::profile(&body, &profile));
    assert_named(accounts::update_password(&body));
    assert_named(contacts::add(&body));
    assert_named(contacts::change(&body, &contact));
    assert_named(resources::add(&body));
    assert_named(resources::change(&body, &DEFIBRILLATOR));
    assert_named(resources::report(&body));
    assert_named(devices::register(&body));
    assert_named(devices::receipt(&body));
    assert_named(accounts::block_by_email(&body));
    assert_named(accounts::duty(&body));
    assert_named(accounts::verification(&body));
    assert_named(accounts::block(&body));
    assert_named(emergencies::raise(&body));
    assert_named(emergencies::change(&body));
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
    assert_named(resources::search(&query));
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
    let failures = [
        socket::room(&payload).err(),
        socket::seen(&payload).err(),
        socket::location(&payload).err(),
        socket::dispatchers(&payload).err(),
    ];
    for failure in failures.into_iter().flatten() {
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

/// What the token of a link is good for, each.
const LINK_PURPOSES: [LinkPurpose; 4] =
    [LinkPurpose::ConfirmContact, LinkPurpose::StopContact, LinkPurpose::StopAlerts, LinkPurpose::ContactPage];

/// Access and refresh tokens, and those of links: the bytes as they are, and as a change of a token that was issued.
pub fn tokens(bytes: &[u8]) {
    let secret = "the fuzzer never learns this secret".to_owned().into();
    let hour = Duration::from_hours(1);
    let tokens = JwtTokens::new(&secret, hour, hour).unwrap();
    let hasher = HmacHasher::new(&secret);
    let now = Timestamp::UNIX_EPOCH;
    let refuse = |text: &str| {
        assert!(tokens.read_access(text, now).is_err(), "a forged access token");
        assert!(tokens.read_refresh(text).is_err(), "a forged refresh token");
        for purpose in LINK_PURPOSES {
            assert_eq!(hasher.verify(purpose, text), None, "a forged token of a link");
        }
        // Stored as a hash, under each secret that is valid: whatever the text is, there is one.
        assert!(hasher.hashes(text).into_iter().next().is_some(), "the token of a password reset has no hash");
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        refuse(text);
    }
    let id = uuid::Uuid::nil();
    let claims = RefreshClaims { user: id.into(), session: id.into(), token: id.into(), parent: None };
    let of_session = tokens.refresh(&claims, now).unwrap();
    let of_link = hasher.sign(LinkPurpose::ContactPage, id);
    assert_eq!(hasher.verify(LinkPurpose::ContactPage, of_link.expose()), Some(id));
    for issued in [of_session.expose(), of_link.expose()] {
        if let Some(changed) = change(issued, bytes) {
            refuse(&changed);
        }
    }
}

/// The token with some of its bytes replaced; `None` if the result is no text or the same.
fn change(issued: &str, bytes: &[u8]) -> Option<String> {
    let (&at, replacement) = bytes.split_first()?;
    // Two positions for each value of the first byte reach the whole of a token.
    let begin = usize::from(at) * 2 % issued.len();
    let end = (begin + replacement.len()).min(issued.len());
    let changed = [&issued.as_bytes()[..begin], replacement, &issued.as_bytes()[end..]].concat();
    String::from_utf8(changed).ok().filter(|changed| changed != issued)
}

/// Keys of a subscription that are valid, for inputs that have none.
const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// Web Push without exemptions.
static WEB_PUSH: LazyLock<WebPush> = LazyLock::new(|| {
    let identity = VapidIdentity::new(&VapidKey::generate().unwrap(), None);
    WebPush::new(Arc::new(identity), Arc::new(Epoch), Vec::new(), &ExtraCa::default()).unwrap()
});

/// Subscriptions of browsers: the URL of an endpoint, and its keys in the following lines.
pub fn endpoint_urls(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let endpoint = lines.next().unwrap_or_default();
    let (p256dh, auth) = (lines.next().unwrap_or(P256DH), lines.next().unwrap_or(AUTH));
    // Its keys are wrong, or the URL: the keys say nothing about the URL.
    let judged = WEB_PUSH.parse(endpoint, P256DH, AUTH);
    match WEB_PUSH.parse(endpoint, p256dh, auth) {
        Ok(subscription) => {
            let endpoint = judged.as_ref().ok().map(PushSubscription::endpoint);
            assert_eq!(endpoint, Some(subscription.endpoint()), "the keys change the URL");
        }
        Err(error) => assert_eq!(judged.is_err(), error == SubscriptionError::Endpoint, "{error:?} is named wrongly"),
    }
    let Ok(subscription) = judged else { return };
    let url = subscription.endpoint();
    let again = WEB_PUSH.parse(url, P256DH, AUTH);
    assert_eq!(again.as_ref().map(PushSubscription::endpoint), Ok(url), "a URL that was accepted is refused later");
    assert!(url.len() <= MAX_ENDPOINT_BYTES, "a URL that is too long");
    assert_is_public(url);
}

/// Asserts that a URL leads to a public host, as far as it can be seen without the parser of the service.
fn assert_is_public(url: &str) {
    let rest = url.strip_prefix("https://").expect("another scheme");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    assert!(!authority.is_empty() && !rest.contains('#') && !authority.contains('@'), "{url}");
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().expect("the port is no number")),
        _ => (authority, 443_u16),
    };
    assert!(port == 443 || port >= 1_024, "{url} has the port of another service");
    assert!(!host.is_empty(), "{url} has no host");
    let name = host.trim_end_matches('.');
    assert!(name != "localhost" && !name.ends_with(".localhost"), "{url} is this machine");
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let is_special = address.is_private() || address.is_loopback() || address.is_link_local();
            assert!(!is_special && !address.is_unspecified() && !address.is_multicast(), "{url}");
        }
        Ok(IpAddr::V6(address)) => {
            let is_special = address.is_loopback() || address.is_unspecified() || address.is_multicast();
            assert!(!is_special && !address.is_unique_local() && !address.is_unicast_link_local(), "{url}");
            let embedded = address.to_ipv4_mapped();
            assert!(
                embedded.is_none_or(|v4| !v4.is_private() && !v4.is_loopback()),
                "{url} embeds an internal address"
            );
        }
        Err(_) => {}
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
