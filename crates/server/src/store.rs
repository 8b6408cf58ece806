//! The configured database, behind the persistence ports.

use std::{path::PathBuf, sync::Arc};

use allynet_domain::{EventId, Grid, LostEvents, port};
use allynet_postgres::Postgres;
use allynet_sqlite::Sqlite;
use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use crate::settings::Database;

/// An open database. Clones share its connection pools.
#[derive(Clone)]
pub(crate) enum Store {
    /// A SQLite file.
    Sqlite(Arc<Sqlite>),
    /// A PostgreSQL database.
    Postgres(Arc<Postgres>),
}

/// The persistence ports, all served by one [`Store`].
#[derive(Clone)]
pub(crate) struct PersistencePorts {
    pub(crate) access_log: Arc<dyn port::AccessLog>,
    pub(crate) accounts: Arc<dyn port::Accounts>,
    pub(crate) alerts: Arc<dyn port::Alerts>,
    pub(crate) blocks: Arc<dyn port::Blocks>,
    pub(crate) changes: Arc<dyn port::Changes>,
    pub(crate) contact_notices: Arc<dyn port::ContactNotices>,
    pub(crate) contacts: Arc<dyn port::Contacts>,
    pub(crate) devices: Arc<dyn port::Devices>,
    pub(crate) emergencies: Arc<dyn port::Emergencies>,
    pub(crate) exports: Arc<dyn port::Exports>,
    pub(crate) helpers: Arc<dyn port::Helpers>,
    pub(crate) log: Arc<dyn port::EventLog>,
    pub(crate) logins: Arc<dyn port::Logins>,
    pub(crate) messages: Arc<dyn port::Messages>,
    pub(crate) password_resets: Arc<dyn port::PasswordResets>,
    pub(crate) outbox: Arc<dyn port::Outbox>,
    pub(crate) positions: Arc<dyn port::Positions>,
    pub(crate) resources: Arc<dyn port::Resources>,
    pub(crate) retention: Arc<dyn port::Retention>,
    pub(crate) sessions: Arc<dyn port::Sessions>,
}

impl Store {
    /// Opens the database and applies its migrations.
    ///
    /// # Errors
    /// Returns an error if it cannot be opened, or a migration fails. The error does not contain the URL of PostgreSQL,
    /// which may hold a password.
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        match database {
            Database::Sqlite(url) => {
                let store = Sqlite::open(url, &allynet_sqlite::Options::default()).await;
                let store = store.with_context(|| format!("DATABASE_URL: cannot open {url}"))?;
                store.migrate().await.context("cannot apply the database migrations")?;
                Ok(Self::Sqlite(Arc::new(store)))
            }
            Database::Postgres(url) => {
                let options = allynet_postgres::Options::default();
                let store = Postgres::connect(url.expose_secret(), options).await;
                let store = store.context("DATABASE_URL: cannot connect to PostgreSQL")?;
                store.migrate().await.context("cannot apply the database migrations")?;
                Ok(Self::Postgres(Arc::new(store)))
            }
        }
    }

    /// The ports over this database.
    pub(crate) fn ports(&self) -> PersistencePorts {
        match self {
            Self::Sqlite(store) => PersistencePorts::of(store),
            Self::Postgres(store) => PersistencePorts::of(store),
        }
    }

    /// The same for what must not wait behind other work: the store keeps connections for it.
    pub(crate) fn prioritized(&self) -> Self {
        match self {
            Self::Sqlite(store) => Self::Sqlite(Arc::new(store.prioritized())),
            Self::Postgres(store) => Self::Postgres(Arc::new(store.prioritized())),
        }
    }

    /// The same for the sender of messages, which must not take connections from requests.
    pub(crate) fn for_sender(&self) -> Self {
        match self {
            Self::Sqlite(store) => Self::Sqlite(store.clone()),
            Self::Postgres(store) => Self::Postgres(Arc::new(store.for_sender())),
        }
    }

    /// The grid of approximate places, whose key is kept in the database.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub(crate) async fn place_grid(&self) -> anyhow::Result<Grid> {
        let grid = match self {
            Self::Sqlite(store) => store.place_grid().await,
            Self::Postgres(store) => store.place_grid().await,
        };
        grid.context("cannot read the key of the grid")
    }

    /// The ranges of event numbers that were skipped when the database was restored.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub(crate) async fn lost_events(&self) -> anyhow::Result<Vec<LostEvents>> {
        let ranges = match self {
            Self::Sqlite(store) => store.lost_events().await,
            Self::Postgres(store) => store.lost_events().await,
        };
        ranges.context("cannot read which events were lost")
    }

    /// Skips the range of event numbers that `decide` returns for the newest number, and returns it.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub(crate) async fn skip_numbers(
        &self,
        decide: impl FnOnce(EventId) -> Option<LostEvents> + Send,
    ) -> anyhow::Result<Option<LostEvents>> {
        let skipped = match self {
            Self::Sqlite(store) => store.skip_numbers(decide).await,
            Self::Postgres(store) => store.skip_numbers(decide).await,
        };
        skipped.context("cannot move the numbers of events")
    }

    /// Samples the gauges of the connection pools.
    pub(crate) fn measure(&self) {
        match self {
            Self::Sqlite(store) => store.measure(),
            Self::Postgres(store) => store.measure(),
        }
    }

    /// Closes all connections after the running statements.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

impl PersistencePorts {
    fn of<S>(store: &Arc<S>) -> Self
    where
        S: port::AccessLog
            + port::Accounts
            + port::Alerts
            + port::Blocks
            + port::Changes
            + port::ContactNotices
            + port::Contacts
            + port::Devices
            + port::Emergencies
            + port::EventLog
            + port::Exports
            + port::Helpers
            + port::Logins
            + port::Messages
            + port::PasswordResets
            + port::Outbox
            + port::Positions
            + port::Resources
            + port::Retention
            + port::Sessions
            + 'static,
    {
        Self {
            access_log: store.clone(),
            accounts: store.clone(),
            alerts: store.clone(),
            blocks: store.clone(),
            changes: store.clone(),
            contact_notices: store.clone(),
            contacts: store.clone(),
            devices: store.clone(),
            emergencies: store.clone(),
            exports: store.clone(),
            helpers: store.clone(),
            log: store.clone(),
            logins: store.clone(),
            messages: store.clone(),
            password_resets: store.clone(),
            outbox: store.clone(),
            positions: store.clone(),
            resources: store.clone(),
            retention: store.clone(),
            sessions: store.clone(),
        }
    }
}

/// The path in a SQLite URL, without its parameters.
pub(crate) fn sqlite_path(url: &str) -> PathBuf {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    PathBuf::from(path.split('?').next().unwrap_or(path))
}
