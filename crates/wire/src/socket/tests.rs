//! Snapshots of acknowledgements, errors and confirmations.

use allynet_domain::{
    port,
    testing::{EMERGENCY, OWNER, at, id},
};
use insta::assert_snapshot;

use super::*;
use crate::testing::shown;

#[test]
fn acknowledgements_say_whether_the_event_succeeded() {
    let done: Result<_, Failure> = Ok(Confirmation::joined(id(EMERGENCY)));
    assert_snapshot!(shown(&Acknowledgement::of(&done)), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "message": "Successfully joined emergency room",
      "ok": true,
      "room": "emergency:00000000-0000-0000-0000-000000000064"
    }
    "#);
    let failed: Result<Confirmation, _> = Err(Failure::unknown_event());
    assert_snapshot!(shown(&Acknowledgement::of(&failed)), @r#"{"error": {"code": "unknown_event", "message": "Unknown event"}, "ok": false}"#);
}

#[test]
fn confirmations_have_their_own_events() {
    let joined = Confirmation::joined(id(EMERGENCY));
    assert_eq!(joined.event(), Some("emergency:joined"));
    assert_snapshot!(shown(&joined), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "message": "Successfully joined emergency room",
      "room": "emergency:00000000-0000-0000-0000-000000000064"
    }
    "#);
    let left = Confirmation::left(id(EMERGENCY));
    assert_eq!(left.event(), Some("emergency:left"));
    assert_snapshot!(shown(&left), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "room": "emergency:00000000-0000-0000-0000-000000000064"
    }
    "#);
    let located = Confirmation::located(Position::new(52.5, -13.25).unwrap(), true);
    assert_eq!(located.event(), Some("location:updated"));
    assert_snapshot!(shown(&located), @r#"{"latitude": 52.5, "longitude": -13.25, "message": "Location updated successfully", "stored": true}"#);
}

#[test]
fn an_error_names_the_event_that_failed() {
    let failure = Failure::invalid("Emergency ID is required");
    assert_snapshot!(shown(&ErrorEvent::new(&failure, Some("emergency:join"))), @r#"{"code": "invalid_payload", "event": "emergency:join", "message": "Emergency ID is required"}"#);
    assert_snapshot!(shown(&ErrorEvent::new(&Failure::token_expired(), None)), @r#"{"code": "token_expired", "event": null, "message": "Token expired"}"#);
}

#[test]
fn an_exceeded_limit_says_when_to_try_again() {
    let failure = Failure::rate_limited(Duration::from_nanos(1_000_000_001));
    assert_snapshot!(shown(&ErrorEvent::new(&failure, Some("emergency:leave"))), @r#"
    {
      "code": "rate_limited",
      "event": "emergency:leave",
      "message": "Too many events at once",
      "retryAfterMs": 1001
    }
    "#);
    let failed: Result<Confirmation, _> = Err(failure);
    assert_snapshot!(shown(&Acknowledgement::of(&failed)), @r#"
    {
      "error": {"code": "rate_limited", "message": "Too many events at once", "retryAfterMs": 1001},
      "ok": false
    }
    "#);
    assert_snapshot!(shown(&Failure::too_many_rooms()), @r#"{"code": "rate_limited", "message": "Too many rooms; leave one first", "retryAfterMs": null}"#);
    assert_snapshot!(shown(&ErrorEvent::new(&Failure::too_many_connections(), None)), @r#"
    {
      "code": "rate_limited",
      "event": null,
      "message": "Too many connections; the oldest is closed",
      "retryAfterMs": null
    }
    "#);
}

#[test]
fn failures_have_the_codes_and_messages_of_the_interface() {
    let refused = |refusal| Failure::from(&Error::Refused(refusal));
    let failed = |error| Failure::from(&Error::Port(error));
    for (failure, code, message) in [
        (refused(Refusal::EmergencyNotFound), "emergency_not_found", "Emergency not found"),
        (refused(Refusal::NotAuthorized), "not_authorized", "Not authorized to join this emergency"),
        (refused(Refusal::TokenExpired), "token_expired", "Token expired"),
        (refused(Refusal::TokenInvalid), "token_expired", "Token expired"),
        (refused(Refusal::AccountBlocked), "account_blocked", "Account is inactive or blocked"),
        (refused(Refusal::Contended), "internal", "Too much is happening at once; try again"),
        (failed(port::Error::Stale), "internal", "Too much is happening at once; try again"),
        (
            failed(port::Error::unavailable("password=secret")),
            "internal",
            "The service cannot do this right now; try again",
        ),
        (Failure::rate_limited(Duration::ZERO), "rate_limited", "Too many events at once"),
        (Failure::unknown_event(), "unknown_event", "Unknown event"),
        (Failure::account_blocked(), "account_blocked", "Account is inactive or blocked"),
        (Failure::internal(), "internal", "Something went wrong on our side"),
    ] {
        assert_eq!((failure.code, &*failure.message), (code, message));
    }
}

#[test]
fn session_ready_lists_only_rooms_that_can_be_joined_by_name() {
    let named = [Room::User(id(OWNER)), Room::Helpers, Room::Emergency(id(EMERGENCY))];
    let rooms = [&named[..], &[Room::Participants(id(EMERGENCY)), Room::CriticalHelpers]].concat();
    let ready = SessionReady::new(id(OWNER), &rooms, EventId::new(42), at(0));
    assert_snapshot!(shown(&ready), @r#"
    {
      "latestEventId": 42,
      "rooms": [
        "user:00000000-0000-0000-0000-000000000001",
        "helpers",
        "emergency:00000000-0000-0000-0000-000000000064"
      ],
      "serverTime": "2026-01-15T10:00:00Z",
      "userId": "00000000-0000-0000-0000-000000000001"
    }
    "#);
}
