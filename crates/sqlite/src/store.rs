//! The file, its connections and its schema. Knows no table.

use std::{str::FromStr, time::Duration};

use allynet_domain::port::{Error, Result};
use allynet_sql::{Deadline, DeadlinePool, IdleConnections, IdlePolicy};
use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    error::DatabaseError,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::error::down;

/// How many rows of an answer a connection may be ahead of who reads them: more than most answers have, for whoever waits
/// for the other side costs two switches of threads.
const ROWS_AHEAD: usize = 4096;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How a database is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Connections that read. Each is a thread.
    pub readers: u32,
    /// How long a write waits for another process that is writing.
    pub busy_timeout: Duration,
    /// How long anything waits for its turn on a connection of this process.
    pub queue_timeout: Duration,
}

impl Default for Options {
    /// 4 readers; 5 s for other processes, 10 s for this one.
    fn default() -> Self {
        Self { readers: 4, busy_timeout: Duration::from_secs(5), queue_timeout: Duration::from_secs(10) }
    }
}

/// An open database: every persistence port. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// The only connection that writes. Its queue is fair: nobody waits for more than who came before.
    pub(crate) writer: DeadlinePool<sqlx::Sqlite>,
    pub(crate) readers: DeadlinePool<sqlx::Sqlite>,
    /// Changes whenever events may have been committed by this process.
    pub(crate) committed: watch::Sender<()>,
}

impl Sqlite {
    /// Opens a database, which is made if absent. `location` is a path, or a URL (`sqlite://allynet.db`,
    /// `sqlite:///var/lib/allynet.db`). Nothing can be done with a new one before [`Self::migrate`].
    ///
    /// # Errors
    /// When the file cannot be opened or is no database, or for a database in memory, which connections cannot share.
    pub async fn open(location: &str, options: &Options) -> Result<Self> {
        let file = file(location)?.create_if_missing(true).busy_timeout(options.busy_timeout).foreign_keys(true);
        let file = file.row_buffer_size(ROWS_AHEAD);
        let writing = file.clone().journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let reading = file.create_if_missing(false).pragma("query_only", "on");
        let pool =
            || SqlitePoolOptions::new().acquire_timeout(options.queue_timeout).idle_timeout(None).max_lifetime(None);
        // Answers to a roll-back that was left to a dropped future come before this. One that failed would leave a
        // connection on which no transaction can begin; it is closed here, and the pool opens another.
        let writer = pool()
            .max_connections(1)
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }));
        let writer = opened(writer, writing, options.busy_timeout).await.map_err(down)?;
        let readers = pool().max_connections(options.readers.max(1)).connect_lazy_with(reading);
        let pool = |name, pool| {
            // A file does not go away: no connection needs a test after a successful call, and no answer a deadline.
            let connections = IdleConnections::new(pool, IdlePolicy::default());
            DeadlinePool::new(name, connections, Deadline::Acquire(options.queue_timeout))
        };
        let (writer, readers) = (pool("writer", writer), pool("readers", readers));
        Ok(Self { writer, readers, committed: watch::Sender::new(()) })
    }

    /// Brings the schema up to date. All of it is one transaction, so that of several processes which start at once
    /// one migrates and the others find it done.
    ///
    /// # Errors
    /// When a migration fails, or the file was migrated by a newer version.
    pub async fn migrate(&self) -> Result<()> {
        let mut writer = self.writer.acquire().await.map_err(down)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(down)?;
        MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(Error::unavailable)?;
        transaction.commit().await.map_err(down)
    }

    /// Notes how its connections are used, for who asks for what is measured.
    pub fn measure(&self) {
        self.writer.record_usage();
        self.readers.record_usage();
    }

    /// Waits for running statements and closes all connections; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn file(location: &str) -> Result<SqliteConnectOptions> {
    if location.contains(":memory:") || location.contains("mode=memory") {
        return Err(Error::unavailable("a database in memory cannot be shared by connections: name a file"));
    }
    if location.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(location).map_err(down)
    } else {
        Ok(SqliteConnectOptions::new().filename(location))
    }
}

/// Opens the file. Of several processes that make it at once one sets how it is written, and nothing but trying again helps
/// the others: SQLite does not wait for that.
async fn opened(
    pool: SqlitePoolOptions,
    options: SqliteConnectOptions,
    patience: Duration,
) -> sqlx::Result<SqlitePool> {
    let begun = Instant::now();
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(sqlx::Error::Database(error)) if is_busy(&*error) && begun.elapsed() < patience => {
                sleep(Duration::from_millis(10)).await;
            }
            other => return other,
        }
    }
}

/// `SQLITE_BUSY`, whatever made it so.
fn is_busy(error: &dyn DatabaseError) -> bool {
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Whether a connection answers.
pub(crate) async fn ping(connection: &mut SqliteConnection) -> Result<()> {
    sqlx::query("select 1 from account limit 1").execute(connection).await.map_err(down).map(drop)
}
