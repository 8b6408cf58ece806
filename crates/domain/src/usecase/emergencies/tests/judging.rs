//! Rating and reporting the other party.

use super::*;
use crate::{
    ResponseStatus,
    given::{
        ALAN, Committed, GRACE, NOBODY, OWNER, account, admin, anonymous, calling, cancelled, grace, helper, now,
        owner, resolved, store, text, with_responses,
    },
};

fn service(emergency: &Emergency, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    (context(holding(emergency, &[]), changes), committed)
}

/// Grace completed, Alan cancelled.
fn helped() -> Emergency {
    with_responses(&[(GRACE, ResponseStatus::Completed), (ALAN, ResponseStatus::Cancelled)])
}

fn five(helper: Option<u128>) -> Rating {
    Rating { helper: helper.map(id), score: 5, comment: Some(text("Thank you")) }
}

#[tokio::test]
async fn the_owner_rates_a_helper_who_responded() {
    let (cx, committed) = service(&resolved(helped()), vec![]);
    assert_eq!(rate(&cx, &owner(), the_emergency(), five(Some(GRACE))).await.unwrap(), id(GRACE));
    let comment = Some(text("Thank you"));
    let rating = Write::AddRating { emergency: the_emergency(), helper: id(GRACE), score: 5, comment };
    assert_eq!(committed.only(), Change::new(Some(id(OWNER)), now()).write(rating));
}

#[tokio::test]
async fn a_rating_is_refused_when_a_rule_says_so() {
    let rated = |helper| five(Some(helper));
    for (emergency, actor, rating, expected) in [
        (resolved(helped()), grace(), rated(GRACE), Refusal::NotAuthorized),
        (resolved(helped()), calling(admin()), rated(GRACE), Refusal::NotAuthorized),
        (helped(), owner(), rated(GRACE), Refusal::EmergencyNotResolved),
        (cancelled(helped()), owner(), rated(GRACE), Refusal::EmergencyNotResolved),
        (resolved(helped()), owner(), rated(ALAN), Refusal::HelperNotFound),
        (resolved(helped()), owner(), rated(NOBODY), Refusal::HelperNotFound),
        (resolved(helped()), owner(), rated(OWNER), Refusal::HelperNotFound),
        (resolved(helped()), owner(), five(None), Refusal::HelperNotFound),
    ] {
        let (cx, committed) = service(&emergency, vec![]);
        assert_eq!(refusal(rate(&cx, &actor, the_emergency(), rating).await), expected);
        assert!(committed.nothing());
    }
}

#[tokio::test]
async fn a_helper_is_rated_once() {
    let (cx, _) = service(&resolved(helped()), conflict(Constraint::Rating));
    assert_eq!(refusal(rate(&cx, &owner(), the_emergency(), five(Some(GRACE))).await), Refusal::AlreadyRated);
    let (cx, _) = service(&resolved(helped()), conflict(Constraint::Report));
    assert!(matches!(rate(&cx, &owner(), the_emergency(), five(Some(GRACE))).await, Err(Error::Port(_))));
}

#[tokio::test]
async fn each_party_reports_the_other() {
    let user = |n| Accused::User(id(n));
    for (emergency, actor, accused, about) in [
        (helped(), owner(), user(GRACE), GRACE),
        (helped(), owner(), user(ALAN), ALAN),
        (resolved(helped()), owner(), user(GRACE), GRACE),
        (helped(), grace(), Accused::Owner, OWNER),
        (helped(), grace(), user(OWNER), OWNER),
        (anonymous(helped()), grace(), Accused::Owner, OWNER),
    ] {
        let (cx, committed) = service(&emergency, vec![]);
        report(&cx, &actor, the_emergency(), accused, text("Was rude")).await.unwrap();
        let (reporter, reason) = (actor.id(), text("Was rude"));
        let report = Write::AddReport { emergency: the_emergency(), reporter, about: id(about), reason };
        assert_eq!(committed.only(), Change::new(Some(reporter), now()).write(report));
    }
}

#[tokio::test]
async fn a_report_is_refused_when_a_rule_says_so() {
    let user = |n| Accused::User(id(n));
    for (emergency, actor, accused, expected) in [
        (helped(), owner(), Accused::Owner, Refusal::PartyMissing),
        (helped(), owner(), user(OWNER), Refusal::PartyNotFound),
        (helped(), owner(), user(NOBODY), Refusal::PartyNotFound),
        (helped(), owner(), Accused::Unknown, Refusal::PartyNotFound),
        (helped(), grace(), user(ALAN), Refusal::PartyNotFound),
        (helped(), grace(), user(GRACE), Refusal::PartyNotFound),
        (helped(), grace(), Accused::Unknown, Refusal::PartyNotFound),
        // The real id of an anonymous owner is refused as any stranger's.
        (anonymous(helped()), grace(), user(OWNER), Refusal::PartyNotFound),
        (helped(), calling(helper(ALAN)), Accused::Owner, Refusal::NotAuthorized),
        (helped(), calling(admin()), Accused::Owner, Refusal::NotAuthorized),
        (helped(), calling(account(NOBODY)), Accused::Owner, Refusal::NotAuthorized),
    ] {
        let (cx, committed) = service(&emergency, vec![]);
        let outcome = report(&cx, &actor, the_emergency(), accused, text("Was rude")).await;
        assert_eq!((refusal(outcome), committed.nothing()), (expected, true), "{accused:?}");
    }
}

#[tokio::test]
async fn a_party_is_reported_once() {
    let (cx, _) = service(&helped(), conflict(Constraint::Report));
    let outcome = report(&cx, &grace(), the_emergency(), Accused::Owner, text("Was rude")).await;
    assert_eq!(refusal(outcome), Refusal::AlreadyReported);
}

#[tokio::test]
async fn what_does_not_exist_is_not_judged() {
    let (changes, _) = store(vec![]);
    let (cx, gone) = (context(empty(), changes), the_emergency());
    assert_eq!(refusal(rate(&cx, &owner(), gone, five(None)).await), Refusal::EmergencyNotFound);
    let outcome = report(&cx, &owner(), gone, Accused::Owner, text("Was rude")).await;
    assert_eq!(refusal(outcome), Refusal::EmergencyNotFound);
}
