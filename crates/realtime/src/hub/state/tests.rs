//! Connections that are attached while the log moves on: nothing missed, nothing doubled, nobody where they may not be.

use allynet_domain::{EmergencyId, EmergencyStatus, Event, LoggedEvent, ResponseStatus, SessionId};
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

fn happens(hub: &Hub<&'static str>, seq: i64, event: Event) -> Step<&'static str> {
    let logged =
        LoggedEvent { id: EventId::new(seq), at: Timestamp::UNIX_EPOCH, emergency: Some(call()), actor: None, event };
    hub.advance(&Told::new(logged))
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
    let attached = hub.attach((id, identity), device, &entry, false, |rooms, latest| {
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
    assert_eq!(hub.join(HELPER_DEVICE, user(HELPER), &entry, None), Joined::Outdated);
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
    assert_eq!(hub.join(id, user(HELPER), &entry(10), None), Joined::Outdated);
    assert!(heard(&happens(&hub, 13, changed())).is_empty());
    assert!(matches!(hub.join(id, user(HELPER), &entry(12), None), Joined::Yes(_)));
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
    assert_eq!(hub.attach((MemberId(1), identity), "deaf", &entry, false, |_, _| false), Attached::Refused);
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
    hub.open(EventId::new(42), EventId::new(42), vec![]);
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

// --- coming back

fn event(seq: i64, event: Event) -> Arc<Told> {
    let (id, at) = (EventId::new(seq), Timestamp::UNIX_EPOCH);
    Told::new(LoggedEvent { id, at, emergency: Some(call()), actor: None, event })
}

fn ids(events: &[Arc<Told>]) -> Vec<i64> {
    events.iter().map(|event| event.id().get()).collect()
}

/// Attaches the helper's device, which is to be told what it missed; tells its place.
fn come_back(hub: &Hub<&'static str>, rooms: Vec<Room>) -> i64 {
    let identity = Identity {
        user: user(HELPER),
        session: session(HELPER),
        administers: false,
        expires_at: Timestamp::UNIX_EPOCH + chrono::TimeDelta::days(1),
    };
    let entry = Entry { mark: EventId::new(10), rooms };
    let mut place = 0;
    let attached = hub.attach((HELPER_DEVICE, identity), "helper", &entry, true, |_, latest| {
        place = latest.get();
        true
    });
    assert_eq!(attached, Attached::Yes);
    place
}

/// Releases the device, which takes so many of what was held back; tells what it took.
fn release(hub: &Hub<&'static str>, most: usize) -> (Released, Vec<i64>) {
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

fn joined(hub: &Hub<&'static str>, since: Option<i64>) -> Standing {
    let entry = Entry { mark: EventId::new(10), rooms: vec![Room::Emergency(call())] };
    let since = since.map(|event| Since { event: EventId::new(event), of: call() });
    match hub.join(HELPER_DEVICE, user(HELPER), &entry, since) {
        Joined::Yes(standing) => *standing,
        Joined::Outdated => panic!("outdated"),
    }
}

#[test]
fn what_happens_while_a_client_is_told_what_it_missed_is_held_back_for_it_alone() {
    let hub = hub();
    attach_one(&hub, MemberId(2), OWNER, "owner", 10, rooms_of(OWNER));
    happens(&hub, 11, changed());
    assert_eq!(come_back(&hub, rooms_of(HELPER)), 11);
    for seq in 12..15 {
        assert_eq!(heard(&happens(&hub, seq, changed())), ["owner"]);
    }
    let (released, taken) = release(&hub, 2);
    assert!(matches!(released, Released::Busy));
    assert_eq!(taken, [12, 13]);
    happens(&hub, 15, changed());
    let (released, taken) = release(&hub, 9);
    assert!(matches!(released, Released::Yes));
    assert_eq!(taken, [14, 15]);
    assert_eq!(heard(&happens(&hub, 16, changed())), ["helper", "owner"]);
    assert!(matches!(release(&hub, 9).0, Released::Lost), "nothing is held back any more");
}

#[test]
fn much_that_was_held_back_is_not_told_while_everybody_waits() {
    let hub = hub();
    come_back(&hub, rooms_of(HELPER));
    for seq in 11..=43 {
        happens(&hub, seq, changed());
    }
    let Released::First(first) = release(&hub, 99).0 else { panic!("too few") };
    assert_eq!(first.iter().map(|(event, _)| event.id().get()).collect::<Vec<_>>(), (11..=43).collect::<Vec<_>>());
    happens(&hub, 44, changed());
    assert_eq!(release(&hub, 99).1, [44]);
}

#[test]
fn a_connection_for_which_too_much_was_held_back_is_lost_and_so_is_one_that_ended() {
    let hub = hub();
    come_back(&hub, rooms_of(HELPER));
    for seq in 11..11 + 4097 {
        happens(&hub, seq, changed());
    }
    assert!(matches!(release(&hub, 9999).0, Released::Lost));
    hub.remove(HELPER_DEVICE);
    assert!(matches!(release(&hub, 9999).0, Released::Lost));
}

#[test]
fn whoever_is_shut_out_while_being_told_is_dismissed_at_once() {
    let hub = hub();
    come_back(&hub, rooms_of(HELPER));
    let step = happens(&hub, 11, Event::AccountBlocked { user: user(HELPER) });
    assert_eq!(step.dismissed, [("helper", Farewell::Blocked)]);
    assert!(matches!(release(&hub, 9).0, Released::Lost));
}

#[test]
fn a_room_that_is_joined_anew_knows_what_the_connection_was_told_in_it() {
    let hub = hub();
    attach(&hub, 10, vec![]);
    happens(&hub, 11, changed());
    let standing = joined(&hub, Some(5));
    assert_eq!(standing.place, EventId::new(11));
    assert!(standing.history.is_known_since(EventId::START));
    // Of that emergency everything is held back.
    assert!(heard(&happens(&hub, 12, changed())).is_empty());
    hub.was_told(HELPER_DEVICE, &MembershipHistory::since([Room::Emergency(call())], EventId::new(5)), standing.place);
    assert_eq!(release(&hub, 9).1, [12]);
    hub.leave(HELPER_DEVICE, Room::Emergency(call()));
    happens(&hub, 13, changed());
    let Standing { history, place } = joined(&hub, None);
    let told = |seq| event(seq, changed()).deliveries.iter().any(|d| history.hears(&d.audience, EventId::new(seq)));
    assert_eq!((place.get(), (4..=14).filter(|seq| told(*seq)).collect::<Vec<_>>()), (13, (6..=12).collect()));
    assert_eq!(heard(&happens(&hub, 14, changed())), ["helper"]);
}

#[test]
fn one_who_comes_and_goes_all_the_time_is_not_remembered_for_ever() {
    let hub = hub();
    attach(&hub, 10, vec![]);
    for seq in 11..600 {
        joined(&hub, None);
        happens(&hub, seq, changed());
        hub.leave(HELPER_DEVICE, Room::Emergency(call()));
    }
    let Standing { history, .. } = joined(&hub, None);
    let forgotten = 600 - 1 - 256;
    assert_eq!(history.iter().count(), 256 + 1);
    assert!(history.is_known_since(EventId::new(forgotten)) && !history.is_known_since(EventId::new(forgotten - 1)));
}

#[test]
fn the_newest_events_reach_back_as_far_as_memory_does() {
    let hub: Hub<&'static str> = Hub::new();
    hub.open(EventId::new(10), EventId::new(5), vec![event(7, changed()), event(9, changed())]);
    happens(&hub, 11, changed());
    for (after, up_to, reach, expected) in
        [(9, 11, 9, vec![11]), (5, 10, 5, vec![7, 9]), (2, 11, 5, vec![7, 9, 11]), (11, 11, 11, vec![])]
    {
        let (reached, events) = hub.newest(EventId::new(after), EventId::new(up_to));
        assert_eq!((reached.get(), ids(&events)), (reach, expected));
    }
}

#[tokio::test]
async fn a_place_is_settled_when_all_have_been_sent_what_happened_there() {
    let hub = Arc::new(hub());
    hub.settled(EventId::new(10)).await;
    let waiting = tokio::spawn({
        let hub = Arc::clone(&hub);
        async move { hub.settled(EventId::new(11)).await }
    });
    happens(&hub, 11, changed());
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    hub.settle(EventId::new(11));
    waiting.await.unwrap();
}

#[test]
fn a_client_that_comes_back_while_the_log_moves_gets_everything_once_and_in_order() {
    for round in 0..50 {
        let hub = hub();
        let live = std::sync::Mutex::new(Vec::new());
        let mut told = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for seq in 11..400 {
                    let step = happens(&hub, seq, changed());
                    if !heard(&step).is_empty() {
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
            let at = come_back(&hub, rooms_of(HELPER));
            told.extend(ids(&hub.newest(EventId::new(10), EventId::new(at)).1));
            loop {
                let send = |_: &&str, event: &Arc<Told>, _| {
                    // Nothing that is sent now can be overtaken: everything else waits for the lock.
                    told.push(event.id().get());
                    true
                };
                match hub.release(HELPER_DEVICE, send) {
                    Released::Yes => break,
                    Released::First(events) => told.extend(events.iter().map(|(event, _)| event.id().get())),
                    Released::Busy | Released::Lost => panic!("it takes everything"),
                }
            }
        });
        told.extend(live.into_inner().unwrap());
        assert_eq!(told, (11..400).collect::<Vec<_>>());
    }
}
