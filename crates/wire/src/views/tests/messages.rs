//! Messages, for each kind of reader.

use allynet_domain::{
    Message, Person, Sender, To,
    testing::{ADMIN, ALAN, GRACE_HOPPER, OWNER, id, message, message_from_owner, person, text},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    testing::{anonymous_message, json, shown},
    views::{MessageView, Reader},
};

const OWNERS_ID: &str = "00000000-0000-0000-0000-000000000001";
const GRACES_ID: &str = "00000000-0000-0000-0000-000000000002";

fn read_by(message: &Message, reader: u128) -> Value {
    json(&MessageView::new(message, Reader { user: Some(id(reader)), unmasks: reader == ADMIN }))
}

#[test]
fn an_anonymous_owners_message_to_a_helper() {
    let message = anonymous_message(Sender::Owner(person(OWNER)), To::Everyone);
    assert_snapshot!(shown(&read_by(&message, GRACE_HOPPER)), @r#"
    {
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
    "#);
}

#[test]
fn an_owners_message_to_a_helper() {
    let message = message_from_owner(To::Helper(id(GRACE_HOPPER)));
    assert_snapshot!(shown(&read_by(&message, GRACE_HOPPER)), @r#"
    {
      "_id": "00000000-0000-0000-0000-00000000012c",
      "createdAt": "2026-01-15T10:00:05Z",
      "displayInitials": "AL",
      "displayName": "Ada Lovelace",
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "id": "00000000-0000-0000-0000-00000000012c",
      "isMine": false,
      "message": "The door is open",
      "recipientId": "00000000-0000-0000-0000-000000000002",
      "recipientRole": "helper",
      "senderId": "00000000-0000-0000-0000-000000000001",
      "senderRole": "creator"
    }
    "#);
}

#[test]
fn the_receipt_to_the_owner() {
    let message = anonymous_message(Sender::System, To::Creator);
    assert_snapshot!(shown(&read_by(&message, OWNER)), @r#"
    {
      "_id": "00000000-0000-0000-0000-00000000012c",
      "createdAt": "2026-01-15T10:00:05Z",
      "displayInitials": "AN",
      "displayName": "AllyNet",
      "emergencyId": "00000000-0000-0000-0000-000000000064",
      "id": "00000000-0000-0000-0000-00000000012c",
      "isMine": false,
      "message": "The door is open",
      "recipientId": "00000000-0000-0000-0000-000000000001",
      "recipientRole": "creator",
      "senderId": null,
      "senderRole": "system"
    }
    "#);
}

#[test]
fn an_anonymous_owner_is_masked_for_all_but_themselves_and_administrators() {
    for (anonymous, reader, known) in [
        (true, OWNER, true),
        (true, ADMIN, true),
        (true, GRACE_HOPPER, false),
        (true, ALAN, false),
        (false, GRACE_HOPPER, true),
        (false, ALAN, true),
    ] {
        let view = read_by(&Message { anonymous, ..message_from_owner(To::Everyone) }, reader);
        let (sender, name, initials) =
            if known { (json!(OWNERS_ID), "Ada Lovelace", "AL") } else { (json!(null), "Anonymous", "A") };
        assert_eq!(view["senderId"], sender, "{anonymous} {reader:x}");
        assert_eq!((&view["displayName"], &view["displayInitials"]), (&json!(name), &json!(initials)));
        assert_eq!((&view["senderRole"], &view["isMine"]), (&json!("creator"), &json!(reader == OWNER)));
    }
    // A payload for several recipients shows what the least privileged of them may see.
    let several = Reader { user: None, unmasks: false };
    let view = json(&MessageView::new(&anonymous_message(Sender::Owner(person(OWNER)), To::Everyone), several));
    assert_eq!((&view["senderId"], &view["isMine"]), (&json!(null), &json!(false)));
}

#[test]
fn helpers_are_shown_to_all_even_when_the_owner_is_anonymous() {
    let view = read_by(&anonymous_message(Sender::Helper(person(GRACE_HOPPER)), To::Everyone), ALAN);
    assert_eq!((&view["senderId"], &view["displayName"]), (&json!(GRACES_ID), &json!("Grace Hopper")));
}

#[test]
fn the_owner_is_addressed_without_being_named() {
    let (helper, owner) = (Sender::Helper(person(GRACE_HOPPER)), Sender::Owner(person(OWNER)));
    for (from, to, reader, recipient, role) in [
        (helper.clone(), To::Creator, OWNER, json!(OWNERS_ID), json!("creator")),
        (helper.clone(), To::Creator, GRACE_HOPPER, json!("creator"), json!("creator")),
        (helper.clone(), To::Creator, ADMIN, json!(null), json!("creator")),
        (helper.clone(), To::Owner, GRACE_HOPPER, json!(OWNERS_ID), json!("creator")),
        (owner, To::Helper(id(GRACE_HOPPER)), GRACE_HOPPER, json!(GRACES_ID), json!("helper")),
        (helper, To::Everyone, OWNER, json!(null), json!(null)),
    ] {
        let view = read_by(&message(from, to), reader);
        assert_eq!((&view["recipientId"], &view["recipientRole"]), (&recipient, &role), "{to:?} {reader:x}");
    }
}

#[test]
fn initials_are_the_first_graphemes_in_upper_case() {
    for (first, last, initials) in [
        ("ada", Some("king"), "AK"),
        ("ölga", None, "Ö"),
        ("ßa", Some("x"), "SSX"),
        ("李", Some("明"), "李明"),
        ("🇩🇪 Ada", Some("🇫🇷🇩🇪"), "🇩🇪🇫🇷"),
        ("👩🏽\u{200d}🚒 Fire", None, "👩🏽\u{200d}🚒"),
        ("e\u{301}tienne", Some("क्षमा"), "E\u{301}क्ष"),
    ] {
        let person = Person { id: id(GRACE_HOPPER), first_name: text(first), last_name: last.map(text) };
        let view = read_by(&message(Sender::Helper(person), To::Everyone), OWNER);
        assert_eq!(view["displayInitials"], json!(initials));
    }
}
