//! Last known positions.

use std::collections::BTreeSet;

use allynet_domain::port::{DeviceTime, Fix, Report};
use chrono::{SubsecRound as _, TimeDelta};
use futures_util::future::join_all;

use super::*;

pub async fn the_last_position_is_kept(store: Store) {
    let [ada, bo] = [store.register().await.id, store.helper().await.id];
    assert_eq!(store.positions.last(ada).await.unwrap(), None);
    store.positions.record(&[]).await.unwrap();

    let fix = |user, latitude, longitude, seconds| Fix { user, position: place(latitude, longitude), at: at(seconds) };
    let first = [fix(ada, 52.520_008_123_456, 13.404_954_654_321, 0), fix(bo, -90.0, 180.0, 0)];
    let stored = store.positions.record(&first.map(Report::from)).await.unwrap();
    assert_eq!(BTreeSet::from_iter(stored), BTreeSet::from([ada, bo]));
    for fix in first {
        assert_eq!(store.positions.last(fix.user).await.unwrap(), Some(fix), "with full precision");
    }
    let moved = fix(ada, -33.856_8, -180.0, 1);
    store.positions.record(&[moved.into()]).await.unwrap();
    assert_eq!(store.positions.last(ada).await.unwrap(), Some(moved));
    assert_eq!(store.positions.last(bo).await.unwrap(), Some(first[1]));
    assert_eq!(store.positions.last(id()).await.unwrap(), None);
}

pub async fn an_older_fix_does_not_replace_a_newer_one(store: Store) {
    let [ada, bo] = [store.register().await.id, store.register().await.id];
    let fix = |user, latitude, seconds| Fix { user, position: place(latitude, 0.0), at: at(seconds) };
    store.positions.record(&[fix(ada, 1.0, 10).into(), fix(bo, 1.0, 10).into()]).await.unwrap();
    let stored = store.positions.record(&[fix(ada, 2.0, 9).into(), fix(bo, 2.0, 11).into()]).await.unwrap();
    assert_eq!(stored, [bo]);
    assert_eq!(store.positions.last(ada).await.unwrap(), Some(fix(ada, 1.0, 10)));
    assert_eq!(store.positions.last(bo).await.unwrap(), Some(fix(bo, 2.0, 11)));
}

pub async fn a_fix_from_the_future_does_not_keep_later_ones_out(store: Store) {
    let ada = store.register().await.id;
    let fix = |latitude, at| Fix { user: ada, position: place(latitude, 0.0), at };
    // Stored by a node whose clock was two days ahead. The databases compare with their own clock.
    let now = crate::service::now().trunc_subsecs(6);
    store.positions.record(&[fix(1.0, now + TimeDelta::days(2)).into()]).await.unwrap();
    let later = fix(2.0, now);
    assert_eq!(store.positions.record(&[later.into()]).await.unwrap(), [ada]);
    assert_eq!(store.positions.last(ada).await.unwrap(), Some(later));
    assert_eq!(store.positions.record(&[fix(3.0, now - TimeDelta::seconds(1)).into()]).await.unwrap(), []);
}

pub async fn reports_of_one_session_are_ordered_by_the_clock_of_its_device(store: Store) {
    let ada = store.register().await;
    let [phone, tablet] = [store.open(&ada).await.id, store.open(&ada).await.id];
    let report = |arrival: i32, session, taken: i64| Report {
        fix: Fix { user: ada.id, position: place(f64::from(arrival), 0.0), at: at(i64::from(arrival)) },
        session: Some(session),
        taken: Some(DeviceTime { session, at: at(taken) }),
    };
    for (arrival, session, taken, is_stored) in [
        (1, phone, 100, true),
        (2, phone, 99, false),
        // Another device has another clock.
        (3, tablet, 5, true),
        (4, phone, 99, false),
        // The same once more, as when an answer was lost.
        (5, phone, 100, true),
        (6, tablet, 6, true),
        (7, phone, -7_000, false),
        (8, phone, 101, true),
    ] {
        let report: Report = report(arrival, session, taken);
        let stored = store.positions.record(&[report]).await.unwrap();
        assert_eq!(stored, if is_stored { vec![ada.id] } else { Vec::new() }, "report {arrival}");
        if is_stored {
            assert_eq!(store.positions.last(ada.id).await.unwrap(), Some(report.fix));
        }
    }
    // Without a time there is nothing to compare; together with one that has a time.
    let bo = store.register().await.id;
    let plain = |user| Report::from(Fix { user, position: place(9.0, 9.0), at: at(9) });
    assert_eq!(store.positions.record(&[report(9, phone, 98), plain(bo)]).await.unwrap(), [bo]);
    assert_eq!(store.positions.record(&[plain(ada.id)]).await.unwrap(), [ada.id]);
}

pub async fn positions_of_unknown_users_are_skipped(store: Store) {
    let ada = store.register().await.id;
    let [before, after] = [nth(1), id()];
    let fix = |user| Fix { user, position: place(1.0, 2.0), at: at(0) };
    store.positions.record(&[fix(before).into(), fix(ada).into(), fix(after).into()]).await.unwrap();
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
            let fix = |user| Fix { user, position: place(f64::from(n), 0.0), at: at(seconds) };
            let mut fixes = users.map(|user| Report::from(fix(user)));
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
