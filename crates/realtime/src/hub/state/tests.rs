//! Attaching, joining and replaying while the log advances: no event is missed or sent twice, and no room is entered
//! without a right to it.

use allynet_domain::{EmergencyId, EmergencyStatus, Event, LoggedEvent, ResponseStatus, SessionId, Viewer};
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
    hub.open(EventId::new(10), EventId::new(10), vec![]);
    hub
}

fn advance(hub: &Hub<&'static str>, seq: i64, event: Event) -> Fanout<&'static str> {
    let logged =
        LoggedEvent { id: EventId::new(seq), at: Timestamp::UNIX_EPOCH, emergency: Some(call()), actor: None, event };
    hub.advance(&LogEntry::new(logged))
}

fn duty(on_duty: bool) -> Event {
    Event::HelperRightsChanged { user: user(HELPER), on_duty, critical_only: false, may_help: on_duty }
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
        anonymous: false,
        counts_until: None,
        stalled: false,
    }
}

fn changed() -> Event {
    Event::StatusChanged { status: EmergencyStatus::Active, updated_at: Timestamp::UNIX_EPOCH }
}

fn revoked(only: u128) -> Event {
    Event::SessionsRevoked { user: user(HELPER), only: Some(session(only)), except: None, former: None }
}

/// Attaches the helper's device with rooms read after `mark`; returns its greeting.
fn attach(hub: &Hub<&'static str>, mark: i64, rooms: Vec<Room>) -> (Attachment, Option<(Vec<Room>, i64)>) {
    attach_one(hub, HELPER_DEVICE, HELPER, "helper", mark, rooms)
}

fn attach_one(
    hub: &Hub<&'static str>,
    id: MemberId,
    who: u128,
    device: &'static str,
    mark: i64,
    rooms: Vec<Room>,
) -> (Attachment, Option<(Vec<Room>, i64)>) {
    let identity = Identity {
        user: user(who),
        session: session(who),
        administers: false,
        expires_at: Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(1),
    };
    let entry = RoomSnapshot { read_after: EventId::new(mark), rooms };
    let mut greeting = None;
    let attached = hub.attach((id, identity), device, &entry, false, |rooms, latest| {
        greeting = Some((rooms.to_vec(), latest.get()));
        true
    });
    (attached, greeting)
}

fn recipients(step: &Fanout<&'static str>) -> Vec<&'static str> {
    step.addressed.iter().chain(&step.others).flat_map(|(_, devices)| devices).map(|(_, device)| *device).collect()
}

#[test]
fn a_connection_is_sent_exactly_the_events_after_the_position_in_its_greeting() {
    let hub = hub();
    assert!(recipients(&advance(&hub, 11, changed())).is_empty());
    let (attached, greeting) = attach(&hub, 10, rooms_of(HELPER));
    assert_eq!((attached, greeting), (Attachment::Attached, Some((rooms_of(HELPER), 11))));
    assert_eq!(recipients(&advance(&hub, 12, changed())), ["helper"]);
}

#[test]
fn room_changes_during_the_handshake_are_applied() {
    for (events, mark, read, expected) in [
        (vec![duty(true)], 10, vec![], vec![Room::User(user(HELPER)), Room::Helpers]),
        (vec![duty(true), duty(false)], 10, vec![], vec![Room::User(user(HELPER))]),
        (vec![duty(false)], 10, vec![Room::Helpers], vec![Room::User(user(HELPER))]),
        (vec![duty(false), duty(true)], 11, vec![], vec![Room::User(user(HELPER)), Room::Helpers]),
        (vec![cancels()], 10, rooms_of(HELPER), vec![Room::User(user(HELPER))]),
        // The snapshot contains the change already.
        (vec![cancels()], 11, rooms_of(HELPER), rooms_of(HELPER)),
        // Of another user.
        (vec![Event::AccountBlocked { user: user(OWNER) }], 10, vec![], vec![Room::User(user(HELPER))]),
    ] {
        let hub = hub();
        let count = i64::try_from(events.len()).unwrap();
        for (seq, event) in (11..).zip(events.clone()) {
            advance(&hub, seq, event);
        }
        let (attached, greeting) = attach(&hub, mark, read);
        assert_eq!((attached, greeting), (Attachment::Attached, Some((expected, 10 + count))), "{events:?}");
    }
}

#[test]
fn a_user_blocked_or_revoked_during_the_handshake_is_not_attached() {
    for (event, expected) in [
        (Event::AccountBlocked { user: user(HELPER) }, Attachment::Closed(CloseReason::Blocked)),
        (revoked(HELPER), Attachment::Closed(CloseReason::SessionOver)),
        (revoked(99), Attachment::Attached),
    ] {
        let hub = hub();
        advance(&hub, 11, event.clone());
        let (attached, greeting) = attach(&hub, 10, vec![]);
        let is_in = attached == Attachment::Attached;
        assert_eq!(attached, expected, "{event:?}");
        assert_eq!((greeting.is_some(), hub.is_online(user(HELPER))), (is_in, is_in));
    }
}

#[test]
fn a_snapshot_older_than_the_ring_is_outdated() {
    let hub = hub();
    for seq in 11..=11 + i64::try_from(RING_CAPACITY).unwrap() {
        advance(&hub, seq, changed());
    }
    assert_eq!(attach(&hub, 10, vec![]), (Attachment::Outdated, None));
    assert!(!hub.is_online(user(HELPER)));
    assert_eq!(attach(&hub, 11, vec![]).0, Attachment::Attached);
    let entry = RoomSnapshot { read_after: EventId::new(10), rooms: vec![] };
    assert_eq!(hub.join(HELPER_DEVICE, user(HELPER), &entry, false), JoinOutcome::Outdated);
}

#[test]
fn an_event_is_sent_to_those_it_removes_from_a_room_and_those_it_puts_in() {
    let hub = hub();
    attach(&hub, 10, rooms_of(HELPER));
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    assert_eq!(recipients(&advance(&hub, 11, cancels())), ["helper", "owner"]);
    assert_eq!(recipients(&advance(&hub, 12, changed())), ["owner"]);
}

#[test]
fn a_room_is_joined_only_if_the_users_rooms_did_not_change_since_the_snapshot() {
    let hub = hub();
    let id = HELPER_DEVICE;
    attach(&hub, 10, vec![]);
    let entry = |mark| RoomSnapshot { read_after: EventId::new(mark), rooms: vec![Room::Emergency(call())] };
    advance(&hub, 11, changed());
    advance(&hub, 12, duty(false));
    assert_eq!(hub.join(id, user(HELPER), &entry(10), false), JoinOutcome::Outdated);
    assert!(recipients(&advance(&hub, 13, changed())).is_empty());
    assert!(matches!(hub.join(id, user(HELPER), &entry(12), false), JoinOutcome::Joined(_)));
    assert_eq!(recipients(&advance(&hub, 14, changed())), ["helper"]);
    advance(&hub, 15, duty(false));
    assert!(recipients(&advance(&hub, 16, changed())).is_empty());
}

#[test]
fn closed_connections_are_returned_and_sent_nothing_more() {
    let hub = hub();
    attach(&hub, 10, rooms_of(HELPER));
    let step = advance(&hub, 11, Event::AccountBlocked { user: user(HELPER) });
    assert_eq!(step.closed, [("helper", CloseReason::Blocked)]);
    assert!(recipients(&advance(&hub, 12, changed())).is_empty());
}

#[test]
fn a_connection_whose_greeting_fails_is_not_attached() {
    let hub = hub();
    let identity =
        Identity { user: user(1), session: session(1), administers: false, expires_at: Timestamp::UNIX_EPOCH };
    let entry = RoomSnapshot { read_after: EventId::new(10), rooms: vec![] };
    assert_eq!(hub.attach((MemberId(1), identity), "unreachable", &entry, false, |_, _| false), Attachment::Refused);
    assert!(!hub.is_online(user(1)));
}

#[tokio::test]
async fn no_connection_is_attached_before_the_log_is_followed_or_after_closing() {
    let hub: Arc<Hub<&'static str>> = Arc::new(Hub::new());
    let waiting = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.position().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished() && !hub.progress.is_following());
    hub.open(EventId::new(42), EventId::new(42), vec![]);
    assert_eq!(waiting.await.unwrap(), EventId::new(42));
    assert!(hub.progress.is_following());

    attach(&hub, 42, vec![]);
    assert_eq!(hub.close(), ["helper"]);
    assert_eq!(attach_one(&hub, MemberId(2), OWNER, "owner", 42, vec![]).0, Attachment::Refused);
    let emptied = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.until_empty().await }
    });
    tokio::task::yield_now().await;
    assert!(!emptied.is_finished());
    hub.remove(HELPER_DEVICE);
    emptied.await.unwrap();
}

// --- replay

fn event(seq: i64, event: Event) -> Arc<LogEntry> {
    let (id, at) = (EventId::new(seq), Timestamp::UNIX_EPOCH);
    LogEntry::new(LoggedEvent { id, at, emergency: Some(call()), actor: None, event })
}

fn ids(events: &[Arc<LogEntry>]) -> Vec<i64> {
    events.iter().map(|event| event.id().get()).collect()
}

/// Attaches the helper's device for a replay; returns the position in its greeting.
fn attach_for_replay(hub: &Hub<&'static str>, rooms: Vec<Room>) -> i64 {
    let identity = Identity {
        user: user(HELPER),
        session: session(HELPER),
        administers: false,
        expires_at: Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(1),
    };
    let entry = RoomSnapshot { read_after: EventId::new(10), rooms };
    let mut place = 0;
    let attached = hub.attach((HELPER_DEVICE, identity), "helper", &entry, true, |_, latest| {
        place = latest.get();
        true
    });
    assert_eq!(attached, Attachment::Attached);
    place
}

/// Releases the device, which accepts at most `most` events; returns the outcome and the events it accepted.
fn release(hub: &Hub<&'static str>, most: usize) -> (Release, Vec<i64>) {
    let mut taken = Vec::new();
    let released = hub.release(HELPER_DEVICE, |_, event, _| {
        let has_room = taken.len() < most;
        if has_room {
            taken.push(event.id().get());
        }
        has_room
    });
    (released, taken)
}

fn joined(hub: &Hub<&'static str>, replays: bool) -> JoinPoint {
    let entry = RoomSnapshot { read_after: EventId::new(10), rooms: vec![Room::Emergency(call())] };
    match hub.join(HELPER_DEVICE, user(HELPER), &entry, replays) {
        JoinOutcome::Joined(point) => *point,
        JoinOutcome::Outdated => panic!("outdated"),
    }
}

#[test]
fn events_during_a_replay_are_held_back_for_that_connection_only() {
    let hub = hub();
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    advance(&hub, 11, changed());
    assert_eq!(attach_for_replay(&hub, rooms_of(HELPER)), 11);
    for seq in 12..15 {
        assert_eq!(recipients(&advance(&hub, seq, changed())), ["owner"]);
    }
    let (released, taken) = release(&hub, 2);
    assert!(matches!(released, Release::Busy));
    assert_eq!(taken, [12, 13]);
    advance(&hub, 15, changed());
    let (released, taken) = release(&hub, 9);
    assert!(matches!(released, Release::Live));
    assert_eq!(taken, [14, 15]);
    assert_eq!(recipients(&advance(&hub, 16, changed())), ["helper", "owner"]);
    assert!(matches!(release(&hub, 9).0, Release::Lost), "nothing is held back any more");
}

#[test]
fn events_of_other_emergencies_are_held_back_during_the_replay_of_a_room() {
    let hub = hub();
    attach(&hub, 10, vec![Room::Helpers]);
    joined(&hub, true);
    advance(&hub, 11, changed());
    let ended = Event::EmergencyEnded {
        status: EmergencyStatus::Cancelled,
        at: Timestamp::UNIX_EPOCH,
        alerted: vec![],
        participants: vec![],
        hidden_from: vec![],
        announced: true,
        critical: false,
    };
    let (id, at, emergency) = (EventId::new(12), Timestamp::UNIX_EPOCH, Some(Uuid::from_u128(8).into()));
    let of_another = LoggedEvent { id, at, emergency, actor: None, event: ended };
    assert!(recipients(&hub.advance(&LogEntry::new(of_another))).is_empty());
    assert_eq!(release(&hub, 9).1, [11, 12]);
}

#[test]
fn helpers_on_duty_are_the_others_unless_the_event_is_addressed_to_them() {
    let hub = hub();
    attach(&hub, 10, vec![Room::Helpers]);
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    attach_one(&hub, MemberId(3), 3, "alerted", 10, vec![Room::Helpers]);
    let (status, at) = (EmergencyStatus::Cancelled, Timestamp::UNIX_EPOCH);
    let ended = Event::EmergencyEnded {
        status,
        at,
        alerted: vec![user(3)],
        participants: vec![user(OWNER)],
        hidden_from: vec![],
        announced: true,
        critical: false,
    };
    let step = advance(&hub, 11, ended);
    let view = View { viewer: Viewer::Anyone, stage: Stage::LookerOn };
    assert_eq!(step.addressed, [(view, vec![(MemberId(2), "owner"), (MemberId(3), "alerted")])]);
    assert_eq!(step.others, [(view, vec![(HELPER_DEVICE, "helper")])]);
}

#[test]
fn many_held_back_events_are_not_sent_under_the_lock() {
    let hub = hub();
    attach_for_replay(&hub, rooms_of(HELPER));
    for seq in 11..=43 {
        advance(&hub, seq, changed());
    }
    let Release::SendFirst(first) = release(&hub, 99).0 else { panic!("too few") };
    assert_eq!(first.iter().map(|(event, _)| event.id().get()).collect::<Vec<_>>(), (11..=43).collect::<Vec<_>>());
    advance(&hub, 44, changed());
    assert_eq!(release(&hub, 99).1, [44]);
}

#[test]
fn a_connection_is_lost_when_too_much_was_held_back_or_it_ended() {
    let hub = hub();
    attach_for_replay(&hub, rooms_of(HELPER));
    for seq in 11..11 + 4097 {
        advance(&hub, seq, changed());
    }
    assert!(matches!(release(&hub, 9999).0, Release::Lost));
    hub.remove(HELPER_DEVICE);
    assert!(matches!(release(&hub, 9999).0, Release::Lost));
}

#[test]
fn a_user_blocked_during_a_replay_is_closed_at_once() {
    let hub = hub();
    attach_for_replay(&hub, rooms_of(HELPER));
    let step = advance(&hub, 11, Event::AccountBlocked { user: user(HELPER) });
    assert_eq!(step.closed, [("helper", CloseReason::Blocked)]);
    assert!(matches!(release(&hub, 9).0, Release::Lost));
}

#[test]
fn joining_a_room_again_reports_what_the_connection_was_sent_in_it() {
    let hub = hub();
    attach(&hub, 10, vec![]);
    advance(&hub, 11, changed());
    let point = joined(&hub, true);
    assert_eq!((point.position, point.history.is_known_since(EventId::START)), (EventId::new(11), true));
    // All events are held back.
    assert!(recipients(&advance(&hub, 12, changed())).is_empty());
    let replayed = MembershipHistory::since([Room::Emergency(call())], EventId::new(5));
    hub.prepend_history(HELPER_DEVICE, &replayed, point.position);
    assert_eq!(release(&hub, 9).1, [12]);
    hub.leave(HELPER_DEVICE, Room::Emergency(call()));
    advance(&hub, 13, changed());
    let JoinPoint { history, position, .. } = joined(&hub, false);
    let sent = |seq| event(seq, changed()).deliveries.iter().any(|d| history.receives(&d.audience, EventId::new(seq)));
    assert_eq!((position.get(), (4..=14).filter(|seq| sent(*seq)).collect::<Vec<_>>()), (13, (6..=12).collect()));
    assert_eq!(recipients(&advance(&hub, 14, changed())), ["helper"]);
}

#[test]
fn remembered_memberships_are_bounded() {
    let hub = hub();
    attach(&hub, 10, vec![]);
    for seq in 11..600 {
        joined(&hub, false);
        advance(&hub, seq, changed());
        hub.leave(HELPER_DEVICE, Room::Emergency(call()));
    }
    let JoinPoint { history, .. } = joined(&hub, false);
    let known_since = 600 - 1 - 256;
    assert_eq!(history.iter().count(), 256 + 1);
    assert!(history.is_known_since(EventId::new(known_since)));
    assert!(!history.is_known_since(EventId::new(known_since - 1)));
}

#[test]
fn newest_returns_events_as_far_back_as_the_ring_reaches() {
    let hub: Hub<&'static str> = Hub::new();
    hub.open(EventId::new(10), EventId::new(5), vec![event(7, changed()), event(9, changed())]);
    advance(&hub, 11, changed());
    for (after, up_to, reach, expected) in
        [(9, 11, 9, vec![11]), (5, 10, 5, vec![7, 9]), (2, 11, 5, vec![7, 9, 11]), (11, 11, 11, vec![])]
    {
        let (reached, events) = hub.newest(EventId::new(after), EventId::new(up_to));
        assert_eq!((reached.get(), ids(&events)), (reach, expected));
    }
}

#[tokio::test]
async fn until_delivered_waits_for_the_delivery_of_the_event() {
    let hub = Arc::new(hub());
    hub.progress.until_delivered(EventId::new(10)).await;
    let waiting = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.progress.until_delivered(EventId::new(11)).await }
    });
    advance(&hub, 11, changed());
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    hub.progress.delivered(EventId::new(11));
    waiting.await.unwrap();
}

#[test]
fn a_replay_concurrent_with_the_log_delivers_every_event_once_in_order() {
    for round in 0..50 {
        let hub = hub();
        let live = std::sync::Mutex::new(Vec::new());
        let mut delivered = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for seq in 11..400 {
                    let step = advance(&hub, seq, changed());
                    if !recipients(&step).is_empty() {
                        live.lock().unwrap().push(seq);
                    }
                    if seq % 16 == round % 16 {
                        std::thread::yield_now();
                    }
                }
            });
            while hub.newest(EventId::new(10), EventId::new(9999)).1.len() < 50 {
                std::thread::yield_now();
            }
            let at = attach_for_replay(&hub, rooms_of(HELPER));
            delivered.extend(ids(&hub.newest(EventId::new(10), EventId::new(at)).1));
            loop {
                let send = |_: &&str, event: &Arc<LogEntry>, _| {
                    // Runs under the lock: no live event can overtake it.
                    delivered.push(event.id().get());
                    true
                };
                match hub.release(HELPER_DEVICE, send) {
                    Release::Live => break,
                    Release::SendFirst(events) => delivered.extend(events.iter().map(|(event, _)| event.id().get())),
                    Release::Busy | Release::Lost => panic!("every event is accepted"),
                }
            }
        });
        delivered.extend(live.into_inner().unwrap());
        assert_eq!(delivered, (11..400).collect::<Vec<_>>());
    }
}

/// The stage in which each device is sent an event.
fn stages(step: &Fanout<&'static str>) -> Vec<(&'static str, Stage)> {
    let mut stages: Vec<_> = step
        .addressed
        .iter()
        .chain(&step.others)
        .flat_map(|(view, devices)| devices.iter().map(|(_, device)| (*device, view.stage)))
        .collect();
    stages.sort_unstable_by_key(|(device, _)| *device);
    stages
}

#[test]
fn participants_and_lookers_on_of_one_room_are_sent_their_own_views() {
    let hub = hub();
    attach(&hub, 10, rooms_of(HELPER));
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    attach_one(&hub, MemberId(3), 3, "looker-on", 10, vec![Room::User(user(3)), Room::Emergency(call())]);
    let [participant, looker_on] = [Stage::Responder, Stage::LookerOn];
    // The view of a helper who cancels changes with the next event, not with this one.
    assert_eq!(
        stages(&advance(&hub, 11, cancels())),
        [("helper", participant), ("looker-on", looker_on), ("owner", participant)]
    );
    assert_eq!(stages(&advance(&hub, 12, cancels())), [("looker-on", looker_on), ("owner", participant)]);
    // One view for all, where it makes no difference.
    assert_eq!(stages(&advance(&hub, 13, changed())), [("looker-on", looker_on), ("owner", looker_on)]);
    let snapshot = RoomSnapshot { read_after: EventId::new(13), rooms: vec![Room::Emergency(call())] };
    let JoinOutcome::Joined(joined) = hub.join(HELPER_DEVICE, user(HELPER), &snapshot, false) else {
        panic!("not joined")
    };
    assert_eq!(joined.stage, looker_on);
    assert_eq!(
        stages(&advance(&hub, 14, cancels())),
        [("helper", looker_on), ("looker-on", looker_on), ("owner", participant)]
    );
}

#[test]
fn a_held_back_event_is_sent_in_the_view_of_the_moment_when_it_is_released() {
    let hub = hub();
    attach(&hub, 10, rooms_of(HELPER));
    hub.state.lock().members.hold_back(HELPER_DEVICE);
    advance(&hub, 11, cancels());
    let mut sent = Vec::new();
    hub.release(HELPER_DEVICE, |_, entry, view| {
        sent.push((entry.id().get(), view.stage));
        true
    });
    assert_eq!(sent, [(11, Stage::LookerOn)]);
}

#[test]
fn an_emergency_that_goes_on_after_a_block_is_left_by_those_who_looked_on_before() {
    let hub = hub();
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    attach(&hub, 10, vec![Room::User(user(HELPER)), Room::Helpers, Room::Emergency(call())]);
    let reopened = |hidden_from: Vec<UserId>| Event::EmergencyReopened {
        call: allynet_domain::testing::call(),
        status: EmergencyStatus::Active,
        at: Timestamp::UNIX_EPOCH,
        alerted: vec![],
        participants: vec![user(OWNER)],
        separated: vec![],
        hidden_from,
        announced: true,
    };
    assert_eq!(recipients(&advance(&hub, 11, reopened(vec![]))), ["helper", "owner"]);
    assert_eq!(recipients(&advance(&hub, 12, changed())), ["helper", "owner"]);
    assert_eq!(recipients(&advance(&hub, 13, reopened(vec![user(HELPER)]))), ["owner"]);
    assert_eq!(recipients(&advance(&hub, 14, changed())), ["owner"]);
}
