//! The store: connection pools by purpose, their limits, and the migrations. Knows no table.

use std::{sync::Arc, time::Duration};

use allynet_sql::{Deadline, DeadlinePool, IdleConnections, IdlePolicy, Priority};
use sqlx::{
    Connection, PgConnection, PgPool,
    pool::{PoolConnectionMetadata, PoolOptions},
    postgres::PgConnectOptions,
};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::DropGuard;

use crate::{
    SetupError,
    caller_cache::CallerCache,
    notifications::Notifications,
    setup::{LOCK_TIMEOUT, check_session, connection_failed, migrate},
};

/// The first PostGIS call of a connection loads libraries and reference systems, which takes 30 to 80 ms: an SOS must not
/// wait for that. Before the first migration there is nothing to load.
const WARM_UP: &str = "DO $$ BEGIN PERFORM ST_Distance(ST_MakePoint(0, 0)::geography, ST_MakePoint(0, 1)::geography); \
                       EXCEPTION WHEN undefined_function OR undefined_object THEN NULL; END $$";

/// Sizes of pools, and deadlines.
#[derive(Debug, Clone)]
pub struct Options {
    /// The maximum number of connections for everything but positions and the log.
    pub connections: u32,
    /// How many of these are kept for [prioritized](Postgres::prioritized) handles.
    pub priority_connections: u32,
    /// The maximum number of connections for positions.
    pub position_connections: u32,
    /// Time that a call waits for a connection to be free or opened.
    pub acquire_timeout: Duration,
    /// Time after which the server cancels a statement, or gives up a lock.
    pub statement_timeout: Duration,
    /// Time after which a call fails as unavailable, no matter if it waits for a connection or an answer.
    pub answer_timeout: Duration,
}

impl Default for Options {
    /// 8 connections, since more of them only wait for each other at the database, 2 of them kept for prioritized handles,
    /// and 3 for positions; 5 s for a connection and for a statement. A call ends after 1.4 s, so that a request that only reads is answered within 2 s when
    /// its call fails.
    fn default() -> Self {
        Self {
            connections: 8,
            priority_connections: 2,
            position_connections: 3,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_millis(1_400),
        }
    }
}

/// All persistence ports on one PostgreSQL database. Clones share their connections, which end with the last clone.
#[derive(Debug, Clone)]
pub struct Postgres {
    shared: Arc<Inner>,
    /// The connections of `shared.main`, with the priority of this handle.
    main: Pool,
}

type Pool = DeadlinePool<sqlx::Postgres>;

#[derive(Debug)]
struct Inner {
    main: Pool,
    positions: Pool,
    log: Pool,
    outbox: Pool,
    message_stored: Notify,
    notifications: Notifications,
    callers: CallerCache,
    migrations: PgConnectOptions,
    _background: DropGuard,
}

impl Postgres {
    /// Opens the database with this URL (`postgres://user:password@host:port/name`).
    ///
    /// Must be called within a Tokio runtime, on which it spawns two tasks that listen for and send notifications.
    ///
    /// # Errors
    /// Returns an error if the URL is not valid, no connection can be made, or a pooler between here and the server gives
    /// each transaction another connection.
    pub async fn connect(url: &str, options: Options) -> Result<Self, SetupError> {
        let plain: PgConnectOptions = url.parse().map_err(|e: sqlx::Error| SetupError::Url(e.into()))?;
        let plain = plain.application_name("allynet");
        let milliseconds = |d: Duration| d.as_millis().to_string();
        // jit: PostGIS functions are rated so costly that the planner would compile searches, which takes longer than they do.
        // plan_cache_mode: a custom plan would be made for each call whose array looks shorter than usual, which takes longer
        // than most statements. enable_seqscan: such a generic plan lasts until the statistics of its tables change, and one
        // made while they were empty would walk through them until then (figures in docs/performance.md).
        let bounded = plain.clone().options([
            ("statement_timeout", milliseconds(options.statement_timeout)),
            ("lock_timeout", milliseconds(options.statement_timeout)),
            ("jit", "off".to_owned()),
            ("enable_seqscan", "off".to_owned()),
            ("plan_cache_mode", "force_generic_plan".to_owned()),
        ]);
        let pool = |max_connections: u32| pool_options(max_connections, options.acquire_timeout);
        let main = pool(options.connections + MAINTENANCE_CONNECTIONS).connect_with(bounded.clone()).await;
        let main = main.map_err(connection_failed)?;
        check_session(&main).await?;
        let positions = pool(options.position_connections).connect_lazy_with(bounded.clone());
        let outbox = pool(OUTBOX_CONNECTIONS).connect_lazy_with(bounded.clone());
        // Nothing written on these has to survive a crash: they send notifications and take transaction ids.
        let log = pool(LOG_CONNECTIONS).connect_lazy_with(bounded.options([("synchronous_commit", "off")]));
        let (notifications, background) = Notifications::start(log.clone());
        let main = deadline_pool(
            "main",
            main,
            (MAINTENANCE_CONNECTIONS, options.priority_connections),
            options.answer_timeout,
        );
        let positions = deadline_pool("positions", positions, (0, 0), options.answer_timeout);
        let outbox = deadline_pool("outbox", outbox, (0, 0), options.answer_timeout);
        let log = deadline_pool("log", log, (NOTIFICATION_CONNECTIONS, 0), LOG_TIMEOUT);
        let callers = CallerCache::default();
        let shared = Inner {
            main: main.clone(),
            positions,
            log,
            outbox,
            message_stored: Notify::new(),
            notifications,
            callers,
            migrations: plain,
            _background: background,
        };
        Ok(Self { shared: Arc::new(shared), main })
    }

    /// A handle to the same database for what must not wait behind other work: raising, accepting and ending an
    /// emergency, and its alerts. Some connections are kept for such handles.
    #[must_use]
    pub fn prioritized(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), main: self.main.with_priority(Priority::High) }
    }

    /// Brings the schema up to date, and checks that it has the functions that this version calls. Several nodes may do so
    /// at the same time: one migrates, the others wait for it.
    ///
    /// # Errors
    /// Returns an error if the database cannot be reached, lacks PostGIS, or was migrated by a newer version.
    pub async fn migrate(&self) -> Result<(), SetupError> {
        // On a connection without a limit for statements: migrating may take longer than one should.
        let options = self.shared.migrations.clone().options([("lock_timeout", LOCK_TIMEOUT)]);
        let pool = PoolOptions::<sqlx::Postgres>::new().max_connections(1).connect_with(options).await;
        let pool = pool.map_err(|e| SetupError::Unreachable(e.into()))?;
        let migrated = migrate(&pool).await;
        pool.close().await;
        migrated
    }

    /// The same for the sender of messages, on connections of its own: it takes none from requests.
    #[must_use]
    pub fn for_sender(&self) -> Self {
        Self { shared: self.shared.clone(), main: self.shared.outbox.clone() }
    }

    /// Closes all connections when their statements have ended. Later calls fail as unavailable.
    pub async fn close(&self) {
        self.shared.notifications.stop().await;
        self.shared.main.close().await;
        self.shared.positions.close().await;
        self.shared.outbox.close().await;
        self.shared.log.close().await;
    }

    /// The number of statements sent so far, positions included: each is a round trip to the database. Statements of
    /// readers of the log are not counted.
    pub fn round_trips(&self) -> u64 {
        self.shared.main.calls() + self.shared.positions.calls()
    }

    /// Sets the gauges of all pools, for a scrape of metrics.
    pub fn measure(&self) {
        for pool in [&self.shared.main, &self.shared.positions, &self.shared.outbox, &self.shared.log] {
            pool.record_usage();
        }
    }

    pub(crate) fn main(&self) -> &Pool {
        &self.main
    }

    /// For background work without a deadline of the adapter: only the statement timeout ends it.
    pub(crate) fn maintenance(&self) -> &PgPool {
        self.shared.main.pool()
    }

    pub(crate) fn positions_pool(&self) -> &Pool {
        &self.shared.positions
    }

    /// Notified when a change with messages was committed through this store.
    pub(crate) fn message_stored(&self) -> &Notify {
        &self.shared.message_stored
    }

    pub(crate) fn log(&self) -> &Pool {
        &self.shared.log
    }

    pub(crate) fn notifications(&self) -> &Notifications {
        &self.shared.notifications
    }

    pub(crate) fn callers(&self) -> &CallerCache {
        &self.shared.callers
    }
}

/// Connections for background work, besides those for requests.
const MAINTENANCE_CONNECTIONS: u32 = 1;
/// One listens, one notifies.
const NOTIFICATION_CONNECTIONS: u32 = 2;
/// The others are for readers of the log.
/// Connections of the sender of messages.
const OUTBOX_CONNECTIONS: u32 = 2;
const LOG_CONNECTIONS: u32 = NOTIFICATION_CONNECTIONS + 2;
/// No request waits for a reader of the log, but it must not hang on a dead connection.
const LOG_TIMEOUT: Duration = Duration::from_secs(3);
/// Time that a connection may be idle before it is tested again.
const MAX_CONNECTION_IDLE: Duration = Duration::from_secs(10);
/// Age at which a connection goes back to the pool, which replaces the ones that are too old.
const MAX_POOLED_AGE: Duration = Duration::from_mins(1);
/// Age at which a connection is closed.
const MAX_CONNECTION_LIFETIME: Duration = Duration::from_mins(30);
/// Whether the server refuses writes: a standby, or one on which an operator turned them off.
const IS_READ_ONLY: &str = "SELECT current_setting('transaction_read_only')::bool";
/// How long a connection that comes back in the middle of a call has for the rest of its answer before it is closed.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// Bounds every call on a pool; `reserved` connections stay for callers of the pool itself, and `reserved_for_high` of
/// the others for handles of high priority.
fn deadline_pool(
    name: &'static str,
    pool: PgPool,
    (reserved, reserved_for_high): (u32, u32),
    timeout: Duration,
) -> Pool {
    let policy = IdlePolicy { reserved, reserved_for_high, max_idle: MAX_CONNECTION_IDLE, max_age: MAX_POOLED_AGE };
    DeadlinePool::new(name, IdleConnections::new(pool, policy), Deadline::Answer(timeout))
}

fn pool_options(max_connections: u32, acquire_timeout: Duration) -> PoolOptions<sqlx::Postgres> {
    PoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(acquire_timeout)
        .max_lifetime(MAX_CONNECTION_LIFETIME)
        .test_before_acquire(false)
        // About once a minute for each connection, as idle ones are kept outside of the pool: a server that has become a
        // standby still answers, and would be read from for as long as it lives.
        .before_acquire(|connection: &mut PgConnection, _: PoolConnectionMetadata| {
            Box::pin(async move {
                let is_read_only = sqlx::query_scalar::<_, bool>(IS_READ_ONLY).fetch_one(connection).await;
                Ok(is_read_only.is_ok_and(|is_read_only| !is_read_only))
            })
        })
        // A connection comes back in the middle of a call when the caller has gone or ran out of time. The pool waits for
        // its answer without a limit, and has no other connection to give meanwhile.
        .after_release(|connection: &mut PgConnection, _| {
            Box::pin(async move {
                let tested = timeout(RELEASE_TIMEOUT, connection.ping()).await;
                // An error closes it at once; `false` would say goodbye to the server, and wait again.
                tested.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|()| true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(WARM_UP).execute(connection).await?;
                Ok(())
            })
        })
}
