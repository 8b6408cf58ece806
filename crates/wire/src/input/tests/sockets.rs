//! Payloads of client events.

use allynet_domain::{
    EventId,
    testing::{EMERGENCY, id},
    usecase::rooms::Which,
};

use super::*;
use crate::{
    input::socket::{event_id, location, room},
    socket::Failure,
};

const ID: &str = "00000000-0000-0000-0000-000000000064";

#[test]
fn an_emergency_is_named_by_its_id_or_as_current() {
    for (sent, which) in [
        (ID, Which::Id(id(EMERGENCY))),
        (" current ", Which::Current),
        ("nonsense", Which::Unknown),
        // A string that is not a valid id is treated like the id of no emergency.
        ("a\0b", Which::Unknown),
        (&"a".repeat(500), Which::Unknown),
        (&ID[1..], Which::Unknown),
    ] {
        assert_eq!(room(&json!({ "emergencyId": sent })).unwrap().emergency, which, "{sent:?}");
    }
}

#[test]
fn the_emergency_is_required() {
    for payload in [
        json!({}),
        json!({ "emergencyId": null }),
        json!({ "emergencyId": "" }),
        json!({ "emergencyId": 7 }),
        json!({ "emergencyId": { "id": ID } }),
        json!(null),
        json!([ID]),
        json!(ID),
        json!(7),
    ] {
        assert_eq!(room(&payload).unwrap_err(), Failure::invalid("Emergency ID is required"), "{payload}");
    }
}

#[test]
fn the_last_event_id_is_a_whole_number_or_missing() {
    let read = |last| room(&json!({ "emergencyId": ID, "lastEventId": last })).map(|room| room.last_event_id);
    assert_eq!(read(json!(null)).unwrap(), None);
    assert_eq!(read(json!(0)).unwrap(), Some(EventId::START));
    assert_eq!(read(json!(42)).unwrap(), Some(EventId::new(42)));
    for wrong in [json!(-1), json!(1.5), json!("42"), json!([]), json!(u64::MAX), json!(1e300)] {
        assert_eq!(event_id(&wrong), None);
        assert_eq!(read(wrong).unwrap_err(), Failure::invalid("lastEventId must be an event id"));
    }
}

#[test]
fn a_position_has_both_coordinates_within_bounds() {
    assert!(location(&json!({ "latitude": 90, "longitude": -180 })).is_ok());
    for payload in
        [json!({}), json!({ "latitude": 1 }), json!({ "latitude": 1, "longitude": null }), json!(null), json!([1, 2])]
    {
        assert_eq!(location(&payload).unwrap_err(), Failure::invalid("Latitude and longitude are required"));
    }
    for (latitude, longitude, message) in [
        (json!(91), json!(0), "latitude must be a number from -90 to 90"),
        (json!(0), json!(181), "longitude must be a number from -180 to 180"),
        (json!("0"), json!(0), "latitude must be a number"),
        (json!("0"), json!(999), "Some of what was sent is not valid"),
    ] {
        let payload = json!({ "latitude": latitude, "longitude": longitude });
        assert_eq!(location(&payload).unwrap_err(), Failure::invalid(message));
    }
}
