//! Bodies and queries of the emergency and message routes.

use allynet_domain::{
    Addressee, EmergencyStatus, EmergencyType, EventId, Priority, ResponseStatus, port::Before,
    usecase::messages::Draft,
};
use allynet_domain::{
    port::DeletedPage,
    testing::{at, id, text},
    usecase::feedback::Accused,
};

use super::*;
use crate::{
    cursor,
    input::emergencies::{
        AdminList, Answer, admin_page, cancel, change, helper_status, history, location, message, messages, nearby,
        raise, rating, report, resolve, respond, timeline,
    },
};

const USER: &str = "00000000-0000-0000-0000-000000000007";

fn call() -> Value {
    json!({
        "location": { "latitude": 52.5, "longitude": 13.25, "address": " Am Ufer 1 ", "description": "2nd floor" },
        "type": "medical", "category": "fall", "description": "Fell down", "priority": "low", "severity": 10,
        "silentMode": true, "anonymousMode": true, "requestId": "r-1", "fixedPlace": true, "fakeCallAlert": true
    })
}

#[test]
fn an_emergency_is_parsed() {
    let (details, request_id, fixed_place) = raise(&call()).unwrap();
    assert_eq!((details.kind, details.priority, details.severity.get()), (EmergencyType::Medical, Priority::Low, 10));
    assert_eq!((details.silent, details.anonymous), (true, true));
    assert_eq!((details.category, details.description), (Some(text("fall")), Some(text("Fell down"))));
    assert_eq!(
        (details.location.address, details.location.description),
        (Some(text("Am Ufer 1")), Some(text("2nd floor")))
    );
    assert_eq!((request_id, fixed_place), (Some(text("r-1")), true));
}

#[test]
fn an_emergency_needs_only_a_position() {
    let place = json!({ "latitude": 1, "longitude": 2 });
    let nulls = json!({
        "location": { "latitude": 1, "longitude": 2, "address": null, "description": null }, "type": null,
        "category": null, "description": null, "priority": null, "severity": null, "silentMode": null,
        "anonymousMode": null, "requestId": null, "fixedPlace": null
    });
    let empty = json!({ "location": place, "description": "", "category": " ", "requestId": "" });
    for body in [json!({ "location": place }), nulls, empty] {
        let (details, request_id, fixed_place) = raise(&body).unwrap();
        assert_eq!((details.kind, details.priority, details.severity.get()), (EmergencyType::Other, Priority::High, 5));
        assert_eq!((details.silent, details.anonymous, fixed_place), (false, false, false));
        assert_eq!((details.category, details.description, request_id), (None, None, None));
        assert_eq!((details.location.address, details.location.description), (None, None));
    }
}

#[test]
fn every_invalid_field_of_an_emergency_is_named() {
    for (field, value) in [
        ("location", None),
        ("location", Some(json!([1, 2]))),
        ("location.latitude", None),
        ("location.latitude", Some(json!("52.5"))),
        ("location.latitude", Some(json!(90.1))),
        ("location.longitude", Some(json!(-180.1))),
        ("location.longitude", Some(json!(null))),
        ("location.address", Some(repeated(301))),
        ("location.description", Some(repeated(301))),
        ("type", Some(json!("fire"))),
        ("category", Some(repeated(51))),
        ("description", Some(repeated(1001))),
        ("description", Some(json!("a\0"))),
        ("priority", Some(json!("urgent"))),
        ("severity", Some(json!(0))),
        ("severity", Some(json!(11))),
        ("severity", Some(json!(5.5))),
        ("severity", Some(json!("5"))),
        ("silentMode", Some(json!("true"))),
        ("anonymousMode", Some(json!(1))),
        ("requestId", Some(repeated(101))),
        ("requestId", Some(json!(7))),
    ] {
        assert_eq!(wrong_fields(raise(&with(call(), field, value.clone()))), [field], "{value:?}");
    }
    let all = json!({ "location": {}, "type": 1, "severity": "x", "requestId": [] });
    assert_eq!(wrong_fields(raise(&all)), ["location.latitude", "location.longitude", "type", "severity", "requestId"]);
}

#[test]
fn bounds_of_an_emergency_are_inclusive() {
    for (field, value) in [
        ("location.address", repeated(300)),
        ("location.description", repeated(300)),
        ("location.latitude", json!(-90)),
        ("location.longitude", json!(180)),
        ("category", repeated(50)),
        ("description", repeated(1000)),
        ("severity", json!(1)),
        ("severity", json!(10.0)),
        ("requestId", repeated(100)),
    ] {
        assert!(raise(&with(call(), field, Some(value))).is_ok(), "{field}");
    }
}

#[test]
fn a_helper_accepts_unless_they_decline() {
    let eta = "2026-01-15T10:01:00Z";
    for (body, answer) in [
        (json!({}), Answer::Accept(None)),
        (json!({ "action": null, "estimatedArrival": null }), Answer::Accept(None)),
        (json!({ "action": "accept", "estimatedArrival": eta }), Answer::Accept(Some(at(60)))),
        (json!({ "action": "decline", "estimatedArrival": eta }), Answer::Decline),
    ] {
        assert_eq!(respond(&body).unwrap(), answer);
    }
    for action in [json!("maybe"), json!(""), json!(1)] {
        let body = json!({ "action": action, "estimatedArrival": "soon" });
        assert_eq!(wrong_fields(respond(&body)), ["estimatedArrival", "action"]);
    }
}

#[test]
fn a_helper_status_is_parsed() {
    let read = helper_status(&json!({ "status": "on_way", "notes": null })).unwrap();
    assert_eq!((read.status, read.notes, read.estimated_arrival), (ResponseStatus::OnWay, None, None));
    assert!(helper_status(&json!({ "status": "arrived", "notes": repeated(500) })).is_ok());
    assert_eq!(wrong_fields(helper_status(&json!({}))), ["status"]);
    let all = json!({ "status": "lost", "notes": repeated(501), "estimatedArrival": 5 });
    assert_eq!(wrong_fields(helper_status(&all)), ["status", "notes", "estimatedArrival"]);
}

#[test]
fn the_resolution_type_is_validated_and_ignored() {
    for resolution in ["user_resolved", "helper_resolved", "admin_resolved", "auto_expired"] {
        let body = json!({ "resolutionType": resolution, "notes": "All well" });
        assert_eq!(resolve(&body).unwrap(), Some(text("All well")));
    }
    assert_eq!(resolve(&json!({})).unwrap(), None);
    let all = json!({ "resolutionType": "mine", "notes": repeated(501) });
    assert_eq!(wrong_fields(resolve(&all)), ["resolutionType", "notes"]);
    assert_eq!(cancel(&json!({ "reason": null })).unwrap(), None);
    assert!(cancel(&json!({ "reason": repeated(500) })).unwrap().is_some());
    assert_eq!(wrong_fields(cancel(&json!({ "reason": repeated(501) }))), ["reason"]);
}

#[test]
fn ratings_and_reports_are_parsed() {
    let read = rating(&json!({ "helperId": USER, "score": 5, "comment": null })).unwrap();
    assert_eq!((read.helper, read.score.get(), read.comment), (Some(id(7)), 5, None));
    assert_eq!(rating(&json!({ "helperId": "nobody", "score": 1 })).unwrap().helper, None);
    for score in [json!(0), json!(6), json!(4.5), json!("5"), json!(null)] {
        assert_eq!(wrong_fields(rating(&json!({ "helperId": USER, "score": score }))), ["score"]);
    }
    let all = json!({ "helperId": 7, "comment": repeated(501) });
    assert_eq!(wrong_fields(rating(&all)), ["helperId", "score", "comment"]);

    for (user, accused) in [
        (json!(null), Accused::Owner),
        (json!(USER), Accused::User(id(7))),
        (json!("nobody"), Accused::Unknown),
        (json!(""), Accused::Unknown),
    ] {
        assert_eq!(report(&json!({ "userId": user, "reason": "Was rude" })).unwrap(), (accused, text("Was rude")));
    }
    assert_eq!(wrong_fields(report(&json!({ "userId": 7, "reason": " " }))), ["userId", "reason"]);
    assert_eq!(wrong_fields(report(&json!({ "reason": repeated(501) }))), ["reason"]);
}

#[test]
fn messages_are_addressed_to_all_the_creator_or_one_helper() {
    for (recipient, addressee) in [
        (json!(null), Addressee::Everyone),
        (json!("creator"), Addressee::Creator),
        (json!(USER), Addressee::User(id(7))),
        (json!("nobody"), Addressee::Unknown),
    ] {
        let body = json!({ "recipientId": recipient, "message": " hello " });
        assert_eq!(message(&body).unwrap(), Draft { addressee, text: text("hello"), request: None });
    }
    assert!(message(&json!({ "message": repeated(1000) })).is_ok());
    for wrong in [json!(null), json!(" "), json!(7), repeated(1001), json!("a\0")] {
        assert_eq!(wrong_fields(message(&json!({ "message": wrong }))), ["message"]);
    }
    assert_eq!(wrong_fields(message(&json!({ "recipientId": 7 }))), ["recipientId", "message"]);
    let numbered = |request: Value| message(&json!({ "message": "hello", "requestId": request }));
    assert_eq!(numbered(json!(" tap ")).unwrap().request, Some(text("tap")));
    for wrong in [json!(7), json!(repeated(101)), json!("a\0")] {
        assert_eq!(wrong_fields(numbered(wrong)), ["requestId"]);
    }
}

#[test]
fn positions_are_parsed_from_bodies_and_queries() {
    assert!(location(&json!({ "latitude": -90, "longitude": 180 })).is_ok());
    assert_eq!(wrong_fields(location(&json!({ "latitude": "1" }))), ["latitude", "longitude"]);
    let (position, radius, limit) = nearby(&query(&[("latitude", "52.5"), ("longitude", "13.25")])).unwrap();
    assert_eq!(position, location(&json!({ "latitude": 52.5, "longitude": 13.25 })).unwrap().position);
    assert_eq!((radius.whole(), limit), (10_000, 100));
    for (field, values) in [("radius", ["99", "50001"]), ("limit", ["0", "101"])] {
        for value in values {
            let place = [("latitude", "1"), ("longitude", "2"), (field, value)];
            assert_eq!(wrong_fields(nearby(&query(&place))), [field]);
        }
    }
    let all = query(&[("latitude", "91"), ("radius", "x"), ("limit", "")]);
    assert_eq!(wrong_fields(nearby(&all)), ["latitude", "longitude", "radius", "limit"]);
}

#[test]
fn pages_are_parsed() {
    assert_eq!(history(&query(&[])).unwrap(), (None, None, 50));
    let asked = [("status", "resolved"), ("before", "2026-01-15T10:00:00Z"), ("limit", "1")];
    assert_eq!(history(&query(&asked)).unwrap(), (Some(EmergencyStatus::Resolved), Some(at(0)), 1));
    let all = [("status", "x"), ("before", "x"), ("limit", "x")];
    assert_eq!(wrong_fields(history(&query(&all))), ["status", "before", "limit"]);
    assert_eq!(messages(&query(&[])).unwrap(), (None, 50));
    assert_eq!(messages(&query(&asked)).unwrap(), (Some(Before::Time(at(0))), 1));
    let id = "00000000-0000-0000-0000-000000000064";
    assert_eq!(messages(&query(&[("before", id)])).unwrap(), (Some(Before::Message(id.parse().unwrap())), 50));
    assert_eq!(wrong_fields(messages(&query(&all))), ["before", "limit"]);
    assert_eq!(timeline(&query(&[])).unwrap(), (EventId::START, 1000));
    assert_eq!(timeline(&query(&[("after", "7"), ("limit", "1000")])).unwrap(), (EventId::new(7), 1000));
    assert_eq!(wrong_fields(timeline(&query(&[("after", "x"), ("limit", "1001")]))), ["after", "limit"]);
    let newest = (EventId::new(9_007_199_254_740_991), 1000);
    assert_eq!(timeline(&query(&[("after", "9007199254740991")])).unwrap(), newest);
    for after in ["9007199254740992", "47759747418880592888970870784", "-1", "1.5"] {
        assert_eq!(wrong_fields(timeline(&query(&[("after", after)]))), ["after"], "{after}");
    }
}

#[test]
fn administrators_page_through_all_emergencies() {
    let AdminList::Emergencies(page) = admin_page(&query(&[])).unwrap() else { panic!("deleted ones") };
    assert_eq!((page.status, page.near, page.before, page.limit), (None, None, None, 50));
    let given = cursor::write(at(3), USER);
    let asked = [("status", "active"), ("latitude", "1"), ("longitude", "2"), ("cursor", given.as_str())];
    let AdminList::Emergencies(page) = admin_page(&query(&asked)).unwrap() else { panic!("deleted ones") };
    assert_eq!((page.status, page.before), (Some(EmergencyStatus::Active), Some((at(3), id(7)))));
    assert_eq!(page.near.map(|(_, radius)| radius.whole()), Some(10_000));
    assert_eq!(wrong_fields(admin_page(&query(&[("latitude", "1")]))), ["longitude"]);
    assert_eq!(wrong_fields(admin_page(&query(&[("radius", "500")]))), ["latitude", "longitude"]);
    assert_eq!(wrong_fields(admin_page(&query(&[("cursor", "x"), ("limit", "0")]))), ["cursor", "limit"]);
}

#[test]
fn administrators_page_through_records_of_deleted_emergencies() {
    let given = cursor::write(at(3), USER);
    let asked = [("status", "deleted"), ("cursor", given.as_str()), ("limit", "2")];
    let page = admin_page(&query(&asked)).unwrap();
    assert_eq!(page, AdminList::Deleted(DeletedPage { before: Some((at(3), id(7))), limit: 2 }));
    let wrong = [("status", "deleted"), ("longitude", "false"), ("radius", "null"), ("limit", "0")];
    assert_eq!(wrong_fields(admin_page(&query(&wrong))), ["latitude", "longitude", "radius", "limit"]);
}

#[test]
fn a_change_replaces_clears_and_leaves() {
    use allynet_domain::DetailsChange;
    assert_eq!(change(&json!({ "location": 7, "silentMode": true })), Ok(DetailsChange::default()));
    let nulls = json!({ "type": null, "category": null, "description": null, "priority": null, "severity": null });
    let cleared = DetailsChange { category: Some(None), description: Some(None), ..DetailsChange::default() };
    assert_eq!(change(&nulls), Ok(cleared.clone()));
    assert_eq!(change(&json!({ "category": " ", "description": "" })), Ok(cleared));
    let all = json!({ "type": "assault", "category": "c", "description": " d ", "priority": "low", "severity": 1.0 });
    let all = change(&all).unwrap();
    assert_eq!((all.kind, all.priority), (Some(EmergencyType::Assault), Some(Priority::Low)));
    assert_eq!((all.category, all.description), (Some(Some(text("c"))), Some(Some(text("d")))));
    assert_eq!(all.severity.map(allynet_domain::Severity::get), Some(1));
    let wrong = json!({ "type": "tea", "category": "c".repeat(51), "description": 7, "priority": 1, "severity": 11 });
    let fields: Vec<_> = change(&wrong).unwrap_err().details.unwrap().into_iter().map(|e| e.field).collect();
    assert_eq!(fields, ["type", "category", "description", "priority", "severity"]);
}
