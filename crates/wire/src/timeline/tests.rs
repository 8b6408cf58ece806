//! The timeline for each kind of viewer.

use allynet_domain::{
    EventId, Sender, To,
    testing::{ADMIN, ALAN, GRACE_HOPPER, OWNER, edited, id, person},
};
use insta::assert_snapshot;
use serde_json::Value;

use super::*;
use crate::testing::{anonymous_message, every_logged_event, exact_places, filled_emergency, json, logged, shown};

/// One event of every kind of an anonymous emergency, numbered in order.
fn all_events() -> Vec<LoggedEvent> {
    let of_it = every_logged_event(true).into_iter().filter(|event| event.emergency.is_some());
    (1..).zip(of_it).map(|(seq, event)| LoggedEvent { id: EventId::new(seq), ..event }).collect()
}

fn read(events: &[LoggedEvent], viewer: u128, stage: Stage) -> Vec<Value> {
    let emergency = filled_emergency(true);
    timeline(&emergency, events, id(viewer), stage, &exact_places()).iter().map(json).collect()
}

/// `number event actor` of each entry.
fn summary(events: &[LoggedEvent], viewer: u128, stage: Stage) -> String {
    let line = |e: Value| format!("{} {} {}", e["eventId"], e["event"].as_str().unwrap(), e["actor"]);
    read(events, viewer, stage).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_owner_sees_the_actor_of_every_entry() {
    assert_snapshot!(summary(&all_events(), OWNER, Stage::Owner), @r#"
    1 emergency:created "00000000-0000-0000-0000-000000000001"
    2 alerts:sent null
    3 alerts:declined null
    4 alerts:acknowledged "00000000-0000-0000-0000-000000000002"
    5 emergency:unanswered null
    6 helper:joined "00000000-0000-0000-0000-000000000002"
    8 helper:status_update "00000000-0000-0000-0000-000000000002"
    9 emergency:status_changed "00000000-0000-0000-0000-000000000002"
    10 emergency:resolved "00000000-0000-0000-0000-000000000001"
    11 emergency:cancelled "00000000-0000-0000-0000-000000000001"
    12 emergency:ended "00000000-0000-0000-0000-000000000001"
    13 emergency:reopened "00000000-0000-0000-0000-000000000001"
    14 alerts:renewed "00000000-0000-0000-0000-000000000001"
    16 emergency:message "00000000-0000-0000-0000-000000000001"
    17 emergency:message:deleted "00000000-0000-0000-0000-000000000001"
    21 alerts:seen "00000000-0000-0000-0000-000000000002"
    23 contact:notified null
    24 emergency:updated "00000000-0000-0000-0000-000000000001"
    26 emergency:moved "00000000-0000-0000-0000-000000000001"
    27 helper:role_assigned "00000000-0000-0000-0000-000000000002"
    "#);
}

#[test]
fn every_entry_has_the_fields_of_its_schema() {
    let document = crate::documents::openapi();
    let schemas = &document["components"]["schemas"];
    let keys =
        |value: &Value| value.as_object().into_iter().flat_map(|object| object.keys().cloned()).collect::<Vec<_>>();
    let mut found = std::collections::BTreeSet::new();
    let viewers = [(OWNER, Stage::Owner), (ADMIN, Stage::Administrator), (GRACE_HOPPER, Stage::Responder)];
    for entry in viewers.into_iter().flat_map(|(viewer, stage)| read(&all_events(), viewer, stage)) {
        let name = entry["event"].as_str().unwrap();
        let schema = &schemas[format!("Timeline{}", crate::documents::events::type_name(name))];
        assert_eq!(schema["properties"]["event"]["const"], name);
        assert_eq!(keys(&entry), keys(&schema["properties"]), "{name}");
        assert_eq!(keys(&entry["data"]), keys(&schema["properties"]["data"]["properties"]), "{name}");
        found.insert(name.to_owned());
    }
    let documented = schemas["TimelineEntry"]["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(found, documented.keys().cloned().collect());
}

#[test]
fn a_responding_helper_does_not_see_the_anonymous_owner_as_actor() {
    assert_snapshot!(summary(&all_events(), GRACE_HOPPER, Stage::Responder), @r#"
    1 emergency:created null
    2 alerts:sent null
    3 alerts:declined null
    4 alerts:acknowledged "00000000-0000-0000-0000-000000000002"
    5 emergency:unanswered null
    6 helper:joined "00000000-0000-0000-0000-000000000002"
    8 helper:status_update "00000000-0000-0000-0000-000000000002"
    9 emergency:status_changed "00000000-0000-0000-0000-000000000002"
    10 emergency:resolved null
    11 emergency:cancelled null
    12 emergency:ended null
    13 emergency:reopened null
    14 alerts:renewed null
    16 emergency:message null
    17 emergency:message:deleted null
    21 alerts:seen "00000000-0000-0000-0000-000000000002"
    24 emergency:updated null
    25 response:check "00000000-0000-0000-0000-000000000002"
    26 emergency:moved null
    27 helper:role_assigned "00000000-0000-0000-0000-000000000002"
    28 helper:stand_down "00000000-0000-0000-0000-000000000002"
    "#);
}

#[test]
fn an_administrator_sees_the_same_as_the_owner_but_how_alerts_were_sent_for_contacts() {
    let owners = summary(&all_events(), OWNER, Stage::Owner);
    let expected = owners.replace("23 contact:notified null", "22 alerts:pushed null");
    // Nor is the question to a helper shown to others.
    let check = format!("25 response:check \"{}\"\n26 ", id::<UserId>(GRACE_HOPPER));
    let expected = expected.replace("26 ", &check);
    assert_eq!(summary(&all_events(), ADMIN, Stage::Administrator), expected);
}

#[test]
fn alerts_and_their_answers_have_entries_of_their_own() {
    let entries = read(&all_events(), GRACE_HOPPER, Stage::Responder);
    assert_snapshot!(shown(&entries[1]), @r#"
    {
      "actor": null,
      "at": "2026-01-15T10:00:05Z",
      "data": {
        "alerted": 2,
        "helpers": [{"distance": 150, "id": "00000000-0000-0000-0000-000000000002", "why": null}],
        "passed": null,
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
    let entries = read(&[declined(3), declined(4)], OWNER, Stage::Owner);
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
        let reads = |viewer, stage| !read(&events, viewer, stage).is_empty();
        assert_eq!(reads(OWNER, Stage::Owner), to_owner, "{events:?}");
        assert_eq!(reads(GRACE_HOPPER, Stage::Responder), to_grace, "{events:?}");
        assert_eq!(reads(ADMIN, Stage::Administrator), to_admin, "{events:?}");
    }
}

#[test]
fn helpers_who_do_not_respond_are_numbers_but_for_administrators() {
    let alan = logged(Some(ALAN), Event::AlertAcknowledged { helper: id(ALAN) });
    let events = [all_events().remove(1), alan];
    for (viewer, stage) in [(OWNER, Stage::Owner), (GRACE_HOPPER, Stage::Responder)] {
        let entries = read(&events, viewer, stage);
        let ids: Vec<_> = entries[0]["data"]["helpers"].as_array().unwrap().iter().map(|h| h["id"].clone()).collect();
        assert_eq!((ids, &entries[0]["data"]["alerted"]), (vec![json(&id::<UserId>(GRACE_HOPPER))], &json(&2)));
        assert_eq!((&entries[1]["data"]["helperId"], &entries[1]["actor"]), (&Value::Null, &Value::Null));
    }
    let entries = read(&events, ADMIN, Stage::Administrator);
    let distances: Vec<_> = entries[0]["data"]["helpers"].as_array().unwrap().iter().map(|h| &h["distance"]).collect();
    assert_eq!(distances, [&json(&150), &Value::Null], "where they are is shown of helpers who respond only");
    assert_eq!(entries[1]["data"]["helperId"], json(&id::<UserId>(ALAN)));
}

#[test]
fn a_helper_is_not_shown_how_far_away_one_was_that_a_block_separates() {
    let emergency = edited(filled_emergency(false), |e| {
        let mut other = e.responses[0].clone();
        (other.helper.person.id, other.blocks) = (id(ALAN), vec![id(GRACE_HOPPER)]);
        e.responses.push(other);
    });
    let sent = &all_events()[1..2];
    for (viewer, stage, shown) in [
        (GRACE_HOPPER, Stage::Responder, [true, false]),
        (ALAN, Stage::Responder, [false, true]),
        (OWNER, Stage::Owner, [true, true]),
        (ADMIN, Stage::Administrator, [true, true]),
    ] {
        let entries: Vec<_> = timeline(&emergency, sent, id(viewer), stage, &exact_places()).iter().map(json).collect();
        let distances = entries[0]["data"]["helpers"].as_array().unwrap().iter().map(|h| h["distance"].is_number());
        assert_eq!(distances.collect::<Vec<_>>(), shown, "{viewer}");
    }
}
