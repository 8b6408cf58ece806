//! The contract suite on PostgreSQL, and what it cannot see: readers of the log while numbers are drawn in one order and
//! committed in another, triggers that race, cached plans, and the keys that `apply_change_v3` reads. Interleavings are
//! made by hand, past the adapter.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use allynet_domain::{
    Account, AlertPreferences, AlertSchedule, BlockTarget, Change, CheckedSkill, ContactAction, DeviceTests, Emergency,
    Event, EventId, HelperPolicy, NoticeEntry, NoticeKind, NoticeNote, PlannedDelivery, PlannedNotice, ReceivingDevice,
    Recipient, Revision, Role, SendChannel, Tier, UserBlock, UserId, Verification, Write,
    outbox::ReceiptState,
    port::{EndedBlocks, EventTail, Fix, KeyedHash, LoginSource, OnDuty, Report},
    testing,
};
use allynet_tests::{
    contract::{
        Database, Search, Store, at, call_of, change, counted_rating, deletion, hash, id, keyed, marker, message_in,
        metres, new_account, next, place, read_up_to, response_of, session_of, text, trust, verified,
    },
    database::OnPostgres,
};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

allynet_tests::contract!(allynet_tests::database::OnPostgres);

/// A database that the test also opens past the adapter.
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

/// Reads as the tail must not: what is larger than the largest number seen.
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
async fn a_number_that_was_rolled_back_is_skipped() {
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
async fn events_without_a_notification_are_found_by_polling() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.database.connection().await;
    let mut tail = fixture.store.log.follow().await.unwrap();
    append(&mut connection, 1).await;
    assert_eq!(next(&mut *tail).await[0].event, marker(1));
    fixture.database.remove().await;
}

#[tokio::test]
async fn a_position_that_a_node_of_the_release_before_stored_is_of_no_session() {
    let fixture = Fixture::new().await;
    let (owner, session) = (fixture.store.register().await.id, id());
    let fix = Fix { user: owner, position: place(0.0, 0.0), at: at(0) };
    fixture.store.positions.record(&[Report { session: Some(session), ..fix.into() }]).await.unwrap();
    let on_duty = OnDuty { policy: HelperPolicy::Verified, fresh_since: at(0), now: at(0) };
    let search = Search { centre: place(0.0, 0.0), except: owner, on_duty };
    let known = async || {
        let context = fixture.store.raise_context(&search, None, &[metres(1.0)], 1).await;
        context.owner_fix.map(|fix| fix.session)
    };
    assert_eq!(known().await, Some(session));
    let newer = "update position set latitude = 1, longitude = 1, at = $2 where account_id = $1";
    let mut connection = fixture.database.connection().await;
    sqlx::query(newer).bind(uuid::Uuid::from(owner)).bind(at(1)).execute(&mut connection).await.unwrap();
    assert_eq!(known().await, None);
    connection.close().await.unwrap();
    fixture.database.remove().await;
}

/// The stored duty of a helper whose first position and block are committed at the same time, begun in this order.
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
async fn a_first_position_and_a_concurrent_block_never_miss_each_other() {
    let fixture = Fixture::new().await;
    for is_position_first in [true, false] {
        assert_eq!(duty_after(&fixture, is_position_first).await, 0, "position first: {is_position_first}");
    }
}

/// Plans are cached for the life of a connection, or until statistics change: those made while the tables were empty must not
/// scan them from end to end once they have grown.
#[tokio::test]
async fn plans_made_for_empty_tables_scan_no_table() {
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
    // Statistics are reported when connections end.
    adapter.close().await;
    let mut connection = database.connection().await;
    let scans = "select relname::text, seq_scan, coalesce(idx_scan, 0) from pg_stat_user_tables \
                 where relname in ('account', 'emergency', 'alert', 'response', 'message')";
    let scans: Vec<(String, i64, i64)> = sqlx::query_as(scans).fetch_all(&mut connection).await.unwrap();
    assert!(scans.iter().any(|(_, _, by_index)| *by_index > 0), "{scans:?}");
    assert!(scans.iter().all(|(_, walks, _)| *walks == 0), "{scans:?}");
}

/// Raised by `apply_change_v3` for a change that it cannot read.
const UNEXPECTED_KEYS: &str = "AN002";
const APPLY_CHANGE: &str = include_str!("../../migrations/postgres/0036_apply_change_v3.sql");
const ENCODER: &str = include_str!("../../crates/postgres/src/writes.rs");

fn qualification(user: UserId) -> Write {
    Write::SetQualification {
        user,
        tier: Some(Tier::Registered),
        skills: vec![CheckedSkill { name: text("cpr"), until: None }],
    }
}

fn move_of(emergency: &Emergency) -> Write {
    let location = Box::new(emergency.call().details.location.clone());
    Write::MovePlace { emergency: emergency.id(), location, movement: Box::default() }
}

fn device_test(user: UserId) -> Write {
    let after = DeviceTests { last_at: Some(at(1)), window_from: Some(at(1)), count: 1 };
    Write::CountDeviceTest { user, device: id(), before: DeviceTests::default(), after }
}

/// A write of every kind, with all that it may contain.
fn every_write() -> Vec<Write> {
    let (owner, helper) = (new_account(), Account { helper: Some(verified()), ..new_account() });
    let emergency = call_of(&owner);
    let (of, user) = (emergency.id(), helper.id);
    let message = message_in(&emergency, at(0));
    let recipients = vec![Recipient::new(user, metres(1.0))];
    vec![
        Write::RegisterAccount { account: Box::new(helper.clone()), password: hash("x") },
        Write::OpenSession(session_of(user)),
        Write::RecordLogin { user, source: LoginSource { account: keyed(1), address: keyed(2) } },
        Write::RevokeSessions { user, only: None, except: None },
        Write::RegisterDevice { device: Box::new(testing::device(1)), replaced: vec![id()] },
        Write::SendOpenAlerts { user, valid_for: chrono::TimeDelta::minutes(15) },
        Write::RemoveDevice { user, device: id() },
        Write::NoteKeyChange { device: id(), key: [7; 65] },
        Write::UsePasswordReset { user, token: keyed(1) },
        device_test(user),
        Write::PlanStep {
            message: id(),
            lease_until: at(10),
            step: 0,
            next: Some((1, at(5))),
            deliveries: vec![PlannedDelivery {
                id: id(),
                channel: SendChannel::WebPush,
                device: Some(id()),
                receipt: KeyedHash::new([7; 16]),
                lease_until: at(10),
            }],
        },
        Write::NoteDeliveries(vec![]),
        Write::RecordReceipt { receipt: keyed(1), state: ReceiptState::Seen },
        Write::NoteDeviceReceived { emergency: of, device: ReceivingDevice::Device(id()) },
        Write::SeeAlert { emergency: of, helper: user },
        Write::ReviewContacts(of),
        Write::PlanNotices {
            emergency: of,
            lease_until: at(10),
            next_at: Some(at(5)),
            is_over: false,
            notices: vec![NoticeEntry {
                id: id(),
                mail: id(),
                planned: PlannedNotice {
                    consent: id(),
                    contact: id(),
                    told: None,
                    queue: Some(NoticeKind::Alert),
                    turn_at: at(0),
                },
            }],
        },
        Write::NoteNotice { emergency: of, notice: id(), lease_until: at(10), note: NoticeNote::Sent },
        Write::NoteContactAction { emergency: of, notice: id(), action: ContactAction::WithOwner },
        Write::SetPassword { user, password: hash("x") },
        Write::ExpectAccount(Box::new(helper.clone())),
        Write::SetHelper { user, helper: verified(), role: Role::Helper },
        Write::SetVerification { user, verification: Verification::Verified },
        qualification(user),
        Write::SetAlertPreferences {
            user,
            preferences: Box::new(AlertPreferences { max_alerts_per_day: Some(1), ..AlertPreferences::default() }),
            schedule: AlertSchedule { review_at: Some(at(1)), ..AlertSchedule::default() },
        },
        Write::SetRole { user, role: Role::Admin },
        Write::SetBlocked { user, blocked: true, reason: Some(text("Why")) },
        Write::RaiseEmergency(Box::new(emergency.clone())),
        move_of(&emergency),
        Write::UpdateEmergency { emergency: Box::new(emergency), responses: vec![response_of(&helper, at(0))] },
        Write::ExpectRevision { emergency: of, revision: Revision(1) },
        Write::ExpectMayHelp { user, policy: HelperPolicy::Open },
        Write::ExpectNoResponses(user),
        deletion(&call_of(&owner)),
        Write::RevokeTrust(of),
        Write::AnnounceEmergency(of),
        Write::DecideAgain { helper: user, except: Some(of) },
        Write::SendAlerts { emergency: of, wave: 1, recipients },
        Write::AcknowledgeAlert { emergency: of, helper: user },
        Write::ReceiveAlert { emergency: of, helper: user },
        Write::SetDeclined { emergency: of, helper: user, declined: true },
        Write::AddBlock {
            by: owner.id,
            block: UserBlock { id: id(), target: BlockTarget::User(user), created_at: at(0) },
            user: Some(user),
            earliest_end: at(1),
            emergencies: vec![of],
        },
        Write::RemoveBlock { by: owner.id, key: user.into() },
        Write::EndBlocks(EndedBlocks { by: owner.id, user: Some(user), blocks: vec![id()] }),
        trust(&call_of(&owner), vec![user], 1),
        Write::DeleteMessage { emergency: of, message: message.id },
        Write::ExpectMessagesBefore { emergency: of, before: at(0) },
        Write::AddMessageRequest { emergency: of, sender: owner.id, request: text("tap"), message: message.id },
        Write::PostMessage(message),
        counted_rating(&call_of(&owner), user, 5),
        Write::AddReport { emergency: of, reporter: owner.id, about: user, reason: text("Why") },
    ]
}

/// The kind of write of an encoded change, and its keys.
fn keys_sent(change: &Value) -> (String, BTreeSet<String>) {
    let write = change["writes"][0].as_object().unwrap();
    (write["op"].as_str().unwrap().to_owned(), write.keys().cloned().collect())
}

/// The keys that the function expects of each kind of write.
fn keys_read() -> BTreeMap<String, BTreeSet<String>> {
    let kind = |line: &str| {
        let (op, keys) = line.trim().strip_prefix("WHEN '")?.split_once("' THEN '{")?;
        let keys = keys.split_once('}')?.0.split(',').map(ToOwned::to_owned);
        Some((op.to_owned(), keys.collect()))
    };
    APPLY_CHANGE.lines().filter_map(kind).collect()
}

#[test]
fn the_keys_of_every_write_are_those_that_the_function_reads() {
    let writes = every_write().into_iter().map(|write| Change::new(None, at(0)).write(write));
    let sent: BTreeMap<_, _> =
        writes.map(|change| keys_sent(&allynet_postgres::encode_change(&change).unwrap())).collect();
    assert_eq!(sent, keys_read());
    // The encoder matches every variant of `Write`, so no kind of write is missing above.
    let encoded = ENCODER.split("\"op\": \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    assert_eq!(sent.keys().cloned().collect::<BTreeSet<_>>(), encoded.collect());
    // Every key is also used by the branch of its write.
    for (op, keys) in sent {
        let branch = APPLY_CHANGE.split_once(&format!("WHEN '{op}' THEN\n")).unwrap().1;
        let branch = branch.split("\n        WHEN '").next().unwrap();
        for key in keys.iter().filter(|key| *key != "op") {
            // These two are assigned before the branches.
            let variable = match key.as_str() {
                "emergency_id" => "target",
                "account_id" | "helper_id" => "person",
                other => other,
            };
            assert!(branch.contains(variable) || branch.contains(key), "{op} ignores {key}");
        }
    }
}

/// The SQLSTATE with which a change fails, if it does. Nothing is stored.
async fn failure(connection: &mut PgConnection, change: &Value) -> Option<String> {
    let mut transaction = connection.begin().await.unwrap();
    let applied = sqlx::query("select apply_change_v3($1)").bind(change).execute(&mut *transaction).await;
    transaction.rollback().await.unwrap();
    applied.err().map(|error| error.as_database_error().unwrap().code().unwrap().into_owned())
}

#[tokio::test]
async fn a_change_with_a_missing_or_an_unknown_key_is_refused() {
    let database = OnPostgres::fresh().await;
    let mut connection = database.connection().await;
    let mut refused = 0;
    for write in every_write() {
        let change = Change::new(None, at(0)).write(write).account_event(marker(1));
        let change = allynet_postgres::encode_change(&change).unwrap();
        assert_ne!(failure(&mut connection, &change).await.as_deref(), Some(UNEXPECTED_KEYS), "{change}");
        for part in
            ["", "/events/0", "/writes/0", "/writes/0/responses/0", "/writes/0/recipients/0", "/writes/0/notices/0"]
        {
            let Some(Value::Object(keys)) = change.pointer(part) else { continue };
            let unknown = "no_such_key".to_owned();
            for key in keys.keys().chain([&unknown]) {
                let mut changed = change.clone();
                let object = changed.pointer_mut(part).unwrap().as_object_mut().unwrap();
                if object.remove(key).is_none() {
                    object.insert(key.clone(), Value::Null);
                }
                let failure = failure(&mut connection, &changed).await;
                assert_eq!(failure.as_deref(), Some(UNEXPECTED_KEYS), "{part}/{key} of {change}");
                refused += 1;
            }
        }
    }
    assert!(refused > 300, "{refused}");
    connection.close().await.unwrap();
    database.remove().await;
}

#[tokio::test]
async fn a_server_without_space_is_reported_as_full() {
    let database = Arc::new(OnPostgres::fresh().await);
    let mut connection = database.connection().await;
    let refuse = "create function refuse() returns trigger language plpgsql as \
                  $$ begin raise 'could not extend file' using errcode = 'disk_full'; end $$; \
                  create trigger full_disk before insert on event execute function refuse()";
    sqlx::raw_sql(refuse).execute(&mut connection).await.unwrap();
    let store = database.clone().connect().await;
    let error = store.changes.commit(change().account_event(marker(1))).await.unwrap_err();
    assert!(error.is_storage_full(), "{error:?}");
}
