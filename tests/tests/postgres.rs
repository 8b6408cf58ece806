//! The contract suite on PostgreSQL, and how its log stands up to numbers that are drawn in one order and committed
//! in another: interleavings made by hand, past the adapter.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use allynet_domain::{Event, EventId, port::EventTail};
use allynet_tests::{
    contract::{Database, Store, call_of, change, marker, next, read_up_to},
    database::OnPostgres,
};
use sqlx::{Connection, PgConnection};

allynet_tests::contract!(allynet_tests::database::OnPostgres);

/// A database of which the test has hold itself.
struct Fixture {
    database: Arc<OnPostgres>,
    store: Store,
}

impl Fixture {
    async fn new() -> Self {
        let database = Arc::new(OnPostgres::fresh().await);
        let store = database.clone().connect().await;
        Self { database, store }
    }

    async fn commit(&self, n: u128) {
        self.store.commit(change().account_event(marker(n))).await;
    }
}

/// Appends as the adapter does, in a transaction that is still to be committed: transaction id first, number second.
async fn append(transaction: &mut PgConnection, n: u128) -> EventId {
    let body = serde_json::to_string(&marker(n)).unwrap();
    sqlx::query("select pg_current_xact_id()").execute(&mut *transaction).await.unwrap();
    let insert = "insert into event (at, kind, body) values (now(), $1, $2::jsonb) returning seq";
    let insert = sqlx::query_scalar(insert).bind(marker(n).kind()).bind(body);
    EventId::new(insert.fetch_one(transaction).await.unwrap())
}

/// What the tail must not do: ask for what is larger than the largest number seen.
async fn naive(connection: &mut PgConnection, cursor: &mut EventId) -> Vec<EventId> {
    let select = "select seq from event where seq > $1 order by seq";
    let rows: Vec<i64> = sqlx::query_scalar(select).bind(cursor.get()).fetch_all(connection).await.unwrap();
    let ids: Vec<EventId> = rows.into_iter().map(EventId::new).collect();
    *cursor = ids.last().copied().unwrap_or(*cursor);
    ids
}

/// Longer than any poll of the tail, so that what it may not hand out would have come by now.
async fn hands_out_nothing(tail: &mut dyn EventTail) {
    let waited = tokio::time::timeout(Duration::from_millis(2_500), tail.next()).await;
    assert!(waited.is_err(), "handed out {waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_by_largest_number_loses_an_event_and_the_tail_does_not() {
    let fixture = Fixture::new().await;
    let [mut slow, mut reader] = [fixture.database.connection().await, fixture.database.connection().await];
    let mut tail = fixture.store.log.follow().await.unwrap();
    let mut cursor = tail.position();

    let mut transaction = slow.begin().await.unwrap();
    let first = append(&mut transaction, 1).await;
    fixture.commit(2).await;
    let seen = naive(&mut reader, &mut cursor).await;
    hands_out_nothing(&mut *tail).await;
    transaction.commit().await.unwrap();
    fixture.commit(3).await;
    let seen = [seen, naive(&mut reader, &mut cursor).await].concat();
    let read = read_up_to(&mut *tail, &marker(3)).await;

    assert_eq!(read.iter().map(|e| e.event.clone()).collect::<Vec<_>>(), [1, 2, 3].map(marker));
    assert_eq!(read[0].id, first);
    assert_eq!(seen, [read[1].id, read[2].id], "the naive reader has passed over the first event for good");
    fixture.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_was_rolled_back_is_passed_over() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.database.connection().await;
    let mut tail = fixture.store.log.follow().await.unwrap();
    for n in 0..3 {
        let mut transaction = connection.begin().await.unwrap();
        append(&mut transaction, 100 + n).await;
        append(&mut transaction, 200 + n).await;
        fixture.commit(n).await;
        transaction.rollback().await.unwrap();
        let events: Vec<Event> = next(&mut *tail).await.into_iter().map(|e| e.event).collect();
        assert_eq!(events, [marker(n)]);
    }
    fixture.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_begins_while_a_number_is_on_its_way_hands_it_out() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.database.connection().await;
    fixture.commit(1).await;
    let mut transaction = connection.begin().await.unwrap();
    let on_its_way = append(&mut transaction, 2).await;
    fixture.commit(3).await;

    // It may begin before what is on its way, or wait until that has come, but must not begin behind it.
    let mut following = fixture.store.log.follow();
    let early = tokio::time::timeout(Duration::from_millis(500), &mut following).await;
    transaction.commit().await.unwrap();
    let (mut tail, waited) = match early {
        Ok(tail) => (tail.unwrap(), false),
        Err(_) => (following.await.unwrap(), true),
    };
    let begin = tail.position();
    fixture.commit(4).await;
    let read = read_up_to(&mut *tail, &marker(4)).await;
    assert!(read.is_sorted_by(|a, b| a.id < b.id));
    let handed_out = read.iter().any(|e| e.id == on_its_way);
    assert!(handed_out || (waited && begin >= on_its_way), "began at {begin}, waited: {waited}, {read:?}");
    fixture.database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_without_a_notification_are_found_all_the_same() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.database.connection().await;
    let mut tail = fixture.store.log.follow().await.unwrap();
    append(&mut connection, 1).await;
    assert_eq!(next(&mut *tail).await[0].event, marker(1));
    fixture.database.remove().await;
}

/// Whether the database holds this helper for on duty, once their first position and their being blocked are both committed.
async fn duty_after(fixture: &Fixture, is_position_first: bool) -> i16 {
    let helper = fixture.store.register().await.id;
    let id = uuid::Uuid::from(helper);
    let (mut one, mut other) = (fixture.database.connection().await, fixture.database.connection().await);
    let place = "insert into position (account_id, latitude, longitude, at, anchor) \
                 values ($1, 0, 0, now(), ST_MakePoint(0, 0)::geography)";
    let block = "update account set blocked = true where id = $1";
    let (first, second) = if is_position_first { (place, block) } else { (block, place) };
    let mut uncommitted = one.begin().await.unwrap();
    sqlx::query(first).bind(id).execute(&mut *uncommitted).await.unwrap();
    let waiting = tokio::spawn(async move { sqlx::query(second).bind(id).execute(&mut other).await.map(drop) });
    let blocked = "select exists (select from pg_stat_activity where datname = current_database() \
                   and wait_event_type = 'Lock')";
    let mut observer = fixture.database.connection().await;
    while !waiting.is_finished() && !sqlx::query_scalar::<_, bool>(blocked).fetch_one(&mut observer).await.unwrap() {
        tokio::task::yield_now().await;
    }
    uncommitted.commit().await.unwrap();
    waiting.await.unwrap().unwrap();
    let duty = "select duty from position where account_id = $1";
    sqlx::query_scalar(duty).bind(id).fetch_one(&mut observer).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_position_and_a_change_of_duty_at_once_miss_each_other_in_no_order() {
    let fixture = Fixture::new().await;
    for is_position_first in [true, false] {
        assert_eq!(duty_after(&fixture, is_position_first).await, 0, "position first: {is_position_first}");
    }
}

/// Plans last as long as a connection: those of a first day, when nothing was stored yet, must not walk the tables later.
#[tokio::test]
async fn plans_that_were_made_for_empty_tables_walk_none() {
    let database = Arc::new(OnPostgres::fresh().await);
    let mut connection = database.connection().await;
    sqlx::raw_sql("vacuum analyze").execute(&mut connection).await.unwrap();
    sqlx::raw_sql("select pg_stat_reset()").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let adapter = database.adapter().await;
    let store = Store::new(adapter.clone(), database.clone());
    for _ in 0..8 {
        let owner = store.register().await;
        let emergency = store.raise(call_of(&owner)).await;
        assert_eq!(store.load(emergency.id()).await.emergency.id(), emergency.id());
    }
    // What was counted is told when connections end.
    adapter.close().await;
    let mut connection = database.connection().await;
    let scans = "select relname::text, seq_scan, coalesce(idx_scan, 0) from pg_stat_user_tables \
                 where relname in ('account', 'emergency', 'alert', 'response', 'message')";
    let scans: Vec<(String, i64, i64)> = sqlx::query_as(scans).fetch_all(&mut connection).await.unwrap();
    assert!(scans.iter().any(|(_, _, by_index)| *by_index > 0), "{scans:?}");
    assert!(scans.iter().all(|(_, walks, _)| *walks == 0), "{scans:?}");
}
