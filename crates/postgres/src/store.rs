//! Connections: pools by purpose, their limits, and the migrations. Knows no table.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::Migrator,
    pool::{PoolConnectionMetadata, PoolOptions},
    postgres::PgConnectOptions,
};
use tokio_util::sync::DropGuard;

use crate::{
    SetupError,
    bounded::Bounded,
    kept::{Kept, TRUSTED},
    remembered::Remembered,
    wake::Wake,
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// The first PostGIS call of a connection loads libraries and reference systems, which takes 30 to 80 ms: not for an
/// SOS to wait for. Before the first migration there is nothing to load.
const WARM_UP: &str = "DO $$ BEGIN PERFORM ST_Distance(ST_MakePoint(0, 0)::geography, ST_MakePoint(0, 1)::geography); \
                       EXCEPTION WHEN undefined_function OR undefined_object THEN NULL; END $$";

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// The most connections for everything but positions and the log.
    pub connections: u32,
    /// The most connections for positions.
    pub position_connections: u32,
    /// How long a connection may take to be had, or made, for whoever waits then.
    pub acquire_timeout: Duration,
    /// After how long the database gives a statement up.
    pub statement_timeout: Duration,
    /// After how long a call is unavailable, whatever it waits for: a connection, or an answer.
    pub answer_timeout: Duration,
}

impl Default for Options {
    /// 8 connections, since more only wait for each other at the database, and 3 for positions; 5 s to get one, 5 s to use
    /// it. A call takes at most 1.4 s, so that who called has an answer within 2 s.
    fn default() -> Self {
        Self {
            connections: 8,
            position_connections: 3,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_millis(1_400),
        }
    }
}

/// All persistence ports on one PostgreSQL database. Clones share their connections, which end with the last clone.
#[derive(Debug, Clone)]
pub struct Postgres(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    main: Bounded,
    positions: Bounded,
    log: Bounded,
    wake: Wake,
    remembered: Remembered,
    migrations: PgConnectOptions,
    _background: DropGuard,
}

impl Postgres {
    /// Opens the database with this URL (`postgres://user:password@host:port/name`). Must be called within a Tokio
    /// runtime, on which it keeps two small tasks.
    ///
    /// # Errors
    /// When the URL is wrong or no connection can be made.
    pub async fn connect(url: &str, options: Options) -> Result<Self, SetupError> {
        let plain: PgConnectOptions = url.parse().map_err(|e: sqlx::Error| SetupError::Url(e.into()))?;
        let plain = plain.application_name("allynet");
        let milliseconds = |d: Duration| d.as_millis().to_string();
        // PostGIS functions are rated so costly that the planner would compile searches, which takes longer than they do.
        // And plans are made for as long as a connection lasts: the first ones, when tables were still empty, must not walk
        // them for ever, and none may be made again for every call, where an array looks shorter than usual.
        let bounded = plain.clone().options([
            ("statement_timeout", milliseconds(options.statement_timeout)),
            ("lock_timeout", milliseconds(options.statement_timeout)),
            ("jit", "off".to_owned()),
            ("enable_seqscan", "off".to_owned()),
            ("plan_cache_mode", "force_generic_plan".to_owned()),
        ]);
        let pool = |most: u32| pool_options(most, options.acquire_timeout);
        let main = pool(options.connections + PATIENT).connect_with(bounded.clone()).await;
        let main = main.map_err(|e| SetupError::Unreachable(e.into()))?;
        let positions = pool(options.position_connections).connect_lazy_with(bounded.clone());
        // Nothing written here has to survive a crash: it is notifications, and transaction ids taken by readers.
        let log = pool(LOG_CONNECTIONS)
            .max_lifetime(None)
            .connect_lazy_with(bounded.options([("synchronous_commit", "off")]));
        let (wake, background) = Wake::start(log.clone());
        let main = Bounded::new("main", Kept::of(main, PATIENT), options.answer_timeout);
        let positions = Bounded::new("positions", Kept::of(positions, 0), options.answer_timeout);
        let log = Bounded::new("log", Kept::of(log, WAKING), LOG_TIMEOUT);
        let remembered = Remembered::default();
        Ok(Self(Arc::new(Inner { main, positions, log, wake, remembered, migrations: plain, _background: background })))
    }

    /// Brings the tables up to date. Any number of nodes may do this at once: one works, the others wait for it.
    ///
    /// # Errors
    /// When the database cannot be reached, lacks PostGIS, or was migrated by a newer version.
    pub async fn migrate(&self) -> Result<(), SetupError> {
        // On a connection of its own, because waiting and migrating may take longer than a statement should.
        let pool =
            PoolOptions::<sqlx::Postgres>::new().max_connections(1).connect_with(self.0.migrations.clone()).await;
        let pool = pool.map_err(|e| SetupError::Unreachable(e.into()))?;
        let migrated = MIGRATIONS.run(&pool).await;
        pool.close().await;
        migrated.map_err(|e| SetupError::Migration(e.into()))
    }

    /// Closes all connections after the statements that run. Calls that come later are unavailable.
    pub async fn close(&self) {
        self.0.wake.stop();
        self.0.main.close().await;
        self.0.positions.close().await;
        self.0.log.close().await;
    }

    /// How many statements callers had sent so far, positions included: each is a round trip to the database. What
    /// readers of the log send is not counted.
    pub fn round_trips(&self) -> u64 {
        self.0.main.calls() + self.0.positions.calls()
    }

    /// Notes how its connections are used, for who asks for what is measured.
    pub fn measure(&self) {
        for pool in [&self.0.main, &self.0.positions, &self.0.log] {
            pool.measure();
        }
    }

    pub(crate) fn main(&self) -> &Bounded {
        &self.0.main
    }

    /// For work that nobody waits for and that may take as long as the database lets it.
    pub(crate) fn patient(&self) -> &PgPool {
        self.0.main.pool()
    }

    pub(crate) fn positions_pool(&self) -> &Bounded {
        &self.0.positions
    }

    pub(crate) fn log(&self) -> &Bounded {
        &self.0.log
    }

    pub(crate) fn wake(&self) -> &Wake {
        &self.0.wake
    }

    pub(crate) fn remembered(&self) -> &Remembered {
        &self.0.remembered
    }
}

/// One is for what may take long, besides those that callers use.
const PATIENT: u32 = 1;
/// One listens, one notifies.
const WAKING: u32 = 2;
/// The others are for readers of the log.
const LOG_CONNECTIONS: u32 = WAKING + 2;
/// Readers of the log have no caller to answer, but must not hang on a connection that is dead.
const LOG_TIMEOUT: Duration = Duration::from_secs(3);

fn pool_options(most: u32, acquire_timeout: Duration) -> PoolOptions<sqlx::Postgres> {
    PoolOptions::new()
        .max_connections(most)
        .acquire_timeout(acquire_timeout)
        // Asking each time would be a second round trip for every statement.
        .test_before_acquire(false)
        .before_acquire(|connection: &mut PgConnection, meta: PoolConnectionMetadata| {
            Box::pin(async move { Ok(meta.idle_for < TRUSTED || connection.ping().await.is_ok()) })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(WARM_UP).execute(connection).await?;
                Ok(())
            })
        })
}
