//! Private databases of a run, on PostgreSQL or in a file: created, filled, copied and removed.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    postgres::{PgConnectOptions, PgSslMode},
    query::Query,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use tempfile::TempDir;

use super::{
    Archive, Population,
    archive::{self, Placeholders},
    archive_statements,
    people::SECRET,
    places,
    statements::{self, Statements},
};
use crate::{
    server::{Kind, beside, run},
    usage,
};

/// The number of positions per statement.
const POSITIONS_PER_STATEMENT: usize = 10_000;
const PEER_SCHEMA: &str = include_str!("../../node-peer/schema.sql");
const FILE: &str = "allynet.db";

/// The PostgreSQL server that holds the databases.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    options: PgConnectOptions,
    /// The id of the postmaster, if it runs on this machine.
    process: Option<u32>,
}

impl Server {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        // The server is local, and clients interpret `sslmode` differently.
        let options = url.parse::<PgConnectOptions>()?.ssl_mode(PgSslMode::Disable);
        let mut connection = PgConnection::connect_with(&options).await?;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await?;
        let process = u32::try_from(backend).ok().and_then(usage::parent_of);
        connection.close().await?;
        Ok(Self { options, process })
    }

    /// The processor time of all processes of the server.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        usage::family(self.process?).ok()
    }

    async fn execute(&self, statement: String) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

/// A database for a kind of server.
pub(crate) struct Database {
    kind: Kind,
    server: Server,
    place: Place,
}

enum Place {
    /// None: for servers without a database.
    None,
    File(TempDir),
    Named(String),
}

impl Database {
    /// Creates a database without tables; a file is not created yet.
    pub(crate) async fn new(server: &Server, kind: Kind) -> anyhow::Result<Self> {
        let place = match kind {
            Kind::Bare | Kind::Frames | Kind::Rules => Place::None,
            Kind::Sqlite => Place::File(in_memory()?),
            Kind::Postgres | Kind::Peer => {
                let name = unused_name();
                server.execute(format!("create database {name}")).await?;
                Place::Named(name)
            }
        };
        Ok(Self { kind, server: server.clone(), place })
    }

    /// Creates the tables.
    async fn migrate(&self) -> anyhow::Result<()> {
        match self.kind {
            Kind::Postgres | Kind::Sqlite => {
                let environment = [("DATABASE_URL", &*self.url()), ("ALLYNET_JWT_SECRET", SECRET)];
                run(&beside("allynet")?, &["migrate"], &environment)
            }
            Kind::Peer => {
                let mut connection = self.postgres().await?;
                sqlx::raw_sql(PEER_SCHEMA).execute(&mut connection).await?;
                Ok(connection.close().await?)
            }
            Kind::Bare | Kind::Frames | Kind::Rules => Ok(()),
        }
    }

    /// Creates a database with this population.
    pub(crate) async fn with(server: &Server, kind: Kind, population: Population) -> anyhow::Result<Self> {
        let database = Self::new(server, kind).await?;
        database.migrate().await?;
        match kind {
            Kind::Postgres => database.fill_postgres(&statements::POSTGRES, population).await?,
            Kind::Peer => database.fill_postgres(&statements::PEER, population).await?,
            Kind::Sqlite => database.fill_sqlite(&statements::SQLITE, population).await?,
            Kind::Bare | Kind::Frames | Kind::Rules => {}
        }
        Ok(database)
    }

    /// Copies the database.
    pub(crate) async fn copy(&self) -> anyhow::Result<Self> {
        let place = match &self.place {
            Place::None => Place::None,
            Place::File(folder) => {
                let copy = in_memory()?;
                fs::copy(folder.path().join(FILE), copy.path().join(FILE))?;
                Place::File(copy)
            }
            Place::Named(original) => {
                let name = unused_name();
                let create = format!("create database {name} template {original} strategy file_copy");
                self.server.execute(create).await?;
                Place::Named(name)
            }
        };
        Ok(Self { kind: self.kind, server: self.server.clone(), place })
    }

    /// The value of `DATABASE_URL`.
    pub(crate) fn url(&self) -> String {
        match &self.place {
            Place::None => String::new(),
            Place::File(folder) => format!("sqlite://{}", folder.path().join(FILE).display()),
            Place::Named(name) => self.server.options.clone().database(name).to_url_lossy().into(),
        }
    }

    /// Removes the database. After a failure it is removed with the server.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        match self.place {
            Place::None => Ok(()),
            Place::File(folder) => Ok(folder.close()?),
            Place::Named(name) => self.server.execute(format!("drop database {name} with (force)")).await,
        }
    }

    pub(super) async fn postgres(&self) -> anyhow::Result<PgConnection> {
        let Place::Named(name) = &self.place else { bail!("{} is not on PostgreSQL", self.kind.name()) };
        // Foreign keys are known to be valid, and checking them would take longer than writing the rows.
        let options = self.server.options.clone().database(name).options([("session_replication_role", "replica")]);
        Ok(PgConnection::connect_with(&options).await?)
    }

    pub(super) async fn sqlite(&self) -> anyhow::Result<SqliteConnection> {
        let Place::File(folder) = &self.place else { bail!("{} is not on SQLite", self.kind.name()) };
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join(FILE))
            .foreign_keys(false)
            .synchronous(SqliteSynchronous::Off);
        Ok(SqliteConnection::connect_with(&options).await?)
    }

    async fn fill_postgres(&self, statements: &Statements, population: Population) -> anyhow::Result<()> {
        let mut connection = self.postgres().await?;
        for &statement in statements.people {
            let all = i64::try_from(population.owners + population.helpers)?;
            let query = sqlx::query(statement).bind(all).bind(i64::try_from(population.owners)?);
            query.execute(&mut connection).await.context(statement)?;
        }
        for positions in homes(population) {
            sqlx::query(statements.positions).bind(positions).execute(&mut connection).await?;
        }
        sqlx::raw_sql(statements.settle).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    async fn fill_sqlite(&self, statements: &Statements, population: Population) -> anyhow::Result<()> {
        let mut connection = self.sqlite().await?;
        for &statement in statements.people {
            let all = i64::try_from(population.owners + population.helpers)?;
            let query = sqlx::query(statement).bind(all).bind(i64::try_from(population.owners)?);
            query.execute(&mut connection).await.context(statement)?;
        }
        for positions in homes(population) {
            sqlx::query(statements.positions).bind(positions).execute(&mut connection).await?;
        }
        sqlx::raw_sql(statements.settle).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

impl Database {
    /// Adds an archive of emergencies.
    pub(crate) async fn add(&self, archive: &Archive) -> anyhow::Result<()> {
        if self.kind == Kind::Sqlite { self.add_sqlite(archive).await } else { self.add_postgres(archive).await }
    }

    async fn add_postgres(&self, archive: &Archive) -> anyhow::Result<()> {
        let mut connection = self.postgres().await?;
        let numbers = archive.numbers()?;
        for statement in archive_statements::POSTGRES {
            let query = numbers.iter().fold(sqlx::query(statement), Query::bind);
            query.execute(&mut connection).await.context(statement)?;
        }
        let Placeholders { emergency, owner, helper } = archive::placeholders();
        for (kind, body) in archive::events()? {
            let query = numbers.iter().fold(sqlx::query(archive_statements::POSTGRES_EVENTS), Query::bind);
            let query = query.bind(kind).bind(body).bind(emergency.to_string()).bind(owner.to_string());
            query.bind(helper.to_string()).execute(&mut connection).await.context(kind)?;
        }
        sqlx::raw_sql(statements::POSTGRES.settle).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    async fn add_sqlite(&self, archive: &Archive) -> anyhow::Result<()> {
        let mut connection = self.sqlite().await?;
        let numbers = archive.numbers()?;
        for statement in archive_statements::SQLITE {
            let query = numbers.iter().fold(sqlx::query(statement), Query::bind);
            query.execute(&mut connection).await.context(statement)?;
        }
        let Placeholders { emergency, owner, helper } = archive::placeholders();
        for (kind, body) in archive::events()? {
            let query = numbers.iter().fold(sqlx::query(archive_statements::SQLITE_EVENTS), Query::bind);
            let query = query.bind(kind).bind(body).bind(emergency.to_string()).bind(owner.to_string());
            query.bind(helper.to_string()).execute(&mut connection).await.context(kind)?;
        }
        sqlx::raw_sql(statements::SQLITE.settle).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}

/// The positions of all helpers as JSON, as the statements expect them.
fn homes(population: Population) -> impl Iterator<Item = String> {
    let Population { owners, helpers } = population;
    (0..helpers).step_by(POSITIONS_PER_STATEMENT).map(move |first| {
        let crowd = (first..helpers.min(first + POSITIONS_PER_STATEMENT)).map(|helper| {
            let place = places::home(helper, helpers);
            format!("[{},{:.6},{:.6}]", owners + helper, place.latitude, place.longitude)
        });
        format!("[{}]", crowd.collect::<Vec<_>>().join(","))
    })
}

/// A folder in memory, like the PostgreSQL of the tests; on disk if `/dev/shm` is missing.
fn in_memory() -> anyhow::Result<TempDir> {
    let shared = Path::new("/dev/shm");
    Ok(if shared.is_dir() { TempDir::with_prefix_in("allynet-bench-", shared)? } else { TempDir::new()? })
}

#[expect(clippy::disallowed_methods, reason = "the name of a database that is soon gone")]
fn unused_name() -> String {
    format!("allynet_bench_{}", uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_helper_has_one_position_behind_the_owners() {
        let all: Vec<String> = homes(Population { owners: 3, helpers: POSITIONS_PER_STATEMENT + 1 }).collect();
        assert_eq!(all.len(), 2);
        assert!(
            all[0].starts_with("[[3,") && all[1].starts_with(&format!("[[{},", POSITIONS_PER_STATEMENT + 3)),
            "{}",
            all[1]
        );
        assert_eq!(all[1].matches("],[").count(), 0);
    }
}
