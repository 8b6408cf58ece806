//! Tests of the deliveries and the room changes of every event.

use std::collections::BTreeSet;

use super::*;
use crate::{
    EmergencyStatus, Message, Sender, To,
    testing::{
        ADMIN, ALAN, EMERGENCY, GRACE_HOPPER, OWNER, STRANGER, at, call, every_event, helper_card, id, message,
        message_from_helper, message_from_owner,
    },
};

fn room() -> Room {
    Room::Emergency(id(EMERGENCY))
}

fn participants() -> Room {
    Room::Participants(id(EMERGENCY))
}

fn user(n: u128) -> Room {
    Room::User(id(n))
}

fn of_an_emergency(event: Event) -> LoggedEvent {
    LoggedEvent { id: crate::EventId::new(1), at: at(0), emergency: Some(id(EMERGENCY)), actor: Some(id(OWNER)), event }
}

fn of_an_account(event: Event) -> LoggedEvent {
    LoggedEvent { emergency: None, ..of_an_emergency(event) }
}

/// The event in the form in which the use cases append it.
fn logged(event: Event) -> LoggedEvent {
    match event {
        Event::HelperRightsChanged { .. } | Event::SessionsRevoked { .. } | Event::AccountBlocked { .. } => {
            of_an_account(event)
        }
        _ => of_an_emergency(event),
    }
}

fn anyone(to: Vec<Room>, except: Vec<Room>) -> Delivery {
    Delivery { audience: Audience { to, except }, viewer: Viewer::Anyone }
}

fn own(n: u128) -> Delivery {
    Delivery { audience: Audience { to: vec![user(n)], except: vec![] }, viewer: Viewer::User(id(n)) }
}

fn posted(message: Message) -> Event {
    Event::MessagePosted { message }
}

#[test]
fn rooms_have_the_names_of_the_wire() {
    let uuid = "00000000-0000-0000-0000-000000000064";
    for (room, name) in [
        (Room::Helpers, "helpers".to_owned()),
        (Room::CriticalHelpers, "helpers:critical".to_owned()),
        (user(EMERGENCY), format!("user:{uuid}")),
        (room(), format!("emergency:{uuid}")),
        (participants(), format!("emergency:{uuid}:participants")),
        (Room::Dispatchers, "dispatchers".to_owned()),
    ] {
        assert_eq!(room.to_string(), name);
    }
}

#[test]
fn every_event_is_delivered_to_those_concerned() {
    let alerted = || vec![room(), user(GRACE_HOPPER), user(ALAN)];
    for event in every_event() {
        let expected = match &event {
            Event::EmergencyCreated { .. } | Event::EmergencyAnnounced { .. } => {
                vec![anyone(vec![Room::Helpers], vec![user(OWNER)])]
            }
            Event::HelpersAlerted { .. } => vec![own(GRACE_HOPPER), own(ALAN)],
            Event::DetailsDisclosed { .. } | Event::ResponseChecked { .. } => vec![own(GRACE_HOPPER)],
            Event::HelperJoined { .. }
            | Event::HelperStatusUpdated { .. }
            | Event::StatusChanged { .. }
            | Event::EmergencyResolved { .. } => vec![anyone(vec![room()], vec![])],
            Event::EmergencyCancelled { .. } => vec![anyone(alerted(), vec![])],
            Event::EmergencyEnded { .. } => {
                vec![anyone(vec![room(), Room::Helpers, user(GRACE_HOPPER), user(ALAN)], vec![])]
            }
            Event::EmergencyReopened { .. } => vec![anyone(vec![room(), Room::Helpers, user(ALAN)], vec![])],
            Event::EmergencyUpdated { .. } => {
                let to = |user: Room, viewer| Delivery { audience: Audience::of([user]), viewer };
                let mut alerted = to(user(ALAN), Viewer::Alerted);
                alerted.audience.except.push(user(GRACE_HOPPER));
                let others = anyone(vec![room()], vec![user(ALAN), user(GRACE_HOPPER)]);
                vec![others, alerted, to(user(GRACE_HOPPER), Viewer::LookerOn)]
            }
            Event::EmergencyMoved { .. } | Event::RoleAssigned { .. } => {
                vec![anyone(vec![participants()], vec![user(ALAN)])]
            }
            Event::MessagePosted { .. } => vec![own(OWNER), anyone(vec![participants()], vec![user(OWNER)])],
            Event::MessageDeleted { .. } => vec![anyone(vec![user(OWNER), user(GRACE_HOPPER)], vec![])],
            Event::Unanswered { .. } | Event::ContactNotified { .. } => vec![anyone(vec![user(OWNER)], vec![])],
            Event::AlertDeclined { .. }
            | Event::AlertAcknowledged { .. }
            | Event::AlertSeen { .. }
            | Event::AlertsSent { .. }
            | Event::AlertsRenewed
            | Event::EmergencyDeleted
            | Event::HelperRightsChanged { .. }
            | Event::SessionsRevoked { .. }
            | Event::AccountBlocked { .. }
            | Event::UserBlocked(_)
            | Event::UserUnblocked(_) => vec![],
            Event::EmergencyHidden { .. } => vec![anyone(vec![user(ALAN)], vec![])],
            Event::HelperStoodDown { .. } | Event::DeviceLost(_) => vec![anyone(vec![user(GRACE_HOPPER)], vec![])],
        };
        assert_eq!(logged(event.clone()).deliveries(), with_dispatchers(&event, expected), "{}", event.kind());
    }
}

/// These deliveries to others, and the one to dispatchers of an event that they follow.
fn with_dispatchers(event: &Event, mut others: Vec<Delivery>) -> Vec<Delivery> {
    let is_followed = match event {
        Event::EmergencyCreated { .. }
        | Event::EmergencyUpdated { .. }
        | Event::EmergencyMoved { .. }
        | Event::HelperJoined { .. }
        | Event::HelperStatusUpdated { .. }
        | Event::RoleAssigned { .. }
        | Event::StatusChanged { .. }
        | Event::Unanswered { .. }
        | Event::EmergencyResolved { .. }
        | Event::EmergencyCancelled { .. }
        | Event::EmergencyEnded { .. }
        | Event::EmergencyReopened { .. } => true,
        Event::EmergencyAnnounced { .. } => {
            others[0].audience.except.push(Room::Dispatchers);
            false
        }
        _ => false,
    };
    if is_followed {
        for delivery in &mut others {
            delivery.audience.except.push(Room::Dispatchers);
        }
        let audience = Audience::of([Room::Dispatchers]);
        others.push(Delivery { audience, viewer: Viewer::Administrator });
    }
    others
}

#[test]
fn a_dispatcher_in_every_room_gets_what_they_follow_once_and_as_an_administrator() {
    let rooms = [
        Room::Dispatchers,
        Room::Helpers,
        Room::CriticalHelpers,
        room(),
        participants(),
        user(OWNER),
        user(GRACE_HOPPER),
        user(ALAN),
    ];
    let mut followed = 0;
    for event in every_event() {
        let event = logged(event);
        let deliveries = event.deliveries();
        let got: Vec<_> = deliveries.iter().filter(|of| of.audience.includes(|room| rooms.contains(room))).collect();
        if deliveries.iter().any(|of| of.audience.to.contains(&Room::Dispatchers)) {
            followed += 1;
            assert_eq!(got.len(), 1, "{event:?}");
            let stage = event.stage_of(got[0].viewer, false, |room| rooms.contains(room));
            let expected = View { viewer: Viewer::Administrator, stage: Stage::Administrator };
            assert_eq!(event.view(got[0].viewer, stage), expected);
        }
    }
    assert_eq!(followed, 12);
}

#[test]
fn messages_reach_only_their_readers() {
    let to_all_but = |n| anyone(vec![participants()], vec![user(n)]);
    for (message, expected) in [
        (message_from_owner(To::Everyone), vec![own(OWNER), to_all_but(OWNER)]),
        (message_from_helper(GRACE_HOPPER, To::Everyone), vec![own(GRACE_HOPPER), to_all_but(GRACE_HOPPER)]),
        (message(Sender::System, To::Everyone), vec![anyone(vec![participants()], vec![])]),
        (message_from_owner(To::Helper(id(GRACE_HOPPER))), vec![own(GRACE_HOPPER), own(OWNER)]),
        (message_from_helper(GRACE_HOPPER, To::Creator), vec![own(OWNER), own(GRACE_HOPPER)]),
        (message_from_helper(GRACE_HOPPER, To::Owner), vec![own(OWNER), own(GRACE_HOPPER)]),
        (message_from_helper(GRACE_HOPPER, To::Helper(id(ALAN))), vec![own(ALAN), own(GRACE_HOPPER)]),
        (message_from_helper(GRACE_HOPPER, To::Helper(id(GRACE_HOPPER))), vec![own(GRACE_HOPPER)]),
        (message(Sender::System, To::Creator), vec![own(OWNER)]),
    ] {
        assert_eq!(of_an_emergency(posted(message.clone())).deliveries(), expected, "{message:?}");
    }
    let to_all = Event::MessageDeleted { message: id(300), readers: None };
    assert_eq!(of_an_emergency(to_all).deliveries(), [anyone(vec![participants()], vec![])]);
}

#[test]
fn of_events_without_an_emergency_only_a_lost_device_is_delivered() {
    for event in every_event() {
        let expected = match event {
            Event::DeviceLost(_) => vec![anyone(vec![user(GRACE_HOPPER)], vec![])],
            _ => vec![],
        };
        assert_eq!(of_an_account(event).deliveries(), expected);
    }
}

#[test]
fn every_event_moves_those_concerned() {
    let part = || vec![room(), participants()];
    for event in every_event() {
        let expected = match &event {
            Event::EmergencyCreated { .. } => vec![RoomChange::Enter { user: id(OWNER), rooms: part() }],
            Event::HelperJoined { .. } => vec![RoomChange::Enter { user: id(GRACE_HOPPER), rooms: part() }],
            Event::EmergencyReopened { .. } => {
                let enter = |user| RoomChange::Enter { user: id(user), rooms: part() };
                vec![enter(OWNER), enter(GRACE_HOPPER)]
            }
            Event::HelperRightsChanged { .. } => {
                let leave = RoomChange::Leave { user: id(GRACE_HOPPER), rooms: vec![Room::CriticalHelpers] };
                vec![RoomChange::Enter { user: id(GRACE_HOPPER), rooms: vec![Room::Helpers] }, leave]
            }
            Event::SessionsRevoked { .. } => {
                vec![RoomChange::CloseSessions { user: id(GRACE_HOPPER), only: Some(id(400)), except: None }]
            }
            Event::AccountBlocked { .. } => vec![RoomChange::CloseBlocked { user: id(GRACE_HOPPER) }],
            Event::EmergencyHidden { .. } => vec![RoomChange::Leave { user: id(ALAN), rooms: part() }],
            Event::DetailsDisclosed { .. }
            | Event::ResponseChecked { .. }
            | Event::UserBlocked(_)
            | Event::UserUnblocked(_)
            | Event::DeviceLost(_)
            | Event::EmergencyAnnounced { .. }
            | Event::HelpersAlerted { .. }
            | Event::AlertDeclined { .. }
            | Event::AlertAcknowledged { .. }
            | Event::AlertSeen { .. }
            | Event::AlertsSent { .. }
            | Event::ContactNotified { .. }
            | Event::Unanswered { .. }
            | Event::HelperStatusUpdated { .. }
            | Event::RoleAssigned { .. }
            | Event::HelperStoodDown { .. }
            | Event::StatusChanged { .. }
            | Event::EmergencyResolved { .. }
            | Event::EmergencyCancelled { .. }
            | Event::EmergencyEnded { .. }
            | Event::EmergencyUpdated { .. }
            | Event::EmergencyMoved { .. }
            | Event::AlertsRenewed
            | Event::EmergencyDeleted
            | Event::MessagePosted { .. }
            | Event::MessageDeleted { .. } => vec![],
        };
        assert_eq!(logged(event.clone()).room_changes(), expected, "{}", event.kind());
    }
}

#[test]
fn only_a_cancelled_response_takes_a_helper_out_of_the_rooms() {
    for &status in ResponseStatus::ALL {
        let event = Event::HelperStatusUpdated {
            helper: id(GRACE_HOPPER),
            status,
            notes: None,
            estimated_arrival: None,
            updated_at: at(2),
            anonymous: false,
            counts_until: None,
            stalled: false,
        };
        let leaves = RoomChange::Leave { user: id(GRACE_HOPPER), rooms: vec![room(), participants()] };
        let expected = if status == ResponseStatus::Cancelled { vec![leaves] } else { vec![] };
        assert_eq!(of_an_emergency(event).room_changes(), expected, "{status}");
    }
}

#[test]
fn rights_decide_over_the_helpers_room_and_over_looking_on() {
    let user = id(GRACE_HOPPER);
    let enter = |room| RoomChange::Enter { user, rooms: vec![room] };
    let leave = |room| RoomChange::Leave { user, rooms: vec![room] };
    let (all, critical) = (Room::Helpers, Room::CriticalHelpers);
    for (on_duty, critical_only, may_help, expected) in [
        (true, false, true, vec![enter(all), leave(critical)]),
        (false, true, true, vec![leave(all), enter(critical)]),
        (false, false, true, vec![leave(all), leave(critical)]),
        (false, false, false, vec![leave(all), leave(critical), RoomChange::StopLookingOn { user }]),
    ] {
        let event = Event::HelperRightsChanged { user, on_duty, critical_only, may_help };
        assert_eq!(of_an_account(event).room_changes(), expected);
    }
}

#[test]
fn helpers_whom_only_critical_emergencies_reach_hear_of_no_other() {
    let mut heard = BTreeSet::new();
    for is_critical in [true, false] {
        for mut event in every_event() {
            match &mut event {
                Event::EmergencyCreated { call, .. }
                | Event::EmergencyAnnounced { call, .. }
                | Event::EmergencyReopened { call, .. } => {
                    call.details.severity = crate::Severity::new(if is_critical { 8 } else { 7 }).unwrap();
                }
                Event::EmergencyEnded { critical, .. } => *critical = is_critical,
                _ => {}
            }
            let reaches = |room: Room| {
                let deliveries = logged(event.clone()).deliveries();
                deliveries.iter().any(|delivery| delivery.audience.to.contains(&room))
            };
            assert_eq!(reaches(Room::CriticalHelpers), reaches(Room::Helpers) && is_critical, "{}", event.kind());
            heard.extend(reaches(Room::CriticalHelpers).then_some(event.kind()));
        }
    }
    let broadcasts = ["emergency_announced", "emergency_created", "emergency_ended", "emergency_reopened"];
    assert_eq!(heard, BTreeSet::from(broadcasts));
}

#[test]
fn rooms_follow_from_the_relation() {
    for (relation, rooms) in [
        (Relation::Owner, vec![room(), participants()]),
        (Relation::RespondingHelper, vec![room(), participants()]),
        (Relation::Admin, vec![room()]),
        (Relation::Helper, vec![room()]),
        (Relation::Stranger, vec![]),
    ] {
        assert_eq!(rooms_of(relation, id(EMERGENCY)), rooms, "{relation:?}");
    }
}

/// Everyone, in every room they can be in. The owner is a helper on duty for others.
fn everyone_everywhere() -> Vec<(u128, BTreeSet<Room>)> {
    let in_rooms = |n: u128, rooms: &[Room]| (n, rooms.iter().copied().chain([user(n)]).collect());
    vec![
        in_rooms(OWNER, &[Room::Helpers, room(), participants()]),
        in_rooms(GRACE_HOPPER, &[Room::Helpers, room(), participants()]),
        in_rooms(ALAN, &[Room::Helpers, room()]),
        in_rooms(ADMIN, &[room()]),
        in_rooms(STRANGER, &[]),
    ]
}

fn hears(audience: &Audience, rooms: &BTreeSet<Room>) -> bool {
    audience.to.iter().any(|room| rooms.contains(room)) && !audience.except.iter().any(|room| rooms.contains(room))
}

fn hearers(event: Event) -> Vec<u128> {
    let deliveries = logged(event).deliveries();
    let heard = everyone_everywhere().into_iter().flat_map(|(n, rooms)| {
        let times = deliveries.iter().filter(|d| hears(&d.audience, &rooms)).count();
        std::iter::repeat_n(n, times)
    });
    heard.collect()
}

#[test]
fn no_connection_gets_two_deliveries_of_one_event() {
    let tos = [To::Everyone, To::Creator, To::Owner, To::Helper(id(GRACE_HOPPER)), To::Helper(id(ALAN))];
    let messages = tos.into_iter().flat_map(|to| {
        [message_from_owner(to), message_from_helper(GRACE_HOPPER, to), message(Sender::System, to)].map(posted)
    });
    for event in every_event().into_iter().chain(messages) {
        let hearers = hearers(event.clone());
        let once: BTreeSet<_> = hearers.iter().copied().collect();
        assert_eq!(hearers.len(), once.len(), "{event:?}");
    }
}

#[test]
fn an_owner_hears_neither_the_broadcast_nor_the_alerts_of_their_own_call() {
    let created =
        |hidden_from| Event::EmergencyCreated { call: call(), nearby_helpers: 2, hidden_from, announced: true };
    assert_eq!(hearers(created(vec![])), [GRACE_HOPPER, ALAN]);
    assert_eq!(hearers(created(vec![id(ALAN), id(STRANGER)])), [GRACE_HOPPER], "a block hides it from the other");
    let (nearby_helpers, hidden_from, status) = (2, vec![id(ALAN)], EmergencyStatus::Active);
    let announced = Event::EmergencyAnnounced { call: call(), status, nearby_helpers, hidden_from };
    assert_eq!(hearers(announced), [GRACE_HOPPER]);
    let alerted = every_event().into_iter().find(|e| matches!(e, Event::HelpersAlerted { .. })).unwrap();
    assert_eq!(hearers(alerted), [GRACE_HOPPER, ALAN]);
}

#[test]
fn of_an_emergency_that_is_not_announced_only_those_concerned_hear() {
    let call = call();
    let created =
        Event::EmergencyCreated { call: call.clone(), nearby_helpers: 2, hidden_from: vec![], announced: false };
    assert_eq!(hearers(created), [0_u128; 0]);
    for announced in [true, false] {
        let (status, at, hidden_from) = (EmergencyStatus::Resolved, at(1), vec![]);
        let (alerted, participants) = (vec![id(STRANGER)], vec![id(OWNER)]);
        let ended = Event::EmergencyEnded {
            status,
            at,
            alerted: alerted.clone(),
            participants: participants.clone(),
            hidden_from: hidden_from.clone(),
            announced,
            critical: false,
        };
        let call = call.clone();
        let separated = vec![];
        let reopened =
            Event::EmergencyReopened { call, status, at, alerted, participants, hidden_from, separated, announced };
        for event in [ended, reopened] {
            let audience = logged(event).deliveries().remove(0).audience;
            assert!(audience.to.contains(&room()) && audience.to.contains(&user(STRANGER)));
            assert_eq!(audience.to.contains(&Room::Helpers), announced);
        }
    }
}

#[test]
fn a_block_hides_that_an_emergency_goes_on_or_ends() {
    for event in every_event() {
        let hidden = vec![id(STRANGER), id(GRACE_HOPPER)];
        let named = match event.clone() {
            Event::EmergencyEnded { status, at, alerted, participants, .. } => Event::EmergencyEnded {
                status,
                at,
                alerted,
                participants,
                hidden_from: hidden,
                announced: true,
                critical: false,
            },
            Event::EmergencyReopened { call, status, at, alerted, participants, separated, .. } => {
                Event::EmergencyReopened {
                    call,
                    status,
                    at,
                    alerted,
                    participants,
                    separated,
                    hidden_from: hidden,
                    announced: true,
                }
            }
            Event::EmergencyCreated { call, nearby_helpers, .. } => {
                Event::EmergencyCreated { call, nearby_helpers, hidden_from: hidden, announced: true }
            }
            _ => continue,
        };
        let mut expected = hearers(event.clone());
        assert!(expected.contains(&GRACE_HOPPER), "{event:?}");
        expected.retain(|user| *user != GRACE_HOPPER && *user != STRANGER);
        assert_eq!(hearers(named), expected, "{event:?}");
    }
}

#[test]
fn lookers_on_hear_what_goes_to_the_room_and_no_messages() {
    let joined = Event::HelperJoined {
        helper: helper_card(GRACE_HOPPER),
        joined_at: at(1),
        estimated_arrival: None,
        transport: crate::dispatch::Transport::Foot,
        separated_from: vec![],
    };
    assert_eq!(hearers(joined), [OWNER, GRACE_HOPPER, ALAN, ADMIN]);
    let (alerted, participants) = (vec![id(STRANGER)], vec![id(OWNER)]);
    let ended = Event::EmergencyEnded {
        status: EmergencyStatus::Resolved,
        at: at(1),
        alerted,
        participants,
        hidden_from: vec![],
        announced: true,
        critical: false,
    };
    assert_eq!(hearers(ended), [OWNER, GRACE_HOPPER, ALAN, ADMIN, STRANGER]);
    assert_eq!(hearers(posted(message_from_owner(To::Everyone))), [OWNER, GRACE_HOPPER]);
    assert_eq!(hearers(posted(message_from_owner(To::Helper(id(GRACE_HOPPER))))), [OWNER, GRACE_HOPPER]);
}

#[test]
fn owners_are_addressed_only_by_messages_and_what_no_other_user_learns() {
    for event in every_event() {
        let for_owners = matches!(
            event,
            Event::MessagePosted { .. }
                | Event::MessageDeleted { .. }
                | Event::Unanswered { .. }
                | Event::ContactNotified { .. }
        );
        let addressed = logged(event.clone()).deliveries().iter().any(|d| d.audience.to.contains(&user(OWNER)));
        assert_eq!(addressed, for_owners, "{}", event.kind());
    }
}

#[test]
fn unanswered_goes_only_to_the_owner() {
    assert_eq!(hearers(Event::Unanswered { owner: id(OWNER), alerted: 2 }), [OWNER]);
    assert_eq!(hearers(Event::AlertAcknowledged { helper: id(GRACE_HOPPER) }), []);
}

#[test]
fn a_move_goes_to_those_who_take_part_still() {
    let event = of_an_emergency(Event::EmergencyMoved {
        owner: id(OWNER),
        position: call().details.location.position,
        at: at(1),
        finished: vec![id(STRANGER)],
    });
    let rooms = |n: u128| match n {
        OWNER | GRACE_HOPPER | STRANGER => vec![room(), participants(), user(n)],
        ADMIN => vec![Room::Dispatchers, room(), user(n)],
        _ => vec![Room::Helpers, room(), user(n)],
    };
    let stage = |n: u128| {
        let is_in = |room: &Room| rooms(n).contains(room);
        let deliveries = event.deliveries();
        let delivery = deliveries.iter().find(|delivery| delivery.audience.includes(is_in))?;
        Some(event.view(delivery.viewer, event.stage_of(delivery.viewer, n == ADMIN, is_in)).stage)
    };
    assert_eq!([OWNER, GRACE_HOPPER].map(stage), [Some(Stage::Responder); 2]);
    assert_eq!([ADMIN, ALAN, STRANGER].map(stage), [Some(Stage::Administrator), None, None]);
}

#[test]
fn an_update_is_shown_by_the_stage_of_its_recipient() {
    let event = of_an_emergency(Event::EmergencyUpdated {
        call: call(),
        status: EmergencyStatus::Active,
        alerted: vec![id(ALAN), id(GRACE_HOPPER)],
        finished: vec![id(STRANGER)],
    });
    // Of those in the room, the alerted helper Grace responds, and the stranger has finished.
    let rooms = |n: u128| match n {
        OWNER | GRACE_HOPPER | STRANGER => vec![room(), participants(), user(n)],
        ADMIN => vec![room(), user(n)],
        _ => vec![user(n)],
    };
    let stage = |n: u128| {
        let is_in = |room: &Room| rooms(n).contains(room);
        let deliveries = event.deliveries();
        let mut got = deliveries.iter().filter(|delivery| delivery.audience.includes(is_in));
        let delivery = got.next().unwrap();
        assert!(got.next().is_none());
        event.view(delivery.viewer, event.stage_of(delivery.viewer, n == ADMIN, is_in)).stage
    };
    assert_eq!([OWNER, GRACE_HOPPER].map(stage), [Stage::Responder; 2]);
    assert_eq!([ALAN, ADMIN, STRANGER].map(stage), [Stage::Alerted, Stage::Administrator, Stage::LookerOn]);
}
