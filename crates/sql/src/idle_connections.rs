//! Idle connections, kept outside the pool of sqlx between two calls.
//!
//! A pool of sqlx tests a connection when it comes back, in a task of its own: a round trip to a server, two messages
//! between threads for SQLite. For a small call that is most of the cost. A connection whose last call succeeded needs
//! no test, so it stays here for the next call; any other connection goes back to the pool.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{Database, Error, Pool, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// The limits after which a connection goes back to the pool although its last call succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdlePolicy {
    /// Connections of the pool that are never checked out here: they serve callers of the pool itself.
    pub reserved: u32,
    /// Connections that only [`Priority::High`] may use. At least one is always left for [`Priority::Normal`].
    pub reserved_for_high: u32,
    /// A connection that was idle for longer is tested by the pool before its next call.
    pub max_idle: Duration,
    /// A connection that left the pool longer ago goes back after its call, so that the pool can end its lifetime.
    pub max_age: Duration,
}

impl Default for IdlePolicy {
    /// Reserves nothing and keeps connections for ever, as suits a file, which does not go away.
    fn default() -> Self {
        Self { reserved: 0, reserved_for_high: 0, max_idle: Duration::MAX, max_age: Duration::MAX }
    }
}

/// Which connections a checkout may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// All but those that are [reserved](IdlePolicy::reserved_for_high).
    Normal,
    /// Any, and before the checkouts of [`Self::Normal`] that wait: at most one of them goes first.
    High,
}

/// The idle connections of a pool, and the permits to use one. Clones share both.
///
/// Permits of one [`Priority`] are given in the order in which they were asked for.
#[derive(Debug)]
pub struct IdleConnections<DB: Database> {
    pool: Pool<DB>,
    policy: IdlePolicy,
    /// No more permits than the pool has connections: a holder finds one idle here, or the pool has one to give.
    permits: Arc<Semaphore>,
    /// Held in addition by normal checkouts, before they ask for one of `permits`. So those that wait for `permits` are of
    /// high priority, or normal with one of these: never more normal ones than the connections that are left to them.
    normal: Arc<Semaphore>,
    /// A stack: the connection that was used last is used next, and the oldest is at the bottom.
    idle: Arc<Mutex<Vec<IdleConnection<DB>>>>,
}

#[derive(Debug)]
struct IdleConnection<DB: Database> {
    connection: PoolConnection<DB>,
    /// When the connection left the pool.
    acquired_at: Instant,
    idle_since: Instant,
}

/// A connection in use, and the permit to use it. Dropped, the connection goes back to the pool and is tested there.
#[derive(Debug)]
pub struct Checkout<DB: Database> {
    // Fields are dropped in this order. The connection must be back before the permit is, or the next holder of the
    // permit would find neither an idle connection nor one in the pool.
    connection: PoolConnection<DB>,
    acquired_at: Instant,
    _permits: Permits,
}

/// The permit to use a connection, and the second one of a normal checkout.
type Permits = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

impl<DB: Database> Clone for IdleConnections<DB> {
    fn clone(&self) -> Self {
        let Self { pool, policy, permits, normal, idle } = self;
        let (permits, normal, idle) = (Arc::clone(permits), Arc::clone(normal), Arc::clone(idle));
        Self { pool: pool.clone(), policy: *policy, permits, normal, idle }
    }
}

impl<DB: Database> IdleConnections<DB> {
    /// Wraps a pool. No connection is idle here yet.
    pub fn new(pool: Pool<DB>, policy: IdlePolicy) -> Self {
        let permits = pool.options().get_max_connections().saturating_sub(policy.reserved);
        let normal = permits.saturating_sub(policy.reserved_for_high).max(1);
        let semaphore = |n: u32| Arc::new(Semaphore::new(usize::try_from(n).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { pool, policy, permits: semaphore(permits), normal: semaphore(normal), idle: Arc::default() }
    }

    /// The pool itself.
    pub const fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Number of connections that are idle here. The pool does not count them as idle.
    pub fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    /// Waits for a permit, then takes the idle connection that was used last, or one of the pool.
    ///
    /// # Errors
    /// [`Error::PoolClosed`] after [`Self::close`]; whatever the pool fails with when it has to connect.
    pub async fn checkout(&self, priority: Priority) -> Result<Checkout<DB>, Error> {
        let permits = self.permits(priority).await?;
        if let Some(IdleConnection { connection, acquired_at, .. }) = self.pop_idle() {
            return Ok(Checkout { connection, acquired_at, _permits: permits });
        }
        // In a task, because connecting has to go on when this future is dropped: with a slow server and short
        // deadlines, callers would otherwise cancel each other's half-made connections for ever.
        let pool = self.pool.clone();
        let connecting = tokio::spawn(async move {
            let connection = pool.acquire().await?;
            Ok(Checkout { connection, acquired_at: Instant::now(), _permits: permits })
        });
        connecting.await.unwrap_or(Err(Error::PoolTimedOut))
    }

    async fn permits(&self, priority: Priority) -> Result<Permits, Error> {
        let normal = match priority {
            Priority::Normal => Some(Arc::clone(&self.normal).acquire_owned().await.map_err(|_| Error::PoolClosed)?),
            Priority::High => None,
        };
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::PoolClosed)?;
        Ok((permit, normal))
    }

    /// Keeps a connection for the next call. Its last call must have succeeded, and no transaction may be open on it.
    pub fn check_in(&self, checkout: Checkout<DB>) {
        let now = Instant::now();
        if now - checkout.acquired_at > self.policy.max_age {
            return;
        }
        // The permit lives to the end of this function, after the push: see `Checkout`.
        let Checkout { connection, acquired_at, _permits } = checkout;
        let mut idle = self.idle.lock();
        // Asked under the lock that `close` takes to clear the list: a connection pushed after that would leak.
        if !self.permits.is_closed() {
            idle.push(IdleConnection { connection, acquired_at, idle_since: now });
        }
    }

    /// Sends all idle connections back to the pool, which tests them. For when another connection was lost, since
    /// these may be lost too.
    pub fn discard_idle(&self) {
        self.idle.lock().clear();
    }

    /// Closes all idle connections: for when they may still answer, but to a server that is not to be used any more.
    pub fn abandon_idle(&self) {
        for idle in std::mem::take(&mut *self.idle.lock()) {
            drop(idle.connection.detach());
        }
    }

    /// Waits for the connections in use, and closes all of them. Later checkouts fail.
    pub async fn close(&self) {
        self.permits.close();
        self.normal.close();
        self.discard_idle();
        self.pool.close().await;
    }

    fn pop_idle(&self) -> Option<IdleConnection<DB>> {
        let mut idle = self.idle.lock();
        let last_used = idle.pop()?;
        if last_used.idle_since.elapsed() < self.policy.max_idle {
            return Some(last_used);
        }
        // All the others have been idle for longer.
        idle.clear();
        None
    }
}

impl<DB: Database> Checkout<DB> {
    /// Closes the connection instead of returning it: for one with a call under way whose answer would come too late.
    pub fn abandon(self) {
        drop(self.connection.detach());
    }
}

impl<DB: Database> Deref for Checkout<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Checkout<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{
        Connection as _, Sqlite, SqliteConnection,
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    };
    use tempfile::TempDir;
    use tokio::time::{sleep, timeout};

    use super::*;

    const SHORT_WAIT: Duration = Duration::from_millis(50);
    const TEST_TIMEOUT: Duration = Duration::from_secs(30);

    fn connections(folder: &TempDir, max: u32, policy: IdlePolicy) -> IdleConnections<Sqlite> {
        let file = SqliteConnectOptions::new().filename(folder.path().join("test.db")).create_if_missing(true);
        IdleConnections::new(SqlitePoolOptions::new().max_connections(max).connect_lazy_with(file), policy)
    }

    /// Leaves a trace on a connection by which [`is_marked`] knows it again.
    async fn mark(connection: &mut SqliteConnection) {
        sqlx::query("create temporary table mark (n)").execute(connection).await.unwrap();
    }

    async fn is_marked(connection: &mut SqliteConnection) -> bool {
        sqlx::query("select n from mark").fetch_optional(connection).await.is_ok()
    }

    #[tokio::test]
    async fn a_checked_in_connection_is_used_next_without_going_through_the_pool() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder, 2, IdlePolicy::default());
        let mut checkout = connections.checkout(Priority::Normal).await.unwrap();
        mark(&mut checkout).await;
        for _ in 0..3 {
            connections.check_in(checkout);
            assert_eq!((connections.idle(), connections.pool().num_idle()), (1, 0));
            checkout = connections.checkout(Priority::Normal).await.unwrap();
            assert!(is_marked(&mut checkout).await);
        }
        checkout.abandon();
        assert!(!is_marked(&mut connections.checkout(Priority::Normal).await.unwrap()).await);
    }

    #[tokio::test]
    async fn an_open_transaction_is_rolled_back_before_the_connection_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder, 1, IdlePolicy::default());
        let mut checkout = connections.checkout(Priority::Normal).await.unwrap();
        mark(&mut checkout).await;
        let mut transaction = checkout.begin().await.unwrap();
        sqlx::query("create table half (n)").execute(&mut *transaction).await.unwrap();
        drop(transaction);
        drop(checkout);
        let mut checkout = connections.checkout(Priority::Normal).await.unwrap();
        assert!(!checkout.is_in_transaction() && is_marked(&mut checkout).await);
        assert!(sqlx::query("select n from half").fetch_optional(&mut *checkout).await.is_err());
        assert_eq!(connections.idle(), 0);
    }

    #[tokio::test]
    async fn checkouts_never_exceed_the_pool_less_its_reserved_connections() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder, 2, IdlePolicy { reserved: 1, ..IdlePolicy::default() });
        let first = connections.checkout(Priority::Normal).await.unwrap();
        assert!(timeout(SHORT_WAIT, connections.checkout(Priority::Normal)).await.is_err());
        timeout(TEST_TIMEOUT, connections.pool().acquire()).await.unwrap().unwrap();
        let waiting = tokio::spawn({
            let connections = connections.clone();
            async move { connections.checkout(Priority::Normal).await.map(drop) }
        });
        connections.check_in(first);
        timeout(TEST_TIMEOUT, waiting).await.unwrap().unwrap().unwrap();
        // A dropped checkout has gone back through the pool, and is available again.
        timeout(TEST_TIMEOUT, connections.checkout(Priority::Normal)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_connection_goes_back_to_the_pool_when_it_was_idle_or_away_for_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let idle = connections(&folder, 1, IdlePolicy { max_idle: SHORT_WAIT, ..IdlePolicy::default() });
        idle.check_in(idle.checkout(Priority::Normal).await.unwrap());
        sleep(SHORT_WAIT * 2).await;
        assert!(idle.pop_idle().is_none());
        assert_eq!(idle.idle(), 0);

        let old = connections(&folder, 1, IdlePolicy { max_age: SHORT_WAIT, ..IdlePolicy::default() });
        let checkout = old.checkout(Priority::Normal).await.unwrap();
        sleep(SHORT_WAIT * 2).await;
        old.check_in(checkout);
        assert_eq!(old.idle(), 0);
        timeout(TEST_TIMEOUT, old.checkout(Priority::Normal)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn closing_waits_for_connections_in_use_and_keeps_none_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder, 2, IdlePolicy::default());
        let (first, second) = (
            connections.checkout(Priority::Normal).await.unwrap(),
            connections.checkout(Priority::Normal).await.unwrap(),
        );
        connections.check_in(first);
        connections.discard_idle();
        assert_eq!(connections.idle(), 0);
        let closing = tokio::spawn({
            let connections = connections.clone();
            async move { connections.close().await }
        });
        while !connections.pool().is_closed() {
            tokio::task::yield_now().await;
        }
        assert!(!closing.is_finished());
        assert!(matches!(connections.checkout(Priority::Normal).await, Err(Error::PoolClosed)));
        connections.check_in(second);
        timeout(TEST_TIMEOUT, closing).await.unwrap().unwrap();
        assert_eq!((connections.idle(), connections.pool().size()), (0, 0));
    }

    #[tokio::test]
    async fn reserved_connections_are_left_to_checkouts_of_high_priority() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder, 3, IdlePolicy { reserved_for_high: 1, ..IdlePolicy::default() });
        let checkout = |priority| {
            let connections = connections.clone();
            async move { timeout(TEST_TIMEOUT, connections.checkout(priority)).await.unwrap().unwrap() }
        };
        let _normal = (checkout(Priority::Normal).await, checkout(Priority::Normal).await);
        assert!(timeout(SHORT_WAIT, connections.checkout(Priority::Normal)).await.is_err());
        // Hundreds that wait are not in front of it.
        let waiting: Vec<_> = (0..200).map(|_| tokio::spawn(checkout(Priority::Normal))).collect();
        tokio::task::yield_now().await;
        drop(checkout(Priority::High).await);
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn of_one_connection_high_priority_is_next_but_one() {
        let folder = tempfile::tempdir().unwrap();
        let connections = connections(&folder, 1, IdlePolicy { reserved_for_high: 1, ..IdlePolicy::default() });
        let used = connections.checkout(Priority::Normal).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, priority) in [("a", Priority::Normal), ("b", Priority::Normal), ("high", Priority::High)] {
            let (connections, order) = (connections.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let checkout = connections.checkout(priority).await.unwrap();
                order.lock().push(name);
                connections.check_in(checkout);
            }));
            tokio::task::yield_now().await;
        }
        connections.check_in(used);
        for task in tasks {
            timeout(TEST_TIMEOUT, task).await.unwrap().unwrap();
        }
        assert_eq!(*order.lock(), ["high", "a", "b"]);
    }
}
