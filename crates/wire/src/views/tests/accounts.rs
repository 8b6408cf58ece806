//! Accounts, tokens, numbers and contacts.

use allynet_domain::{
    Account, AlertPreferences, Breakthrough, Contact, ContactDetails, ContactState, ContactTrigger, HelperPolicy,
    HelperReputation, NotifyChannels, QuietWindow, Secret,
    port::{Activity, ListedHelper},
    testing::{GRACE_HOPPER, account, at, helper, id, text},
    usecase::accounts::{SignedIn, TokenPair},
};
use insta::assert_snapshot;

use crate::{
    testing::{filled, json, shown},
    views::{
        ContactView, Helper, HelperList, HelperRecordView, ListedHelperView, Session, Stats, Success, Tokens, User,
        UserView,
    },
};

fn tokens() -> TokenPair {
    TokenPair { access: Secret::new("access".to_owned()), refresh: Secret::new("refresh".to_owned()) }
}

#[test]
fn a_helpers_account() {
    assert_snapshot!(shown(&User::from(&filled(helper(GRACE_HOPPER)))), @r#"
    {
      "user": {
        "_id": "00000000-0000-0000-0000-000000000002",
        "createdAt": "2026-01-15T09:43:20Z",
        "email": "00000000-0000-0000-0000-000000000002@example.org",
        "helper": {
          "available": true,
          "checkedSkills": [{"name": "CPR", "until": "2026-01-15T10:00:00Z"}],
          "helperRating": {"average": 4.67, "count": 3},
          "skills": ["First aid"],
          "tier": "registered",
          "transport": "foot",
          "trustScore": 150,
          "verification": "verified"
        },
        "id": "00000000-0000-0000-0000-000000000002",
        "isActive": true,
        "profile": {
          "avatar": "https://example.org/avatar.png",
          "bio": "Sails",
          "firstName": "Grace",
          "lastName": "Hopper",
          "locale": "en",
          "phone": "+49 30 1"
        },
        "role": "helper"
      }
    }
    "#);
}

#[test]
fn a_blocked_account_with_few_details() {
    let mut account = Account { blocked: true, ..filled(account(GRACE_HOPPER)) };
    (account.profile.last_name, account.profile.phone) = (None, None);
    (account.profile.avatar, account.profile.bio) = (None, None);
    assert_snapshot!(shown(&UserView::from(&account)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000002",
      "createdAt": "2026-01-15T09:43:20Z",
      "email": "00000000-0000-0000-0000-000000000002@example.org",
      "helper": null,
      "id": "00000000-0000-0000-0000-000000000002",
      "isActive": false,
      "profile": {
        "avatar": null,
        "bio": null,
        "firstName": "Grace",
        "lastName": null,
        "locale": "en",
        "phone": null
      },
      "role": "user"
    }
    "#);
}

#[test]
fn a_helper_record() {
    let grace_hopper = filled(helper(GRACE_HOPPER));
    let of_another = HelperRecordView::of(&grace_hopper).unwrap();
    assert_snapshot!(shown(&of_another), @r#"
    {
      "available": true,
      "checkedSkills": [{"name": "CPR", "until": "2026-01-15T10:00:00Z"}],
      "helperRating": {"average": 4.67, "count": 3},
      "skills": ["First aid"],
      "tier": "registered",
      "transport": "foot",
      "trustScore": 150,
      "verification": "verified"
    }
    "#);
    let own = HelperRecordView::own(&grace_hopper, HelperPolicy::Verified, at(0)).unwrap();
    let helper = Helper { helper: own };
    assert_snapshot!(shown(&helper), @r#"
    {
      "helper": {
        "availability": "on_duty",
        "available": true,
        "availableAt": null,
        "breakthrough": "critical",
        "checkedSkills": [{"name": "CPR", "until": "2026-01-15T10:00:00Z"}],
        "helperRating": {"average": 4.67, "count": 3},
        "maxAlertsPerDay": null,
        "notify": {"email": false, "sms": false},
        "pausedUntil": null,
        "quiet": [],
        "skills": ["First aid"],
        "tier": "registered",
        "timeZone": null,
        "transport": "foot",
        "trustScore": 150,
        "verification": "verified"
      }
    }
    "#);
    assert!(HelperRecordView::of(&filled(account(GRACE_HOPPER))).is_none());
}

#[test]
fn alert_preferences_are_shown_to_their_helper_and_a_pause_that_is_over_is_none() {
    let mut grace_hopper = filled(helper(GRACE_HOPPER));
    let window = QuietWindow { days: vec![1, 7], from: "22:00".parse().unwrap(), to: "07:00".parse().unwrap() };
    grace_hopper.helper.as_mut().unwrap().preferences = AlertPreferences {
        quiet: vec![window],
        zone: Some("Europe/Berlin".parse().unwrap()),
        paused_until: Some(at(60)),
        breakthrough: Breakthrough::None,
        max_alerts_per_day: Some(5),
        notify: NotifyChannels { email: true, sms: false },
    };
    let own = |now| json(&HelperRecordView::own(&grace_hopper, HelperPolicy::Verified, now).unwrap());
    let paused = own(at(0));
    assert_eq!(paused["quiet"], serde_json::json!([{ "days": [1, 7], "from": "22:00", "to": "07:00" }]));
    assert_eq!(paused["notify"], serde_json::json!({ "email": true, "sms": false }));
    let strings = |shown: &serde_json::Value| {
        ["timeZone", "breakthrough", "availability", "availableAt", "pausedUntil"].map(|key| shown[key].to_string())
    };
    let until = "\"2026-01-15T10:01:00Z\"";
    assert_eq!(strings(&paused), ["\"Europe/Berlin\"", "\"none\"", "\"paused\"", until, until]);
    let over = own(at(60));
    assert_eq!(strings(&over)[2..], ["\"on_duty\"", "null", "null"]);
}

#[test]
fn a_page_of_helpers() {
    let listed = ListedHelper { account: filled(helper(GRACE_HOPPER)), reports: 2 };
    let shown_of = json(&ListedHelperView::from(&listed));
    let mut user = json(&UserView::from(&filled(helper(GRACE_HOPPER))));
    user["reports"] = 2.into();
    assert_eq!(shown_of, user, "a user like everywhere, with one field more");
    let page = HelperList { helpers: vec![], next_cursor: Some("1.x".to_owned()) };
    assert_snapshot!(shown(&page), @r#"{"helpers": [], "nextCursor": "1.x"}"#);
    assert_snapshot!(shown(&HelperList { helpers: vec![], next_cursor: None }), @r#"{"helpers": [], "nextCursor": null}"#);
}

#[test]
fn tokens_and_sessions() {
    assert_snapshot!(shown(&Tokens::from(&tokens())), @r#"{"accessToken": "access", "refreshToken": "refresh"}"#);
    let signed_in = SignedIn { account: filled(account(GRACE_HOPPER)), tokens: tokens() };
    assert_snapshot!(shown(&Session::new(&signed_in, HelperPolicy::Verified, at(0))), @r#"
    {
      "tokens": {"accessToken": "access", "refreshToken": "refresh"},
      "user": {
        "_id": "00000000-0000-0000-0000-000000000002",
        "createdAt": "2026-01-15T09:43:20Z",
        "email": "00000000-0000-0000-0000-000000000002@example.org",
        "helper": null,
        "id": "00000000-0000-0000-0000-000000000002",
        "isActive": true,
        "profile": {
          "avatar": "https://example.org/avatar.png",
          "bio": "Sails",
          "firstName": "Grace",
          "lastName": "Hopper",
          "locale": "en",
          "phone": "+49 30 1"
        },
        "role": "user"
      }
    }
    "#);
}

#[test]
fn statistics_of_an_account() {
    let reputation = HelperReputation { trust_score: 150, ..HelperReputation::default() };
    let stats = Stats::new(reputation, Activity { helped: 3, requested: 1 });
    assert_snapshot!(shown(&stats), @r#"
    {
      "helped": {"emergency": 3, "general": 0, "total": 3},
      "reports": 0,
      "requested": {"emergency": 1, "general": 0, "total": 1},
      "trustScore": 150
    }
    "#);
}

#[test]
fn a_contact() {
    let details = ContactDetails {
        phone: Some(text("+49 30 1")),
        order: 2,
        after_seconds: 60,
        trigger: ContactTrigger::Unanswered,
        lives_with_owner: true,
        ..ContactDetails::new(text("Ada"), "ada@example.org".parse().unwrap())
    };
    let (state, confirmed_at) = (ContactState::Confirmed, Some(at(5)));
    let contact = Contact { id: id(7), details, state, confirmed_at, created_at: at(0) };
    assert_snapshot!(shown(&ContactView::from(&contact)), @r#"
    {
      "_id": "00000000-0000-0000-0000-000000000007",
      "afterSeconds": 60,
      "confirmedAt": "2026-01-15T10:00:05Z",
      "createdAt": "2026-01-15T10:00:00Z",
      "email": "ada@example.org",
      "id": "00000000-0000-0000-0000-000000000007",
      "livesWithOwner": true,
      "name": "Ada",
      "on": "unanswered",
      "order": 2,
      "phone": "+49 30 1",
      "state": "confirmed"
    }
    "#);
}

#[test]
fn successful_answers_have_a_message_only_if_given() {
    assert_snapshot!(shown(&Success::new(7)), @r#"{"data": 7, "success": true}"#);
    assert_snapshot!(shown(&Success::new(()).with_message("Logged out")), @r#"{"data": null, "message": "Logged out", "success": true}"#);
}
