//! Bodies of the account and helper routes.

use allynet_domain::{
    Breakthrough, Locale, PreferencesChange, Profile, Text, Verification,
    dispatch::Transport,
    testing::{OWNER, account, at, id},
    usecase::helpers::Duty,
};
use serde_json::json;

use super::*;
use crate::{
    cursor,
    input::accounts::{
        block, duty, forgot_password, helper_page, login, logout, profile, refresh, register, reset_password,
        update_password, verification,
    },
    testing::filled,
};

fn registration() -> Value {
    json!({ "email": " Ada@Example.org ", "password": "password", "firstName": " Ada ", "lastName": "Lovelace" })
}

#[test]
fn a_registration_is_parsed() {
    let read = register(&with(registration(), "phone", Some(json!("+49 30 1")))).unwrap();
    assert_eq!(read.email.as_str(), "ada@example.org");
    assert_eq!(read.password.expose(), "password");
    let Profile { first_name, last_name, phone, avatar, bio, locale } = read.profile;
    assert_eq!((first_name.as_str(), last_name.unwrap().as_str()), ("Ada", "Lovelace"));
    assert_eq!((phone.unwrap().as_str(), avatar, bio, locale), ("+49 30 1", None, None, Locale::English));
}

#[test]
fn a_name_is_split_at_its_first_space() {
    for (name, first, last) in [
        ("Ada", "Ada", None),
        ("  Ada  ", "Ada", None),
        ("Ada Lovelace", "Ada", Some("Lovelace")),
        ("Ada  King Lovelace ", "Ada", Some("King Lovelace")),
    ] {
        let body = json!({ "email": "a@b", "password": "password", "name": name });
        let profile = register(&body).unwrap().profile;
        assert_eq!(profile.first_name.as_str(), first);
        assert_eq!(profile.last_name.as_ref().map(Text::as_str), last);
    }
    let both = with(registration(), "name", Some(json!("Grace Hopper")));
    assert_eq!(register(&both).unwrap().profile.first_name.as_str(), "Ada");
    let nulls = json!({ "email": "a@b", "password": "password", "name": "Ada", "firstName": null, "lastName": null });
    assert_eq!(register(&nulls).unwrap().profile.last_name, None);
}

#[test]
fn every_wrong_field_of_a_registration_is_named() {
    for (field, value, wrong) in [
        ("email", None, "email"),
        ("email", Some(json!("ada")), "email"),
        ("email", Some(json!(7)), "email"),
        ("email", Some(json!("ada\0@example.org")), "email"),
        ("password", None, "password"),
        ("password", Some(repeated(7)), "password"),
        ("password", Some(repeated(129)), "password"),
        ("password", Some(json!("12345678\0")), "password"),
        ("password", Some(json!(12_345_678)), "password"),
        ("firstName", None, "name"),
        ("firstName", Some(repeated(101)), "firstName"),
        ("firstName", Some(json!(7)), "firstName"),
        ("lastName", Some(repeated(101)), "lastName"),
        ("phone", Some(repeated(41)), "phone"),
        ("phone", Some(json!(49_301)), "phone"),
    ] {
        assert_eq!(wrong_fields(register(&with(registration(), field, value.clone()))), [wrong], "{field} {value:?}");
    }
    assert_eq!(wrong_fields(register(&json!({}))), ["email", "password", "name"]);
    for name in [json!(false), json!("a\u{7}"), repeated(202)] {
        let body = with(registration(), "name", Some(name));
        assert_eq!(wrong_fields(register(&body)), ["name"], "{body}");
    }
    for name in [json!(" "), json!(7), repeated(101), json!(format!("Ada {}", "a".repeat(101)))] {
        let body = json!({ "email": "a@b", "password": "password", "name": name });
        assert_eq!(wrong_fields(register(&body)), ["name"], "{body}");
    }
}

#[test]
fn bounds_of_a_registration_are_inclusive() {
    for (field, value) in [
        ("password", repeated(8)),
        ("password", repeated(128)),
        ("firstName", repeated(100)),
        ("lastName", repeated(100)),
        ("phone", repeated(40)),
    ] {
        assert!(register(&with(registration(), field, Some(value))).is_ok(), "{field}");
    }
}

#[test]
fn a_login_with_an_invalid_email_is_not_an_input_error() {
    let (email, password) = login(&json!({ "email": "ada", "password": "x" })).unwrap();
    assert_eq!((email, password.expose()), (None, "x"));
    let (email, _) = login(&json!({ "email": "ADA@example.org", "password": "x" })).unwrap();
    assert_eq!(email.unwrap().as_str(), "ada@example.org");
    assert_eq!(wrong_fields(login(&json!({}))), ["email", "password"]);
    assert_eq!(wrong_fields(login(&json!({ "email": 1, "password": null }))), ["email", "password"]);
}

#[test]
fn a_forgotten_password_is_replaced_by_token() {
    assert_eq!(forgot_password(&json!({ "email": "ada" })).unwrap(), None);
    let email = forgot_password(&json!({ "email": "ADA@example.org" })).unwrap().unwrap();
    assert_eq!(email.as_str(), "ada@example.org");
    assert_eq!(wrong_fields(forgot_password(&json!({}))), ["email"]);
    let body = json!({ "token": "t", "password": "long enough" });
    let (token, password) = reset_password(&body).unwrap();
    assert_eq!((token, password.expose()), ("t", "long enough"));
    assert_eq!(wrong_fields(reset_password(&json!({ "token": 1, "password": "short" }))), ["token", "password"]);
}

#[test]
fn tokens_must_be_strings() {
    assert_eq!(refresh(&json!({ "refreshToken": "t" })).unwrap(), "t");
    assert_eq!(wrong_fields(refresh(&json!({ "refreshToken": null }))), ["refreshToken"]);
    assert_eq!(logout(&json!({})).unwrap(), None);
    assert_eq!(logout(&json!({ "refreshToken": null })).unwrap(), None);
    assert_eq!(logout(&json!({ "refreshToken": "t" })).unwrap(), Some("t"));
    assert_eq!(wrong_fields(logout(&json!({ "refreshToken": 7 }))), ["refreshToken"]);
}

#[test]
fn a_missing_profile_field_keeps_its_value_and_null_clears_it() {
    let current = filled(account(OWNER)).profile;
    assert_eq!(profile(&json!({}), &current).unwrap(), current);
    let cleared =
        profile(&json!({ "lastName": null, "phone": null, "bio": "", "avatar": null, "locale": null }), &current)
            .unwrap();
    let first_name = current.first_name.clone();
    assert_eq!(cleared, Profile::new(first_name, None));
    let body = json!({ "firstName": "Ada", "bio": repeated(500), "avatar": "http://example.org/a", "locale": "de" });
    let after = profile(&body, &current).unwrap();
    assert_eq!((after.first_name.as_str(), after.avatar.as_ref().unwrap().as_str()), ("Ada", "http://example.org/a"));
    assert_eq!((&after.last_name, after.locale), (&current.last_name, Locale::German));
    // A field that is not sent stays.
    assert_eq!(profile(&json!({}), &after).unwrap(), after);
}

#[test]
fn every_wrong_field_of_a_profile_is_named_once() {
    for (field, value) in [
        ("firstName", json!(null)),
        ("firstName", json!(" ")),
        ("firstName", json!(7)),
        ("firstName", repeated(101)),
        ("lastName", repeated(101)),
        ("phone", repeated(41)),
        ("bio", repeated(501)),
        ("bio", json!("a\0")),
        ("locale", json!("fr")),
        ("locale", json!(1)),
        ("avatar", json!("ftp://example.org")),
        ("avatar", json!("javascript:alert(1)")),
        ("avatar", json!("https://")),
        ("avatar", json!("https:///path")),
        ("avatar", json!("https://a b")),
        ("avatar", json!(format!("https://{}", "a".repeat(1993)))),
        ("avatar", json!(7)),
    ] {
        let read = profile(&json!({ field: value }), &filled(account(OWNER)).profile);
        assert_eq!(wrong_fields(read), [field], "{value}");
    }
    assert_eq!(wrong_fields(profile(&json!([]), &filled(account(OWNER)).profile)), ["body"]);
}

#[test]
fn only_the_new_password_is_bounded() {
    let (current, new) = update_password(&json!({ "currentPassword": "x", "newPassword": "12345678" })).unwrap();
    assert_eq!((current.expose(), new.expose()), ("x", "12345678"));
    assert_eq!(wrong_fields(update_password(&json!({ "newPassword": "1" }))), ["currentPassword", "newPassword"]);
}

#[test]
fn all_fields_of_duty_are_optional() {
    let read = duty(&json!({ "available": false, "skills": ["First aid"] })).unwrap();
    assert_eq!(read.transport, None, "what is missing stays");
    assert_eq!(duty(&json!({ "transport": "bike" })).unwrap().transport, Some(Transport::Bike));
    assert_eq!(wrong_fields(duty(&json!({ "transport": "horse" }))), ["transport"]);
    assert_eq!((read.available, read.skills.map(|s| s.len())), (Some(false), Some(1)));
    assert_eq!(duty(&json!({ "available": null })).unwrap(), Duty::default());
    assert!(duty(&json!({ "skills": vec![repeated(40); 20] })).is_ok());
    for skills in [json!(vec!["a"; 21]), json!([repeated(41)]), json!("First aid")] {
        assert_eq!(wrong_fields(duty(&json!({ "available": 1, "skills": skills }))), ["available", "skills"]);
    }
}

#[test]
fn preferences_that_are_missing_stay_and_null_clears() {
    let window = json!({ "days": [7, 1, 1], "from": "22:00", "to": "07:00" });
    let all = json!({
        "quiet": [window], "timeZone": "Europe/Berlin", "pausedUntil": "2026-01-15T10:00:00Z", "breakthrough": "none",
        "maxAlertsPerDay": 50, "notify": { "email": true },
    });
    let read = duty(&all).unwrap().preferences;
    let windows = read.quiet.clone().unwrap();
    let window = [&windows[0].from, &windows[0].to].map(ToString::to_string);
    assert_eq!((windows[0].days.as_slice(), window), (&[1, 7][..], ["22:00".to_owned(), "07:00".to_owned()]));
    assert_eq!(read.zone.flatten().unwrap().to_string(), "Europe/Berlin");
    assert_eq!((read.paused_until, read.breakthrough), (Some(Some(at(0))), Some(Breakthrough::None)));
    assert_eq!((read.max_alerts_per_day, read.email, read.sms), (Some(Some(50)), Some(true), None));
    let nulls = json!({
        "quiet": null, "timeZone": null, "pausedUntil": null, "breakthrough": null, "maxAlertsPerDay": null, "notify": null,
    });
    let cleared = PreferencesChange {
        quiet: Some(vec![]),
        zone: Some(None),
        paused_until: Some(None),
        breakthrough: Some(Breakthrough::Critical),
        max_alerts_per_day: Some(None),
        email: Some(false),
        sms: Some(false),
    };
    assert_eq!(duty(&nulls).unwrap().preferences, cleared);
    assert_eq!(duty(&json!({ "quiet": [], "notify": { "sms": null } })).unwrap().preferences.sms, Some(false));
}

#[test]
fn errors_of_preferences_name_the_field() {
    let window = |days: Value, from: &str, to: &str| json!({ "days": days, "from": from, "to": to });
    let fine = window(json!([1]), "22:00", "07:00");
    for (body, fields) in [
        (json!({ "quiet": "22:00" }), vec!["quiet"]),
        (json!({ "quiet": vec![fine.clone(); 8] }), vec!["quiet"]),
        (json!({ "quiet": [fine, 1] }), vec!["quiet[1]"]),
        (json!({ "quiet": [{}] }), vec!["quiet[0].days", "quiet[0].from", "quiet[0].to"]),
        (json!({ "quiet": [window(json!([]), "22:00", "07:00")] }), vec!["quiet[0].days"]),
        (json!({ "quiet": [window(json!([0]), "22:00", "07:00")] }), vec!["quiet[0].days"]),
        (json!({ "quiet": [window(json!([8]), "22:00", "07:00")] }), vec!["quiet[0].days"]),
        (json!({ "quiet": [window(json!(["1"]), "22:00", "07:00")] }), vec!["quiet[0].days"]),
        (json!({ "quiet": [window(json!([1]), "22", "24:00")] }), vec!["quiet[0].from", "quiet[0].to"]),
        (json!({ "quiet": [window(json!([1]), "22:00", "22:00")] }), vec!["quiet[0].to"]),
        (json!({ "timeZone": "Berlin", "pausedUntil": "soon" }), vec!["timeZone", "pausedUntil"]),
        (json!({ "breakthrough": "some", "maxAlertsPerDay": 0 }), vec!["breakthrough", "maxAlertsPerDay"]),
        (json!({ "maxAlertsPerDay": 51, "notify": true }), vec!["maxAlertsPerDay", "notify"]),
        (json!({ "notify": { "email": 1, "sms": "x" } }), vec!["notify.email", "notify.sms"]),
    ] {
        assert_eq!(wrong_fields(duty(&body)), fields, "{body}");
    }
}

#[test]
fn a_page_of_helpers_accepts_only_cursors_of_the_service() {
    let page = helper_page(&query(&[])).unwrap();
    assert_eq!((page.verification, page.after, page.limit), (None, None, 50));
    let given = cursor::write(at(3), "00000000-0000-0000-0000-000000000007");
    let page = helper_page(&query(&[("verification", "pending"), ("limit", "100"), ("cursor", &given)])).unwrap();
    assert_eq!((page.verification, page.limit), (Some(Verification::Pending), 100));
    assert_eq!(page.after, Some((at(3), id(7))));
    for other in [
        "",
        "x",
        "1.x",
        ".",
        "1768471203000000",
        "99999999999999999999.00000000-0000-0000-0000-000000000007",
        "-300000000000000000.00000000-0000-0000-0000-000000000007",
    ] {
        assert_eq!(wrong_fields(helper_page(&query(&[("cursor", other)]))), ["cursor"], "{other}");
    }
    let all = helper_page(&query(&[("verification", "x"), ("limit", "101"), ("cursor", "x")]));
    assert_eq!(wrong_fields(all), ["verification", "cursor", "limit"]);
}

#[test]
fn pending_is_not_a_decision() {
    assert_eq!(verification(&json!({ "status": "verified" })).unwrap().verification, Verification::Verified);
    assert_eq!(verification(&json!({ "status": "rejected" })).unwrap().verification, Verification::Rejected);
    for status in [json!("pending"), json!("x"), json!(null), json!(1)] {
        assert_eq!(wrong_fields(verification(&json!({ "status": status }))), ["status"]);
    }
}

#[test]
fn a_decision_takes_what_was_checked() {
    let says = |skills| verification(&json!({ "status": "verified", "tier": "professional", "skills": skills }));
    let decision = says(json!([{ "name": " cpr ", "until": "2030-01-01T00:00:00Z" }, { "name": "aed" }])).unwrap();
    let skills: Vec<_> =
        decision.skills.unwrap().into_iter().map(|skill| (String::from(skill.name), skill.until.is_some())).collect();
    assert_eq!(skills, [("cpr".to_owned(), true), ("aed".to_owned(), false)]);
    assert_eq!(decision.tier.map(allynet_domain::Tier::as_str), Some("professional"));
    assert_eq!(says(json!(null)).unwrap().skills, None);
    assert_eq!(wrong_fields(says(json!([{ "name": " " }, { "until": 5 }]))).len(), 3);
    assert_eq!(wrong_fields(says(json!(vec![json!({ "name": "cpr" }); 21]))), ["skills"]);
}

#[test]
fn a_block_needs_no_reason() {
    assert_eq!(block(&json!({ "blocked": true })).unwrap(), (true, None));
    let (blocked, reason) = block(&json!({ "blocked": false, "reason": repeated(500) })).unwrap();
    assert!(!blocked && reason.is_some());
    assert_eq!(wrong_fields(block(&json!({ "reason": repeated(501) }))), ["blocked", "reason"]);
}
