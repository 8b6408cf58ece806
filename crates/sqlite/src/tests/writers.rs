//! The single writer: dropped futures, waiting, and several processes on one file.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use allynet_domain::port::{Accounts, Changes, Error, EventLog};
use sqlx::Connection;

use super::{account, change, commit, database, failed, id, marker, open, register};
use crate::Options;

#[tokio::test]
async fn a_commit_that_is_dropped_at_any_time_is_stored_whole_or_not_at_all() {
    let (store, _folder) = database().await;
    let begun = Instant::now();
    commit(&store, vec![register(&account(1_001)), register(&account(1_002))]).await.unwrap();
    // Longer than a commit takes on this machine, and than timers are exact.
    let longest = (2 * begun.elapsed()).max(Duration::from_millis(2));
    let mut outcomes = [0; 2];
    for n in 0..200_u32 {
        let number = u128::from(n) * 2 + 1;
        let both =
            change(vec![register(&account(number)), register(&account(number + 1))]).account_event(marker(number));
        // The growing timeout ends the commit in each of its statements by turns.
        let _ = tokio::time::timeout(longest * n / 200, store.commit(both)).await;
        commit(&store, Vec::new()).await.unwrap();
        let found = (store.find(id(number)).await.unwrap(), store.find(id(number + 1)).await.unwrap());
        assert_eq!(found.0.is_some(), found.1.is_some(), "half a change is stored");
        outcomes[usize::from(found.0.is_some())] += 1;
    }
    assert!(outcomes.iter().all(|&count| count > 0), "the timeouts never ended a commit, or always: {outcomes:?}");
}

#[tokio::test]
async fn a_commit_that_is_dropped_at_any_await_leaves_a_working_writer() {
    let (store, _folder) = database().await;
    for polls in 0..40 {
        let number = 1_000 + polls;
        {
            let mut going = pin!(store.commit(change(vec![register(&account(number))])));
            for _ in 0..polls {
                if let Poll::Ready(done) = going.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    done.unwrap();
                    break;
                }
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
        }
        commit(&store, vec![register(&account(10_000 + number))]).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_left_in_a_transaction_is_replaced() {
    let (store, _folder) = database().await;
    let mut connection = store.writer.acquire().await.unwrap();
    std::mem::forget(connection.begin().await.unwrap());
    drop(connection);
    commit(&store, vec![register(&account(1))]).await.unwrap();
    assert!(store.find(id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_that_another_process_writes_to_is_unavailable_after_the_busy_timeout() {
    let (store, folder) = database().await;
    let impatient = Options { busy_timeout: Duration::from_millis(200), ..Options::default() };
    let other = open(&folder, &impatient).await;
    let mut holding = store.writer.acquire().await.unwrap();
    let holding = holding.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let started = Instant::now();
    let refused = failed(commit(&other, vec![register(&account(1))]).await);
    assert!(matches!(refused, Error::Unavailable(_)), "{refused:?}");
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert!(other.find(id(1)).await.unwrap().is_none(), "readers must not wait");
    holding.rollback().await.unwrap();
    commit(&other, vec![register(&account(1))]).await.unwrap();
    assert!(store.find(id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn two_processes_write_at_once_and_a_tail_returns_the_events_of_both() {
    let (store, folder) = database().await;
    let other = open(&folder, &Options::default()).await;
    let mut tail = store.follow().await.unwrap();
    let write = |store: crate::Sqlite, from: u128| async move {
        for n in from..from + 50 {
            store.commit(change(vec![register(&account(n))]).account_event(marker(n))).await.unwrap();
        }
    };
    tokio::join!(write(store.clone(), 1), write(other.clone(), 1_001));
    let mut received = Vec::new();
    while received.len() < 100 {
        received.extend(tokio::time::timeout(Duration::from_secs(30), tail.next()).await.unwrap().unwrap());
    }
    assert!(received.is_sorted_by(|a, b| a.id < b.id));
    // A commit of the other process alone does not wake the reader, which has to poll.
    other.commit(change(Vec::new()).account_event(marker(7))).await.unwrap();
    let late = tokio::time::timeout(Duration::from_secs(30), tail.next()).await.unwrap().unwrap();
    assert_eq!(late.into_iter().map(|e| e.event).collect::<Vec<_>>(), [marker(7)]);
}

#[tokio::test]
async fn the_log_is_followed_while_all_readers_are_busy() {
    let (store, _folder) = database().await;
    let mut tail = store.follow().await.unwrap();
    let mut busy = Vec::new();
    // One of them is kept for such handles.
    let prioritized = store.prioritized();
    for _ in 0..Options::default().readers {
        busy.push(prioritized.readers.acquire().await.unwrap());
    }
    store.commit(change(Vec::new()).account_event(marker(7))).await.unwrap();
    let read = tokio::time::timeout(Options::default().queue_timeout / 2, tail.next()).await.unwrap().unwrap();
    assert_eq!(read.into_iter().map(|e| e.event).collect::<Vec<_>>(), [marker(7)]);
}

#[tokio::test]
async fn processes_that_start_at_once_migrate_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = || async {
        let store = open(&folder, &Options::default()).await;
        store.migrate().await.unwrap();
        store.ready().await.unwrap();
    };
    tokio::join!(start(), start(), start(), start());
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_not_ready_and_one_in_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open(&folder, &Options::default()).await.ready().await.is_err());
    for location in ["sqlite::memory:", ":memory:", "sqlite://x.db?mode=memory"] {
        assert!(crate::Sqlite::open(location, &Options::default()).await.is_err(), "{location}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_grow_is_reported_as_full() {
    let (store, _folder) = database().await;
    let mut writer = store.writer.acquire().await.unwrap();
    let pages: i64 = sqlx::query_scalar("pragma page_count").fetch_one(&mut *writer).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}"))).execute(&mut *writer).await.unwrap();
    drop(writer);
    let mut outcomes = Vec::new();
    for n in 0..200 {
        outcomes.push(store.commit(change(vec![register(&account(n))])).await);
    }
    let error = outcomes.into_iter().find_map(Result::err).expect("some do not fit");
    assert!(error.is_storage_full(), "{error:?}");
}

#[tokio::test]
async fn a_probe_for_readiness_writes() {
    let (store, folder) = database().await;
    sqlx::query("pragma wal_checkpoint(truncate)").execute(&store.writer).await.unwrap();
    let log = folder.path().join("allynet.db-wal");
    let written = || std::fs::metadata(&log).map_or(0, |log| log.len());
    assert_eq!(written(), 0);
    store.ready().await.unwrap();
    assert!(written() > 0, "a disk that is full or read-only would not be noticed");
}
