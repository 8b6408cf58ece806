//! Rooms, audiences and removal, with names in place of devices.

use allynet_domain::EmergencyId;
use uuid::Uuid;

use super::*;

fn user(n: u128) -> UserId {
    Uuid::from_u128(n).into()
}

fn session(n: u128) -> SessionId {
    Uuid::from_u128(n).into()
}

fn emergency(n: u128) -> EmergencyId {
    Uuid::from_u128(n).into()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds)
}

fn identity(who: u128, session: SessionId) -> Identity {
    Identity { user: user(who), session, administers: false, expires_at: at(100) }
}

/// Devices `a1` and `a2` of user 1, in different sessions, and `b` of user 2.
fn three() -> Members<&'static str> {
    let mut members = Members::default();
    members.insert(MemberId(1), identity(1, session(11)), "a1");
    members.insert(MemberId(2), identity(1, session(12)), "a2");
    members.insert(MemberId(3), identity(2, session(20)), "b");
    members
}

fn audience(members: &Members<&'static str>, to: &[Room], except: &[Room]) -> Vec<&'static str> {
    let audience = Audience { to: to.to_vec(), except: except.to_vec() };
    members.audience(&audience).into_iter().map(|(_, device)| device).collect()
}

#[test]
fn an_audience_is_each_device_in_any_of_its_rooms_once_without_the_excepted() {
    let mut members = three();
    let room = Room::Emergency(emergency(7));
    members.enter(MemberId(1), room);
    members.enter(MemberId(3), room);
    members.enter(MemberId(3), Room::Helpers);
    for (to, except, expected) in [
        (&[room][..], &[][..], &["a1", "b"][..]),
        (&[room, Room::Helpers, Room::User(user(2))], &[], &["a1", "b"]),
        (&[Room::User(user(1)), room], &[], &["a1", "a2", "b"]),
        (&[room, Room::Helpers], &[Room::User(user(2))], &["a1"]),
        (&[Room::User(user(9))], &[], &[]),
        (&[], &[], &[]),
    ] {
        assert_eq!(audience(&members, to, except), expected);
    }
}

#[test]
fn a_removed_device_leaves_no_trace() {
    let mut members = three();
    members.enter(MemberId(3), Room::Helpers);
    assert_eq!(members.remove(MemberId(3)), Some("b"));
    assert_eq!(members.remove(MemberId(3)), None);
    members.enter(MemberId(3), Room::Helpers);
    assert!(audience(&members, &[Room::Helpers, Room::User(user(2))], &[]).is_empty());
    assert!(!members.is_online(user(2)) && members.is_online(user(1)));
    members.remove(MemberId(1));
    members.remove(MemberId(2));
    assert!(members.is_empty() && members.rooms.is_empty() && members.expiries.is_empty());
}

#[test]
fn a_room_change_applies_to_all_devices_of_its_user() {
    let mut members = three();
    let rooms = vec![Room::Emergency(emergency(7)), Room::Participants(emergency(7))];
    members.apply(&RoomChange::Enter { user: user(1), rooms: rooms.clone() });
    assert_eq!(audience(&members, &rooms[1..], &[]), ["a1", "a2"]);
    members.leave(MemberId(1), rooms[0]);
    assert_eq!(audience(&members, &rooms[..1], &[]), ["a2"]);
    assert_eq!(audience(&members, &rooms[1..], &[]), ["a1", "a2"]);
    members.apply(&RoomChange::Leave { user: user(1), rooms: rooms.clone() });
    assert!(audience(&members, &rooms, &[]).is_empty());
}

#[test]
fn stop_looking_on_leaves_rooms_without_participation_except_for_administrators() {
    let mut members = three();
    let administrator = Identity { administers: true, ..identity(1, session(13)) };
    members.insert(MemberId(4), administrator, "admin");
    for id in [MemberId(1), MemberId(4)] {
        members.enter(id, Room::Emergency(emergency(7)));
        members.enter(id, Room::Emergency(emergency(8)));
        members.enter(id, Room::Participants(emergency(8)));
    }
    members.apply(&RoomChange::StopLookingOn { user: user(1) });
    assert_eq!(audience(&members, &[Room::Emergency(emergency(7))], &[]), ["admin"]);
    assert_eq!(audience(&members, &[Room::Emergency(emergency(8))], &[]), ["a1", "admin"]);
}

#[test]
fn revoked_sessions_and_blocked_accounts_lose_their_devices() {
    let close = |only: Option<u128>, except: Option<u128>| RoomChange::CloseSessions {
        user: user(1),
        only: only.map(session),
        except: except.map(session),
    };
    for (change, ended) in [
        (close(Some(11), None), vec![("a1", CloseReason::SessionOver)]),
        (close(None, Some(11)), vec![("a2", CloseReason::SessionOver)]),
        (close(Some(99), None), vec![]),
        (close(None, None), vec![("a1", CloseReason::SessionOver), ("a2", CloseReason::SessionOver)]),
        (RoomChange::CloseBlocked { user: user(2) }, vec![("b", CloseReason::Blocked)]),
    ] {
        let mut members = three();
        assert_eq!(members.apply(&change), ended, "{change:?}");
        assert_eq!(members.devices().len(), 3 - ended.len());
    }
}

#[test]
fn devices_are_removed_when_their_tokens_expire() {
    let mut members = three();
    members.insert(MemberId(5), Identity { expires_at: at(50), ..identity(3, session(30)) }, "c");
    assert_eq!(members.next_expiry(), Some(at(50)));
    assert!(members.take_expired(at(49)).is_empty());
    assert_eq!(members.take_expired(at(50)), ["c"]);
    assert_eq!(members.next_expiry(), Some(at(100)));
    assert_eq!(members.take_expired(at(101)).len(), 3);
    assert_eq!(members.next_expiry(), None);
}

#[test]
fn devices_of_one_helper_count_once() {
    let mut members = three();
    for id in 1..=3 {
        members.enter(MemberId(id), Room::Helpers);
    }
    assert_eq!(members.helpers().len(), 2);
}
