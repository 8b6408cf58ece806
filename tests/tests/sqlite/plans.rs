//! Query plans on large tables: no statement of the SQLite adapter scans a table that grows, with and without `analyze`.
//!
//! The statements are those that the contract suite makes the adapter run, taken from the log of the driver. After each case
//! the new ones are explained, so that the case whose statement scans a table fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs, mem,
    sync::{Arc, LazyLock},
};

use allynet_tests::{
    contract::{self, Database, Store},
    database::OnSqlite,
};
use parking_lot::Mutex;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tokio::sync::{Mutex as AsyncMutex, OnceCell};
use tracing::{Event, Subscriber, field::Visit};
use tracing_subscriber::{Layer, filter::Targets, layer::Context, prelude::*};

/// A database of one case. Its removal explains the statements that ran since the last removal.
pub(crate) struct ExplainedSqlite {
    file: OnSqlite,
}

impl Database for ExplainedSqlite {
    async fn fresh() -> Self {
        LazyLock::force(&STATEMENTS);
        Self { file: OnSqlite::fresh().await }
    }

    async fn connect(self: Arc<Self>) -> Store {
        Store::new(self.file.adapter().await, self)
    }

    async fn dump(&self) -> BTreeMap<String, String> {
        self.file.dump().await
    }

    async fn remove(&self) {
        self.file.remove().await;
        explain_new_statements().await;
    }
}

/// The statements that ran in this process and were not explained yet. Filled by the log of the driver.
static STATEMENTS: LazyLock<Arc<Mutex<BTreeSet<String>>>> = LazyLock::new(|| {
    let statements = Arc::default();
    let log = Targets::new().with_target("sqlx::query", tracing::Level::TRACE);
    tracing_subscriber::registry().with(StatementLayer(Arc::clone(&statements)).with_filter(log)).init();
    statements
});

struct StatementLayer(Arc<Mutex<BTreeSet<String>>>);

/// The fields of a log event of sqlx. A short statement is only in the summary.
#[derive(Default)]
struct Statement {
    summary: String,
    text: String,
}

impl Visit for Statement {
    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.trim().clone_into(&mut self.text),
            _ => {}
        }
    }
}

impl<S: Subscriber> Layer<S> for StatementLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut statement = Statement::default();
        event.record(&mut statement);
        let Statement { summary, text } = statement;
        let sql = if text.is_empty() { summary } else { text };
        let reads_or_writes = ["select", "insert", "update", "delete", "with"].iter().any(|word| sql.starts_with(word));
        if reads_or_writes && !sql.contains("_sqlx_migrations") {
            self.0.lock().insert(sql);
        }
    }
}

/// 20,000 people, half of them helpers with a position; 40,000 emergencies, of which 400 are live, with what belongs to
/// them. Identifiers are numbers in sixteen bytes.
const FILL_TABLES: &str = "
    create temp table number (n integer primary key);
    with recursive n (n) as (select 1 union all select n + 1 from n where n < 40000)
        insert into number select n from n;
    insert into account (id, email, password_hash, first_name, role, verification, available, created_at)
        select unhex(printf('01%030x', n)), n || '@example.org', '', 'Somebody', iif(n % 2, 'user', 'helper'),
            iif(n % 2, null, 'verified'), iif(n % 2, null, 1), n
        from number where n <= 20000;
    insert into session (id, account_id, confirmed_token, created_at, revoked_at)
        select unhex(printf('02%030x', n)), unhex(printf('01%030x', 1 + n % 20000)), unhex(printf('02%030x', n)), n,
            iif(n % 3, null, n)
        from number;
    insert into device (id, account_id, session_id, endpoint, p256dh, auth, push_key, created_at)
        select unhex(printf('09%030x', n)), unhex(printf('01%030x', 1 + n % 20000)), unhex(printf('02%030x', n)),
            'https://push.example.org/' || n, zeroblob(65), zeroblob(16), zeroblob(65), n
        from number;
    insert into contact (id, account_id, name, email, created_at)
        select unhex(printf('05%030x', n)), unhex(printf('01%030x', 1 + n % 20000)), 'Mum', n || '@example.org', n from number;
    insert into contact_consent (id, account_id, email, planned_at, due_at)
        select unhex(printf('08%030x', n)), unhex(printf('01%030x', 1 + n % 20000)), n || '@example.org', n,
            iif(n % 1000, null, n)
        from number;
    insert into contact_review (emergency_id, owner_id, due_at)
        select unhex(printf('03%030x', n)), unhex(printf('01%030x', 1 + n % 20000)), iif(n % 1000, null, n) from number;
    insert into contact_notice (id, emergency_id, consent_id, contact_id, queued, mail_id, queued_at, due_at, turn_at)
        select unhex(printf('0a%030x', n)), unhex(printf('03%030x', n)), unhex(printf('08%030x', n)),
            unhex(printf('05%030x', n)), iif(n % 1000, null, 'alert'), unhex(printf('0b%030x', n)), n, iif(n % 1000, null, n), n
        from number;
    insert into alert_mail_stop (email, stopped_at) select n || '@stop.example', n from number;
    insert into contact_stop (email, stopped_at) select n || '@stop.example', n from number;
    insert into password_reset (account_id, created_at, token_hash)
        select unhex(printf('01%030x', 1 + n % 20000)), n, unhex(printf('06%030x', n)) from number;
    insert into position (account_id, latitude, longitude, at)
        select unhex(printf('01%030x', n)), n % 60, n % 170, n from number where n <= 20000 and n % 2 = 0;
    insert into emergency (id, owner_id, request_id, kind, latitude, longitude, priority, severity, silent, anonymous,
            status, alert_radius, wave, created_at, updated_at, ended_at, resolution, next_alert_at,
            revision)
        select unhex(printf('03%030x', n)), unhex(printf('01%030x', iif(n % 100, 1 + n % 20000, 2 * n / 100 - 1))),
            iif(n % 2, null, 'request ' || n), 'medical', n % 60, n % 170, 'high', 5, 0, 0,
            iif(n % 100, 'resolved', 'active'), 5000, 1, n, n, iif(n % 100, n, null),
            iif(n % 100, 'user_resolved', null), iif(n % 100, null, n), 1
        from number;
    insert into response (emergency_id, helper_id, status, first_responded_at, responded_at, updated_at, engaged)
        select unhex(printf('03%030x', n)), unhex(printf('01%030x', 2 + 2 * (n * 7 % 10000))), 'completed', n, n, n, 0
        from number;
    insert into alert (emergency_id, helper_id, wave, distance, sent_at)
        select unhex(printf('03%030x', n)), unhex(printf('01%030x', 2 + 2 * ((n * 7 + k) % 10000))), 1, 100, n
        from number, (select 0 as k union all select 1 union all select 2);
    insert into message (id, emergency_id, sender_role, recipient, body, created_at)
        select unhex(printf('04%030x', n)), unhex(printf('03%030x', n)), 'system', 'everyone', 'Hello', n from number;
    insert into event (at, emergency_id, kind, body)
        select n, unhex(printf('03%030x', n)), 'unanswered', '{}'
        from number, (select 0 as k union all select 1 union all select 2);
";

/// Names that a plan may scan: tables of a few rows, and what a statement was given or made itself (`c` is its
/// candidates, `d` ended blocks, `f` are fixes, `s` strips of a search).
const SMALL_TABLES: &[&str] = &[
    "account_erasure",
    "erasure",
    "event_retention",
    "write_probe",
    "sqlite_sequence",
    "c",
    "d",
    "f",
    "s",
    "strip",
    "CONSTANT",
    "(subquery",
    "block_key",
    "place_grid",
    "lost_events",
    "given",
    // The owners that rang one helper in a day.
    "ringing_owner",
];

/// Beginnings of statements that scan a table by intent: the first reads the log from its beginning and stops at the first
/// young event, the next two count for administrators, and the others read an index that holds only these.
const EXPECTED_SCANS: &[&str] = &[
    "delete from event where seq in",
    "select (select count(*) from account where duty >= ?1)",
    "select p.latitude, p.longitude from position p where p.at >= ?1 and p.duty",
    "select a.* from account_view a where a.role = 'admin'",
    "select exists (select 1 from account a where a.role = 'admin'",
];

/// The steps of a statement that scan a table. Virtual tables are lists that a statement was given, or R*Trees; the plan
/// of an R*Tree that is scanned whole ends with `2:` and no constraint.
async fn scans(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}"))).fetch_all(connection).await.unwrap();
    let steps =
        rows.iter().filter_map(|row| row.get::<String, _>("detail").strip_prefix("SCAN ").map(ToOwned::to_owned));
    let is_scan = |step: &String| match step.split_once(" VIRTUAL TABLE INDEX ") {
        Some((_, search)) => search == "2:",
        None => {
            // The index holds only the responses of engaged helpers, which are few.
            !step.ends_with("-ROW VALUES CLAUSE")
                && !step.ends_with(" response_one_engaged")
                && !SMALL_TABLES.iter().any(|small| step.split([' ', '-']).next() == Some(small))
        }
    };
    steps.filter(is_scan).collect()
}

/// A filled database, and what its plans say of the statements of this process.
struct Plans {
    /// The service never runs `analyze`, but an operator may: the second is analyzed.
    connections: [SqliteConnection; 2],
    explained: BTreeSet<String>,
    /// The beginnings of [`EXPECTED_SCANS`] that scanned a table, by connection.
    scanning: [BTreeSet<&'static str>; 2],
}

/// One for all cases: filling it takes longer than a case. A case waits while another one explains.
static PLANS: OnceCell<AsyncMutex<Plans>> = OnceCell::const_new();

impl Plans {
    /// The files are removed at once: a static value is never dropped, and the connections only read what they have open.
    async fn new() -> AsyncMutex<Self> {
        let (filled, analyzed) = (OnSqlite::fresh().await, tempfile::NamedTempFile::new().unwrap());
        let open = |path: &str| {
            let options = SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Memory);
            let options = options.disable_statement_logging();
            async move { SqliteConnection::connect_with(&options).await.unwrap() }
        };
        let mut plain = open(&filled.path()).await;
        sqlx::raw_sql(FILL_TABLES).execute(&mut plain).await.unwrap();
        fs::copy(filled.path(), analyzed.path()).unwrap();
        let mut analyzed = open(analyzed.path().to_str().unwrap()).await;
        sqlx::raw_sql("analyze").execute(&mut analyzed).await.unwrap();
        AsyncMutex::new(Self {
            connections: [plain, analyzed],
            explained: BTreeSet::new(),
            scanning: Default::default(),
        })
    }
}

/// Fails if a statement that ran since the last call scans a table that grows.
async fn explain_new_statements() {
    let mut plans = PLANS.get_or_init(Plans::new).await.lock().await;
    let Plans { connections, explained, scanning } = &mut *plans;
    let ran = mem::take(&mut *STATEMENTS.lock());
    for sql in ran {
        if !explained.insert(sql.clone()) {
            continue;
        }
        let expected = EXPECTED_SCANS.iter().find(|expected| sql.starts_with(**expected));
        for (connection, scanning) in connections.iter_mut().zip(&mut *scanning) {
            let steps = scans(connection, &sql).await;
            assert!(steps.is_empty() || expected.is_some(), "{sql}\nscans {steps:#?}");
            scanning.extend(expected.filter(|_| !steps.is_empty()));
        }
    }
}

/// Of the cases that run such a statement, one each. Fails, too, if the log of the driver has no statements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expected_scan_still_scans() {
    contract::run::<ExplainedSqlite, _>(
        contract::log::old_events_are_removed_oldest_first_and_the_position_is_recorded,
    )
    .await;
    contract::run::<ExplainedSqlite, _>(contract::availability::coverage_has_each_of_many_helpers_once).await;
    contract::run::<ExplainedSqlite, _>(
        contract::helpers::helpers_on_duty_are_counted_with_and_without_a_fresh_position,
    )
    .await;
    contract::run::<ExplainedSqlite, _>(contract::accounts::administrators_are_listed_oldest_first).await;
    contract::run::<ExplainedSqlite, _>(contract::deletions::one_administrator_is_left).await;
    let plans = PLANS.get_or_init(Plans::new).await.lock().await;
    for scanning in &plans.scanning {
        assert_eq!(*scanning, EXPECTED_SCANS.iter().copied().collect(), "the expected scans");
    }
}
