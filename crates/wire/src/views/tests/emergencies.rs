//! Emergencies, for each kind of viewer.

use allynet_domain::{
    Emergency, EmergencyStatus, HelperPolicy, Metres, Relation, ResponseStatus, Timestamp, UserId,
    port::{NearbyHelper, Presence},
    testing::{ALAN, GRACE_HOPPER, OWNER, account, admin, at, edited, helper, id},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    testing::{field, filled_emergency, filled_resolved, json, rated_helper_card, shown},
    views::{EmergencyData, EmergencyView, NearbyHelperView, RaisedView},
};

fn rendered(emergency: &Emergency, relation: Relation) -> Value {
    json(&EmergencyView::new(emergency, relation, None))
}

#[test]
fn an_anonymous_emergency_that_was_resolved_for_its_owner() {
    assert_snapshot!(shown(&rendered(&filled_resolved(true), Relation::Owner)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": {"acknowledged": 1, "alerted": 2, "declined": 0, "wave": 1},
      "anonymousMode": true,
      "category": "flood",
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": null,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {"address": "Am Ufer 1", "description": null, "latitude": 52.5, "longitude": 13.25},
      "priority": "critical",
      "resolutionNotes": "All well",
      "resolutionType": "user_resolved",
      "resolvedAt": "2026-01-15T10:00:10Z",
      "resolvedBy": "00000000-0000-0000-0000-000000000001",
      "respondingHelpers": [
        {
          "estimatedArrival": "2026-01-15T10:01:00Z",
          "helper": {
            "_id": "00000000-0000-0000-0000-000000000002",
            "helperRating": {"average": 4.67, "count": 3},
            "id": "00000000-0000-0000-0000-000000000002",
            "profile": {"firstName": "Grace", "lastName": "Hopper"},
            "trustScore": 150
          },
          "lastSeenAt": null,
          "notes": "By bike",
          "online": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "status": "on_way",
          "updatedAt": "2026-01-15T10:00:02Z"
        }
      ],
      "severity": 8,
      "silentMode": true,
      "status": "resolved",
      "type": "natural_disaster",
      "updatedAt": "2026-01-15T10:00:10Z",
      "user": {
        "_id": "00000000-0000-0000-0000-000000000001",
        "id": "00000000-0000-0000-0000-000000000001",
        "profile": {"firstName": "Ada", "lastName": "Lovelace"}
      }
    }
    "#);
}

#[test]
fn an_anonymous_emergency_that_was_resolved_for_a_responding_helper() {
    assert_snapshot!(shown(&rendered(&filled_resolved(true), Relation::RespondingHelper)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": {"acknowledged": 1, "alerted": 2, "declined": 0, "wave": 1},
      "anonymousMode": true,
      "category": "flood",
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": null,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {"address": "Am Ufer 1", "description": null, "latitude": 52.5, "longitude": 13.25},
      "priority": "critical",
      "resolutionNotes": "All well",
      "resolutionType": "user_resolved",
      "resolvedAt": "2026-01-15T10:00:10Z",
      "resolvedBy": null,
      "respondingHelpers": [
        {
          "estimatedArrival": "2026-01-15T10:01:00Z",
          "helper": {
            "_id": "00000000-0000-0000-0000-000000000002",
            "helperRating": {"average": 4.67, "count": 3},
            "id": "00000000-0000-0000-0000-000000000002",
            "profile": {"firstName": "Grace", "lastName": "Hopper"},
            "trustScore": 150
          },
          "lastSeenAt": null,
          "notes": "By bike",
          "online": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "status": "on_way",
          "updatedAt": "2026-01-15T10:00:02Z"
        }
      ],
      "severity": 8,
      "silentMode": true,
      "status": "resolved",
      "type": "natural_disaster",
      "updatedAt": "2026-01-15T10:00:10Z",
      "user": null
    }
    "#);
}

#[test]
fn an_anonymous_emergency_that_was_resolved_for_an_administrator() {
    assert_eq!(rendered(&filled_resolved(true), Relation::Admin), rendered(&filled_resolved(true), Relation::Owner));
}

#[test]
fn an_anonymous_emergency_for_a_looker_on() {
    let emergency = filled_emergency(true);
    let view = EmergencyView::new(&emergency, Relation::Helper, Some(Metres::new(149.5)));
    assert_snapshot!(shown(&view), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": null,
      "anonymousMode": true,
      "category": "flood",
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": 150,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {"address": "Am Ufer 1", "description": null, "latitude": 52.5, "longitude": 13.25},
      "priority": "critical",
      "resolutionNotes": null,
      "resolutionType": null,
      "resolvedAt": null,
      "resolvedBy": null,
      "respondingHelpers": [
        {
          "estimatedArrival": "2026-01-15T10:01:00Z",
          "helper": {
            "_id": "00000000-0000-0000-0000-000000000002",
            "helperRating": {"average": 4.67, "count": 3},
            "id": "00000000-0000-0000-0000-000000000002",
            "profile": {"firstName": "Grace", "lastName": "Hopper"},
            "trustScore": 150
          },
          "lastSeenAt": null,
          "notes": "By bike",
          "online": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "status": "on_way",
          "updatedAt": "2026-01-15T10:00:02Z"
        }
      ],
      "severity": 8,
      "silentMode": true,
      "status": "responding",
      "type": "natural_disaster",
      "updatedAt": "2026-01-15T10:00:02Z",
      "user": null
    }
    "#);
}

#[test]
fn an_emergency_for_a_looker_on() {
    let waiting = edited(filled_emergency(false), |e| {
        (e.status, e.first_response_at, e.responses) = (EmergencyStatus::Active, None, vec![]);
        (e.call.details.category, e.call.details.location.address) = (None, None);
    });
    assert_snapshot!(shown(&rendered(&waiting, Relation::Helper)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": null,
      "anonymousMode": false,
      "category": null,
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": null,
      "firstResponseAt": null,
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {"address": null, "description": null, "latitude": 52.5, "longitude": 13.25},
      "priority": "critical",
      "resolutionNotes": null,
      "resolutionType": null,
      "resolvedAt": null,
      "resolvedBy": null,
      "respondingHelpers": [],
      "severity": 8,
      "silentMode": true,
      "status": "active",
      "type": "natural_disaster",
      "updatedAt": "2026-01-15T10:00:02Z",
      "user": {
        "_id": "00000000-0000-0000-0000-000000000001",
        "id": "00000000-0000-0000-0000-000000000001",
        "profile": {"firstName": "Ada", "lastName": "Lovelace"}
      }
    }
    "#);
}

/// Which relations see the owner, the resolver, and the alert counts.
#[test]
fn owner_resolver_and_alert_counts_depend_on_the_relation() {
    use Relation::{Admin, Helper, Owner, RespondingHelper, Stranger};
    for (relation, knows_anonymous, sees_alerts) in [
        (Owner, true, true),
        (Admin, true, true),
        (RespondingHelper, false, true),
        (Helper, false, false),
        (Stranger, false, false),
    ] {
        for anonymous in [false, true] {
            let view = rendered(&filled_resolved(anonymous), relation);
            let knows = knows_anonymous || !anonymous;
            assert_eq!(!view["user"].is_null(), knows, "{relation:?} {anonymous}");
            assert_eq!(!view["resolvedBy"].is_null(), knows, "{relation:?} {anonymous}");
            assert_eq!(!view["alerts"].is_null(), sees_alerts, "{relation:?} {anonymous}");
            assert_eq!(field(&view, "anonymousMode"), anonymous);
        }
    }
}

#[test]
fn a_helper_who_resolved_an_anonymous_emergency_is_shown() {
    let by_grace = edited(filled_resolved(true), |e| e.ending.as_mut().unwrap().by = Some(id(GRACE_HOPPER)));
    let view = rendered(&by_grace, Relation::Helper);
    assert_eq!(view["resolvedBy"], json!("00000000-0000-0000-0000-000000000002"));
}

#[test]
fn an_account_sees_what_its_relation_sees() {
    let emergency = filled_emergency(true);
    for (account, relation) in [
        (account(OWNER), Relation::Owner),
        (helper(GRACE_HOPPER), Relation::RespondingHelper),
        (admin(), Relation::Admin),
        (helper(ALAN), Relation::Helper),
    ] {
        let view = EmergencyView::of(&emergency, &account, HelperPolicy::Verified, None);
        assert_eq!(json(&view), rendered(&emergency, relation));
    }
}

#[test]
fn emergencies_come_in_an_envelope() {
    let emergency = filled_emergency(false);
    let one = json(&EmergencyData { emergency: EmergencyView::new(&emergency, Relation::Owner, None) });
    assert_eq!(one, json!({ "emergency": rendered(&emergency, Relation::Owner) }));
    let view = EmergencyView::new(&emergency, Relation::Owner, None);
    let raised = json(&RaisedView { emergency: view, nearby_helper_count: 3 });
    assert_eq!(raised, json!({ "emergency": rendered(&emergency, Relation::Owner), "nearbyHelperCount": 3 }));
}

/// A presence in which only Grace is online.
struct OnlyGrace;

impl Presence for OnlyGrace {
    fn is_online(&self, user: UserId) -> bool {
        user == id(GRACE_HOPPER)
    }

    fn last_seen(&self, user: UserId) -> Option<Timestamp> {
        self.is_online(user).then(|| at(9))
    }

    fn helpers_online(&self) -> u32 {
        1
    }
}

#[test]
fn presence_of_helpers_is_only_shown_to_participants_and_administrators() {
    for (relation, status, helper, expected) in [
        (Relation::Owner, ResponseStatus::OnWay, GRACE_HOPPER, json!([true, "2026-01-15T10:00:09Z"])),
        (Relation::RespondingHelper, ResponseStatus::Completed, GRACE_HOPPER, json!([true, "2026-01-15T10:00:09Z"])),
        (Relation::Admin, ResponseStatus::OnWay, ALAN, json!([false, null])),
        (Relation::Helper, ResponseStatus::OnWay, GRACE_HOPPER, json!([null, null])),
        // A cancelled response shows no presence.
        (Relation::Owner, ResponseStatus::Cancelled, GRACE_HOPPER, json!([null, null])),
    ] {
        let emergency = edited(filled_emergency(false), |e| {
            e.responses[0].status = status;
            e.responses[0].helper.person.id = id(helper);
        });
        let view = json(&EmergencyView::new(&emergency, relation, None).with_presence(&OnlyGrace));
        let helper = &view["respondingHelpers"][0];
        assert_eq!(json!([helper["online"], helper["lastSeenAt"]]), expected, "{relation:?} {status:?}");
    }
}

#[test]
fn a_helper_near_by() {
    let found = NearbyHelper { helper: rated_helper_card(), distance: Metres::new(149.5) };
    assert_snapshot!(shown(&NearbyHelperView::new(&found, true)), @r#"
    {
      "distance": 150,
      "helperRating": {"average": 4.67, "count": 3},
      "id": "00000000-0000-0000-0000-000000000002",
      "online": true,
      "profile": {"firstName": "Grace", "lastName": "Hopper"},
      "trustScore": 150
    }
    "#);
}
