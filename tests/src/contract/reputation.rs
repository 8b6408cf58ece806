//! Cases about trust, ratings and reports.

use std::collections::HashMap;

use allynet_domain::{
    EmergencyId, HelperReputation, MAX_TRUST, Score, UserId, Verification, Write,
    port::{Constraint, Error, HelperPage},
};
use futures_util::future::join_all;

use super::*;

fn rating(emergency: EmergencyId, helper: UserId, score: u8) -> Write {
    Write::AddRating { emergency, helper, score: Score::new(score).unwrap(), comment: Some(text("thank you")) }
}

fn report(emergency: EmergencyId, reporter: UserId, about: UserId) -> Write {
    Write::AddReport { emergency, reporter, about, reason: text("rude") }
}

impl Store {
    async fn reputation(&self, user: UserId) -> HelperReputation {
        self.account(user).await.reputation
    }

    async fn resolved_with(&self, helper: &allynet_domain::Account) -> EmergencyId {
        let emergency = self.emergency().await.id();
        self.accept(emergency, helper, at(1)).await;
        self.resolve(emergency, at(2)).await;
        emergency
    }
}

pub async fn trust_rises_up_to_the_maximum(store: Store) {
    let [a, b, other] = [store.helper().await.id, store.helper().await.id, store.helper().await.id];
    for (by, of_a, of_b) in [(50, 50, 50), (900, 950, 950), (49, 999, 999), (50, MAX_TRUST, MAX_TRUST)] {
        store.write(Write::AddTrust { helpers: vec![a, b], by }).await;
        assert_eq!((store.reputation(a).await.trust_score, store.reputation(b).await.trust_score), (of_a, of_b));
    }
    store.write(Write::AddTrust { helpers: vec![a], by: u16::MAX }).await;
    assert_eq!(store.reputation(a).await.trust_score, MAX_TRUST);
    assert_eq!(store.reputation(other).await, HelperReputation::default());
}

pub async fn trust_given_at_once_adds_up(store: Store) {
    let [a, b] = [store.helper().await.id, store.helper().await.id];
    let gifts = (0..12).map(|n| {
        // In either order, and still without a deadlock.
        let helpers = if n % 2 == 0 { vec![a, b] } else { vec![b, a] };
        store.try_write(Write::AddTrust { helpers, by: 50 })
    });
    for gift in join_all(gifts).await {
        gift.unwrap();
    }
    for helper in [a, b] {
        assert_eq!(store.reputation(helper).await.trust_score, 600);
    }
}

pub async fn a_rating_moves_the_average_and_is_given_once(store: Store) {
    let helper = store.helper().await;
    let first = store.resolved_with(&helper).await;
    store.write(rating(first, helper.id, 5)).await;
    let again = store.try_write(rating(first, helper.id, 1)).await;
    assert!(matches!(again, Err(Error::Conflict(Constraint::Rating))), "{again:?}");
    assert_eq!(store.reputation(helper.id).await, HelperReputation { trust_score: 0, rating_sum: 5, rating_count: 1 });

    let second = store.resolved_with(&helper).await;
    store
        .write(Write::AddRating { emergency: second, helper: helper.id, score: Score::new(2).unwrap(), comment: None })
        .await;
    let reputation = store.reputation(helper.id).await;
    assert_eq!(reputation, HelperReputation { trust_score: 0, rating_sum: 7, rating_count: 2 });
    assert_eq!(store.find(first).await.responses()[0].helper, card(&helper, reputation));
}

pub async fn ratings_given_at_once_add_up(store: Store) {
    let helper = store.helper().await;
    let mut emergencies = Vec::new();
    for _ in 0..8 {
        emergencies.push(store.resolved_with(&helper).await);
    }
    // Each twice: the second time is refused.
    let ratings = emergencies.iter().chain(&emergencies).map(|&e| store.try_write(rating(e, helper.id, 3)));
    let outcomes = join_all(ratings).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 8, "{outcomes:?}");
    assert!(outcomes.iter().all(|o| matches!(o, Ok(()) | Err(Error::Conflict(Constraint::Rating)))), "{outcomes:?}");
    assert_eq!(store.reputation(helper.id).await, HelperReputation { trust_score: 0, rating_sum: 24, rating_count: 8 });
}

pub async fn a_party_is_reported_once_by_each(store: Store) {
    let [a, b] = [store.helper().await.id, store.helper().await.id];
    let [first, second] = [store.emergency().await, store.emergency().await];
    let owner = first.owner();
    for (emergency, reporter, about) in
        [(&first, a, owner), (&first, b, owner), (&first, owner, a), (&first, owner, b), (&second, a, second.owner())]
    {
        store.write(report(emergency.id(), reporter, about)).await;
        let again = store.try_write(report(emergency.id(), reporter, about)).await;
        assert!(matches!(again, Err(Error::Conflict(Constraint::Report))), "{again:?}");
    }
}

pub async fn reports_about_helpers_are_counted_in_their_list(store: Store) {
    let [a, b, c] = [store.helper().await.id, store.helper().await.id, store.helper().await.id];
    let [first, second] = [store.emergency().await, store.emergency().await];
    for (emergency, reporter, about) in [
        (&first, first.owner(), a),
        (&second, second.owner(), a),
        (&first, first.owner(), b),
        // Helpers report owners too.
        (&first, a, first.owner()),
    ] {
        store.write(report(emergency.id(), reporter, about)).await;
    }
    let again = store.try_write(report(first.id(), first.owner(), a)).await;
    assert!(again.is_err(), "what is refused is not counted");
    for verification in [None, Some(Verification::Verified)] {
        let page = HelperPage { verification, after: None, limit: 100 };
        let listed = store.accounts.helpers(&page).await.unwrap();
        let counts: HashMap<_, _> = listed.iter().map(|listed| (listed.account.id, listed.reports)).collect();
        assert_eq!(counts, HashMap::from([(a, 2), (b, 1), (c, 0)]));
    }
}
