//! Payloads of client events.

use allynet_domain::{
    EventId,
    testing::{EMERGENCY, at, id},
    usecase::rooms::Which,
};

use super::*;
use crate::{
    input::socket::{last_event_id, location, room},
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
fn the_last_event_id_is_a_whole_number_in_any_spelling_or_unknown() {
    let read = |last| room(&json!({ "emergencyId": ID, "lastEventId": last })).unwrap().last_event_id;
    assert_eq!(read(json!(null)), None);
    assert_eq!(last_event_id(&json!({})), None);
    assert_eq!(last_event_id(&json!(7)), None);
    for zero in [json!(0), json!("0"), json!(0.0), json!(-0.0)] {
        assert_eq!(read(zero), Some(EventId::START));
    }
    for same in [json!(4711), json!(4711.0), json!("4711"), json!("4711.0"), json!(" 4711 "), json!("4.711e3")] {
        assert_eq!(read(same.clone()), Some(EventId::new(4711)), "{same}");
    }
    // More than a floating-point number can hold exactly.
    assert_eq!(read(json!("9007199254740993")), Some(EventId::new(9_007_199_254_740_993)));
    for none in [
        json!(""),
        json!(" "),
        json!(-1),
        json!("-1"),
        json!(1.5),
        json!("1.5"),
        json!("null"),
        json!("undefined"),
        json!("NaN"),
        json!("0x10"),
        json!("+7"),
        json!("47 11"),
        json!([]),
        json!([4711]),
        json!({}),
        json!(true),
        json!(u64::MAX),
        json!("99999999999999999999"),
        json!(1e300),
        json!("1e300"),
    ] {
        assert_eq!(read(none.clone()), Some(EventId::UNKNOWN), "{none}");
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
        (json!("0"), json!(999), "latitude must be a number; longitude must be a number from -180 to 180"),
    ] {
        let payload = json!({ "latitude": latitude, "longitude": longitude });
        assert_eq!(location(&payload).unwrap_err(), Failure::invalid(message));
    }
}

#[test]
fn the_time_of_a_position_is_optional() {
    let taken = |at| location(&json!({ "latitude": 1, "longitude": 2, "at": at })).map(|sent| sent.taken);
    assert_eq!(taken(json!(null)).unwrap(), None);
    assert_eq!(taken(json!("2026-01-15T10:00:07.000001Z")).unwrap(), Some(at(7) + chrono::TimeDelta::microseconds(1)));
    let message = "at must be a time (RFC 3339) from 1970 to 2200, and no leap second";
    for wrong in ["", "0000-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "1768471200"] {
        assert_eq!(taken(json!(wrong)).unwrap_err(), Failure::invalid(message), "{wrong}");
    }
    assert_eq!(taken(json!(1_768_471_200)).unwrap_err(), Failure::invalid("at must be a string"));
}
