//! What the contract suite cannot see of this adapter: concurrent migrations, notifications between nodes, readers of the
//! log while transactions are open, lost connections, and failed statements.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "each database has a random name")]

use std::{env, time::Duration};

use allynet_domain::{
    Change, Event, Timestamp, UserId, Write,
    port::{Changes, Error, EventLog, EventTail},
};
use allynet_postgres::{Options, Postgres, SetupError};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use uuid::Uuid;

/// The database of one test. It stays when the test fails, for inspection.
struct Database {
    server: String,
    name: String,
}

impl Database {
    async fn new() -> Self {
        let server = env::var("TEST_DATABASE_URL").unwrap_or_else(|_| {
            panic!("TEST_DATABASE_URL must name a PostgreSQL with PostGIS; tests/with-postgres.sh starts one")
        });
        let database = Self { server, name: format!("allynet_{}", Uuid::now_v7().simple()) };
        database.on_server("CREATE DATABASE").await;
        database
    }

    fn url(&self) -> String {
        let (rest, parameters) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (host, _) = rest.rsplit_once('/').unwrap();
        format!("{host}/{}?{parameters}", self.name)
    }

    async fn node(&self) -> Postgres {
        Postgres::connect(&self.url(), Options { connections: 4, ..Options::default() }).await.unwrap()
    }

    async fn migrated() -> (Self, Postgres) {
        let database = Self::new().await;
        let node = database.node().await;
        node.migrate().await.unwrap();
        (database, node)
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    async fn on_server(&self, what: &str) {
        let options: PgConnectOptions = self.server.parse().unwrap();
        let mut server = PgConnection::connect_with(&options).await.unwrap();
        let statement = AssertSqlSafe(format!("{what} {}", self.name));
        sqlx::raw_sql(statement).execute(&mut server).await.unwrap();
    }

    async fn remove(self) {
        self.on_server("DROP DATABASE").await;
    }
}

/// An event that contains its number.
fn event(number: u128) -> Event {
    Event::AccountBlocked { user: UserId::from(Uuid::from_u128(number)) }
}

fn change() -> Change {
    Change::new(None, Timestamp::UNIX_EPOCH)
}

async fn commit(node: &Postgres, number: u128) {
    node.commit(change().account_event(event(number))).await.unwrap();
}

/// Appends an event in a transaction that the caller ends.
async fn append(connection: &mut PgConnection, number: u128) {
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut *connection).await.unwrap();
    insert(connection, &format!(r#"{{"kind": "account_blocked", "user": "{}"}}"#, Uuid::from_u128(number))).await;
}

async fn insert(connection: &mut PgConnection, body: &str) {
    sqlx::query("INSERT INTO event (at, kind, body) VALUES (now(), 'account_blocked', $1::jsonb)")
        .bind(body)
        .execute(connection)
        .await
        .unwrap();
}

async fn next(tail: &mut dyn EventTail) -> Vec<Event> {
    let events = timeout(Duration::from_secs(30), tail.next()).await.unwrap().unwrap();
    events.into_iter().map(|logged| logged.event).collect()
}

#[tokio::test]
async fn a_user_who_may_not_create_postgis_is_told_who_may() {
    let database = Database::new().await;
    let role = database.name.clone();
    let mut connection = database.connection().await;
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'app'; ALTER DATABASE {} OWNER TO {role}", database.name);
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
    let options: PgConnectOptions = database.url().parse().unwrap();
    let url = options.username(&role).password("app").to_url_lossy();
    let node = || async { Postgres::connect(url.as_str(), Options::default()).await.unwrap() };
    let refused = node().await.migrate().await.unwrap_err();
    assert!(matches!(refused, SetupError::NoPostgis(_)), "{refused:?}");
    assert!(refused.to_string().contains("CREATE EXTENSION postgis"), "{refused}");

    sqlx::raw_sql("CREATE EXTENSION postgis").execute(&mut connection).await.unwrap();
    let node = node().await;
    node.migrate().await.unwrap();
    node.close().await;
    connection.close().await.unwrap();
    database.on_server("DROP DATABASE").await;
    database.on_server("DROP ROLE").await;
}

#[tokio::test]
async fn postgis_may_be_in_any_schema_of_the_search_path() {
    let database = Database::new().await;
    let mut connection = database.connection().await;
    sqlx::raw_sql("CREATE SCHEMA gis; CREATE EXTENSION postgis SCHEMA gis").execute(&mut connection).await.unwrap();
    let node = database.node().await;
    let refused = node.migrate().await.unwrap_err();
    assert!(matches!(&refused, SetupError::HiddenPostgis { schema } if schema == "gis"), "{refused:?}");
    node.close().await;

    let name = &database.name;
    let path = AssertSqlSafe(format!("ALTER DATABASE {name} SET search_path = public, gis"));
    sqlx::raw_sql(path).execute(&mut connection).await.unwrap();
    let node = database.node().await;
    node.migrate().await.unwrap();
    commit(&node, 1).await;
    node.close().await;
    connection.close().await.unwrap();
    database.remove().await;
}

/// Passes connections on to the server at this address without the settings that they ask for, as a pooler does.
async fn pooler(server: PgConnectOptions) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let address = (server.get_host().to_owned(), server.get_port());
            tokio::spawn(async move {
                let length = client.read_u32().await.unwrap() as usize;
                let mut startup = vec![0; length - 4];
                client.read_exact(&mut startup).await.unwrap();
                // The version, and then names and values, each with a zero at its end.
                let (version, parameters) = startup.split_at(4);
                let mut kept = version.to_owned();
                let texts: Vec<_> = parameters.split(|byte| *byte == 0).collect();
                for pair in
                    texts.chunks(2).filter(|pair| pair.len() == 2 && !pair[0].is_empty() && pair[0] != b"options")
                {
                    kept.extend([pair[0], b"\0", pair[1], b"\0"].concat());
                }
                kept.push(0);
                let mut server = TcpStream::connect(address).await.unwrap();
                server.write_u32(u32::try_from(kept.len()).unwrap() + 4).await.unwrap();
                server.write_all(&kept).await.unwrap();
                copy_bidirectional(&mut client, &mut server).await.ok();
            });
        }
    });
    port
}

#[tokio::test]
async fn a_pooler_that_discards_settings_is_refused() {
    let database = Database::new().await;
    let options: PgConnectOptions = database.url().parse().unwrap();
    let port = pooler(options.clone()).await;
    let url = options.host("127.0.0.1").port(port).ssl_mode(PgSslMode::Disable).to_url_lossy();
    let refused = Postgres::connect(url.as_str(), Options::default()).await.unwrap_err();
    assert!(matches!(refused, SetupError::Pooler), "{refused:?}");
    database.remove().await;
}

#[tokio::test]
async fn several_nodes_migrate_at_once() {
    let database = Database::new().await;
    let (a, b, c) = tokio::join!(database.node(), database.node(), database.node());
    let (on_a, on_b, on_c) = tokio::join!(a.migrate(), b.migrate(), c.migrate());
    on_a.and(on_b).and(on_c).unwrap();
    commit(&b, 1).await;
    tokio::join!(a.close(), b.close(), c.close());
    database.remove().await;
}

#[tokio::test]
async fn another_node_is_notified_long_before_it_polls() {
    let (database, node) = Database::migrated().await;
    let other = database.node().await;
    let mut tail = other.follow().await.unwrap();
    // By looking once a second alone this would take about twenty seconds.
    let all = async {
        for number in 0..20 {
            commit(&node, number).await;
            assert_eq!(next(&mut *tail).await, [event(number)]);
        }
    };
    timeout(Duration::from_secs(15), all).await.unwrap();
    drop(tail);
    tokio::join!(node.close(), other.close());
    database.remove().await;
}

#[tokio::test]
async fn a_reader_waits_for_an_event_that_is_still_being_committed() {
    let (database, node) = Database::migrated().await;
    let mut tail = node.follow().await.unwrap();
    let mut slow = database.connection().await;
    append(&mut slow, 1).await;
    commit(&node, 2).await;
    assert!(timeout(Duration::from_millis(300), tail.next()).await.is_err(), "the first is still missing");
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    assert_eq!(next(&mut *tail).await, [event(1), event(2)]);
    slow.close().await.unwrap();
    drop(tail);
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_reader_passes_an_event_that_was_rolled_back() {
    let (database, node) = Database::migrated().await;
    let mut tail = node.follow().await.unwrap();
    let mut slow = database.connection().await;
    append(&mut slow, 1).await;
    commit(&node, 2).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut slow).await.unwrap();
    assert_eq!(next(&mut *tail).await, [event(2)]);
    slow.close().await.unwrap();
    drop(tail);
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_new_reader_waits_for_lower_numbers_that_are_being_committed() {
    let (database, node) = Database::migrated().await;
    let mut slow = database.connection().await;
    append(&mut slow, 1).await;
    commit(&node, 2).await;
    assert!(timeout(Duration::from_millis(300), node.follow()).await.is_err(), "the first would be lost");
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    let tail = node.follow().await.unwrap();
    assert_eq!(tail.position().get(), 2);
    slow.close().await.unwrap();
    drop(tail);
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn an_event_that_does_not_decode_is_reported_once_and_passed() {
    let (database, node) = Database::migrated().await;
    let mut tail = node.follow().await.unwrap();
    let mut connection = database.connection().await;
    insert(&mut connection, r#"{"kind": "unheard_of"}"#).await;
    connection.close().await.unwrap();
    commit(&node, 2).await;
    let reported = timeout(Duration::from_secs(30), tail.next()).await.unwrap();
    assert!(matches!(reported, Err(Error::Corrupt { table: "event", column: "body", .. })), "{reported:?}");
    assert_eq!(next(&mut *tail).await, [event(2)]);
    drop(tail);
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let (database, node) = Database::migrated().await;
    let other = database.node().await;
    let mut tail = other.follow().await.unwrap();
    let mut server = database.connection().await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(cut).execute(&mut server).await.unwrap();
    server.close().await.unwrap();

    let change = || change().account_event(event(1));
    while let Err(error) = node.commit(change()).await {
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        sleep(Duration::from_millis(20)).await;
    }
    let read = async {
        loop {
            match tail.next().await {
                Ok(events) => break events,
                Err(Error::Unavailable(_)) => sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let events = timeout(Duration::from_secs(30), read).await.unwrap();
    assert_eq!(events.into_iter().map(|logged| logged.event).collect::<Vec<_>>(), [event(1)]);
    drop(tail);
    tokio::join!(node.close(), other.close());
    database.remove().await;
}

#[tokio::test]
async fn a_write_to_a_deleted_emergency_is_stale() {
    let (database, node) = Database::migrated().await;
    let of = Uuid::now_v7().into();
    let nobody = Uuid::now_v7().into();
    let decline = Write::SetDeclined { emergency: of, helper: nobody, declined: true };
    let refused = node.commit(change().write(decline).account_event(event(1))).await;
    assert!(matches!(refused, Err(Error::Stale)), "{refused:?}");
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn opening_fails_with_the_reason() {
    let wrong = Postgres::connect("postgres://host:port/name", Options::default()).await;
    assert!(matches!(wrong, Err(SetupError::Url(_))), "{wrong:?}");
    let options = Options { acquire_timeout: Duration::from_millis(100), ..Options::default() };
    let nobody = Postgres::connect("postgres://nobody@127.0.0.1:1/nothing", options).await;
    assert!(matches!(nobody, Err(SetupError::Unreachable(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_schema_without_the_function_that_applies_changes_stops_the_start() {
    let (database, node) = Database::migrated().await;
    let mut connection = database.connection().await;
    sqlx::raw_sql("DROP FUNCTION apply_change_v3").execute(&mut connection).await.unwrap();
    let refused = node.migrate().await;
    assert!(matches!(refused, Err(SetupError::MissingObject("apply_change_v3(jsonb)"))), "{refused:?}");
    connection.close().await.unwrap();
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_migration_that_gets_no_lock_is_tried_again() {
    let (database, node) = Database::migrated().await;
    let mut other = database.connection().await;
    let mut locking = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE _sqlx_migrations").execute(&mut *locking).await.unwrap();
    let release = async {
        // Longer than a migration waits.
        sleep(Duration::from_secs(3)).await;
        locking.rollback().await.unwrap();
    };
    let (migrated, ()) = tokio::join!(timeout(Duration::from_secs(30), node.migrate()), release);
    assert!(matches!(migrated, Ok(Ok(()))), "{migrated:?}");
    other.close().await.unwrap();
    node.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_violated_check_is_a_bug_and_a_lock_that_is_held_too_long_is_unavailable() {
    let (database, node) = Database::migrated().await;
    let mut connection = database.connection().await;
    let constrain = "ALTER TABLE event ADD CONSTRAINT event_never CHECK (kind <> 'account_blocked')";
    sqlx::raw_sql(constrain).execute(&mut connection).await.unwrap();
    let refused = node.commit(change().account_event(event(1))).await;
    assert!(matches!(refused, Err(Error::Bug(_))), "{refused:?}");

    // Another node: on a busy machine every statement may take longer than this one waits.
    let options = Options { statement_timeout: Duration::from_millis(500), ..Options::default() };
    let hurried = Postgres::connect(&database.url(), options).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE").execute(&mut connection).await.unwrap();
    let refused = hurried.commit(change().account_event(event(1))).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    hurried.close().await;
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    node.close().await;
    database.remove().await;
}
