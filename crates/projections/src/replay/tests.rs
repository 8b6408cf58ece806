//! Which missed events a user is entitled to: one table of histories, and the memberships that follow from each.

use allynet_domain::{EmergencyStatus, Event, Message, ResponseStatus, Sender, To, Viewer};

use super::*;
use allynet_domain::testing::{
    ADMIN, ALAN, EMERGENCY, GRACE_HOPPER, OWNER, STRANGER, at, call, every_event, helper_card, id, message,
    message_from_helper, message_from_owner,
};

fn room() -> Room {
    Room::Emergency(id(EMERGENCY))
}

fn participants() -> Room {
    Room::Participants(id(EMERGENCY))
}

fn logged(seq: i64, event: Event) -> LoggedEvent {
    let emergency = match &event {
        Event::HelperRightsChanged { .. }
        | Event::SessionsRevoked { .. }
        | Event::DeviceLost(_)
        | Event::AccountBlocked { .. }
        | Event::UserBlocked(_)
        | Event::UserUnblocked(_) => None,
        _ => Some(id(EMERGENCY)),
    };
    LoggedEvent { id: EventId::new(seq), at: at(0), emergency, actor: None, event }
}

fn created() -> Event {
    Event::EmergencyCreated { call: call(), nearby_helpers: 2, hidden_from: vec![], announced: true }
}

fn alerted() -> Event {
    every_event().into_iter().find(|event| matches!(event, Event::HelpersAlerted { .. })).unwrap()
}

fn joined(n: u128) -> Event {
    Event::HelperJoined {
        helper: helper_card(n),
        joined_at: at(1),
        estimated_arrival: None,
        transport: allynet_domain::dispatch::Transport::Foot,
        separated_from: vec![],
    }
}

fn updated(n: u128, status: ResponseStatus) -> Event {
    Event::HelperStatusUpdated {
        helper: id(n),
        status,
        notes: None,
        estimated_arrival: None,
        updated_at: at(2),
        anonymous: false,
        counts_until: None,
        stalled: false,
    }
}

fn changed() -> Event {
    Event::StatusChanged { status: EmergencyStatus::Responding, updated_at: at(1) }
}

fn ended(participants: &[u128]) -> Event {
    let participants = participants.iter().map(|&n| id(n)).collect();
    Event::EmergencyEnded {
        status: EmergencyStatus::Resolved,
        at: at(9),
        alerted: vec![id(ALAN)],
        participants,
        hidden_from: vec![],
        announced: true,
        critical: false,
    }
}

fn posted(message: Message) -> Event {
    Event::MessagePosted { message }
}

/// The rooms of a participant.
fn in_part() -> Vec<Room> {
    vec![room(), participants()]
}

/// Walks back over all events from number 1 on. Returns the numbers of those heard, and the memberships meanwhile.
fn missed(n: u128, rooms: Vec<Room>, events: &[Event]) -> (Vec<i64>, MembershipHistory) {
    let rooms = rooms.into_iter().chain([Room::User(id(n))]).collect();
    let mut replay = Replay::new(id(n), false, rooms, at(100));
    let mut heard = Vec::new();
    for (seq, event) in (1..).zip(events).collect::<Vec<_>>().into_iter().rev() {
        let event = logged(seq, event.clone());
        if replay.step_back(&event, &event.deliveries(), &event.room_changes()).is_some() {
            heard.push(seq);
        }
    }
    heard.reverse();
    (heard, replay.into_history(EventId::START))
}

#[test]
fn a_user_who_was_away_is_entitled_to_what_they_would_have_heard() {
    let whole = [
        created(),                                              // 1
        alerted(),                                              // 2: Grace and Alan
        joined(GRACE_HOPPER),                                   // 3
        changed(),                                              // 4
        posted(message_from_owner(To::Everyone)),               // 5
        updated(GRACE_HOPPER, ResponseStatus::OnWay),           // 6
        posted(message_from_helper(GRACE_HOPPER, To::Creator)), // 7
        updated(GRACE_HOPPER, ResponseStatus::Cancelled),       // 8
        changed(),                                              // 9
        posted(message_from_owner(To::Everyone)),               // 10
    ];
    let over = [&whole[..7], &[ended(&[OWNER, GRACE_HOPPER])]].concat();
    let on_duty = || vec![Room::Helpers];
    for (name, who, rooms, events, expected) in [
        ("the owner", OWNER, in_part(), &whole[..], vec![3, 4, 5, 6, 7, 8, 9, 10]),
        ("an owner on duty", OWNER, [in_part(), on_duty()].concat(), &whole, vec![3, 4, 5, 6, 7, 8, 9, 10]),
        ("a helper who cancelled", GRACE_HOPPER, on_duty(), &whole, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        ("a helper who cancelled and is off duty", GRACE_HOPPER, vec![], &whole, vec![2, 3, 4, 5, 6, 7, 8]),
        ("a responding helper", GRACE_HOPPER, in_part(), &whole[..7], vec![2, 3, 4, 5, 6, 7]),
        ("a responding helper who missed the end only", GRACE_HOPPER, in_part(), &whole[5..7], vec![1, 2]),
        ("an alerted helper on duty", ALAN, on_duty(), &whole, vec![1, 2]),
        ("an alerted helper off duty", ALAN, vec![], &whole, vec![2]),
        ("a helper on duty elsewhere", STRANGER, on_duty(), &whole, vec![1]),
        ("a stranger", STRANGER, vec![], &whole, vec![]),
        ("an administrator", ADMIN, vec![], &whole, vec![]),
        ("the owner of one that ended", OWNER, vec![], &over, vec![3, 4, 5, 6, 7, 8]),
        ("a helper of one that ended", GRACE_HOPPER, vec![], &over, vec![2, 3, 4, 5, 6, 7, 8]),
        ("a helper who was alerted to one that ended", ALAN, vec![], &over, vec![2, 8]),
        ("a helper on duty elsewhere, of one that ended", STRANGER, on_duty(), &over, vec![1, 8]),
        ("a stranger to one that ended", STRANGER, vec![], &over, vec![]),
    ] {
        assert_eq!(missed(who, rooms, events).0, expected, "{name}");
    }
}

#[test]
fn a_block_hides_what_was_missed_but_for_the_end_that_it_looks_like() {
    let hidden = |n| Event::EmergencyHidden { user: id(n), at: at(3) };
    let block = |by, user| BlockedPair { by: id(by), user: id(user) };
    let cut_off = [
        created(),                                        // 1
        alerted(),                                        // 2: Grace and Alan
        joined(GRACE_HOPPER),                             // 3
        posted(message_from_owner(To::Everyone)),         // 4
        Event::UserBlocked(block(OWNER, GRACE_HOPPER)),   // 5
        updated(GRACE_HOPPER, ResponseStatus::Cancelled), // 6
        hidden(GRACE_HOPPER),                             // 7
        hidden(STRANGER),                                 // 8
        ended(&[OWNER]),                                  // 9
    ];
    let on_duty = || vec![Room::Helpers];
    let events = &cut_off[..8];
    assert_eq!(missed(GRACE_HOPPER, on_duty(), events).0, [7]);
    assert_eq!(missed(ALAN, on_duty(), events).0, [1, 2], "the block of another is no news");
    assert_eq!(missed(STRANGER, on_duty(), events).0, [8]);
    assert_eq!(missed(OWNER, in_part(), &cut_off).0, [3, 4, 6, 9]);

    // One that was live again after the block.
    let reopened = |hidden_from: &[u128]| {
        let hidden_from = hidden_from.iter().copied().map(id).collect();
        let mut event = every_event().into_iter().find(|e| matches!(e, Event::EmergencyReopened { .. })).unwrap();
        let Event::EmergencyReopened { hidden_from: named, .. } = &mut event else { unreachable!() };
        *named = hidden_from;
        event
    };
    let again =
        |hidden: &[u128]| [created(), joined(ALAN), changed(), ended(&[OWNER, ALAN]), reopened(hidden), changed()];
    assert_eq!(missed(STRANGER, on_duty(), &again(&[STRANGER])).0, [4], "a device that rings is told of the end");
    assert_eq!(missed(STRANGER, on_duty(), &again(&[])).0, [1, 4, 5]);

    // Of one that ended before the block, there is no event that hides it.
    let over = |block| [created(), alerted(), Event::UserBlocked(block)];
    for (block, heard) in [
        (block(OWNER, ALAN), vec![]),
        (block(ALAN, OWNER), vec![]),
        (block(ALAN, GRACE_HOPPER), vec![1, 2]),
        (block(GRACE_HOPPER, OWNER), vec![1, 2]),
    ] {
        assert_eq!(missed(ALAN, on_duty(), &over(block)).0, heard, "{block:?}");
        let is_over = [over(block).to_vec(), vec![Event::UserUnblocked(block)]].concat();
        assert_eq!(missed(ALAN, on_duty(), &is_over).0, [1, 2], "{block:?}");
    }
}

#[test]
fn each_participation_in_an_emergency_counts_alone() {
    let events = [
        joined(GRACE_HOPPER),
        posted(message_from_owner(To::Everyone)),
        updated(GRACE_HOPPER, ResponseStatus::Cancelled),
        posted(message_from_owner(To::Everyone)),
        joined(GRACE_HOPPER),
        posted(message_from_owner(To::Everyone)),
    ];
    assert_eq!(missed(GRACE_HOPPER, in_part(), &events).0, [1, 2, 3, 5, 6]);
    let again = [&events[..], &[updated(GRACE_HOPPER, ResponseStatus::Cancelled), changed()]].concat();
    assert_eq!(missed(GRACE_HOPPER, vec![], &again).0, [1, 2, 3, 5, 6, 7]);
}

#[test]
fn an_end_without_participants_is_replayed_to_no_user() {
    let events = [changed(), posted(message_from_owner(To::Everyone)), ended(&[])];
    assert_eq!(missed(OWNER, vec![], &events).0, [2], "the sender is addressed by their own room");
    assert_eq!(missed(GRACE_HOPPER, vec![], &events).0, Vec::<i64>::new());
}

#[test]
fn broadcasts_are_replayed_to_users_who_are_on_duty_now() {
    let rights =
        |on_duty| Event::HelperRightsChanged { user: id(STRANGER), on_duty, critical_only: false, may_help: true };
    let events = [created(), rights(false), created(), rights(true), created()];
    assert_eq!(missed(STRANGER, vec![Room::Helpers], &events).0, [1, 3, 5]);
    let events = [created(), rights(true), created(), rights(false), created()];
    assert_eq!(missed(STRANGER, vec![], &events).0, Vec::<i64>::new());
}

#[test]
fn of_the_emergencies_of_others_a_user_who_may_not_help_any_more_is_told_nothing_but_their_end() {
    let rights = |may_help| Event::HelperRightsChanged {
        user: id(GRACE_HOPPER),
        on_duty: may_help,
        critical_only: false,
        may_help,
    };
    let begin = [created(), alerted(), joined(GRACE_HOPPER), posted(message_from_owner(To::Everyone))];
    let cancelled = updated(GRACE_HOPPER, ResponseStatus::Cancelled);
    // Rejected while she responded, and after the emergency had ended.
    let responding = [&begin[..], &[cancelled, rights(false)]].concat();
    let over = [&begin[..], &[ended(&[OWNER, GRACE_HOPPER]), rights(false)]].concat();
    for (events, heard, with_rights) in [(responding, vec![], vec![2, 3, 4, 5]), (over, vec![5], vec![2, 3, 4, 5])] {
        assert_eq!(missed(GRACE_HOPPER, vec![], &events).0, heard, "{events:?}");
        let verified = [&events[..], &[rights(true)]].concat();
        assert_eq!(missed(GRACE_HOPPER, vec![], &verified).0, with_rights, "rejected for a while");
        let of_another =
            Event::HelperRightsChanged { user: id(ALAN), on_duty: false, critical_only: false, may_help: false };
        let events = [&events[..events.len() - 1], &[of_another]].concat();
        assert_eq!(missed(GRACE_HOPPER, vec![], &events).0, with_rights, "of another user");
    }

    // An owner stays the owner, of a live emergency and of one that ended.
    let rights = Event::HelperRightsChanged { user: id(OWNER), on_duty: false, critical_only: false, may_help: false };
    let own = [&begin[..], std::slice::from_ref(&rights)].concat();
    assert_eq!(missed(OWNER, in_part(), &own).0, [3, 4]);
    let own = [&begin[..], &[ended(&[OWNER, GRACE_HOPPER]), rights]].concat();
    assert_eq!(missed(OWNER, vec![], &own).0, [3, 4, 5]);
}

#[test]
fn messages_are_replayed_to_their_readers_as_they_see_them() {
    for (text, who, rooms, expected) in [
        (message_from_owner(To::Everyone), OWNER, in_part(), Some(Viewer::User(id(OWNER)))),
        (message_from_owner(To::Everyone), GRACE_HOPPER, in_part(), Some(Viewer::Anyone)),
        (message_from_owner(To::Everyone), ALAN, vec![room(), Room::Helpers], None),
        (
            message_from_owner(To::Helper(id(GRACE_HOPPER))),
            GRACE_HOPPER,
            in_part(),
            Some(Viewer::User(id(GRACE_HOPPER))),
        ),
        (message_from_owner(To::Helper(id(GRACE_HOPPER))), ALAN, in_part(), None),
        (message(Sender::System, To::Creator), OWNER, in_part(), Some(Viewer::User(id(OWNER)))),
        (message(Sender::System, To::Creator), GRACE_HOPPER, in_part(), None),
    ] {
        let event = logged(1, posted(text.clone()));
        let mut replay = Replay::new(id(who), false, rooms.into_iter().chain([Room::User(id(who))]).collect(), at(100));
        let view = replay.step_back(&event, &event.deliveries(), &event.room_changes());
        assert_eq!(view.map(|view| view.viewer), expected, "{text:?}");
    }
}

#[test]
fn the_history_covers_exactly_the_events_that_were_heard() {
    let events = [
        created(),
        joined(GRACE_HOPPER),
        posted(message_from_owner(To::Everyone)),
        updated(GRACE_HOPPER, ResponseStatus::Cancelled),
        changed(),
        joined(GRACE_HOPPER),
        changed(),
        ended(&[OWNER, GRACE_HOPPER]),
        created(),
    ];
    for (who, rooms) in
        [(GRACE_HOPPER, vec![Room::Helpers]), (GRACE_HOPPER, vec![]), (OWNER, in_part()), (ALAN, vec![])]
    {
        let (heard, history) = missed(who, rooms, &events);
        let covered = (1..).zip(&events).filter(|(seq, event)| {
            let event = logged(*seq, (*event).clone());
            event.deliveries().iter().any(|d| history.receives(&d.audience, event.id))
        });
        assert_eq!(covered.map(|(seq, _)| seq).collect::<Vec<_>>(), heard, "{who}");
    }
}

/// The stages in which a helper with these rooms now is replayed the events, by their numbers.
fn stages(administers: bool, rooms: Vec<Room>, events: &[Event]) -> Vec<(i64, Stage)> {
    let rooms = rooms.into_iter().chain([Room::User(id(GRACE_HOPPER))]).collect();
    let mut replay = Replay::new(id(GRACE_HOPPER), administers, rooms, at(100));
    let mut stages = Vec::new();
    for (seq, event) in (1..).zip(events).collect::<Vec<_>>().into_iter().rev() {
        let event = logged(seq, event.clone());
        let view = replay.step_back(&event, &event.deliveries(), &event.room_changes());
        stages.extend(view.filter(|_| event.depends_on_stage()).map(|view| (seq, view.stage)));
    }
    stages.reverse();
    stages
}

#[test]
fn missed_events_are_rendered_for_the_stage_of_now_and_not_of_their_time() {
    use Stage::{Administrator, Alerted, LookerOn, Responder};
    let declined = || Event::AlertDeclined { helper: id(GRACE_HOPPER) };
    let on_way = || updated(GRACE_HOPPER, ResponseStatus::OnWay);
    let cancelled = || updated(GRACE_HOPPER, ResponseStatus::Cancelled);
    for (rooms, events, expected) in [
        (vec![], vec![alerted()], vec![(1, Alerted)]),
        (vec![], vec![alerted(), declined()], vec![(1, LookerOn)]),
        (vec![], vec![alerted(), declined(), alerted()], vec![(1, LookerOn), (3, Alerted)]),
        (in_part(), vec![alerted(), joined(GRACE_HOPPER), on_way()], vec![(1, Alerted), (3, Responder)]),
        // Alerted again after she completed, whether it went on or has ended since.
        (in_part(), vec![alerted()], vec![(1, Alerted)]),
        (vec![], vec![alerted(), ended(&[OWNER, GRACE_HOPPER])], vec![(1, Alerted)]),
        // What she heard as a participant is replayed to her as to a looker-on, once she cancelled.
        (
            vec![],
            vec![alerted(), joined(GRACE_HOPPER), on_way(), cancelled()],
            vec![(1, LookerOn), (3, LookerOn), (4, LookerOn)],
        ),
        (vec![], vec![joined(GRACE_HOPPER), on_way(), ended(&[OWNER, GRACE_HOPPER])], vec![(2, Responder)]),
    ] {
        assert_eq!(stages(false, rooms.clone(), &events), expected, "{events:?}");
        // An administrator reads as a participant; an alert unmasks an anonymous owner, too.
        let administered: Vec<_> = stages(true, rooms, &events);
        assert!(administered.iter().all(|(_, stage)| matches!(stage, Administrator | Responder)), "{administered:?}");
    }
}

#[test]
fn once_a_completed_response_counts_no_more_as_help_its_helper_is_told_as_a_looker_on() {
    let details = every_event().into_iter().find(|event| matches!(event, Event::DetailsDisclosed { .. })).unwrap();
    let begin = [joined(GRACE_HOPPER), details];
    let completed = |until| {
        let mut event = updated(GRACE_HOPPER, ResponseStatus::Completed);
        if let Event::HelperStatusUpdated { counts_until, .. } = &mut event {
            *counts_until = Some(at(until));
        }
        event
    };
    let after = |events: &[Event]| {
        let events = [&begin[..], events].concat();
        stages(false, in_part(), &events).into_iter().find(|(seq, _)| *seq == 2).unwrap().1
    };
    assert_eq!(after(&[]), Stage::Responder);
    assert_eq!(after(&[completed(101)]), Stage::Responder);
    assert_eq!(after(&[completed(100)]), Stage::LookerOn);
    assert_eq!(after(&[completed(101), Event::AlertsRenewed]), Stage::LookerOn);
    assert_eq!(after(&[completed(100), joined(GRACE_HOPPER)]), Stage::Responder, "she came again");
}

#[test]
fn of_a_deleted_emergency_only_the_end_is_replayed() {
    let events = [created(), alerted(), joined(GRACE_HOPPER), changed(), ended(&[OWNER, GRACE_HOPPER])];
    let deleted = [&events[..], &[Event::EmergencyDeleted]].concat();
    for (user, before) in [(GRACE_HOPPER, vec![2, 3, 4, 5]), (ALAN, vec![2, 5])] {
        assert_eq!(missed(user, vec![], &events).0, before);
        assert_eq!(missed(user, vec![], &deleted).0, [5], "{user}");
    }
}

#[test]
fn the_event_by_which_a_block_hid_an_emergency_is_replayed_whatever_came_after() {
    let hidden = Event::EmergencyHidden { user: id(ALAN), at: at(3) };
    let mut end = ended(&[OWNER, GRACE_HOPPER]);
    if let Event::EmergencyEnded { hidden_from, .. } = &mut end {
        hidden_from.push(id(ALAN));
    }
    let mut reopened = every_event().into_iter().find(|e| matches!(e, Event::EmergencyReopened { .. })).unwrap();
    if let Event::EmergencyReopened { hidden_from, .. } = &mut reopened {
        hidden_from.push(id(ALAN));
    }
    let over = [created(), alerted(), joined(GRACE_HOPPER), hidden, end];
    for after in [vec![], vec![Event::EmergencyDeleted], vec![reopened]] {
        let events = [&over[..], &after].concat();
        for rooms in [vec![], vec![Room::Helpers]] {
            assert_eq!(missed(ALAN, rooms, &events).0, [4], "{after:?}");
        }
    }
}

#[test]
fn a_missed_update_is_shown_by_the_stage_of_now() {
    let update = |alerted: &[u128], finished: &[u128]| Event::EmergencyUpdated {
        call: call(),
        status: EmergencyStatus::Active,
        alerted: alerted.iter().map(|&n| id(n)).collect(),
        finished: finished.iter().map(|&n| id(n)).collect(),
    };
    let stage = |n: u128, rooms: Vec<Room>, events: &[Event]| {
        let rooms = rooms.into_iter().chain([Room::User(id(n))]).collect();
        let mut replay = Replay::new(id(n), n == ADMIN, rooms, at(100));
        let mut stages = Vec::new();
        for (seq, event) in (1..).zip(events).collect::<Vec<_>>().into_iter().rev() {
            let event = logged(seq, event.clone());
            let view = replay.step_back(&event, &event.deliveries(), &event.room_changes());
            if matches!(event.event, Event::EmergencyUpdated { .. }) {
                stages.push(view.map(|view| view.stage));
            }
        }
        stages
    };
    let alan = [update(&[ALAN], &[])];
    assert_eq!(stage(ALAN, vec![], &alan), [Some(Stage::Alerted)]);
    assert_eq!(stage(GRACE_HOPPER, vec![], &alan), [None]);
    assert_eq!(stage(OWNER, in_part(), &alan), [Some(Stage::Responder)]);
    assert_eq!(stage(ADMIN, vec![room()], &alan), [Some(Stage::Administrator)]);
    let declined = [update(&[ALAN], &[]), Event::AlertDeclined { helper: id(ALAN) }];
    assert_eq!(stage(ALAN, vec![], &declined), [Some(Stage::LookerOn)]);
    let accepted = [update(&[ALAN], &[]), joined(ALAN)];
    assert_eq!(stage(ALAN, in_part(), &accepted), [Some(Stage::Responder)]);
    let finished = [update(&[], &[ALAN])];
    assert_eq!(stage(ALAN, in_part(), &finished), [Some(Stage::LookerOn)]);
    let again = [update(&[], &[ALAN]), joined(ALAN)];
    assert_eq!(stage(ALAN, in_part(), &again), [Some(Stage::Responder)]);
    let completed = [updated(ALAN, ResponseStatus::Completed), update(&[], &[ALAN])];
    assert_eq!(stage(ALAN, in_part(), &completed), [Some(Stage::LookerOn)]);
}
