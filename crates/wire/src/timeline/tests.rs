//! The timeline for each kind of viewer.

use allynet_domain::{
    EventId, Sender, To,
    testing::{ADMIN, GRACE_HOPPER, OWNER, id, person},
};
use insta::assert_snapshot;
use serde_json::Value;

use super::*;
use crate::testing::{anonymous_message, every_logged_event, filled_emergency, json, logged, shown};

/// One event of every kind of an anonymous emergency, numbered in order.
fn all_events() -> Vec<LoggedEvent> {
    let of_it = every_logged_event(true).into_iter().filter(|event| event.emergency.is_some());
    (1..).zip(of_it).map(|(seq, event)| LoggedEvent { id: EventId::new(seq), ..event }).collect()
}

fn read(events: &[LoggedEvent], viewer: u128, relation: Relation) -> Vec<Value> {
    let emergency = filled_emergency(true);
    timeline(&emergency, events, id(viewer), relation).iter().map(json).collect()
}

/// `number event actor` of each entry.
fn summary(events: &[LoggedEvent], viewer: u128, relation: Relation) -> String {
    let line = |e: Value| format!("{} {} {}", e["eventId"], e["event"].as_str().unwrap(), e["actor"]);
    read(events, viewer, relation).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_owner_sees_the_actor_of_every_entry() {
    assert_snapshot!(summary(&all_events(), OWNER, Relation::Owner), @r#"
    1 emergency:created "00000000-0000-0000-0000-000000000001"
    2 alerts:sent null
    3 alerts:declined null
    4 alerts:acknowledged "00000000-0000-0000-0000-000000000002"
    5 emergency:unanswered null
    6 helper:joined "00000000-0000-0000-0000-000000000002"
    7 helper:status_update "00000000-0000-0000-0000-000000000002"
    8 emergency:status_changed "00000000-0000-0000-0000-000000000002"
    9 emergency:resolved "00000000-0000-0000-0000-000000000001"
    10 emergency:cancelled "00000000-0000-0000-0000-000000000001"
    11 emergency:ended "00000000-0000-0000-0000-000000000001"
    12 emergency:message "00000000-0000-0000-0000-000000000001"
    13 emergency:message:deleted "00000000-0000-0000-0000-000000000001"
    "#);
}

#[test]
fn a_responding_helper_does_not_see_the_anonymous_owner_as_actor() {
    assert_snapshot!(summary(&all_events(), GRACE_HOPPER, Relation::RespondingHelper), @r#"
    1 emergency:created null
    2 alerts:sent null
    3 alerts:declined null
    4 alerts:acknowledged "00000000-0000-0000-0000-000000000002"
    5 emergency:unanswered null
    6 helper:joined "00000000-0000-0000-0000-000000000002"
    7 helper:status_update "00000000-0000-0000-0000-000000000002"
    8 emergency:status_changed "00000000-0000-0000-0000-000000000002"
    9 emergency:resolved null
    10 emergency:cancelled null
    11 emergency:ended null
    12 emergency:message null
    13 emergency:message:deleted null
    "#);
}

#[test]
fn an_administrator_sees_the_same_as_the_owner() {
    assert_eq!(summary(&all_events(), ADMIN, Relation::Admin), summary(&all_events(), OWNER, Relation::Owner));
}

#[test]
fn alerts_and_their_answers_have_entries_of_their_own() {
    let entries = read(&all_events(), GRACE_HOPPER, Relation::RespondingHelper);
    assert_snapshot!(shown(&entries[1]), @r#"
    {
      "actor": null,
      "at": "2026-01-15T10:00:05Z",
      "data": {
        "alerted": 2,
        "helpers": [
          {"distance": 150, "id": "00000000-0000-0000-0000-000000000002"},
          {"distance": 3000, "id": "00000000-0000-0000-0000-000000000003"}
        ],
        "radius": 5000,
        "wave": 1
      },
      "event": "alerts:sent",
      "eventId": 2
    }
    "#);
    assert_snapshot!(shown(&entries[3]), @r#"
    {
      "actor": "00000000-0000-0000-0000-000000000002",
      "at": "2026-01-15T10:00:05Z",
      "data": {"helperId": "00000000-0000-0000-0000-000000000002"},
      "event": "alerts:acknowledged",
      "eventId": 4
    }
    "#);
    assert_snapshot!(shown(&entries[4]), @r#"
    {
      "actor": null,
      "at": "2026-01-15T10:00:05Z",
      "data": {
        "alertedHelpers": 2,
        "emergencyId": "00000000-0000-0000-0000-000000000064",
        "timestamp": "2026-01-15T10:00:05Z"
      },
      "event": "emergency:unanswered",
      "eventId": 5
    }
    "#);
    assert_snapshot!(shown(&entries[2]), @r#"
    {
      "actor": null,
      "at": "2026-01-15T10:00:05Z",
      "data": {"count": 1},
      "event": "alerts:declined",
      "eventId": 3
    }
    "#);
    assert_snapshot!(shown(&entries[5]), @r#"
    {
      "actor": "00000000-0000-0000-0000-000000000002",
      "at": "2026-01-15T10:00:05Z",
      "data": {
        "emergencyId": "00000000-0000-0000-0000-000000000064",
        "helper": {
          "helperRating": {"average": 4.67, "count": 3},
          "id": "00000000-0000-0000-0000-000000000002",
          "joinedAt": "2026-01-15T10:00:01Z",
          "profile": {"firstName": "Grace", "lastName": "Hopper"},
          "trustScore": 150
        }
      },
      "event": "helper:joined",
      "eventId": 6
    }
    "#);
}

#[test]
fn declines_are_counted_without_an_actor() {
    let declined = |n| logged(Some(n), Event::AlertDeclined { helper: id(n) });
    let entries = read(&[declined(3), declined(4)], OWNER, Relation::Owner);
    let counts: Vec<_> = entries.iter().map(|e| (e["data"]["count"].as_u64(), e["actor"].is_null())).collect();
    assert_eq!(counts, [(Some(1), true), (Some(2), true)]);
    assert!(entries.iter().all(|e| e["data"].as_object().unwrap().len() == 1));
}

#[test]
fn direct_messages_of_others_are_left_out() {
    let posted = |from, to| logged(None, Event::MessagePosted { message: anonymous_message(from, to) });
    let deleted = |readers| logged(None, Event::MessageDeleted { message: id(7), readers });
    let (owner, helper) = (Sender::Owner(person(OWNER)), Sender::Helper(person(GRACE_HOPPER)));
    for (event, to_owner, to_grace, to_admin) in [
        (posted(owner.clone(), To::Everyone), true, true, true),
        (posted(owner, To::Helper(id(GRACE_HOPPER))), true, true, false),
        (posted(helper.clone(), To::Creator), true, true, false),
        (posted(helper, To::Helper(id(5))), false, true, false),
        (posted(Sender::System, To::Creator), true, false, false),
        (deleted(None), true, true, true),
        (deleted(Some(vec![id(OWNER), id(GRACE_HOPPER)])), true, true, false),
        (deleted(Some(vec![id(GRACE_HOPPER), id(5)])), false, true, false),
    ] {
        let events = [event];
        let reads = |viewer, relation| !read(&events, viewer, relation).is_empty();
        assert_eq!(reads(OWNER, Relation::Owner), to_owner, "{events:?}");
        assert_eq!(reads(GRACE_HOPPER, Relation::RespondingHelper), to_grace, "{events:?}");
        assert_eq!(reads(ADMIN, Relation::Admin), to_admin, "{events:?}");
    }
}
