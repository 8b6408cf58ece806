//! The file, its connections and its schema. Knows no table.

use std::{fs, io, path::Path, str::FromStr, sync::Arc, time::Duration};

use allynet_domain::port::{Error, Result};
use allynet_sql::{Deadline, DeadlinePool, IdleConnections, IdlePolicy, Priority};
use sqlx::{
    Connection, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use crate::error::{is_busy, port_error};

/// Rows that a connection reads ahead of its consumer. More than most results have: to wait for each other costs the
/// connection's thread and the task two context switches.
const ROW_BUFFER: usize = 4096;

/// Pause between two attempts to open a file that another process is creating.
const OPEN_RETRY_DELAY: Duration = Duration::from_millis(10);

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// The options with which a database is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Number of reading connections. Each is a thread.
    pub readers: u32,
    /// How long a write waits for another process that is writing.
    pub busy_timeout: Duration,
    /// How long a call waits for a connection of this process.
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
    /// The only connection that writes. Its queue is first come, first served, but a prioritized handle goes first.
    pub(crate) writer: DeadlinePool<sqlx::Sqlite>,
    pub(crate) readers: DeadlinePool<sqlx::Sqlite>,
    /// One connection that only follows the log: an alert must not wait behind what requests read.
    pub(crate) log: DeadlinePool<sqlx::Sqlite>,
    /// Marked as changed whenever this process may have committed events.
    pub(crate) committed: watch::Sender<()>,
    /// Notified when this process has committed a change with messages.
    pub(crate) message_stored: Arc<Notify>,
}

impl Sqlite {
    /// Opens a database and creates its file if absent. `location` is a path, or a URL (`sqlite://allynet.db`,
    /// `sqlite:///var/lib/allynet.db`). A new database has no tables before [`Self::migrate`].
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened or is no database, and for a database in memory, which connections
    /// cannot share.
    pub async fn open(location: &str, options: &Options) -> Result<Self> {
        let file = parse_location(location)?;
        keep_private(file.get_filename()).map_err(Error::unavailable)?;
        let file = file
            .create_if_missing(true)
            .busy_timeout(options.busy_timeout)
            .foreign_keys(true)
            .row_buffer_size(ROW_BUFFER);
        let writing = file.clone().journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let reading = file.create_if_missing(false).pragma("query_only", "on");
        // Connections to a file do not age, so none is closed for being old or idle.
        let pool =
            || SqlitePoolOptions::new().acquire_timeout(options.queue_timeout).idle_timeout(None).max_lifetime(None);
        // A future that is dropped inside a transaction leaves a roll-back behind, which runs before this test. If it
        // failed, no transaction could begin on the connection any more: the pool closes it and opens another.
        let writer = pool()
            .max_connections(1)
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }));
        let writer = connect_when_free(writer, writing, options.busy_timeout).await.map_err(port_error)?;
        let readers = pool().max_connections(options.readers.max(1)).connect_lazy_with(reading.clone());
        let log = pool().max_connections(1).connect_lazy_with(reading);
        // A local file answers or fails: answers need no deadline, and connections no test after a success.
        let with_deadline = |name, pool| {
            let connections = IdleConnections::new(pool, IdlePolicy { reserved_for_high: 1, ..IdlePolicy::default() });
            DeadlinePool::new(name, connections, Deadline::Acquire(options.queue_timeout))
        };
        let (writer, readers) = (with_deadline("writer", writer), with_deadline("readers", readers));
        let log = with_deadline("log", log);
        Ok(Self { writer, readers, log, committed: watch::Sender::new(()), message_stored: Arc::default() })
    }

    /// A handle to the same database for what must not wait behind other work: raising, accepting and ending an
    /// emergency, and its alerts. A reader is kept for such handles, and their writes go first.
    #[must_use]
    pub fn prioritized(&self) -> Self {
        let prioritize = |pool: &DeadlinePool<sqlx::Sqlite>| pool.with_priority(Priority::High);
        let (writer, readers) = (prioritize(&self.writer), prioritize(&self.readers));
        Self { writer, readers, ..self.clone() }
    }

    /// Brings the schema up to date. All migrations are one transaction, so that of several processes that start at
    /// once one migrates and the others find it done.
    ///
    /// # Errors
    /// Returns an error if a migration fails, or a newer version has migrated the file.
    pub async fn migrate(&self) -> Result<()> {
        let mut writer = self.writer.acquire().await.map_err(port_error)?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(port_error)?;
        MIGRATIONS.run_direct(None, &mut *transaction, false).await.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => port_error(error),
            other => Error::bug(other),
        })?;
        transaction.commit().await.map_err(port_error)
    }

    /// Sets the gauges of the connection pools to their present use.
    pub fn measure(&self) {
        self.writer.record_usage();
        self.readers.record_usage();
        self.log.record_usage();
    }

    /// Waits for running statements and closes all connections. The last one folds the write-ahead log into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.log.close().await;
        self.writer.close().await;
    }
}

pub(crate) fn parse_location(location: &str) -> Result<SqliteConnectOptions> {
    if location.contains(":memory:") || location.contains("mode=memory") {
        return Err(Error::bug("connections cannot share a database in memory: name a file"));
    }
    if location.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(location).map_err(port_error)
    } else {
        Ok(SqliteConnectOptions::new().filename(location))
    }
}

/// Lets no other users read the file: it holds what people write in distress, and hashes of passwords. SQLite gives the
/// files beside it (`-wal`, `-shm`) the same mode.
#[cfg(unix)]
fn keep_private(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        // An operator may have given a group access, to make backups.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mode = fs::metadata(file)?.permissions().mode();
            let is_open_to_others = mode & 0o007 != 0;
            // Of another owner's file the mode cannot be changed, and the database may be used all the same.
            if is_open_to_others && fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o770)).is_err() {
                tracing::warn!("the database file can be read by all users of this machine");
            }
            Ok(())
        }
        // SQLite reports what is wrong with the place in its own words.
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens the file. When several processes create it at once, one switches it to the write-ahead log, and the others get
/// `SQLITE_BUSY` at once: SQLite does not apply the busy timeout to that switch.
async fn connect_when_free(
    pool: SqlitePoolOptions,
    options: SqliteConnectOptions,
    timeout: Duration,
) -> sqlx::Result<SqlitePool> {
    let started = Instant::now();
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && started.elapsed() < timeout => sleep(OPEN_RETRY_DELAY).await,
            other => return other,
        }
    }
}
