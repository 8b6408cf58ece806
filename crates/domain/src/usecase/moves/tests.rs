//! Tests of the moves that are committed.

use super::*;
use crate::{
    Emergency, Location, Movement,
    ResponseStatus::{Completed, OnWay},
    SessionFix,
    dispatch::{RoleReason, TeamRole, TravelModel},
    port::{self, MockEmergencies},
    testing::{
        Committed, GRACE_HOPPER, OWNER, active_emergency, at, edited, id, now, position, store, updated,
        with_responses, with_team,
    },
    usecase::emergencies::tests::{context, empty, holding, stale, the_emergency},
};

const PHONE: u128 = 400;

fn service(emergencies: MockEmergencies, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(emergencies, changes), committed)
}

fn following(emergency: Emergency) -> Emergency {
    edited(emergency, |e| {
        let followed = Some(SessionFix { session: id(PHONE), position: position(52.5, 13.4), at: at(0) });
        e.call.movement = Movement { followed, ..Movement::default() };
    })
}

fn to(latitude: f64) -> OwnerPosition {
    OwnerPosition { emergency: the_emergency(), session: id(PHONE), position: position(latitude, 13.4) }
}

#[tokio::test]
async fn a_move_is_stored_and_told_to_those_who_still_take_part() {
    let emergency = following(with_team(&[(GRACE_HOPPER, OnWay), (6, Completed)]));
    let emergency = edited(emergency, |e| e.responses[1].record.counts_until = Some(now()));
    let before = emergency.call().details.location.clone();
    let (cx, committed) = service(holding(&emergency, &[]), vec![]);
    assert_eq!(follow(&cx, to(52.51)).await.unwrap(), PlaceMove::Moved);
    let committed = committed.only();
    let after = updated(&committed).0;
    let place = Location { position: position(52.51, 13.4), address: None, description: None };
    assert_eq!(after.call().details.location, place);
    let movement = Box::new(after.call().movement.clone());
    assert_eq!(movement.origin.as_deref(), Some(&before));
    let (emergency, location) = (the_emergency(), Box::new(place.clone()));
    assert_eq!(committed.writes[1..], [Write::MovePlace { emergency, location, movement }]);
    let expected =
        Event::EmergencyMoved { owner: id(OWNER), position: place.position, at: now(), finished: vec![id(6)] };
    assert_eq!(committed.events.iter().map(|e| &e.event).collect::<Vec<_>>(), [&expected]);
    assert_eq!(committed.actor, Some(id(OWNER)));
}

#[tokio::test]
async fn a_move_gives_the_roles_by_the_ways_to_the_new_place_in_the_same_commit() {
    let near = |latitude: f64| Some((position(latitude, 13.4), at(1)));
    let mut emergency = edited(with_responses(&[(GRACE_HOPPER, OnWay), (5, OnWay), (6, OnWay)]), |e| {
        (e.responses[0].last_fix, e.responses[1].last_fix) = (near(52.501), near(52.501));
        e.responses[2].last_fix = near(52.51);
    });
    emergency.assign_team(&TravelModel::default(), &[], at(1));
    let (cx, committed) = service(holding(&following(emergency), &[]), vec![]);
    assert_eq!(follow(&cx, to(52.51)).await.unwrap(), PlaceMove::Moved);
    let change = committed.only();
    let kinds: Vec<_> = change.events.iter().map(|new| new.event.kind()).collect();
    assert_eq!(kinds, ["emergency_moved", "role_assigned", "role_assigned"]);
    let Event::RoleAssigned { helper, role, previous, reason, .. } = &change.events[1].event else { unreachable!() };
    assert_eq!((*helper, *role, *previous), (id(6), TeamRole::Patient, Some(TeamRole::Guide)));
    assert_eq!(*reason, RoleReason::Better);
    let (stored, responses) = updated(&change);
    assert_eq!(stored.call().details.location.position, position(52.51, 13.4));
    assert_eq!(responses.len(), 2, "the two whose roles changed");
}

#[tokio::test]
async fn a_place_that_stays_commits_nothing() {
    let moved = |emergency: &Emergency| {
        edited(emergency.clone(), |e| e.call.movement.moved_at = Some(now() - chrono::TimeDelta::seconds(59)))
    };
    let emergency = following(active_emergency());
    for (stored, latitude, expected) in [
        (holding(&active_emergency(), &[]), 52.51, PlaceMove::Stays),
        (holding(&emergency, &[]), 52.5, PlaceMove::Stays),
        (holding(&moved(&emergency), &[]), 52.51, PlaceMove::TooSoon),
        (empty(), 52.51, PlaceMove::Stays),
    ] {
        let (cx, committed) = service(stored, vec![]);
        assert_eq!(follow(&cx, to(latitude)).await.unwrap(), expected);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn a_move_is_decided_again_while_others_come_first() {
    let (cx, committed) = service(holding(&following(active_emergency()), &[]), stale(2));
    assert_eq!(follow(&cx, to(52.51)).await.unwrap(), PlaceMove::Moved);
    assert_eq!(committed.attempts().len(), 3);
}
