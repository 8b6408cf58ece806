//! The methods of [`Fields`], one by one.

use allynet_domain::{EmergencyStatus, Metres, Priority, Text};
use serde_json::{Value, json};

use super::*;
use crate::input::Fields;

/// Reads one field `f` of a body.
fn body<T: Debug>(value: Value, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<Option<T>, Problem> {
    let body = Value::Object(Map::from_iter([("f".to_owned(), value)]));
    let mut fields = Fields::body(&body);
    let read = read(&mut fields);
    fields.finish(Some(read))
}

/// Reads one field `f` of a query.
fn query_field<T: Debug>(value: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<Option<T>, Problem> {
    let query = query(&[("f", value)]);
    let mut fields = Fields::query(&query);
    let read = read(&mut fields);
    fields.finish(Some(read))
}

#[track_caller]
fn is_wrong<T: Debug>(read: Result<T, Problem>, message: &str) {
    assert_eq!(wrong(read), [("f".to_owned(), message.to_owned())]);
}

#[test]
fn a_body_must_be_an_object() {
    for other in [json!(null), json!([]), json!("text"), json!(7), json!(true)] {
        let mut fields = Fields::body(&other);
        let read: Option<Text<9>> = fields.required_text("f");
        assert_eq!(wrong(fields.finish(read)), [("body".to_owned(), "must be a JSON object".to_owned())]);
    }
}

#[test]
fn null_counts_as_missing() {
    assert_eq!(body(json!(null), |f| f.string("f").map(str::to_owned)).unwrap(), None);
    assert_eq!(body(json!(null), |f| f.flag("f")).unwrap(), None);
    assert_eq!(body(json!(null), |f| f.integer("f", 1..=2)).unwrap(), None);
    is_wrong(body(json!(null), |f| f.required_text::<9>("f")), "is required");
    is_wrong(body(json!(null), |f| f.object("f", |_| Some(()))), "is required");
}

#[test]
fn an_invalid_field_is_not_reported_as_missing() {
    for value in [json!(7), json!(["x"]), json!({})] {
        is_wrong(body(value, |f| f.required_text::<9>("f")), "must be a string");
    }
    is_wrong(body(json!(7), |f| f.object("f", |_| Some(()))), "must be an object");
}

#[test]
fn texts_are_trimmed_bounded_and_without_nul() {
    let read = |value| body(value, |f| f.text::<3>("f"));
    assert_eq!(read(json!(" äöü ")).unwrap().unwrap().as_str(), "äöü");
    assert_eq!(read(json!("")).unwrap(), None);
    assert_eq!(read(json!(" \n ")).unwrap(), None);
    is_wrong(read(json!("äöüx")), "must be at most 3 characters long");
    is_wrong(read(json!("a\0")), "must not contain NUL characters");
    is_wrong(body(json!(" "), |f| f.required_text::<3>("f")), "must not be empty");
    is_wrong(body(json!("äöüx"), |f| f.required_text::<3>("f")), "must be at most 3 characters long");
}

#[test]
fn enumeration_values_are_case_sensitive() {
    assert_eq!(body(json!("low"), |f| f.word("f")).unwrap(), Some(Priority::Low));
    is_wrong(body(json!("Low"), |f| f.word::<Priority>("f")), "must be one of low, medium, high, critical");
    is_wrong(
        body(json!(""), |f| f.word::<EmergencyStatus>("f")),
        "must be one of active, responding, resolved, cancelled",
    );
    is_wrong(body(json!(1), |f| f.word::<Priority>("f")), "must be a string");
}

#[test]
fn booleans_are_not_coerced() {
    assert_eq!(body(json!(false), |f| f.flag("f")).unwrap(), Some(false));
    for other in [json!("true"), json!(1), json!([])] {
        is_wrong(body(other, |f| f.flag("f")), "must be true or false");
    }
}

#[test]
fn whole_numbers_have_bounds_and_may_have_a_zero_fraction() {
    let read = |value| body(value, |f| f.integer("f", 1..=10));
    for (value, number) in [(json!(1), 1), (json!(10), 10), (json!(5.0), 5)] {
        assert_eq!(read(value).unwrap(), Some(number));
    }
    for other in
        [json!(0), json!(11), json!(-1), json!(1.5), json!("5"), json!(true), json!([]), json!(1e300), json!(u64::MAX)]
    {
        is_wrong(read(other), "must be a whole number from 1 to 10");
    }
}

#[test]
fn numbers_of_a_query_are_strings() {
    let integer = |value| query_field(value, |f| f.integer("f", 1..=100));
    assert_eq!(integer("1").unwrap(), Some(1));
    assert_eq!(integer("100").unwrap(), Some(100));
    for other in ["", "0", "101", "-1", "1.5", "x", "1e1", " 1", "99999999999"] {
        is_wrong(integer(other), "must be a whole number from 1 to 100");
    }
    let number = |value| query_field(value, |f| f.number("f"));
    assert_eq!(number("-1.5").unwrap(), Some(-1.5));
    assert_eq!(number("1e3").unwrap(), Some(1000.0));
    for other in ["", "x", "NaN", "inf", "-infinity", "1e999", "1,5"] {
        is_wrong(number(other), "must be a number");
    }
}

#[test]
fn numbers_of_a_body_must_not_be_strings() {
    assert_eq!(body(json!(-1.5), |f| f.number("f")).unwrap(), Some(-1.5));
    for other in [json!("1.5"), json!(true), json!({})] {
        is_wrong(body(other, |f| f.number("f")), "must be a number");
    }
}

#[test]
fn lengths_have_bounds() {
    let read = |value| query_field(value, |f| f.metres("f", 100.0..=50_000.0)).map(|m| m.map(Metres::get));
    for (value, metres) in [("100", 100.0), ("50000", 50_000.0), ("123.4", 123.4)] {
        assert_eq!(read(value).unwrap(), Some(metres));
    }
    for other in ["99.9", "50000.1", "-100", "0"] {
        is_wrong(read(other), "must be metres from 100 to 50000");
    }
    is_wrong(read("far"), "must be a number");
}

#[test]
fn times_are_truncated_to_microseconds() {
    let read = |value| body(value, |f| f.time("f")).map(|t| t.map(|t| t.to_rfc3339()));
    for (value, time) in [
        ("2026-01-15T10:00:00Z", "2026-01-15T10:00:00+00:00"),
        ("2026-01-15T12:00:00.5+02:00", "2026-01-15T10:00:00.500+00:00"),
        ("2026-01-15T10:00:00.123456789Z", "2026-01-15T10:00:00.123456+00:00"),
    ] {
        assert_eq!(read(json!(value)).unwrap().unwrap(), time);
    }
    let message = "must be a time (RFC 3339) from 1970 to 2200, and no leap second";
    for other in ["", "now", "2026-01-15", "2026-01-15T10:00:00", "2026-02-30T10:00:00Z", "1768471200"] {
        is_wrong(read(json!(other)), message);
    }
    for bound in ["1970-01-01T00:00:00Z", "2200-12-31T23:59:59.999999999Z", "1969-12-31T23:30:00-01:00"] {
        assert!(read(json!(bound)).unwrap().is_some(), "{bound}");
    }
    for outside in [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:30:00+01:00",
        "2201-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.5Z",
        "2026-01-15T10:00:60Z",
    ] {
        is_wrong(read(json!(outside)), message);
    }
    is_wrong(read(json!(1_768_471_200)), "must be a string");
}

#[test]
fn positions_are_within_their_bounds() {
    let read = |latitude: Value, longitude: Value| {
        let body = json!({ "latitude": latitude, "longitude": longitude });
        let mut fields = Fields::body(&body);
        let position = fields.position();
        fields.finish(position)
    };
    for (latitude, longitude) in [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0)] {
        let position = read(json!(latitude), json!(longitude)).unwrap();
        assert!((position.latitude() - latitude).abs() + (position.longitude() - longitude).abs() < 1e-12);
    }
    for (latitude, longitude, fields) in [
        (json!(90.000_001), json!(0), vec!["latitude"]),
        (json!(0), json!(-180.1), vec!["longitude"]),
        (json!("52"), json!(181), vec!["latitude", "longitude"]),
        (json!(null), json!(null), vec!["latitude", "longitude"]),
        (json!(1e300), json!([]), vec!["latitude", "longitude"]),
    ] {
        assert_eq!(wrong_fields(read(latitude, longitude)), fields);
    }
    let message = "must be a number from -90 to 90".to_owned();
    assert_eq!(wrong(read(json!(-91), json!(0))), [("latitude".to_owned(), message)]);
}

#[test]
fn nested_fields_are_named_with_dots() {
    let read = |value| body(value, |f| f.object("f", |f| f.required_text::<3>("inner")));
    assert_eq!(read(json!({ "inner": "abc" })).unwrap().unwrap().as_str(), "abc");
    assert_eq!(wrong_fields(read(json!({ "inner": "abcd" }))), ["f.inner"]);
    assert_eq!(wrong_fields(read(json!({}))), ["f.inner"]);
}

#[test]
fn a_patch_sets_clears_or_keeps() {
    let current = Some(text("before"));
    let read = |body: Value| {
        let mut fields = Fields::body(&body);
        let patched = fields.patch("f", &current, |f| f.text::<9>("f"));
        fields.finish(Some(patched))
    };
    assert_eq!(read(json!({})).unwrap(), current);
    assert_eq!(read(json!({ "f": null })).unwrap(), None);
    assert_eq!(read(json!({ "f": "  " })).unwrap(), None);
    assert_eq!(read(json!({ "f": " after " })).unwrap(), Some(text("after")));
    is_wrong(read(json!({ "f": 7 })), "must be a string");
    is_wrong(read(json!({ "f": "much too long" })), "must be at most 9 characters long");
}

fn text(text: &str) -> Text<9> {
    Text::parse(text).unwrap()
}

#[test]
fn lists_are_bounded_and_hold_strings_only() {
    let read = |value| body(value, |f| f.texts::<3>("f", 2));
    assert_eq!(read(json!([])).unwrap(), Some(vec![]));
    assert_eq!(read(json!(["a", " b "])).unwrap().unwrap().len(), 2);
    for (value, message) in [
        (json!("a"), "must be a list"),
        (json!(["a", "b", "c"]), "must hold at most 2"),
        (json!(["a", 1]), "must hold strings only"),
        (json!([null]), "must hold strings only"),
        (json!(["abcd"]), "must be at most 3 characters long"),
        (json!([" "]), "must not be empty"),
        (json!(["\0"]), "must not contain NUL characters"),
    ] {
        is_wrong(read(value), message);
    }
}

#[test]
fn a_single_invalid_field_is_named_in_the_message_and_many_in_details() {
    let one = body(json!(7), |f| f.string("f").map(str::to_owned)).unwrap_err();
    assert_eq!(one.message, "f must be a string");
    let many = Problem::invalid(vec![FieldError::new("a", "is required"), FieldError::new("b", "is required")]);
    assert_eq!(many.message, "Some of what was sent is not valid");
}
