//! Snapshots of server events, for viewers that may see the owner and for viewers that may not.

use allynet_domain::{
    Sender, To, UserId,
    testing::{ALAN, GRACE_HOPPER, OWNER, id, person},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::*;
use crate::testing::{
    anonymous_message, approximate_places, every_logged_event, exact_places, field, filled_emergency, logged, shown,
};

fn sent_in(event: &LoggedEvent, viewer: Viewer, stage: Stage, places: &PlacePolicy) -> Option<(&'static str, Value)> {
    let outgoing = outgoing(event, event.view(viewer, stage), places).unwrap()?;
    let payload: Value = serde_json::from_str(outgoing.payload.get()).unwrap();
    assert_eq!(payload["eventId"], 42);
    assert_eq!(outgoing.acknowledged, outgoing.name == "emergency:nearby");
    Some((outgoing.name, payload))
}

/// The event as a participant reads it.
fn sent(event: &LoggedEvent, viewer: Viewer) -> Option<(&'static str, Value)> {
    sent_in(event, viewer, Stage::Responder, &exact_places())
}

/// The payload of the event with this name, for a viewer who does not take part, where places are approximate.
fn reduced(name: &str, viewer: Viewer, stage: Stage) -> String {
    let events = every_logged_event(false);
    let mut payloads = events.iter().filter_map(|event| sent_in(event, viewer, stage, &approximate_places()));
    shown(&payloads.find(|(sent, _)| *sent == name).unwrap().1)
}

/// The payload of the event with this name.
fn payload_of(name: &str, anonymous: bool, viewer: Viewer) -> String {
    let events = every_logged_event(anonymous);
    let mut payloads = events.iter().filter_map(|event| sent(event, viewer));
    shown(&payloads.find(|(sent, _)| *sent == name).unwrap().1)
}

fn user(n: u128) -> Viewer {
    Viewer::User(id::<UserId>(n))
}

#[test]
fn every_event_has_its_documented_name_or_is_not_sent() {
    let events = every_logged_event(false);
    let names: Vec<_> = events.iter().map(|e| sent(e, Viewer::Anyone).map(|(name, _)| name)).collect();
    assert_eq!(
        names,
        [
            Some("emergency:created"),
            Some("emergency:nearby"),
            None,
            None,
            Some("emergency:unanswered"),
            Some("helper:joined"),
            Some("emergency:details"),
            Some("helper:status_update"),
            Some("emergency:status_changed"),
            Some("emergency:resolved"),
            Some("emergency:cancelled"),
            Some("emergency:ended"),
            Some("emergency:reopened"),
            None,
            None,
            Some("emergency:message"),
            Some("emergency:message:deleted"),
            None,
            None,
            None,
            None,
            None,
            // A block hides it.
            Some("emergency:ended"),
            // Its announcement was held back.
            Some("emergency:created"),
            Some("device:lost"),
            None,
            None,
            Some("contact:notified"),
            Some("emergency:updated"),
            Some("response:check"),
            Some("emergency:moved"),
            Some("helper:role_assigned"),
            Some("helper:stand_down"),
        ]
    );
}

#[test]
fn the_list_of_names_holds_every_name_once() {
    let events = every_logged_event(false);
    let mut rendered: Vec<_> = events.iter().filter_map(|event| Some(sent(event, Viewer::Anyone)?.0)).collect();
    let mut listed = NAMES.to_vec();
    rendered.sort_unstable();
    listed.sort_unstable();
    // The end of an emergency, and that of one that a block hides.
    rendered.dedup();
    assert_eq!(rendered, listed);
}

#[test]
fn an_event_is_rendered_if_and_only_if_it_has_an_audience() {
    for event in every_logged_event(false) {
        let heard = !event.deliveries().is_empty();
        assert_eq!(sent(&event, Viewer::Anyone).is_some(), heard, "{event:?}");
    }
}

#[test]
fn emergency_created() {
    assert_snapshot!(payload_of("emergency:created", false, Viewer::Anyone), @r#"
    {
      "emergency": {
        "anonymousMode": false,
        "category": "flood",
        "createdAt": "2026-01-15T10:00:00Z",
        "description": null,
        "id": "00000000-0000-0000-0000-000000000064",
        "location": {
          "address": "Am Ufer 1",
          "description": null,
          "latitude": 52.5,
          "longitude": 13.25,
          "precision": 0
        },
        "priority": "critical",
        "severity": 8,
        "silentMode": true,
        "status": "active",
        "type": "natural_disaster",
        "user": {
          "id": "00000000-0000-0000-0000-000000000001",
          "profile": {"firstName": "Ada", "lastName": "Lovelace"}
        }
      },
      "eventId": 42,
      "nearbyHelperCount": 2
    }
    "#);
}

#[test]
fn emergency_created_by_an_anonymous_owner() {
    assert_snapshot!(payload_of("emergency:created", true, Viewer::Anyone), @r#"
    {
      "emergency": {
        "anonymousMode": true,
        "category": null,
        "createdAt": "2026-01-15T10:00:00Z",
        "description": null,
        "id": "00000000-0000-0000-0000-000000000064",
        "location": {
          "address": null,
          "description": null,
          "latitude": 52.501561,
          "longitude": 13.250059,
          "precision": 1000
        },
        "priority": "critical",
        "severity": 8,
        "silentMode": true,
        "status": "active",
        "type": "natural_disaster",
        "user": null
      },
      "eventId": 42,
      "nearbyHelperCount": 2
    }
    "#);
}

#[test]
fn emergency_nearby() {
    assert_snapshot!(payload_of("emergency:nearby", false, user(GRACE_HOPPER)), @r#"
    {
      "distance": 150,
      "emergency": {
        "anonymousMode": false,
        "category": "flood",
        "createdAt": "2026-01-15T10:00:00Z",
        "description": null,
        "id": "00000000-0000-0000-0000-000000000064",
        "location": {
          "address": "Am Ufer 1",
          "description": null,
          "latitude": 52.5,
          "longitude": 13.25,
          "precision": 0
        },
        "priority": "critical",
        "severity": 8,
        "silentMode": true,
        "status": "active",
        "type": "natural_disaster",
        "user": {
          "id": "00000000-0000-0000-0000-000000000001",
          "profile": {"firstName": "Ada", "lastName": "Lovelace"}
        }
      },
      "eventId": 42
    }
    "#);
}

#[test]
fn emergency_nearby_of_an_anonymous_owner() {
    assert_snapshot!(payload_of("emergency:nearby", true, user(GRACE_HOPPER)), @r#"
    {
      "distance": 150,
      "emergency": {
        "anonymousMode": true,
        "category": "flood",
        "createdAt": "2026-01-15T10:00:00Z",
        "description": null,
        "id": "00000000-0000-0000-0000-000000000064",
        "location": {
          "address": "Am Ufer 1",
          "description": null,
          "latitude": 52.5,
          "longitude": 13.25,
          "precision": 0
        },
        "priority": "critical",
        "severity": 8,
        "silentMode": true,
        "status": "active",
        "type": "natural_disaster",
        "user": null
      },
      "eventId": 42
    }
    "#);
}

#[test]
fn each_alerted_helper_gets_their_own_distance() {
    let events = every_logged_event(false);
    let distance = |viewer| field(&sent(&events[1], viewer).unwrap().1, "distance").clone();
    assert_eq!((distance(user(GRACE_HOPPER)), distance(user(ALAN))), (150.into(), 3000.into()));
    assert_eq!(distance(Viewer::Anyone), Value::Null);
}

#[test]
fn helper_joined() {
    assert_snapshot!(payload_of("helper:joined", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "helper": {
        "helperRating": {"average": 4.67, "count": 3},
        "id": "00000000-0000-0000-0000-000000000002",
        "joinedAt": "2026-01-15T10:00:01Z",
        "profile": {"firstName": "Grace", "lastName": "Hopper"},
        "trustScore": 150
      }
    }
    "#);
}

#[test]
fn emergency_details_are_those_of_rest_without_aliases() {
    let event =
        every_logged_event(true).into_iter().find(|e| matches!(e.event, Event::DetailsDisclosed { .. })).unwrap();
    let (name, payload) = sent(&event, user(GRACE_HOPPER)).unwrap();
    assert_eq!(name, "emergency:details");
    let emergency = filled_emergency(true);
    let rest = EmergencyView::new(&emergency, Stage::Responder, &exact_places(), None);
    let mut rest = serde_json::to_value(rest).unwrap();
    remove_aliases(&mut rest);
    assert_eq!(payload, json!({ "emergencyId": payload["emergency"]["id"], "emergency": rest, "eventId": 42 }));
}

fn remove_aliases(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("_id");
            map.values_mut().for_each(remove_aliases);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_aliases),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_details_are_not_told_to_a_helper_who_does_not_take_part_any_more() {
    for places in [exact_places(), approximate_places()] {
        for event in every_logged_event(false).into_iter().filter(|e| matches!(e.event, Event::DetailsDisclosed { .. }))
        {
            let told = |stage| sent_in(&event, user(GRACE_HOPPER), stage, &places).is_some();
            assert_eq!([Stage::Responder, Stage::Alerted, Stage::LookerOn].map(told), [true, false, false]);
        }
    }
}

#[test]
fn roles_are_told_to_participants_only() {
    for places in [exact_places(), approximate_places()] {
        for event in every_logged_event(true).into_iter().filter(|e| matches!(e.event, Event::RoleAssigned { .. })) {
            let told = |stage| sent_in(&event, Viewer::Anyone, stage, &places).is_some();
            assert_eq!([Stage::Owner, Stage::Responder, Stage::Administrator].map(told), [true; 3]);
            assert_eq!([Stage::Alerted, Stage::LookerOn].map(told), [false; 2]);
        }
    }
}

#[test]
fn helper_status_update() {
    assert_snapshot!(payload_of("helper:status_update", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "helperId": "00000000-0000-0000-0000-000000000002",
      "notes": "By bike",
      "stalled": false,
      "status": "on_way",
      "updatedAt": "2026-01-15T10:00:02Z"
    }
    "#);
}

#[test]
fn emergency_moved() {
    assert_snapshot!(payload_of("emergency:moved", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "location": {"address": null, "description": null, "latitude": 52.501, "longitude": 13.4, "precision": 0},
      "timestamp": "2026-01-15T10:00:04Z"
    }
    "#);
}

#[test]
fn where_an_emergency_moved_is_rendered_only_for_those_who_take_part() {
    let events = every_logged_event(false);
    let moved = events.iter().find(|event| matches!(event.event, Event::EmergencyMoved { .. })).unwrap();
    for (stage, viewer, is_shown) in [
        (Stage::Owner, Viewer::Anyone, true),
        (Stage::Responder, Viewer::Anyone, true),
        (Stage::Administrator, Viewer::Administrator, true),
        (Stage::Alerted, Viewer::Anyone, false),
        (Stage::LookerOn, Viewer::Anyone, false),
    ] {
        assert_eq!(sent_in(moved, viewer, stage, &exact_places()).is_some(), is_shown, "{stage:?}");
    }
}

#[test]
fn helper_role_assigned() {
    assert_snapshot!(payload_of("helper:role_assigned", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "helperId": "00000000-0000-0000-0000-000000000002",
      "previousRole": "patient",
      "reason": "better",
      "resource": {
        "description": "Beside the door",
        "id": "00000000-0000-0000-0000-00000000004d",
        "kind": "aed",
        "location": {"address": "Am Ufer 1", "latitude": 52.5, "longitude": 13.4},
        "openUntil": "2026-01-15T10:01:30Z"
      },
      "role": "aed",
      "timestamp": "2026-01-15T10:00:04Z"
    }
    "#);
}

#[test]
fn helper_stand_down() {
    assert_snapshot!(payload_of("helper:stand_down", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "helperId": "00000000-0000-0000-0000-000000000002",
      "reason": "enough_helpers",
      "timestamp": "2026-01-15T10:00:05Z"
    }
    "#);
}

#[test]
fn emergency_resolved() {
    assert_snapshot!(payload_of("emergency:resolved", false, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "resolutionNotes": "All well",
      "resolutionType": "user_resolved",
      "resolvedAt": "2026-01-15T10:00:10Z",
      "resolvedBy": "00000000-0000-0000-0000-000000000001",
      "timestamp": "2026-01-15T10:00:10Z"
    }
    "#);
}

#[test]
fn emergency_resolved_by_an_anonymous_owner() {
    assert_snapshot!(payload_of("emergency:resolved", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "resolutionNotes": "All well",
      "resolutionType": "user_resolved",
      "resolvedAt": "2026-01-15T10:00:10Z",
      "resolvedBy": null,
      "timestamp": "2026-01-15T10:00:10Z"
    }
    "#);
}

#[test]
fn emergency_cancelled() {
    assert_snapshot!(payload_of("emergency:cancelled", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "reason": "By mistake",
      "timestamp": "2026-01-15T10:00:10Z"
    }
    "#);
}

#[test]
fn emergency_ended() {
    assert_snapshot!(payload_of("emergency:ended", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "status": "resolved",
      "timestamp": "2026-01-15T10:00:10Z"
    }
    "#);
}

#[test]
fn emergency_unanswered() {
    assert_snapshot!(payload_of("emergency:unanswered", true, Viewer::Anyone), @r#"
    {
      "alertedHelpers": 2,
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "timestamp": "2026-01-15T10:00:05Z"
    }
    "#);
}

#[test]
fn emergency_message() {
    assert_snapshot!(payload_of("emergency:message", false, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "message": {
        "_id": "00000000-0000-0000-0000-00000000012c",
        "createdAt": "2026-01-15T10:00:05Z",
        "displayInitials": "AL",
        "displayName": "Ada Lovelace",
        "emergencyId": "00000000-0000-0000-0000-000000000064",
        "id": "00000000-0000-0000-0000-00000000012c",
        "isMine": false,
        "message": "The door is open",
        "recipientId": null,
        "recipientRole": null,
        "senderId": "00000000-0000-0000-0000-000000000001",
        "senderRole": "creator"
      }
    }
    "#);
}

#[test]
fn emergency_message_of_an_anonymous_owner_as_others_see_it() {
    assert_snapshot!(payload_of("emergency:message", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "message": {
        "_id": "00000000-0000-0000-0000-00000000012c",
        "createdAt": "2026-01-15T10:00:05Z",
        "displayInitials": "A",
        "displayName": "Anonymous",
        "emergencyId": "00000000-0000-0000-0000-000000000064",
        "id": "00000000-0000-0000-0000-00000000012c",
        "isMine": false,
        "message": "The door is open",
        "recipientId": null,
        "recipientRole": null,
        "senderId": null,
        "senderRole": "creator"
      }
    }
    "#);
}

#[test]
fn emergency_message_of_an_anonymous_owner_as_the_owner_sees_it() {
    assert_snapshot!(payload_of("emergency:message", true, user(OWNER)), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "message": {
        "_id": "00000000-0000-0000-0000-00000000012c",
        "createdAt": "2026-01-15T10:00:05Z",
        "displayInitials": "AL",
        "displayName": "Ada Lovelace",
        "emergencyId": "00000000-0000-0000-0000-000000000064",
        "id": "00000000-0000-0000-0000-00000000012c",
        "isMine": true,
        "message": "The door is open",
        "recipientId": null,
        "recipientRole": null,
        "senderId": "00000000-0000-0000-0000-000000000001",
        "senderRole": "creator"
      }
    }
    "#);
}

#[test]
fn emergency_message_deleted() {
    assert_snapshot!(payload_of("emergency:message:deleted", true, Viewer::Anyone), @r#"
    {
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "eventId": 42,
      "messageId": "00000000-0000-0000-0000-00000000012c"
    }
    "#);
}

#[test]
fn is_mine_is_true_only_in_the_delivery_to_the_sender() {
    for from in [Sender::Owner(person(OWNER)), Sender::Helper(person(GRACE_HOPPER))] {
        for to in [To::Everyone, To::Creator, To::Helper(id(GRACE_HOPPER))] {
            let sender = from.id().unwrap();
            let event = logged(None, Event::MessagePosted { message: anonymous_message(from.clone(), to) });
            for delivery in event.deliveries() {
                let mine = field(&sent(&event, delivery.viewer).unwrap().1, "message.isMine") == true;
                assert_eq!(mine, delivery.viewer == Viewer::User(sender), "{from:?} {to:?}");
            }
        }
    }
}

#[test]
fn an_approximate_emergency_created() {
    assert_snapshot!(reduced("emergency:created", Viewer::Anyone, Stage::LookerOn), @r#"
    {
      "emergency": {
        "anonymousMode": false,
        "category": null,
        "createdAt": "2026-01-15T10:00:00Z",
        "description": null,
        "id": "00000000-0000-0000-0000-000000000064",
        "location": {
          "address": null,
          "description": null,
          "latitude": 52.501561,
          "longitude": 13.250059,
          "precision": 1000
        },
        "priority": "critical",
        "severity": 8,
        "silentMode": true,
        "status": "active",
        "type": "natural_disaster",
        "user": null
      },
      "eventId": 42,
      "nearbyHelperCount": 2
    }
    "#);
}

#[test]
fn an_approximate_emergency_nearby() {
    assert_snapshot!(reduced("emergency:nearby", user(GRACE_HOPPER), Stage::Alerted), @r#"
    {
      "distance": 100,
      "emergency": {
        "anonymousMode": false,
        "category": "flood",
        "createdAt": "2026-01-15T10:00:00Z",
        "description": null,
        "id": "00000000-0000-0000-0000-000000000064",
        "location": {
          "address": null,
          "description": null,
          "latitude": 52.499763,
          "longitude": 13.250059,
          "precision": 200
        },
        "priority": "critical",
        "severity": 8,
        "silentMode": true,
        "status": "active",
        "type": "natural_disaster",
        "user": {"id": null, "profile": {"firstName": "Ada", "lastName": null}}
      },
      "eventId": 42
    }
    "#);
}

#[test]
fn an_alert_that_is_replayed_to_a_helper_who_declined_since_is_rendered_for_a_looker_on() {
    let created: Value = serde_json::from_str(&reduced("emergency:created", Viewer::Anyone, Stage::LookerOn)).unwrap();
    let nearby: Value = serde_json::from_str(&reduced("emergency:nearby", user(ALAN), Stage::LookerOn)).unwrap();
    assert_eq!(nearby["emergency"], created["emergency"]);
    assert_eq!(nearby["distance"], 3_000);
}

#[test]
fn what_is_said_on_the_way_and_at_the_end_is_for_participants_where_places_are_approximate() {
    for (name, fields) in [
        ("helper:status_update", &["notes", "stalled"][..]),
        ("emergency:resolved", &["resolvedBy", "resolutionNotes"]),
        ("emergency:cancelled", &["reason"]),
    ] {
        for (stage, hidden) in [
            (Stage::Responder, false),
            (Stage::Owner, false),
            (Stage::Administrator, false),
            (Stage::Alerted, true),
            (Stage::LookerOn, true),
        ] {
            let payload: Value = serde_json::from_str(&reduced(name, Viewer::Anyone, stage)).unwrap();
            for field in fields {
                assert_eq!(payload[field].is_null(), hidden, "{name} {field} {stage:?}");
            }
        }
    }
}
