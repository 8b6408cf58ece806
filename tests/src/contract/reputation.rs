//! Cases about trust, ratings and reports.

use std::collections::HashMap;

use allynet_domain::{
    Emergency, EmergencyId, HelperReputation, MAX_TRUST, UserId, Verification, Write,
    port::{Constraint, Error, HelperPage},
};
use futures_util::future::join_all;

use super::*;

fn report(emergency: EmergencyId, reporter: UserId, about: UserId) -> Write {
    Write::AddReport { emergency, reporter, about, reason: text("rude") }
}

impl Store {
    async fn reputation(&self, user: UserId) -> HelperReputation {
        self.account(user).await.reputation
    }

    async fn resolved_with(&self, helper: &allynet_domain::Account) -> Emergency {
        let emergency = self.emergency().await.id();
        self.accept(emergency, helper, at(1)).await;
        self.resolve(emergency, at(2)).await;
        self.find(emergency).await
    }
}

pub async fn trust_rises_up_to_the_maximum(store: Store) {
    let [a, b, other] = [store.helper().await.id, store.helper().await.id, store.helper().await.id];
    for (by, of_a, of_b) in [(50, 50, 50), (900, 950, 950), (49, 999, 999), (50, MAX_TRUST, MAX_TRUST)] {
        store.write(trust(&store.emergency().await, vec![a, b], by)).await;
        assert_eq!((store.reputation(a).await.trust_score, store.reputation(b).await.trust_score), (of_a, of_b));
    }
    store.write(trust(&store.emergency().await, vec![a], u16::MAX)).await;
    assert_eq!(store.reputation(a).await.trust_score, MAX_TRUST);
    assert_eq!(store.reputation(other).await, HelperReputation::default());
}

pub async fn trust_given_at_once_adds_up(store: Store) {
    let [a, b] = [store.helper().await.id, store.helper().await.id];
    let mut emergencies = Vec::new();
    for _ in 0..12 {
        emergencies.push(store.emergency().await);
    }
    let gifts = emergencies.iter().enumerate().map(|(n, emergency)| {
        // In either order, and still without a deadlock.
        let helpers = if n % 2 == 0 { vec![a, b] } else { vec![b, a] };
        store.try_write(trust(emergency, helpers, 50))
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
    store.write(counted_rating(&first, helper.id, 5)).await;
    let again = store.try_write(counted_rating(&first, helper.id, 1)).await;
    assert!(matches!(again, Err(Error::Conflict(Constraint::Rating))), "{again:?}");
    assert_eq!(store.reputation(helper.id).await, HelperReputation { trust_score: 0, rating_sum: 5, rating_count: 1 });

    let second = store.resolved_with(&helper).await;
    store.write(counted_rating(&second, helper.id, 2)).await;
    let reputation = store.reputation(helper.id).await;
    assert_eq!(reputation, HelperReputation { trust_score: 0, rating_sum: 7, rating_count: 2 });
    assert_eq!(store.find(first.id()).await.responses()[0].helper, card(&helper, reputation));
}

pub async fn ratings_given_at_once_add_up(store: Store) {
    let helper = store.helper().await;
    let mut emergencies = Vec::new();
    for _ in 0..8 {
        emergencies.push(store.resolved_with(&helper).await);
    }
    // Each twice: the second time is refused.
    let ratings = emergencies.iter().chain(&emergencies).map(|e| store.try_write(counted_rating(e, helper.id, 3)));
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

/// Another emergency of the owner of this one, in which the helper was, at `at(2)`.
async fn again(store: &Store, first: &Emergency, helper: &allynet_domain::Account) -> Emergency {
    let owner = store.account(first.owner()).await;
    let emergency = store.raise(call_of(&owner)).await.id();
    store.accept(emergency, helper, at(1)).await;
    store.resolve(emergency, at(2)).await;
    store.find(emergency).await
}

pub async fn trust_is_given_once_per_pair_in_a_while(store: Store) {
    let helper = store.helper().await;
    let first = store.resolved_with(&helper).await;
    store.write(trust(&first, vec![helper.id], 50)).await;
    let second = again(&store, &first, &helper).await;
    store.write(trust(&second, vec![helper.id], 50)).await;
    assert_eq!(store.reputation(helper.id).await.trust_score, 50, "the same owner");
    store.write(trust(&store.resolved_with(&helper).await, vec![helper.id], 50)).await;
    assert_eq!(store.reputation(helper.id).await.trust_score, 100, "another owner");
    // The first emergency is deleted, and the pair cannot begin anew.
    store.write(deletion(&first)).await;
    store.write(trust(&second, vec![helper.id], 50)).await;
    assert_eq!(store.reputation(helper.id).await.trust_score, 100);
    // What was gained at `at(0)` does not count any more.
    let Write::AddTrust { emergency, owner, helpers, by, .. } = trust(&second, vec![helper.id], 50) else { return };
    store.write(Write::AddTrust { emergency, owner, helpers, by, unless_since: at(0) }).await;
    assert_eq!(store.reputation(helper.id).await.trust_score, 150);
}

pub async fn trust_of_an_end_that_is_undone_is_taken_back(store: Store) {
    let [a, b] = [store.helper().await, store.helper().await];
    let first = store.resolved_with(&a).await;
    store.write(trust(&first, vec![a.id, b.id], 50)).await;
    let other = store.resolved_with(&a).await;
    store.write(trust(&other, vec![a.id], 50)).await;
    for _ in 0..2 {
        store.write(Write::RevokeTrust(first.id())).await;
        let trust_of = async |id| store.reputation(id).await.trust_score;
        assert_eq!((trust_of(a.id).await, trust_of(b.id).await), (50, 0));
    }
    store.write(trust(&first, vec![a.id], 50)).await;
    assert_eq!(store.reputation(a.id).await.trust_score, 100, "it may be gained again");
}

pub async fn one_rating_of_a_pair_counts_in_a_while(store: Store) {
    let helper = store.helper().await;
    let first = store.resolved_with(&helper).await;
    store.write(counted_rating(&first, helper.id, 5)).await;
    let second = again(&store, &first, &helper).await;
    let found = store.emergencies.find_for_rating(second.id(), at(-1)).await.unwrap().unwrap();
    assert_eq!((found.emergency.id(), found.rated_since), (second.id(), vec![helper.id]));
    let later = store.emergencies.find_for_rating(second.id(), at(0)).await.unwrap().unwrap();
    assert_eq!(later.rated_since, []);
    let outcome = store.try_write(counted_rating(&second, helper.id, 5)).await;
    assert!(matches!(outcome, Err(Error::Stale)), "{outcome:?}");
    let Write::AddRating { emergency, helper: rated, score, comment, .. } = counted_rating(&second, helper.id, 5)
    else {
        return;
    };
    store.write(Write::AddRating { emergency, helper: rated, score, comment, counts: None }).await;
    assert_eq!(store.reputation(helper.id).await.rating_count, 1, "stored, but not counted");
    let unknown = store.emergencies.find_for_rating(id(), at(0)).await.unwrap();
    assert_eq!(unknown, None);
}

pub async fn of_two_ratings_of_a_pair_at_once_one_counts(store: Store) {
    let helper = store.helper().await;
    let first = store.resolved_with(&helper).await;
    let second = again(&store, &first, &helper).await;
    let [a, b] = [&first, &second].map(|of| store.try_write(counted_rating(of, helper.id, 5)));
    let outcomes = join_all([a, b]).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().all(|o| matches!(o, Ok(()) | Err(Error::Stale))), "{outcomes:?}");
}
