//! Last known positions.

use allynet_domain::port::Fix;
use futures_util::future::join_all;

use super::*;

pub async fn the_last_position_is_kept(store: Store) {
    let [ada, bo] = [store.register().await.id, store.helper().await.id];
    assert_eq!(store.positions.last(ada).await.unwrap(), None);
    store.positions.record(&[]).await.unwrap();

    let fix = |user, latitude, longitude, seconds| Fix { user, position: place(latitude, longitude), at: at(seconds) };
    let first = [fix(ada, 52.520_008_123_456, 13.404_954_654_321, 0), fix(bo, -90.0, 180.0, 0)];
    store.positions.record(&first).await.unwrap();
    for fix in first {
        assert_eq!(store.positions.last(fix.user).await.unwrap(), Some(fix), "with full precision");
    }
    let moved = fix(ada, -33.856_8, -180.0, 1);
    store.positions.record(&[moved]).await.unwrap();
    assert_eq!(store.positions.last(ada).await.unwrap(), Some(moved));
    assert_eq!(store.positions.last(bo).await.unwrap(), Some(first[1]));
    assert_eq!(store.positions.last(id()).await.unwrap(), None);
}

pub async fn an_older_fix_does_not_replace_a_newer_one(store: Store) {
    let [ada, bo] = [store.register().await.id, store.register().await.id];
    let fix = |user, latitude, seconds| Fix { user, position: place(latitude, 0.0), at: at(seconds) };
    store.positions.record(&[fix(ada, 1.0, 10), fix(bo, 1.0, 10)]).await.unwrap();
    store.positions.record(&[fix(ada, 2.0, 9), fix(bo, 2.0, 11)]).await.unwrap();
    assert_eq!(store.positions.last(ada).await.unwrap(), Some(fix(ada, 1.0, 10)));
    assert_eq!(store.positions.last(bo).await.unwrap(), Some(fix(bo, 2.0, 11)));
}

pub async fn positions_of_unknown_users_are_skipped(store: Store) {
    let ada = store.register().await.id;
    let [before, after] = [nth(1), id()];
    let fix = |user| Fix { user, position: place(1.0, 2.0), at: at(0) };
    store.positions.record(&[fix(before), fix(ada), fix(after)]).await.unwrap();
    assert_eq!(store.positions.last(ada).await.unwrap(), Some(fix(ada)));
    for unknown in [before, after] {
        assert_eq!(store.positions.last(unknown).await.unwrap(), None);
    }
}

pub async fn of_many_fixes_at_once_the_newest_stays(store: Store) {
    let other_node = store.another().await;
    let users = [store.register().await.id, store.register().await.id, store.register().await.id];
    for round in 0..5 {
        // Statements that lock the same users in another order must not deadlock.
        let writes = (0..24_u8).map(|n| {
            let seconds = round * 100 + i64::from((n * 7) % 24);
            let mut fixes = users.map(|user| Fix { user, position: place(f64::from(n), 0.0), at: at(seconds) });
            fixes.rotate_left(usize::from(n) % 3);
            let node = if n % 2 == 0 { &store } else { &other_node };
            async move { node.positions.record(&fixes).await }
        });
        for done in join_all(writes).await {
            done.unwrap();
        }
        for user in users {
            assert_eq!(store.positions.last(user).await.unwrap().unwrap().at, at(round * 100 + 23));
        }
    }
}
