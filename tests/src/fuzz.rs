//! Entry points for bytes of strangers: each takes arbitrary bytes and must neither panic nor hang.
//!
//! `tests/fuzz` runs them under `cargo fuzz`, `tests/fuzz_corpus.rs` on the checked-in corpus and on mutations of it.

use std::time::Duration;

use allynet_auth::JwtTokens;
use allynet_domain::{EmergencyId, Name, Profile, Timestamp, port::Tokens as _};
use allynet_wire::{
    cursor,
    input::{accounts, emergencies, socket},
};
use serde_json::{Map, Value};

/// An entry point.
pub type Target = fn(&[u8]);

/// All entry points by name. Each has a folder of this name in the corpus.
pub const TARGETS: [(&str, Target); 6] = [
    ("bodies", bodies),
    ("queries", queries),
    ("socket_payloads", socket_payloads),
    ("cursors", cursors),
    ("tokens", tokens),
    ("output_frames", output_frames),
];

/// JSON bodies of every route.
pub fn bodies(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    let name = Name::parse("Ada").unwrap();
    let profile = Profile { first_name: name, last_name: None, phone: None, avatar: None, bio: None };
    accounts::register(&body).ok();
    accounts::login(&body).ok();
    accounts::refresh(&body).ok();
    accounts::logout(&body).ok();
    accounts::profile(&body, &profile).ok();
    accounts::update_password(&body).ok();
    accounts::contact(&body).ok();
    accounts::duty(&body).ok();
    accounts::verification(&body).ok();
    accounts::block(&body).ok();
    emergencies::raise(&body).ok();
    emergencies::respond(&body).ok();
    emergencies::helper_status(&body).ok();
    emergencies::resolve(&body).ok();
    emergencies::cancel(&body).ok();
    emergencies::rating(&body).ok();
    emergencies::report(&body).ok();
    emergencies::message(&body).ok();
    emergencies::location(&body).ok();
}

/// Query strings of every route.
pub fn queries(bytes: &[u8]) {
    let query: Map<String, Value> =
        form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    accounts::helper_page(&query).ok();
    emergencies::nearby(&query).ok();
    emergencies::history(&query).ok();
    emergencies::messages(&query).ok();
    emergencies::timeline(&query).ok();
    emergencies::admin_page(&query).ok();
}

/// Payloads of Socket.IO events, and the `auth` of a connection.
pub fn socket_payloads(bytes: &[u8]) {
    let Ok(payload) = serde_json::from_slice::<Value>(bytes) else { return };
    socket::room(&payload).ok();
    socket::location(&payload).ok();
    socket::last_event_id(&payload);
}

/// Cursors of pages.
pub fn cursors(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some((at, id)) = cursor::read::<EmergencyId>(text) {
        let again = cursor::read::<EmergencyId>(&cursor::write(at, id));
        assert_eq!(again, Some((at, id)), "a cursor that was read is written otherwise");
    }
}

/// Access and refresh tokens.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let secret = "the fuzzer never learns this secret".to_owned().into();
    let tokens = JwtTokens::new(&secret, Duration::from_hours(1), Duration::from_hours(1)).unwrap();
    assert!(tokens.read_access(text, Timestamp::UNIX_EPOCH).is_err(), "a forged access token");
    assert!(tokens.read_refresh(text, Timestamp::UNIX_EPOCH).is_err(), "a forged refresh token");
}

/// The output of a WebSocket connection, in pieces of a length that the first byte says.
pub fn output_frames(bytes: &[u8]) {
    let Some((&length, output)) = bytes.split_first() else { return };
    let whole = allynet_transport::testing::text_messages([output]);
    let pieces = allynet_transport::testing::text_messages(output.chunks(usize::from(length).max(1)));
    assert_eq!(whole, pieces, "where the output is cut changes what is in it");
}
