//! A private database filled with users directly, because registering thousands over REST would take too long.

use std::{collections::HashMap, env, time::Duration};

use allynet_auth::JwtTokens;
use allynet_domain::{
    Account, Change, EventId, HelperRecord, HelperReputation, LoggedEvent, Name, PasswordHash, Position, Profile, Role,
    Session, Timestamp, UserId, Verification, Write,
    port::{Changes, Fix, Positions, Tokens},
};
use allynet_postgres::Postgres;
use allynet_sqlite::Sqlite;
use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::now;
use crate::contract::id;

/// The key that signs tokens, for the nodes and for the test.
pub const SECRET: &str = "the tests of a running service sign their tokens with this";
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);
/// The position of all emergencies. Helpers are either here or beyond the largest alert radius.
pub const HERE: (f64, f64) = (10.0, 20.0);
const FAR_LATITUDE: f64 = 40.0;
/// The helpers that are near are some 300 m away.
const NEAR_LATITUDE: f64 = 0.0027;
/// Accounts are older than a day, so that they count as proven.
const ACCOUNT_AGE: TimeDelta = TimeDelta::days(30);
/// The number of users that are written by one change.
const USERS_PER_CHANGE: usize = 200;

/// A user with a token.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub token: String,
}

/// The kind of database.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Sqlite,
    /// PostgreSQL: a new database on this server.
    Postgres(String),
}

impl Kind {
    /// The PostgreSQL server in `TEST_DATABASE_URL`.
    pub fn postgres() -> Self {
        let server = env::var("TEST_DATABASE_URL");
        Self::Postgres(
            server.expect(
                "TEST_DATABASE_URL is not set: run `make faults` or `make attack`, or use tests/with-postgres.sh",
            ),
        )
    }
}

/// The database and its users.
pub struct World {
    place: Place,
    /// Verified helpers, on duty.
    pub helpers: Vec<Person>,
    /// Users that raise emergencies.
    pub owners: Vec<Person>,
    /// The helpers near all emergencies, which are alerted.
    pub near: Vec<UserId>,
}

enum Place {
    Sqlite(TempDir),
    Postgres { server: Box<PgConnectOptions>, name: String },
}

impl World {
    /// Creates helpers, of whom `near` are near all emergencies, and owners.
    pub async fn new(kind: &Kind, helpers: usize, near: usize, owners: usize) -> Self {
        let place = Place::new(kind).await;
        let mut world = Self { place, helpers: Vec::new(), owners: Vec::new(), near: Vec::new() };
        match &world.place {
            Place::Sqlite(_) => {
                let store = Sqlite::open(&world.url(), &allynet_sqlite::Options::default()).await.unwrap();
                store.migrate().await.unwrap();
                world.settle(&store, helpers, near, owners).await;
                store.close().await;
            }
            Place::Postgres { .. } => {
                let store = Postgres::connect(&world.url(), allynet_postgres::Options::default()).await.unwrap();
                store.migrate().await.unwrap();
                world.settle(&store, helpers, near, owners).await;
                store.close().await;
            }
        }
        world
    }

    /// Adds verified helpers whose accounts were made just now, at the very place of all emergencies.
    pub async fn add_newcomers(&mut self, count: usize) {
        let helper = HelperRecord::new(Verification::Verified, true);
        match &self.place {
            Place::Sqlite(_) => {
                let store = Sqlite::open(&self.url(), &allynet_sqlite::Options::default()).await.unwrap();
                newcomers(&store, count, &helper).await;
                store.close().await;
            }
            Place::Postgres { .. } => {
                let store = Postgres::connect(&self.url(), allynet_postgres::Options::default()).await.unwrap();
                newcomers(&store, count, &helper).await;
                store.close().await;
            }
        }
    }

    async fn settle(&mut self, store: &(impl Changes + Positions), helpers: usize, near: usize, owners: usize) {
        let verified = HelperRecord::new(Verification::Verified, true);
        let since = now() - ACCOUNT_AGE;
        self.helpers = people(store, helpers, Some(&verified), since).await;
        self.owners = people(store, owners, None, since).await;
        let mut reports = Vec::new();
        for (n, helper) in self.helpers.iter().enumerate() {
            let latitude = if n < near { HERE.0 + NEAR_LATITUDE } else { FAR_LATITUDE };
            let position = Position::new(latitude, HERE.1).unwrap();
            reports.push(Fix { user: helper.id, position, at: now() }.into());
        }
        self.near = self.helpers.iter().take(near).map(|helper| helper.id).collect();
        for crowd in reports.chunks(USERS_PER_CHANGE) {
            store.record(crowd).await.unwrap();
        }
    }

    /// The value of `DATABASE_URL`.
    pub fn url(&self) -> String {
        match &self.place {
            Place::Sqlite(folder) => format!("sqlite://{}/allynet.db", folder.path().display()),
            Place::Postgres { server, name } => server.as_ref().clone().database(name).to_url_lossy().into(),
        }
    }

    /// The number of each user, as used in messages.
    pub fn names(&self) -> HashMap<UserId, String> {
        let helpers = self.helpers.iter().enumerate().map(|(n, person)| (person.id, format!("helper {n}")));
        let owners = self.owners.iter().enumerate().map(|(n, person)| (person.id, format!("owner {n}")));
        helpers.chain(owners).collect()
    }

    /// The log, read directly from the database.
    pub async fn log(&self) -> Vec<LoggedEvent> {
        match &self.place {
            Place::Sqlite(_) => {
                type Row = (i64, i64, Option<Uuid>, Option<Uuid>, String);
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                let all = "select seq, at, emergency_id, actor_id, body from event order by seq";
                let rows: Vec<Row> = sqlx::query_as(all).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                let at = |micros| Timestamp::from_timestamp_micros(micros).unwrap();
                rows.into_iter().map(|(seq, micros, of, by, body)| event(seq, at(micros), of, by, &body)).collect()
            }
            Place::Postgres { server, name } => {
                type Row = (i64, Timestamp, Option<Uuid>, Option<Uuid>, String);
                let mut connection = PgConnection::connect_with(&server.as_ref().clone().database(name)).await.unwrap();
                let all = "select seq, at, emergency_id, actor_id, body::text from event order by seq";
                let rows: Vec<Row> = sqlx::query_as(all).fetch_all(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                rows.into_iter().map(|(seq, at, of, by, body)| event(seq, at, of, by, &body)).collect()
            }
        }
    }

    /// Makes every insertion into this table fail as on a full disk.
    pub async fn fill_disk_for(&self, table: &str) {
        match &self.place {
            // A table without room for another number is reported like a disk without room.
            Place::Sqlite(_) => {
                let sql = format!(
                    "create table no_space (n integer primary key autoincrement); \
                     insert into no_space values ({}); \
                     create trigger no_space before insert on {table} begin insert into no_space values (null); end",
                    i64::MAX
                );
                let mut connection = SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Place::Postgres { server, name } => {
                let sql = format!(
                    "create function no_space() returns trigger language plpgsql as \
                     $$ begin raise 'could not extend file' using errcode = 'disk_full'; end $$; \
                     create trigger no_space before insert on {table} for each row execute function no_space()"
                );
                let mut connection = PgConnection::connect_with(&server.as_ref().clone().database(name)).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Removes the database. After a failed test it is removed with the server.
    pub async fn remove(&self) {
        if let Place::Postgres { server, name } = &self.place {
            let mut connection = PgConnection::connect_with(server).await.unwrap();
            let drop = format!("drop database {name} with (force)");
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
        }
    }
}

impl Place {
    async fn new(kind: &Kind) -> Self {
        let Kind::Postgres(server) = kind else { return Self::Sqlite(TempDir::new().unwrap()) };
        let server: Box<PgConnectOptions> = Box::new(server.parse().unwrap());
        let name = format!("allynet_service_{}", id::<Uuid>().simple());
        let mut connection = PgConnection::connect_with(&server).await.unwrap();
        let create = format!("create database {name}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        Self::Postgres { server, name }
    }
}

async fn newcomers(store: &(impl Changes + Positions), count: usize, helper: &HelperRecord) {
    let newcomers = people(store, count, Some(helper), now()).await;
    let position = Position::new(HERE.0, HERE.1).unwrap();
    let reports: Vec<_> = newcomers.iter().map(|person| Fix { user: person.id, position, at: now() }.into()).collect();
    store.record(&reports).await.unwrap();
}

fn event(seq: i64, at: Timestamp, of: Option<Uuid>, by: Option<Uuid>, body: &str) -> LoggedEvent {
    LoggedEvent {
        id: EventId::new(seq),
        at,
        emergency: of.map(Into::into),
        actor: by.map(Into::into),
        event: serde_json::from_str(body).unwrap(),
    }
}

async fn people(
    store: &impl Changes,
    count: usize,
    helper: Option<&HelperRecord>,
    created_at: Timestamp,
) -> Vec<Person> {
    let tokens = JwtTokens::new(&SECRET.to_owned().into(), TOKEN_LIFETIME, TOKEN_LIFETIME).unwrap();
    let mut people = Vec::new();
    while people.len() < count {
        let mut change = Change::new(None, now());
        for _ in 0..USERS_PER_CHANGE.min(count - people.len()) {
            let account = new_account(helper, created_at);
            let session = Session { id: id(), user: account.id, confirmed: id(), created_at: now(), user_agent: None };
            let token = tokens.access(&account, session.id, now()).unwrap().expose().to_owned();
            people.push(Person { id: account.id, token });
            let password = PasswordHash::new("nobody logs in".to_owned());
            change = change.write(Write::RegisterAccount { account: Box::new(account), password });
            change = change.write(Write::OpenSession(session));
        }
        store.commit(change).await.unwrap();
    }
    people
}

fn new_account(helper: Option<&HelperRecord>, created_at: Timestamp) -> Account {
    let id: UserId = id();
    let first_name = Name::parse("Somebody").unwrap();
    Account {
        id,
        email: format!("{id}@example.org").parse().unwrap(),
        profile: Profile::new(first_name, None),
        role: if helper.is_some() { Role::Helper } else { Role::User },
        blocked: false,
        helper: helper.cloned(),
        reputation: HelperReputation::default(),
        blocks: Vec::new(),
        created_at,
    }
}
