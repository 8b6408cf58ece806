//! Connections that are attached while the log moves on: nothing missed, nothing doubled, nobody where they may not be.

use allynet_domain::{EmergencyId, EmergencyStatus, Event, ResponseStatus, SessionId};
use uuid::Uuid;

use super::*;

const HELPER: u128 = 1;
const HELPER_DEVICE: MemberId = MemberId(1);
const OWNER: u128 = 2;
const CALL: u128 = 7;

fn user(n: u128) -> UserId {
    Uuid::from_u128(n).into()
}

fn call() -> EmergencyId {
    Uuid::from_u128(CALL).into()
}

fn session(n: u128) -> SessionId {
    Uuid::from_u128(100 + n).into()
}

fn rooms_of(who: u128) -> Vec<Room> {
    vec![Room::User(user(who)), Room::Emergency(call()), Room::Participants(call())]
}

/// A node that follows the log from event 10.
fn hub() -> Hub<&'static str> {
    let hub = Hub::new();
    hub.open(EventId::new(10));
    hub
}

fn happens(hub: &Hub<&'static str>, seq: i64, event: Event) -> Step<&'static str> {
    let logged =
        LoggedEvent { id: EventId::new(seq), at: Timestamp::UNIX_EPOCH, emergency: Some(call()), actor: None, event };
    hub.advance(&Arc::new(logged))
}

fn duty(on_duty: bool) -> Event {
    Event::HelperRightsChanged { user: user(HELPER), on_duty, may_help: on_duty }
}

fn cancels() -> Event {
    let (notes, estimated_arrival) = (None, None);
    let status = ResponseStatus::Cancelled;
    Event::HelperStatusUpdated {
        helper: user(HELPER),
        status,
        notes,
        estimated_arrival,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

fn changed() -> Event {
    Event::StatusChanged { status: EmergencyStatus::Active, updated_at: Timestamp::UNIX_EPOCH }
}

fn revoked(only: u128) -> Event {
    Event::SessionsRevoked { user: user(HELPER), only: Some(session(only)), except: None }
}

/// Attaches the helper's device with what the database said after `mark`; tells what it was greeted with.
fn attach(hub: &Hub<&'static str>, mark: i64, rooms: Vec<Room>) -> (Attached, Option<(Vec<Room>, i64)>) {
    attach_one(hub, HELPER_DEVICE, HELPER, "helper", mark, rooms)
}

fn attach_one(
    hub: &Hub<&'static str>,
    id: MemberId,
    who: u128,
    device: &'static str,
    mark: i64,
    rooms: Vec<Room>,
) -> (Attached, Option<(Vec<Room>, i64)>) {
    let identity = Identity {
        user: user(who),
        session: session(who),
        administers: false,
        expires_at: Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(1),
    };
    let entry = Entry { mark: EventId::new(mark), rooms };
    let mut greeting = None;
    let attached = hub.attach((id, identity), device, &entry, |rooms, latest| {
        greeting = Some((rooms.to_vec(), latest.get()));
        true
    });
    (attached, greeting)
}

fn heard(step: &Step<&'static str>) -> Vec<&'static str> {
    step.deliveries.iter().flat_map(|(_, devices)| devices).map(|(_, device)| *device).collect()
}

#[test]
fn a_connection_hears_what_comes_after_it_was_told_its_place_and_nothing_from_before() {
    let hub = hub();
    assert!(heard(&happens(&hub, 11, changed())).is_empty());
    let (attached, greeting) = attach(&hub, 10, rooms_of(HELPER));
    assert_eq!((attached, greeting), (Attached::Yes, Some((rooms_of(HELPER), 11))));
    assert_eq!(heard(&happens(&hub, 12, changed())), ["helper"]);
}

#[test]
fn rooms_follow_what_happened_during_the_handshake() {
    for (events, mark, read, expected) in [
        (vec![duty(true)], 10, vec![], vec![Room::User(user(HELPER)), Room::Helpers]),
        (vec![duty(true), duty(false)], 10, vec![], vec![Room::User(user(HELPER))]),
        (vec![duty(false)], 10, vec![Room::Helpers], vec![Room::User(user(HELPER))]),
        (vec![duty(false), duty(true)], 11, vec![], vec![Room::User(user(HELPER)), Room::Helpers]),
        (vec![cancels()], 10, rooms_of(HELPER), vec![Room::User(user(HELPER))]),
        // What was read had seen it already.
        (vec![cancels()], 11, rooms_of(HELPER), rooms_of(HELPER)),
        // Somebody else's.
        (vec![Event::AccountBlocked { user: user(OWNER) }], 10, vec![], vec![Room::User(user(HELPER))]),
    ] {
        let hub = hub();
        let count = i64::try_from(events.len()).unwrap();
        for (seq, event) in (11..).zip(events.clone()) {
            happens(&hub, seq, event);
        }
        let (attached, greeting) = attach(&hub, mark, read);
        assert_eq!((attached, greeting), (Attached::Yes, Some((expected, 10 + count))), "{events:?}");
    }
}

#[test]
fn whoever_is_shut_out_during_the_handshake_does_not_get_in() {
    for (event, expected) in [
        (Event::AccountBlocked { user: user(HELPER) }, Attached::Dismissed(Farewell::Blocked)),
        (revoked(HELPER), Attached::Dismissed(Farewell::SessionOver)),
        (revoked(99), Attached::Yes),
    ] {
        let hub = hub();
        happens(&hub, 11, event.clone());
        let (attached, greeting) = attach(&hub, 10, vec![]);
        let is_in = attached == Attached::Yes;
        assert_eq!(attached, expected, "{event:?}");
        assert_eq!((greeting.is_some(), hub.is_online(user(HELPER))), (is_in, is_in));
    }
}

#[test]
fn rooms_that_are_too_old_have_to_be_read_again() {
    let hub = hub();
    for seq in 11..=11 + i64::try_from(RING).unwrap() {
        happens(&hub, seq, changed());
    }
    assert_eq!(attach(&hub, 10, vec![]), (Attached::Outdated, None));
    assert!(!hub.is_online(user(HELPER)));
    assert_eq!(attach(&hub, 11, vec![]).0, Attached::Yes);
    let entry = Entry { mark: EventId::new(10), rooms: vec![] };
    assert_eq!(hub.join(HELPER_DEVICE, user(HELPER), &entry), Joined::Outdated);
}

#[test]
fn who_leaves_by_an_event_still_hears_it_and_who_enters_by_one_hears_it_already() {
    let hub = hub();
    attach(&hub, 10, rooms_of(HELPER));
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    assert_eq!(heard(&happens(&hub, 11, cancels())), ["helper", "owner"]);
    assert_eq!(heard(&happens(&hub, 12, changed())), ["owner"]);
}

#[test]
fn a_room_is_entered_only_if_nothing_happened_to_the_user_since_it_was_allowed() {
    let hub = hub();
    let id = HELPER_DEVICE;
    attach(&hub, 10, vec![]);
    let entry = |mark| Entry { mark: EventId::new(mark), rooms: vec![Room::Emergency(call())] };
    happens(&hub, 11, changed());
    happens(&hub, 12, duty(false));
    assert_eq!(hub.join(id, user(HELPER), &entry(10)), Joined::Outdated);
    assert!(heard(&happens(&hub, 13, changed())).is_empty());
    assert_eq!(hub.join(id, user(HELPER), &entry(12)), Joined::Yes);
    assert_eq!(heard(&happens(&hub, 14, changed())), ["helper"]);
    happens(&hub, 15, duty(false));
    assert!(heard(&happens(&hub, 16, changed())).is_empty());
}

#[test]
fn dismissed_connections_are_told_after_the_event_and_hear_nothing_more() {
    let hub = hub();
    attach(&hub, 10, rooms_of(HELPER));
    let step = happens(&hub, 11, Event::AccountBlocked { user: user(HELPER) });
    assert_eq!(step.dismissed, [("helper", Farewell::Blocked)]);
    assert!(heard(&happens(&hub, 12, changed())).is_empty());
}

#[test]
fn a_connection_that_cannot_be_greeted_is_none() {
    let hub = hub();
    let identity =
        Identity { user: user(1), session: session(1), administers: false, expires_at: Timestamp::UNIX_EPOCH };
    let entry = Entry { mark: EventId::new(10), rooms: vec![] };
    assert_eq!(hub.attach((MemberId(1), identity), "deaf", &entry, |_, _| false), Attached::Refused);
    assert!(!hub.is_online(user(1)));
}

#[tokio::test]
async fn nobody_gets_in_before_the_log_is_followed_nor_after_closing() {
    let hub: Arc<Hub<&'static str>> = Arc::new(Hub::new());
    let waiting = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.mark().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished() && !hub.is_following());
    hub.open(EventId::new(42));
    assert_eq!(waiting.await.unwrap(), EventId::new(42));
    assert!(hub.is_following());

    attach(&hub, 42, vec![]);
    assert_eq!(hub.close(), ["helper"]);
    assert_eq!(attach_one(&hub, MemberId(2), OWNER, "owner", 42, vec![]).0, Attached::Refused);
    let emptied = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.emptied().await }
    });
    tokio::task::yield_now().await;
    assert!(!emptied.is_finished());
    hub.remove(HELPER_DEVICE);
    emptied.await.unwrap();
}
