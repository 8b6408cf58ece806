//! Searches for helpers: who is counted, who is found, and in which order.

use allynet_domain::port::{Fix, HelperCounts, Search};
use allynet_domain::{
    Account, Census, HelperPolicy, HelperRecord, Metres, Recipient, Standing, Timestamp, UserId, Verification, Write,
};

use super::*;

fn search() -> Search {
    let (centre, policy) = (place(0.0, 0.0), HelperPolicy::Verified);
    Search { centre, except: nth(0), policy, fresh_since: at(-3_600) }
}

fn radii(radii: &[f64]) -> Vec<Metres> {
    radii.iter().copied().map(metres).collect()
}

impl Store {
    async fn census(&self, radii: &[Metres], limit: u32) -> Census {
        self.helpers.census(&search(), radii, limit).await.unwrap()
    }

    async fn nearby(&self, search: &Search) -> Vec<UserId> {
        let found = self.helpers.nearby(search, metres(10_000.0), 100).await.unwrap();
        let mut ids: Vec<_> = found.into_iter().map(|n| n.helper.person.id).collect();
        let census = self.helpers.census(search, &[metres(10_000.0)], 100).await.unwrap();
        let counted: Vec<_> = census.nearest.iter().map(|r| r.helper).collect();
        assert_eq!(counted, ids, "both searches find the same");
        ids.sort();
        ids
    }
}

fn found(census: &Census) -> Vec<UserId> {
    census.nearest.iter().map(|r| r.helper).collect()
}

pub async fn the_census_counts_within_each_radius_and_finds_the_nearest_within_the_largest(store: Store) {
    let centre = search().centre;
    let mut ids = Vec::new();
    for longitude in [0.12, 0.02, 0.5, 0.01, 0.06] {
        ids.push(store.helper_at(place(0.0, longitude)).await.id);
    }
    let census = store.census(&radii(&[500.0, 3_000.0, 5_000.0, 10_000.0, 15_000.0]), 50).await;
    assert_eq!(census.counts, [0, 2, 2, 3, 4]);
    assert_eq!(found(&census), [ids[3], ids[1], ids[4], ids[0]]);
    for (Recipient { distance, .. }, longitude) in census.nearest.iter().zip([0.01, 0.02, 0.06, 0.12]) {
        assert!((distance.get() - centre.distance_to(place(0.0, longitude)).get()).abs() < 0.001);
    }
    assert_eq!(store.census(&radii(&[1.0]), 50).await, Census { counts: vec![0], nearest: Vec::new() });
}

pub async fn the_census_counts_beyond_the_limit(store: Store) {
    let mut ids = Vec::new();
    for n in 0..7_u8 {
        ids.push(store.helper_at(place(0.0, f64::from(n) * 0.01)).await.id);
    }
    for limit in [1, 3, 7, 50] {
        let census = store.census(&radii(&[2_500.0, 50_000.0]), limit).await;
        assert_eq!(census.counts, [3, 7], "{limit}");
        assert_eq!(found(&census), ids[..ids.len().min(limit as usize)]);
        let nearby = store.helpers.nearby(&search(), metres(50_000.0), limit).await.unwrap();
        assert_eq!(nearby.len(), ids.len().min(limit as usize));
    }
}

pub async fn equally_near_helpers_come_in_the_order_of_their_ids(store: Store) {
    let mut ids: Vec<UserId> = Vec::new();
    for n in [5, 2, 9, 1, 7, 3] {
        let helper = store.enlist(somebody_with(nth(n)), verified()).await;
        store.locate(helper.id, place(0.01, 0.01)).await;
        ids.push(helper.id);
    }
    ids.sort();
    for limit in [1, 3, 6] {
        let census = store.census(&radii(&[50_000.0]), limit).await;
        assert_eq!(found(&census), ids[..limit as usize]);
        let nearby = store.helpers.nearby(&search(), metres(50_000.0), limit).await.unwrap();
        assert_eq!(nearby.iter().map(|n| n.helper.person.id).collect::<Vec<_>>(), ids[..limit as usize]);
    }
}

pub async fn the_searcher_is_left_out(store: Store) {
    let [a, b] = [store.helper_at(place(0.0, 0.0)).await.id, store.helper_at(place(0.0, 0.0)).await.id];
    assert_eq!(store.nearby(&Search { except: a, ..search() }).await, [b]);
    assert_eq!(store.nearby(&Search { except: b, ..search() }).await, [a]);
    let census = store.helpers.census(&Search { except: a, ..search() }, &radii(&[1.0]), 9).await.unwrap();
    assert_eq!(census.counts, [1]);
}

/// One account of every kind, all at the same place.
async fn one_of_each(store: &Store) -> Vec<Account> {
    let mut all = vec![store.register().await];
    for &verification in Verification::ALL {
        for available in [true, false] {
            for blocked in [false, true] {
                let record = HelperRecord { verification, available, ..verified() };
                let account = store.enlist(somebody(), record).await;
                store.write(Write::SetBlocked { user: account.id, blocked, reason: None }).await;
                all.push(Account { blocked, ..account });
            }
        }
    }
    let blocked = store.register().await;
    store.write(Write::SetBlocked { user: blocked.id, blocked: true, reason: None }).await;
    all.push(Account { blocked: true, ..blocked });
    all
}

pub async fn only_helpers_on_duty_by_the_policy_are_found(store: Store) {
    let all = one_of_each(&store).await;
    for account in &all {
        store.locate(account.id, place(0.0, 0.001)).await;
        assert_eq!(store.account(account.id).await, *account);
    }
    for &policy in HelperPolicy::ALL {
        let mut expected: Vec<_> = all.iter().filter(|a| a.on_duty(policy)).map(|a| a.id).collect();
        expected.sort();
        assert_eq!(store.nearby(&Search { policy, ..search() }).await, expected, "{policy}");
    }
}

pub async fn a_position_counts_from_the_moment_asked_for(store: Store) {
    let micros = |micros: i64| -> Timestamp { at(0) + chrono::TimeDelta::microseconds(micros) };
    let [older, exact, newer] = [store.helper().await.id, store.helper().await.id, store.helper().await.id];
    let _nowhere = store.helper().await;
    let fix = |user, at| Fix { user, position: place(0.0, 0.0), at };
    store.positions.record(&[fix(older, micros(-1)), fix(exact, micros(0)), fix(newer, micros(1))]).await.unwrap();
    for (fresh_since, mut expected) in [
        (micros(-1), vec![older, exact, newer]),
        (micros(0), vec![exact, newer]),
        (micros(1), vec![newer]),
        (micros(2), vec![]),
    ] {
        expected.sort();
        assert_eq!(store.nearby(&Search { fresh_since, ..search() }).await, expected);
        let counts = store.helpers.count(HelperPolicy::Verified, fresh_since).await.unwrap();
        assert_eq!(counts, HelperCounts { on_duty: 4, fresh: u32::try_from(expected.len()).unwrap() });
    }
}

pub async fn a_helper_is_shown_with_name_and_standing(store: Store) {
    let helper = store.helper_at(place(0.0, 0.0)).await;
    let emergency = store.emergency().await.id();
    store.accept(emergency, &helper, at(1)).await;
    let earned = change().write(Write::AddTrust { helpers: vec![helper.id], by: 50 }).write(Write::AddRating {
        emergency,
        helper: helper.id,
        score: 4,
        comment: None,
    });
    store.commit(earned).await;
    let nearby = store.helpers.nearby(&search(), metres(1.0), 5).await.unwrap();
    let standing = Standing { trust_score: 50, rating_sum: 4, rating_count: 1 };
    assert_eq!(nearby[0].helper, card(&helper, standing));
}

pub async fn helpers_on_duty_are_counted_with_and_without_a_fresh_position(store: Store) {
    let all = one_of_each(&store).await;
    let on_duty = |policy| u32::try_from(all.iter().filter(|a| a.on_duty(policy)).count()).unwrap();
    for &policy in HelperPolicy::ALL {
        let counts = store.helpers.count(policy, at(0)).await.unwrap();
        assert_eq!(counts, HelperCounts { on_duty: on_duty(policy), fresh: 0 }, "{policy}");
    }
    for account in &all {
        store.locate(account.id, place(0.0, 0.0)).await;
    }
    for &policy in HelperPolicy::ALL {
        for (fresh_since, fresh) in [(at(0), on_duty(policy)), (at(1), 0)] {
            let counts = store.helpers.count(policy, fresh_since).await.unwrap();
            assert_eq!(counts, HelperCounts { on_duty: on_duty(policy), fresh }, "{policy}");
        }
    }
}
