//! Tests of the emergency that a client names, and of the rooms entered by joining and by connecting.

use super::*;
use crate::{
    Emergency, HelperPolicy, HelperRecord, ResponseStatus, Verification,
    port::{MockEmergencies, MockEventLog},
    testing::{
        ALAN, EMERGENCY, GRACE_HOPPER, OWNER, STRANGER, account, active_emergency, actor, admin, edited, grace_hopper,
        helper, helper_record, id, owner, resolved, store, with_responses,
    },
    usecase::emergencies::tests::{context, holding, refusal, the_emergency},
};

fn service(emergencies: MockEmergencies) -> EmergencyPorts {
    context(emergencies, store(vec![]).0)
}

/// A store in which this user takes part in these emergencies.
fn taking_part(user: u128, live: Vec<Emergency>) -> MockEmergencies {
    let mut emergencies = MockEmergencies::new();
    emergencies.expect_live_of().returning(move |of| {
        assert_eq!(of, id(user));
        Ok(Live { emergencies: live.clone(), as_of: EventId::new(7) })
    });
    emergencies
}

/// A log with this emergency.
fn in_log(emergency: Emergency) -> MockEventLog {
    let mut log = MockEventLog::new();
    log.expect_access().returning(move |id, user| {
        let access = AccessAsOf { access: emergency.access(user), as_of: EventId::new(9) };
        Ok((id == emergency.id()).then_some(access))
    });
    log
}

fn numbered(n: u128, emergency: Emergency) -> Emergency {
    edited(emergency, |e| e.call.id = id(n))
}

fn part(emergency: u128) -> [Room; 2] {
    [Room::Emergency(id(emergency)), Room::Participants(id(emergency))]
}

#[tokio::test]
async fn the_current_one_is_the_first_of_those_taken_part_in() {
    let responding = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let live = vec![numbered(101, responding.clone()), numbered(102, responding)];
    let cx = service(taking_part(GRACE_HOPPER, live));
    let log = MockEventLog::new();
    assert_eq!(leave(&cx, &log, id(GRACE_HOPPER), Which::Current).await.unwrap(), (id(101), EventId::new(7)));
    let cx = service(taking_part(GRACE_HOPPER, vec![]));
    assert_eq!(refusal(leave(&cx, &log, id(GRACE_HOPPER), Which::Current).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn the_current_one_is_joined_as_it_was_found() {
    let cx = service(taking_part(
        GRACE_HOPPER,
        vec![numbered(101, with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]))],
    ));
    let joined = join(&cx, &MockEventLog::new(), &grace_hopper(), Which::Current).await.unwrap();
    assert_eq!(joined, (id(101), Rooms { rooms: part(101).to_vec(), as_of: EventId::new(7) }));
}

#[tokio::test]
async fn leaving_takes_any_id_that_was_met_before_and_refuses_other_texts() {
    let (cx, log) = (service(MockEmergencies::new()), in_log(active_emergency()));
    let known = leave(&cx, &log, id(GRACE_HOPPER), Which::Id(the_emergency())).await.unwrap();
    assert_eq!(known, (the_emergency(), EventId::new(9)));
    assert_eq!(leave(&cx, &log, id(GRACE_HOPPER), Which::Id(id(7))).await.unwrap(), (id(7), EventId::START));
    assert_eq!(refusal(leave(&cx, &log, id(GRACE_HOPPER), Which::Unknown).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn joining_leads_to_the_rooms_of_the_relation() {
    let emergency = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let (cx, log) = (service(holding(&emergency, &[])), in_log(emergency));
    let [room, participants] = part(EMERGENCY);
    for (actor, rooms) in [
        (owner(), vec![room, participants]),
        (grace_hopper(), vec![room, participants]),
        (actor(admin()), vec![room]),
        (actor(helper(ALAN)), vec![room]),
    ] {
        let joined = join(&cx, &log, &actor, Which::Id(the_emergency())).await.unwrap();
        assert_eq!(joined, (the_emergency(), Rooms { rooms, as_of: EventId::new(9) }), "{actor:?}");
    }
    let stranger = actor(account(STRANGER));
    assert_eq!(refusal(join(&cx, &log, &stranger, Which::Id(the_emergency())).await), Refusal::NotAuthorized);
    assert_eq!(refusal(join(&cx, &log, &owner(), Which::Id(id(7))).await), Refusal::EmergencyNotFound);
}

#[tokio::test]
async fn lookers_on_do_not_join_what_has_ended() {
    let (cx, log) = (service(MockEmergencies::new()), in_log(resolved(active_emergency())));
    assert_eq!(refusal(join(&cx, &log, &grace_hopper(), Which::Id(the_emergency())).await), Refusal::NotAuthorized);
    assert!(join(&cx, &log, &owner(), Which::Id(the_emergency())).await.is_ok());
}

#[tokio::test]
async fn a_connection_is_back_in_the_rooms_of_what_it_takes_part_in() {
    let responding = with_responses(&[(GRACE_HOPPER, ResponseStatus::OnWay)]);
    let live = vec![numbered(101, responding.clone()), numbered(102, responding)];
    let rooms = restore(&service(taking_part(GRACE_HOPPER, live)), &helper(GRACE_HOPPER)).await.unwrap();
    let expected = [&[Room::User(id(GRACE_HOPPER)), Room::Helpers][..], &part(101), &part(102)].concat();
    assert_eq!(rooms, Rooms { rooms: expected, as_of: EventId::new(7) });

    let rooms = restore(&service(taking_part(OWNER, vec![active_emergency()])), &account(OWNER)).await.unwrap();
    assert_eq!(rooms.rooms, [&[Room::User(id(OWNER))][..], &part(EMERGENCY)].concat());
}

#[tokio::test]
async fn only_helpers_on_duty_are_in_the_helpers_room() {
    let with = |record: Option<HelperRecord>| Account { helper: record, ..account(GRACE_HOPPER) };
    for (account, verified, open) in [
        (with(Some(helper_record(Verification::Verified, true))), true, true),
        (with(Some(helper_record(Verification::Verified, false))), false, false),
        (with(Some(helper_record(Verification::Pending, true))), false, true),
        (with(Some(helper_record(Verification::Rejected, true))), false, false),
        (with(None), false, true),
        (Account { blocked: true, ..helper(GRACE_HOPPER) }, false, false),
    ] {
        for (policy, on_duty) in [(HelperPolicy::Verified, verified), (HelperPolicy::Open, open)] {
            let mut cx = service(taking_part(GRACE_HOPPER, vec![]));
            cx.rules.helpers = policy;
            let rooms = restore(&cx, &account).await.unwrap().rooms;
            assert_eq!(rooms.contains(&Room::Helpers), on_duty, "{account:?} {policy}");
            assert_eq!(rooms[0], Room::User(id(GRACE_HOPPER)));
        }
    }
}

#[test]
fn only_administrators_enter_the_room_of_dispatchers() {
    assert_eq!(join_dispatchers(&crate::testing::actor(crate::testing::admin())), Ok(Room::Dispatchers));
    for other in [crate::testing::owner(), crate::testing::grace_hopper()] {
        assert_eq!(join_dispatchers(&other), Err(Refusal::NotAuthorized));
    }
}
