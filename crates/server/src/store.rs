//! The choice of database: every persistence port, whichever adapter is behind it.

use std::{path::PathBuf, sync::Arc};

use allynet_domain::port;
use allynet_postgres::Postgres;
use allynet_sqlite::Sqlite;
use anyhow::Context as _;

use crate::settings::Database;

/// An open database. Clones share its connections.
#[derive(Clone)]
pub(crate) enum Store {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Every persistence port.
#[derive(Clone)]
pub(crate) struct Ports {
    pub(crate) accounts: Arc<dyn port::Accounts>,
    pub(crate) alerts: Arc<dyn port::Alerts>,
    pub(crate) changes: Arc<dyn port::Changes>,
    pub(crate) emergencies: Arc<dyn port::Emergencies>,
    pub(crate) helpers: Arc<dyn port::Helpers>,
    pub(crate) log: Arc<dyn port::EventLog>,
    pub(crate) messages: Arc<dyn port::Messages>,
    pub(crate) positions: Arc<dyn port::Positions>,
    pub(crate) sessions: Arc<dyn port::Sessions>,
}

impl Store {
    /// Opens the database and brings it up to date.
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        match database {
            Database::Sqlite(url) => {
                let store = Sqlite::open(url, &allynet_sqlite::Options::default()).await;
                let store = store.with_context(|| format!("DATABASE_URL: cannot open {url}"))?;
                store.migrate().await.context("cannot bring the database up to date")?;
                Ok(Self::Sqlite(store))
            }
            Database::Postgres(url) => {
                let options = allynet_postgres::Options::default();
                let store = Postgres::connect(url.expose_secret(), options).await;
                let store = store.context("DATABASE_URL: cannot use this PostgreSQL database")?;
                store.migrate().await.context("cannot bring the database up to date")?;
                Ok(Self::Postgres(store))
            }
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        match self {
            Self::Sqlite(store) => Ports::of(Arc::new(store.clone())),
            Self::Postgres(store) => Ports::of(Arc::new(store.clone())),
        }
    }

    /// Notes how the connections are used, for who asks for what is measured.
    pub(crate) fn measure(&self) {
        match self {
            Self::Sqlite(store) => store.measure(),
            Self::Postgres(store) => store.measure(),
        }
    }

    /// Closes all connections, after the statements that run.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

impl Ports {
    fn of<S>(store: Arc<S>) -> Self
    where
        S: port::Accounts
            + port::Alerts
            + port::Changes
            + port::Emergencies
            + port::EventLog
            + port::Helpers
            + port::Messages
            + port::Positions
            + port::Sessions
            + 'static,
    {
        Self {
            accounts: store.clone(),
            alerts: store.clone(),
            changes: store.clone(),
            emergencies: store.clone(),
            helpers: store.clone(),
            log: store.clone(),
            messages: store.clone(),
            positions: store.clone(),
            sessions: store,
        }
    }
}

/// The file of a SQLite URL.
pub(crate) fn file(url: &str) -> PathBuf {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    PathBuf::from(path.split('?').next().unwrap_or(path))
}
