//! Tests of rating and reporting the other party.

use super::*;
use crate::{
    RatingCounts, ResponseStatus, Score,
    testing::{
        ALAN, Committed, GRACE_HOPPER, OWNER, STRANGER, account, actor, admin, anonymous, cancelled, grace_hopper,
        helper, now, owner, resolved, store, text, with_responses,
    },
    usecase::feedback::{Accused, Rated, Rating, rate, report},
};

fn service(emergency: &Emergency, outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    rated_before(emergency, &[], outcomes)
}

/// The ports over a store in which the owner has rated these helpers before.
fn rated_before(emergency: &Emergency, rated: &[u128], outcomes: Vec<port::Result<()>>) -> (EmergencyPorts, Committed) {
    let (changes, committed) = store(outcomes);
    let mut emergencies = holding(emergency, &[]);
    let found = port::ToBeRated { emergency: emergency.clone(), rated_since: rated.iter().copied().map(id).collect() };
    emergencies.expect_find_for_rating().returning(move |_, since| {
        assert_eq!(since, now() - chrono::TimeDelta::days(30));
        Ok(Some(found.clone()))
    });
    (context(emergencies, changes), committed)
}

fn score() -> Score {
    Score::new(5).unwrap()
}

/// Grace completed, Alan cancelled.
fn helped() -> Emergency {
    with_responses(&[(GRACE_HOPPER, ResponseStatus::Completed), (ALAN, ResponseStatus::Cancelled)])
}

fn five(helper: Option<u128>) -> Rating {
    Rating { helper: helper.map(id), score: score(), comment: Some(text("Thank you")) }
}

#[tokio::test]
async fn the_owner_rates_a_helper_who_responded() {
    let (cx, committed) = service(&resolved(helped()), vec![]);
    let rated = rate(&cx, &owner(), the_emergency(), five(Some(GRACE_HOPPER))).await.unwrap();
    assert_eq!(rated, Rated { helper: id(GRACE_HOPPER), counted: true });
    let (emergency, helper, comment) = (the_emergency(), id(GRACE_HOPPER), Some(text("Thank you")));
    let counts = Some(RatingCounts { owner: id(OWNER), unless_since: now() - chrono::TimeDelta::days(30) });
    let rating = Write::AddRating { emergency, helper, score: score(), comment, counts };
    assert_eq!(committed.only(), Change::new(Some(id(OWNER)), now()).write(rating));
}

#[tokio::test]
async fn a_comment_on_a_thinned_emergency_is_not_stored() {
    let thinned = crate::testing::edited(resolved(helped()), |e| e.search.is_thinned = true);
    let (cx, committed) = service(&thinned, vec![]);
    rate(&cx, &owner(), the_emergency(), five(Some(GRACE_HOPPER))).await.unwrap();
    assert!(matches!(committed.only().writes[..], [Write::AddRating { comment: None, .. }]));
}

#[tokio::test]
async fn a_rating_counts_under_the_conditions_of_trust() {
    let far = crate::testing::edited(helped(), |e| e.responses[0].record.came_near = Some(false));
    for (emergency, rated, counted) in [
        (helped(), vec![], true),
        (helped(), vec![ALAN], true),
        (helped(), vec![GRACE_HOPPER], false),
        (anonymous(helped()), vec![], false),
        (far, vec![], false),
    ] {
        let (cx, committed) = rated_before(&resolved(emergency), &rated, vec![]);
        let rated = rate(&cx, &owner(), the_emergency(), five(Some(GRACE_HOPPER))).await.unwrap();
        assert_eq!(rated, Rated { helper: id(GRACE_HOPPER), counted });
        let counts = matches!(committed.only().writes[..], [Write::AddRating { counts: Some(_), .. }]);
        assert_eq!(counts, counted);
    }
}

#[tokio::test]
async fn a_rating_is_refused_when_a_rule_says_so() {
    let rated = |helper| five(Some(helper));
    for (emergency, actor, rating, expected) in [
        (resolved(helped()), grace_hopper(), rated(GRACE_HOPPER), Refusal::NotAuthorized),
        (resolved(helped()), actor(admin()), rated(GRACE_HOPPER), Refusal::NotAuthorized),
        (helped(), owner(), rated(GRACE_HOPPER), Refusal::EmergencyNotResolved),
        (cancelled(helped()), owner(), rated(GRACE_HOPPER), Refusal::EmergencyNotResolved),
        (resolved(helped()), owner(), rated(ALAN), Refusal::HelperNotFound),
        (resolved(helped()), owner(), rated(STRANGER), Refusal::HelperNotFound),
        (resolved(helped()), owner(), rated(OWNER), Refusal::HelperNotFound),
        (resolved(helped()), owner(), five(None), Refusal::HelperNotFound),
    ] {
        let (cx, committed) = service(&emergency, vec![]);
        assert_eq!(refusal(rate(&cx, &actor, the_emergency(), rating).await), expected);
        assert!(committed.is_empty());
    }
}

#[tokio::test]
async fn a_helper_is_rated_once() {
    let (cx, _) = service(&resolved(helped()), conflict(Constraint::Rating));
    assert_eq!(refusal(rate(&cx, &owner(), the_emergency(), five(Some(GRACE_HOPPER))).await), Refusal::AlreadyRated);
    let (cx, _) = service(&resolved(helped()), conflict(Constraint::Report));
    assert!(matches!(rate(&cx, &owner(), the_emergency(), five(Some(GRACE_HOPPER))).await, Err(Error::Port(_))));
}

#[tokio::test]
async fn each_party_reports_the_other() {
    let user = |n| Accused::User(id(n));
    for (emergency, actor, accused, about) in [
        (helped(), owner(), user(GRACE_HOPPER), GRACE_HOPPER),
        (helped(), owner(), user(ALAN), ALAN),
        (resolved(helped()), owner(), user(GRACE_HOPPER), GRACE_HOPPER),
        (helped(), grace_hopper(), Accused::Owner, OWNER),
        (helped(), grace_hopper(), user(OWNER), OWNER),
        (anonymous(helped()), grace_hopper(), Accused::Owner, OWNER),
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
        (helped(), owner(), user(STRANGER), Refusal::PartyNotFound),
        (helped(), owner(), Accused::Unknown, Refusal::PartyNotFound),
        (helped(), grace_hopper(), user(ALAN), Refusal::PartyNotFound),
        (helped(), grace_hopper(), user(GRACE_HOPPER), Refusal::PartyNotFound),
        (helped(), grace_hopper(), Accused::Unknown, Refusal::PartyNotFound),
        // The real id of an anonymous owner is refused as any stranger's.
        (anonymous(helped()), grace_hopper(), user(OWNER), Refusal::PartyNotFound),
        (helped(), actor(helper(ALAN)), Accused::Owner, Refusal::NotAuthorized),
        (helped(), actor(admin()), Accused::Owner, Refusal::NotAuthorized),
        (helped(), actor(account(STRANGER)), Accused::Owner, Refusal::NotAuthorized),
    ] {
        let (cx, committed) = service(&emergency, vec![]);
        let outcome = report(&cx, &actor, the_emergency(), accused, text("Was rude")).await;
        assert_eq!((refusal(outcome), committed.is_empty()), (expected, true), "{accused:?}");
    }
}

#[tokio::test]
async fn a_party_is_reported_once() {
    let (cx, _) = service(&helped(), conflict(Constraint::Report));
    let outcome = report(&cx, &grace_hopper(), the_emergency(), Accused::Owner, text("Was rude")).await;
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
