//! The stored form of events: each variant reads back as it was, and what was stored before stays readable.

use serde_json::{Value, from_value, json, to_value};

use super::*;
use crate::testing::{every_event, helper_card, id};

/// A place for each variant. A new one fails to compile here, and then needs a sample below.
const fn place(event: &Event) -> usize {
    match event {
        Event::EmergencyCreated { .. } => 0,
        Event::HelpersAlerted { .. } => 1,
        Event::AlertDeclined { .. } => 2,
        Event::AlertAcknowledged { .. } => 3,
        Event::Unanswered { .. } => 4,
        Event::HelperJoined { .. } => 5,
        Event::DetailsDisclosed { .. } => 6,
        Event::HelperStatusUpdated { .. } => 7,
        Event::StatusChanged { .. } => 8,
        Event::EmergencyResolved { .. } => 9,
        Event::EmergencyCancelled { .. } => 10,
        Event::EmergencyEnded { .. } => 11,
        Event::EmergencyReopened { .. } => 12,
        Event::AlertsRenewed => 13,
        Event::EmergencyDeleted => 14,
        Event::MessagePosted { .. } => 15,
        Event::MessageDeleted { .. } => 16,
        Event::HelperRightsChanged { .. } => 17,
        Event::SessionsRevoked { .. } => 18,
        Event::AccountBlocked { .. } => 19,
        Event::UserBlocked(_) => 20,
        Event::UserUnblocked(_) => 21,
        Event::EmergencyHidden { .. } => 22,
        Event::EmergencyAnnounced { .. } => 23,
        Event::DeviceLost(_) => 24,
        Event::AlertSeen { .. } => 25,
        Event::AlertsSent { .. } => 26,
        Event::ContactNotified { .. } => 27,
        Event::EmergencyUpdated { .. } => 28,
        Event::ResponseChecked { .. } => 29,
        Event::EmergencyMoved { .. } => 30,
        Event::RoleAssigned { .. } => 31,
        Event::HelperStoodDown { .. } => 32,
    }
}

const OWNER: &str = "00000000-0000-0000-0000-000000000001";
const GRACE_HOPPER: &str = "00000000-0000-0000-0000-000000000002";
const ALAN: &str = "00000000-0000-0000-0000-000000000003";
const EMERGENCY: &str = "00000000-0000-0000-0000-000000000064";
const MESSAGE: &str = "00000000-0000-0000-0000-00000000012c";

fn owner() -> Value {
    json!({ "id": OWNER, "first_name": "Ada", "last_name": "Lovelace" })
}

fn call() -> Value {
    json!({
        "id": EMERGENCY,
        "owner": owner(),
        "details": {
            "kind": "medical",
            "category": null,
            "description": "Fell down the stairs",
            "location": {
                "position": { "latitude": 52.5, "longitude": 13.4 }, "address": null, "description": null
            },
            "priority": "high",
            "severity": 5,
            "silent": false,
            "anonymous": false
        },
        "created_at": "2026-01-15T10:00:00Z"
    })
}

/// Bodies as they are stored. Never change one: databases hold them. When one gains a field, its old form moves to
/// [`stored_before`].
fn stored() -> Vec<Value> {
    let mut stored = vec![
        json!({ "kind": "emergency_created", "call": call(), "nearby_helpers": 2 }),
        json!({
            "kind": "helpers_alerted", "call": call(), "status": "active", "wave": 1, "radius": 5000.0,
            "recipients": [{ "helper": GRACE_HOPPER, "distance": 10.5 }, { "helper": ALAN, "distance": 20.0 }]
        }),
        json!({ "kind": "alert_declined", "helper": ALAN }),
        json!({ "kind": "alert_acknowledged", "helper": GRACE_HOPPER }),
        json!({ "kind": "unanswered", "owner": OWNER, "alerted": 2 }),
        json!({
            "kind": "helper_joined",
            "helper": {
                "person": { "id": GRACE_HOPPER, "first_name": "Grace", "last_name": "Hopper" },
                "reputation": { "trust_score": 0, "rating_sum": 0, "rating_count": 0 }
            },
            "joined_at": "2026-01-15T10:00:01Z", "estimated_arrival": "2026-01-15T10:01:00Z",
            "transport": "foot"
        }),
        json!({
            "kind": "details_disclosed", "helper": GRACE_HOPPER,
            "emergency": {
                "call": call(), "status": "responding", "alert_radius": 5000.0, "updated_at": "2026-01-15T10:00:00Z",
                "first_response_at": "2026-01-15T10:00:01Z",
                "responses": [{
                    "helper": {
                        "person": { "id": GRACE_HOPPER, "first_name": "Grace", "last_name": "Hopper" },
                        "reputation": { "trust_score": 0, "rating_sum": 0, "rating_count": 0 }
                    },
                    "status": "responding", "notes": null, "estimated_arrival": null,
                    "responded_at": "2026-01-15T10:00:01Z", "updated_at": "2026-01-15T10:00:01Z"
                }],
                "alerts": { "wave": 1, "alerted": 2, "acknowledged": 0, "declined": 0 }
            }
        }),
        json!({
            "kind": "helper_status_updated", "helper": GRACE_HOPPER, "status": "on_way", "notes": "By bike",
            "estimated_arrival": "2026-01-15T10:01:00Z", "updated_at": "2026-01-15T10:00:02Z", "anonymous": false
        }),
        json!({ "kind": "status_changed", "status": "responding", "updated_at": "2026-01-15T10:00:01Z" }),
        json!({
            "kind": "emergency_resolved", "at": "2026-01-15T10:00:10Z", "by": OWNER, "resolution": "user_resolved",
            "notes": "All well", "anonymous": false
        }),
        json!({
            "kind": "emergency_cancelled", "at": "2026-01-15T10:00:10Z", "reason": "By mistake",
            "alerted": [GRACE_HOPPER, ALAN], "anonymous": false
        }),
        json!({
            "kind": "emergency_ended", "status": "resolved", "at": "2026-01-15T10:00:10Z", "alerted": [GRACE_HOPPER, ALAN],
            "participants": [OWNER, GRACE_HOPPER]
        }),
        json!({
            "kind": "emergency_reopened", "call": call(), "status": "responding", "at": "2026-01-15T10:00:11Z",
            "alerted": [ALAN], "participants": [OWNER, GRACE_HOPPER]
        }),
        json!({ "kind": "alerts_renewed" }),
        json!({ "kind": "emergency_deleted" }),
        json!({
            "kind": "message_posted",
            "message": {
                "id": MESSAGE, "emergency": EMERGENCY, "owner": OWNER, "anonymous": false,
                "from": { "owner": owner() }, "to": "everyone", "text": "The door is open",
                "created_at": "2026-01-15T10:00:05Z"
            }
        }),
        json!({ "kind": "message_deleted", "message": MESSAGE, "readers": [OWNER, GRACE_HOPPER] }),
        json!({ "kind": "helper_rights_changed", "user": GRACE_HOPPER, "on_duty": true, "may_help": true }),
        json!({
            "kind": "sessions_revoked", "user": GRACE_HOPPER, "only": "00000000-0000-0000-0000-000000000190", "except": null
        }),
        json!({ "kind": "account_blocked", "user": GRACE_HOPPER }),
        json!({ "kind": "user_blocked", "by": OWNER, "user": ALAN }),
        json!({ "kind": "user_unblocked", "by": OWNER, "user": ALAN }),
        json!({ "kind": "emergency_hidden", "user": ALAN, "at": "2026-01-15T10:00:03Z" }),
        json!({
            "kind": "emergency_announced", "call": call(), "status": "responding", "nearby_helpers": 2, "hidden_from": []
        }),
        json!({
            "kind": "device_lost", "id": "00000000-0000-0000-0000-000000000007", "user": GRACE_HOPPER, "name": "Phone",
            "reason": "moved"
        }),
        json!({ "kind": "alert_seen", "helper": GRACE_HOPPER }),
        json!({ "kind": "alerts_sent", "channel": "webpush", "step": 1, "sent": [GRACE_HOPPER], "failed": [ALAN] }),
        json!({
            "kind": "contact_notified", "owner": OWNER, "contact": "00000000-0000-0000-0000-000000000046", "state": "sent"
        }),
        json!({
            "kind": "emergency_updated", "call": call(), "status": "active", "alerted": [ALAN], "finished": [GRACE_HOPPER]
        }),
        json!({ "kind": "response_checked", "helper": GRACE_HOPPER, "until": "2026-01-15T10:03:45Z" }),
        json!({
            "kind": "emergency_moved", "owner": OWNER, "position": { "latitude": 52.501, "longitude": 13.4 },
            "at": "2026-01-15T10:00:04Z", "finished": [ALAN]
        }),
    ];
    stored.extend(stored_roles());
    stored
}

fn stored_roles() -> [Value; 2] {
    [
        json!({
            "kind": "role_assigned", "helper": GRACE_HOPPER, "role": "aed", "previous": "patient", "reason": "better",
            "at": "2026-01-15T10:00:04Z", "hidden_from": [ALAN],
            "resource": {
                "id": "00000000-0000-0000-0000-00000000004d", "kind": "aed", "position": { "latitude": 52.5, "longitude": 13.4 },
                "address": "Am Ufer 1", "description": "Beside the door", "open_until": "2026-01-15T10:01:30Z"
            }
        }),
        json!({
            "kind": "helper_stood_down", "helper": GRACE_HOPPER, "reason": "enough_helpers", "at": "2026-01-15T10:00:05Z"
        }),
    ]
}

/// Bodies as earlier versions stored them, with what they mean now.
fn stored_before() -> Vec<(Value, Event)> {
    let (status, at, alerted) = (EmergencyStatus::Resolved, crate::testing::at(10), vec![id(2), id(3)]);
    let mut joined = stored().swap_remove(5);
    joined.as_object_mut().unwrap().remove("estimated_arrival");
    // Where it is not known whether an emergency is anonymous, it is shown as if it were.
    let of_unknown_anonymity = [7, 9, 10].map(|index| {
        let (mut body, mut event) = (stored().swap_remove(index), every_event().swap_remove(index));
        body.as_object_mut().unwrap().remove("anonymous");
        if let Event::HelperStatusUpdated { anonymous, .. }
        | Event::EmergencyResolved { anonymous, .. }
        | Event::EmergencyCancelled { anonymous, .. } = &mut event
        {
            *anonymous = true;
        }
        (body, event)
    });
    let others = vec![
        (
            json!({
                "kind": "emergency_ended", "status": "resolved", "at": "2026-01-15T10:00:10Z",
                "alerted": [GRACE_HOPPER, ALAN]
            }),
            Event::EmergencyEnded {
                status,
                at,
                alerted,
                participants: Vec::new(),
                hidden_from: vec![],
                announced: true,
                critical: false,
            },
        ),
        (
            joined,
            Event::HelperJoined {
                helper: helper_card(2),
                joined_at: crate::testing::at(1),
                estimated_arrival: None,
                transport: Transport::Foot,
                separated_from: vec![],
            },
        ),
    ];
    others.into_iter().chain(of_unknown_anonymity).collect()
}

#[test]
fn every_variant_has_a_sample() {
    let places: Vec<_> = every_event().iter().map(place).collect();
    assert_eq!(places, (0..33).collect::<Vec<_>>());
    assert_eq!(stored().len(), 33);
}

#[test]
fn every_variant_reads_back_as_it_was_stored() {
    for event in every_event() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
    }
}

#[test]
fn every_variant_is_stored_under_its_kind() {
    for event in every_event() {
        assert_eq!(to_value(&event).unwrap()["kind"], event.kind());
    }
}

#[test]
fn what_was_stored_before_stays_readable() {
    for (body, event) in stored().into_iter().zip(every_event()) {
        assert_eq!(from_value::<Event>(body).unwrap(), event);
    }
}

#[test]
fn what_was_stored_before_a_field_was_added_stays_readable() {
    for (body, event) in stored_before() {
        assert_eq!(from_value::<Event>(body).unwrap(), event);
    }
}

#[test]
fn what_is_stored_now_is_readable_by_the_version_before() {
    for (body, event) in stored().into_iter().zip(every_event()) {
        assert_eq!(to_value(event).unwrap(), body);
    }
    // Which passes over what it does not know, and misses nothing that it does.
    for (body, event) in stored_before() {
        let now = to_value(event).unwrap();
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&now[field], value, "{field}");
        }
    }
}

#[test]
fn every_spelling_of_senders_and_recipients_stays_readable() {
    for (stored, to) in [
        (json!("everyone"), crate::To::Everyone),
        (json!("creator"), crate::To::Creator),
        (json!("owner"), crate::To::Owner),
        (json!({ "helper": GRACE_HOPPER }), crate::To::Helper(GRACE_HOPPER.parse().unwrap())),
    ] {
        assert_eq!(from_value::<crate::To>(stored.clone()).unwrap(), to);
        assert_eq!(to_value(to).unwrap(), stored);
    }
    let person = crate::testing::account(1).person();
    for (stored, from) in [
        (json!("system"), crate::Sender::System),
        (json!({ "owner": owner() }), crate::Sender::Owner(person.clone())),
        (json!({ "helper": owner() }), crate::Sender::Helper(person)),
    ] {
        assert_eq!(from_value::<crate::Sender>(stored.clone()).unwrap(), from);
        assert_eq!(to_value(from).unwrap(), stored);
    }
}

#[test]
fn fields_that_a_later_version_adds_are_passed_over() {
    for (mut body, event) in stored().into_iter().zip(every_event()) {
        body["added_later"] = json!({ "some": ["thing"] });
        assert_eq!(from_value::<Event>(body).unwrap(), event);
    }
}

#[test]
fn stored_text_that_breaks_a_rule_is_not_an_event() {
    let mut nowhere = stored().swap_remove(0);
    nowhere["call"]["details"]["location"]["position"]["latitude"] = json!(90.5);
    let mut nameless = stored().swap_remove(0);
    nameless["call"]["owner"]["first_name"] = json!(" ");
    let mut unknown = stored().swap_remove(7);
    unknown["status"] = json!("asleep");
    for body in [nowhere, nameless, unknown, json!({ "kind": "tea_served" }), json!({}), json!(null)] {
        assert!(from_value::<Event>(body.clone()).is_err(), "{body}");
    }
}
