//! A store as the suite uses it: the ports, a new database behind them, and further nodes on it.

use std::{collections::BTreeMap, panic::resume_unwind, sync::Arc};

use allynet_domain::port::{
    AccessLog, Accounts, Alerts, Blocks, Changes, ContactNotices, Contacts, Devices, Emergencies, EventLog, Exports,
    Helpers, Logins, Messages, Outbox, PasswordResets, Positions, Resources, Retention, Sessions,
};
use futures_util::future::BoxFuture;

/// The database of one test.
pub trait Database: Send + Sync + Sized + 'static {
    /// Creates an empty database with all tables.
    fn fresh() -> impl Future<Output = Self>;

    /// Connects another node to this database, like another process.
    fn connect(self: Arc<Self>) -> impl Future<Output = Store> + Send;

    /// All rows of each table as text: in lower case, ids as 32 hexadecimal digits.
    fn dump(&self) -> impl Future<Output = BTreeMap<String, String>> + Send;

    /// Removes the database, also while nodes are connected.
    fn remove(&self) -> impl Future<Output = ()> + Send;
}

/// Every persistence port of one node.
#[derive(Clone)]
pub struct Store {
    pub access_log: Arc<dyn AccessLog>,
    pub accounts: Arc<dyn Accounts>,
    pub alerts: Arc<dyn Alerts>,
    pub blocks: Arc<dyn Blocks>,
    pub changes: Arc<dyn Changes>,
    pub contact_notices: Arc<dyn ContactNotices>,
    pub contacts: Arc<dyn Contacts>,
    pub devices: Arc<dyn Devices>,
    pub emergencies: Arc<dyn Emergencies>,
    pub exports: Arc<dyn Exports>,
    pub helpers: Arc<dyn Helpers>,
    pub outbox: Arc<dyn Outbox>,
    pub log: Arc<dyn EventLog>,
    pub logins: Arc<dyn Logins>,
    pub messages: Arc<dyn Messages>,
    pub password_resets: Arc<dyn PasswordResets>,
    pub positions: Arc<dyn Positions>,
    pub resources: Arc<dyn Resources>,
    pub retention: Arc<dyn Retention>,
    pub sessions: Arc<dyn Sessions>,
    node: Arc<dyn Fn() -> BoxFuture<'static, Store> + Send + Sync>,
    dump: Arc<dyn Fn() -> BoxFuture<'static, BTreeMap<String, String>> + Send + Sync>,
}

impl Store {
    /// The ports of an adapter that implements all of them.
    pub fn new<A, D>(adapter: A, database: Arc<D>) -> Self
    where
        A: AccessLog
            + Accounts
            + Alerts
            + Blocks
            + Changes
            + ContactNotices
            + Contacts
            + Devices
            + Emergencies
            + EventLog
            + Exports
            + Helpers
            + Logins
            + Messages
            + PasswordResets
            + Outbox
            + Positions
            + Resources
            + Retention
            + Sessions
            + 'static,
        D: Database,
    {
        let adapter = Arc::new(adapter);
        let dumped = database.clone();
        Self {
            access_log: adapter.clone(),
            accounts: adapter.clone(),
            alerts: adapter.clone(),
            blocks: adapter.clone(),
            changes: adapter.clone(),
            contact_notices: adapter.clone(),
            contacts: adapter.clone(),
            devices: adapter.clone(),
            outbox: adapter.clone(),
            emergencies: adapter.clone(),
            exports: adapter.clone(),
            helpers: adapter.clone(),
            log: adapter.clone(),
            logins: adapter.clone(),
            messages: adapter.clone(),
            password_resets: adapter.clone(),
            positions: adapter.clone(),
            resources: adapter.clone(),
            retention: adapter.clone(),
            sessions: adapter,
            node: Arc::new(move || Box::pin(database.clone().connect())),
            dump: Arc::new(move || {
                let database = dumped.clone();
                Box::pin(async move { database.dump().await })
            }),
        }
    }

    /// All rows of each table, as [`Database::dump`].
    pub async fn dump(&self) -> BTreeMap<String, String> {
        (self.dump)().await
    }

    /// Another node on the same database.
    pub async fn another(&self) -> Self {
        (self.node)().await
    }
}

/// Runs a case on a new database, which is removed even if the case fails.
pub async fn run<D: Database, F>(case: impl FnOnce(Store) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let database = Arc::new(D::fresh().await);
    let store = database.clone().connect().await;
    let outcome = tokio::spawn(case(store)).await;
    database.remove().await;
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
}
