//! Bodies of the routes of emergency contacts.

use allynet_domain::{ContactDetails, ContactTrigger, testing::text};
use serde_json::json;

use super::*;
use crate::input::contacts::{add, change};

pub(super) fn stored() -> ContactDetails {
    let body = json!({
        "name": "Mum", "email": "mum@example.org", "phone": "+49 30 1", "order": 3, "afterSeconds": 60,
        "on": "unanswered", "livesWithOwner": true,
    });
    add(&body).unwrap()
}

#[test]
fn a_contact_has_a_name_and_an_email_and_defaults() {
    let contact = add(&json!({ "name": " Mum ", "email": "MUM@example.org" })).unwrap();
    assert_eq!(contact, ContactDetails::new(text("Mum"), "mum@example.org".parse().unwrap()));
    let ContactDetails { name: _, email: _, phone, order, after_seconds, trigger, lives_with_owner } = stored();
    assert_eq!((phone, order, after_seconds), (Some(text("+49 30 1")), 3, 60));
    assert_eq!((trigger, lives_with_owner), (ContactTrigger::Unanswered, true));
    assert_eq!(wrong_fields(add(&json!({}))), ["name", "email"]);
    assert_eq!(wrong_fields(add(&json!({ "name": "", "email": "x" }))), ["name", "email"]);
}

#[test]
fn a_missing_field_of_a_contact_keeps_its_value_and_null_makes_it_the_default() {
    assert_eq!(change(&json!({}), &stored()).unwrap(), stored());
    let cleared = json!({ "phone": null, "order": null, "afterSeconds": null, "on": null, "livesWithOwner": null });
    let expected = ContactDetails::new(stored().name, stored().email);
    assert_eq!(change(&cleared, &stored()).unwrap(), expected);
    let changed = change(&json!({ "name": "Mother", "email": "mother@example.org", "afterSeconds": 0 }), &stored());
    let expected = ContactDetails {
        name: text("Mother"),
        email: "mother@example.org".parse().unwrap(),
        after_seconds: 0,
        ..stored()
    };
    assert_eq!(changed.unwrap(), expected);
    for field in ["name", "email"] {
        for empty in [json!(null), json!(" ")] {
            assert_eq!(wrong_fields(change(&json!({ field: empty }), &stored())), [field]);
        }
    }
}

#[test]
fn every_wrong_field_of_a_contact_is_named_once() {
    let valid = json!({ "name": "Mum", "email": "mum@example.org" });
    for (field, value) in [
        ("name", json!(5)),
        ("email", json!("mum")),
        ("phone", repeated(41)),
        ("order", json!(-1)),
        ("order", json!(1_001)),
        ("order", json!(1.5)),
        ("afterSeconds", json!(86_401)),
        ("afterSeconds", json!("60")),
        ("on", json!("ended")),
        ("on", json!(true)),
        ("livesWithOwner", json!("yes")),
    ] {
        let body = with(valid.clone(), field, Some(value.clone()));
        assert_eq!(wrong_fields(add(&body)), [field], "{value}");
        assert_eq!(wrong_fields(change(&json!({ field: value }), &stored())), [field]);
    }
    for (field, value) in [("order", json!(1_000)), ("afterSeconds", json!(86_400))] {
        assert!(add(&with(valid.clone(), field, Some(value))).is_ok());
    }
}
