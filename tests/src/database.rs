//! New databases for tests: on PostgreSQL copied from a migrated template, on SQLite a file in a private folder.

use std::{
    collections::BTreeMap,
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use allynet_postgres::Postgres;
use allynet_sqlite::Sqlite;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::contract::{Database, Store, id};

/// The error if no server is configured.
const NO_SERVER: &str = "TEST_DATABASE_URL is not set: run `tests/with-postgres.sh cargo test`, or name a PostgreSQL \
                         server with PostGIS on which databases may be created";

/// The advisory lock around the creation of the template. Any number that all test processes share.
const TEMPLATE_LOCK: i64 = 0x616c_6c79;

/// A private database on the server in `TEST_DATABASE_URL`.
pub struct OnPostgres {
    server: PgConnectOptions,
    name: String,
}

impl OnPostgres {
    /// A connection that does not use the adapter.
    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.unwrap()
    }

    /// Opens another adapter on this database.
    pub async fn adapter(&self) -> Postgres {
        let url = self.options().to_url_lossy();
        Postgres::connect(url.as_str(), allynet_postgres::Options::default()).await.unwrap()
    }

    fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }
}

impl Database for OnPostgres {
    async fn fresh() -> Self {
        let Ok(url) = env::var("TEST_DATABASE_URL") else { panic!("{NO_SERVER}") };
        let server: PgConnectOptions = url.parse().expect("TEST_DATABASE_URL is not a PostgreSQL URL");
        let mut connection = PgConnection::connect_with(&server).await.expect("TEST_DATABASE_URL cannot be reached");
        let template = template(&server, &mut connection).await;
        let name = format!("allynet_test_{}", id::<uuid::Uuid>().simple());
        // Copying files is faster than logging 15 MB.
        let create = format!("create database {name} template {template} strategy file_copy");
        execute(&mut connection, create).await;
        Self { server, name }
    }

    async fn connect(self: Arc<Self>) -> Store {
        Store::new(self.adapter().await, self)
    }

    async fn dump(&self) -> BTreeMap<String, String> {
        let mut connection = self.connection().await;
        let tables = "select tablename::text from pg_tables where schemaname = 'public' \
                      and tablename not in ('spatial_ref_sys', '_sqlx_migrations')";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        let mut dump = BTreeMap::new();
        for table in tables {
            let rows = format!("select coalesce(string_agg(t::text, chr(10)), '') from \"{table}\" t");
            let rows: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut connection).await.unwrap();
            dump.insert(table, without_hyphens(&rows));
        }
        connection.close().await.unwrap();
        dump
    }

    async fn remove(&self) {
        let mut connection = PgConnection::connect_with(&self.server).await.unwrap();
        execute(&mut connection, format!("drop database {} with (force)", self.name)).await;
    }
}

/// The name of a migrated, empty database. The first test of any process creates it.
async fn template(server: &PgConnectOptions, connection: &mut PgConnection) -> String {
    let template = format!("allynet_template_{:016x}", fingerprint());
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut *connection).await.unwrap();
    let exists = "select exists (select from pg_database where datname = $1)";
    let exists: bool = sqlx::query_scalar(exists).bind(&template).fetch_one(&mut *connection).await.unwrap();
    if !exists {
        // It gets its name only when it is complete, so that no test copies the remains of a killed process.
        let raw = format!("{template}_raw");
        execute(connection, format!("drop database if exists {raw} with (force)")).await;
        execute(connection, format!("create database {raw}")).await;
        let url = server.clone().database(&raw).to_url_lossy();
        let adapter = Postgres::connect(url.as_str(), allynet_postgres::Options::default()).await.unwrap();
        adapter.migrate().await.unwrap();
        adapter.close().await;
        execute(connection, format!("alter database {raw} rename to {template}")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)").bind(TEMPLATE_LOCK).execute(connection).await.unwrap();
    template
}

/// A hash of the migrations, so that a server that outlives them does not provide a template with old ones.
fn fingerprint() -> u64 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}

/// A text in lower case with every id as 32 hexadecimal digits.
fn without_hyphens(text: &str) -> String {
    text.replace('-', "").to_lowercase()
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// The content of a migrated, empty SQLite file. The first test of a process makes it: copying is faster than migrating.
static MIGRATED_FILE: OnceCell<Vec<u8>> = OnceCell::const_new();

/// A file in a private folder that is removed with this value.
pub struct OnSqlite {
    folder: TempDir,
}

impl OnSqlite {
    /// The path of the file.
    pub fn path(&self) -> String {
        self.folder.path().join("allynet.db").to_str().unwrap().to_owned()
    }

    /// Opens another adapter on this database.
    pub async fn adapter(&self) -> Sqlite {
        Sqlite::open(&self.path(), &allynet_sqlite::Options::default()).await.unwrap()
    }
}

impl Database for OnSqlite {
    async fn fresh() -> Self {
        let database = Self { folder: TempDir::new().unwrap() };
        let template = MIGRATED_FILE.get_or_init(|| async {
            let adapter = database.adapter().await;
            adapter.migrate().await.unwrap();
            adapter.close().await;
            fs::read(database.path()).unwrap()
        });
        fs::write(database.path(), template.await).unwrap();
        database
    }

    async fn connect(self: Arc<Self>) -> Store {
        let adapter = self.adapter().await;
        Store::new(adapter, self)
    }

    async fn dump(&self) -> BTreeMap<String, String> {
        // Not in the log, whose statements are explained.
        let options = SqliteConnectOptions::new().filename(self.path()).disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        // The tables in which the R*Tree keeps its nodes hold no other data than that.
        let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' \
                      and name <> '_sqlx_migrations' and name not like 'emergency\\_area\\_%' escape '\\'";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
        let mut dump = BTreeMap::new();
        for table in tables {
            let columns = format!(
                "select group_concat('quote(\"' || name || '\")', ' || '' '' || ') from pragma_table_info('{table}')"
            );
            let columns: String = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(&mut connection).await.unwrap();
            let rows = format!("select coalesce(group_concat({columns}, char(10)), '') from \"{table}\"");
            let rows: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut connection).await.unwrap();
            dump.insert(table, without_hyphens(&rows));
        }
        connection.close().await.unwrap();
        dump
    }

    async fn remove(&self) {
        // The folder is removed with the last node.
    }
}
