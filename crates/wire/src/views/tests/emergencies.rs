//! Emergencies, for each kind of viewer.

use allynet_domain::{
    AvailableHelpers, Emergency, EmergencyStatus, Location, Metres, Movement, PlaceBeforeAccept, PlacePolicy, Position,
    ResponseStatus, SessionFix, Stage, Timestamp, UserId,
    dispatch::{Assignment, TeamRole},
    port::Presence,
    testing::{ALAN, GRACE_HOPPER, at, edited, id, position},
    usecase::reading::EmergencyHelpers,
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    testing::{approximate_places, exact_places, field, filled_emergency, filled_resolved, json, shown},
    views::{EmergencyData, EmergencyView, HelpersView, RaisedView},
};

fn rendered(emergency: &Emergency, stage: Stage) -> Value {
    json(&EmergencyView::new(emergency, stage, &exact_places(), None))
}

#[test]
fn the_place_that_was_given_is_shown_as_precisely_as_the_present_one() {
    let emergency = edited(filled_emergency(false), |e| {
        let place = &mut e.call.details.location;
        let given =
            std::mem::replace(place, Location { position: position(52.6, 13.3), address: None, description: None });
        let followed = Some(SessionFix { session: id(400), position: place.position, at: at(1) });
        e.call.movement = Movement { followed, origin: Some(Box::new(given)), moved_at: Some(at(1)) };
    });
    let exact = json!({ "latitude": 52.5, "longitude": 13.25, "address": "Am Ufer 1", "description": null });
    let grid = approximate_places().grid;
    let cell = |of: Position| json!({ "latitude": of.latitude(), "longitude": of.longitude(), "address": null, "description": null });
    let given = position(52.5, 13.25);
    for (stage, origin, fixed_place) in [
        (Stage::Owner, exact.clone(), json!(false)),
        (Stage::Administrator, exact.clone(), json!(false)),
        (Stage::Responder, exact, json!(false)),
        (Stage::Alerted, cell(grid.fine(given)), Value::Null),
        (Stage::LookerOn, cell(grid.coarse(given)), Value::Null),
    ] {
        let view = json(&EmergencyView::new(&emergency, stage, &approximate_places(), None));
        assert_eq!((&view["origin"], &view["fixedPlace"]), (&origin, &fixed_place), "{stage:?}");
    }
    assert_eq!(rendered(&filled_emergency(false), Stage::Owner)["origin"], Value::Null);
}

#[test]
fn an_anonymous_emergency_that_was_resolved_for_its_owner() {
    assert_snapshot!(shown(&rendered(&filled_resolved(true), Stage::Owner)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": {
        "acknowledged": 1,
        "alerted": 2,
        "declined": 0,
        "delivered": 1,
        "failed": 0,
        "relaxed": [],
        "seen": 0,
        "sent": 1,
        "skipped": {"engaged": null, "limit": null, "paused": null, "quiet": 3},
        "wave": 1
      },
      "anonymousMode": true,
      "category": "flood",
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": null,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "fixedPlace": true,
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {
        "address": "Am Ufer 1",
        "description": null,
        "latitude": 52.5,
        "longitude": 13.25,
        "precision": 0
      },
      "origin": null,
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
          "resourceId": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "role": null,
          "stalled": false,
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
    assert_snapshot!(shown(&rendered(&filled_resolved(true), Stage::Responder)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": {
        "acknowledged": 1,
        "alerted": 2,
        "declined": 0,
        "delivered": 1,
        "failed": 0,
        "relaxed": [],
        "seen": 0,
        "sent": 1,
        "skipped": {"engaged": null, "limit": null, "paused": null, "quiet": 3},
        "wave": 1
      },
      "anonymousMode": true,
      "category": "flood",
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": null,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "fixedPlace": true,
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {
        "address": "Am Ufer 1",
        "description": null,
        "latitude": 52.5,
        "longitude": 13.25,
        "precision": 0
      },
      "origin": null,
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
          "resourceId": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "role": null,
          "stalled": false,
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
    let [mut for_admin, mut for_owner] =
        [Stage::Administrator, Stage::Owner].map(|stage| rendered(&filled_resolved(true), stage));
    let (skipped, _) = (for_admin["alerts"]["skipped"].take(), for_owner["alerts"]["skipped"].take());
    assert_eq!(skipped, json!({ "quiet": 3, "paused": 2, "engaged": 0, "limit": 0 }), "each number, however small");
    assert_eq!(for_admin, for_owner);
}

#[test]
fn an_anonymous_emergency_for_a_looker_on() {
    let emergency = filled_emergency(true);
    let view = EmergencyView::new(&emergency, Stage::LookerOn, &exact_places(), Some(Metres::new(1_499.5)));
    assert_snapshot!(shown(&view), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": null,
      "anonymousMode": true,
      "category": null,
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": 1000,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "fixedPlace": null,
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {
        "address": null,
        "description": null,
        "latitude": 52.501561,
        "longitude": 13.250059,
        "precision": 1000
      },
      "origin": null,
      "priority": "critical",
      "resolutionNotes": null,
      "resolutionType": null,
      "resolvedAt": null,
      "resolvedBy": null,
      "respondingHelpers": [
        {
          "estimatedArrival": null,
          "helper": {
            "_id": "00000000-0000-0000-0000-000000000002",
            "helperRating": {"average": 4.67, "count": 3},
            "id": "00000000-0000-0000-0000-000000000002",
            "profile": {"firstName": "Grace", "lastName": "Hopper"},
            "trustScore": 150
          },
          "lastSeenAt": null,
          "notes": null,
          "online": null,
          "resourceId": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "role": null,
          "stalled": null,
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
    assert_snapshot!(shown(&rendered(&waiting, Stage::LookerOn)), @r#"
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
      "fixedPlace": null,
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {"address": null, "description": null, "latitude": 52.5, "longitude": 13.25, "precision": 0},
      "origin": null,
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

/// Which stages see the owner, the resolver, and the alert counts, where places are exact.
#[test]
fn owner_resolver_and_alert_counts_depend_on_the_stage() {
    for (stage, knows_anonymous, sees_alerts) in [
        (Stage::Owner, true, true),
        (Stage::Administrator, true, true),
        (Stage::Responder, false, true),
        (Stage::Alerted, false, false),
        (Stage::LookerOn, false, false),
    ] {
        for anonymous in [false, true] {
            let view = rendered(&filled_resolved(anonymous), stage);
            let knows = knows_anonymous || !anonymous;
            assert_eq!(!view["user"].is_null(), knows, "{stage:?} {anonymous}");
            assert_eq!(!view["resolvedBy"].is_null(), knows, "{stage:?} {anonymous}");
            assert_eq!(!view["alerts"].is_null(), sees_alerts, "{stage:?} {anonymous}");
            assert_eq!(field(&view, "anonymousMode"), anonymous);
        }
    }
}

#[test]
fn a_helper_who_resolved_an_anonymous_emergency_is_shown_to_participants() {
    let by_grace = edited(filled_resolved(true), |e| e.ending.as_mut().unwrap().by = Some(id(GRACE_HOPPER)));
    let by = |stage| rendered(&by_grace, stage)["resolvedBy"].clone();
    assert_eq!(by(Stage::Responder), json!("00000000-0000-0000-0000-000000000002"));
    assert_eq!(by(Stage::LookerOn), Value::Null);
}

#[test]
fn an_approximate_emergency_for_an_alerted_helper() {
    let emergency = filled_emergency(false);
    let view = EmergencyView::new(&emergency, Stage::Alerted, &approximate_places(), Some(Metres::new(1_499.5)));
    assert_snapshot!(shown(&view), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000064",
      "alertRadius": 5000,
      "alerts": null,
      "anonymousMode": false,
      "category": "flood",
      "createdAt": "2026-01-15T10:00:00Z",
      "description": null,
      "distance": 1500,
      "firstResponseAt": "2026-01-15T10:00:01Z",
      "fixedPlace": null,
      "id": "00000000-0000-0000-0000-000000000064",
      "location": {
        "address": null,
        "description": null,
        "latitude": 52.499763,
        "longitude": 13.250059,
        "precision": 200
      },
      "origin": null,
      "priority": "critical",
      "resolutionNotes": null,
      "resolutionType": null,
      "resolvedAt": null,
      "resolvedBy": null,
      "respondingHelpers": [
        {
          "estimatedArrival": null,
          "helper": {
            "_id": "00000000-0000-0000-0000-000000000002",
            "helperRating": {"average": 4.67, "count": 3},
            "id": "00000000-0000-0000-0000-000000000002",
            "profile": {"firstName": "Grace", "lastName": "Hopper"},
            "trustScore": 150
          },
          "lastSeenAt": null,
          "notes": null,
          "online": null,
          "resourceId": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "role": null,
          "stalled": null,
          "status": "on_way",
          "updatedAt": "2026-01-15T10:00:02Z"
        }
      ],
      "severity": 8,
      "silentMode": true,
      "status": "responding",
      "type": "natural_disaster",
      "updatedAt": "2026-01-15T10:00:02Z",
      "user": {"_id": null, "id": null, "profile": {"firstName": "Ada", "lastName": null}}
    }
    "#);
}

#[test]
fn emergencies_come_in_an_envelope() {
    let emergency = filled_emergency(false);
    let one = json(&EmergencyData { emergency: EmergencyView::new(&emergency, Stage::Owner, &exact_places(), None) });
    assert_eq!(one, json!({ "emergency": rendered(&emergency, Stage::Owner) }));
    let view = EmergencyView::new(&emergency, Stage::Owner, &exact_places(), None);
    let raised = json(&RaisedView { emergency: view, nearby_helper_count: 3 });
    assert_eq!(raised, json!({ "emergency": rendered(&emergency, Stage::Owner), "nearbyHelperCount": 3 }));
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
    for (stage, status, helper, separated, expected) in [
        (Stage::Owner, ResponseStatus::OnWay, GRACE_HOPPER, vec![], json!([true, "2026-01-15T10:00:09Z"])),
        (Stage::Responder, ResponseStatus::Completed, GRACE_HOPPER, vec![], json!([true, "2026-01-15T10:00:09Z"])),
        (Stage::Administrator, ResponseStatus::OnWay, ALAN, vec![], json!([false, null])),
        (Stage::LookerOn, ResponseStatus::OnWay, GRACE_HOPPER, vec![], json!([null, null])),
        // A cancelled response shows no presence.
        (Stage::Owner, ResponseStatus::Cancelled, GRACE_HOPPER, vec![], json!([null, null])),
        // A block separates the helper from the viewer, or another one.
        (Stage::Responder, ResponseStatus::OnWay, GRACE_HOPPER, vec![id(GRACE_HOPPER)], json!([null, null])),
        (Stage::Responder, ResponseStatus::OnWay, GRACE_HOPPER, vec![id(ALAN)], json!([true, "2026-01-15T10:00:09Z"])),
    ] {
        let emergency = edited(filled_emergency(false), |e| {
            e.responses[0].status = status;
            e.responses[0].helper.person.id = id(helper);
        });
        let view =
            json(&EmergencyView::new(&emergency, stage, &exact_places(), None).with_presence(&OnlyGrace, &separated));
        let helper = &view["respondingHelpers"][0];
        assert_eq!(json!([helper["online"], helper["lastSeenAt"]]), expected, "{stage:?} {status:?}");
    }
}

#[test]
fn helpers_are_those_who_respond_and_numbers_of_others() {
    let view = |stage, status, places: PlacePolicy, distances: &[(u128, f64)]| {
        let emergency = edited(filled_emergency(false), |e| e.responses[0].status = status);
        let distances = distances.iter().map(|&(helper, metres)| (id(helper), Metres::new(metres))).collect();
        let available = AvailableHelpers { online: None, within: vec![(500, None), (1_000, Some(4))] };
        let separated = vec![id(ALAN)];
        let found = EmergencyHelpers { emergency, stage, separated, distances, available };
        json(&HelpersView::new(&found, &places, &OnlyGrace))
    };
    let (on_way, distances) = (ResponseStatus::OnWay, [(GRACE_HOPPER, 149.5)]);
    assert_snapshot!(shown(&view(Stage::Owner, on_way, exact_places(), &distances)), @r#"
    {
      "count": 1,
      "helpers": [
        {
          "distance": 150,
          "estimatedArrival": "2026-01-15T10:01:00Z",
          "helper": {
            "_id": "00000000-0000-0000-0000-000000000002",
            "helperRating": {"average": 4.67, "count": 3},
            "id": "00000000-0000-0000-0000-000000000002",
            "profile": {"firstName": "Grace", "lastName": "Hopper"},
            "trustScore": 150
          },
          "helperRating": {"average": 4.67, "count": 3},
          "id": "00000000-0000-0000-0000-000000000002",
          "lastSeenAt": "2026-01-15T10:00:09Z",
          "notes": "By bike",
          "online": true,
          "profile": {"firstName": "Grace", "lastName": "Hopper"},
          "resourceId": null,
          "respondedAt": "2026-01-15T10:00:01Z",
          "role": null,
          "stalled": false,
          "status": "on_way",
          "trustScore": 150,
          "updatedAt": "2026-01-15T10:00:02Z"
        }
      ],
      "online": null,
      "within": [{"count": null, "radius": 500}, {"count": 4, "radius": 1000}]
    }
    "#);
    let approximate = PlacePolicy { before_accept: PlaceBeforeAccept::Approximate, ..exact_places() };
    let to_others = view(Stage::LookerOn, on_way, approximate, &[]);
    let helper = &to_others["helpers"][0];
    for key in ["distance", "online", "lastSeenAt", "notes", "estimatedArrival"] {
        assert_eq!((key, &helper[key]), (key, &Value::Null));
    }
    assert_eq!(to_others["within"], view(Stage::Owner, on_way, exact_places(), &distances)["within"]);
    let cancelled = view(Stage::Owner, ResponseStatus::Cancelled, exact_places(), &distances);
    assert_eq!(json!([cancelled["helpers"], cancelled["count"]]), json!([[], 0]));
}

#[test]
fn roles_are_shown_to_those_who_take_part() {
    let assignment =
        Assignment { role: TeamRole::Aed, resource: Some(id(77)), has_collected: false, since: at(2), moves: 0 };
    let emergency = edited(filled_emergency(true), |e| e.responses[0].record.dispatch.assignment = Some(assignment));
    for (stage, is_shown) in [
        (Stage::Owner, true),
        (Stage::Responder, true),
        (Stage::Administrator, true),
        (Stage::Alerted, false),
        (Stage::LookerOn, false),
    ] {
        let view = rendered(&emergency, stage);
        let response = &view["respondingHelpers"][0];
        let expected = is_shown.then_some(("aed", "00000000-0000-0000-0000-00000000004d")).unzip();
        assert_eq!((response["role"].as_str(), response["resourceId"].as_str()), expected, "{stage:?}");
    }
    for (separated, is_shown) in [(vec![], true), (vec![id(GRACE_HOPPER)], false)] {
        let view = EmergencyView::new(&emergency, Stage::Responder, &exact_places(), None);
        let response = &json(&view.with_presence(&OnlyGrace, &separated))["respondingHelpers"][0];
        let shown = (response["role"].is_string(), response["resourceId"].is_string());
        assert_eq!(shown, (is_shown, is_shown), "separated from {separated:?}");
    }
}
