//! Connections that are kept at hand between two calls.
//!
//! A pool tests a connection before it lends it and when it comes back: each is a message to the connection's thread and
//! one back, and most of what a small call costs. A file does not go away, so a connection on which all went well is kept
//! here for the next call. Whatever went otherwise is left to the pool and its tests.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sqlx::{Error, Pool, Sqlite, SqliteConnection, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The connections of a pool that are at hand, and the right to use one.
pub(crate) struct Kept {
    pool: Pool<Sqlite>,
    /// As many as the pool may have connections, first come first served: whoever has one finds a connection here, or there
    /// is one to be had.
    rights: Arc<Semaphore>,
    /// None after the end.
    idle: Mutex<Option<Vec<PoolConnection<Sqlite>>>>,
}

/// A connection in use. Dropped, it goes back to the pool.
pub(crate) struct Lent {
    connection: PoolConnection<Sqlite>,
    // After the connection, which is not to be had before it is given back.
    _right: OwnedSemaphorePermit,
}

impl Kept {
    /// None are kept yet.
    pub(crate) fn of(pool: Pool<Sqlite>) -> Self {
        let most = usize::try_from(pool.options().get_max_connections()).unwrap_or(Semaphore::MAX_PERMITS);
        Self { pool, rights: Arc::new(Semaphore::new(most)), idle: Mutex::new(Some(Vec::new())) }
    }

    /// The pool they are of.
    pub(crate) const fn pool(&self) -> &Pool<Sqlite> {
        &self.pool
    }

    /// How many are at hand.
    pub(crate) fn idle(&self) -> usize {
        self.kept().as_ref().map_or(0, Vec::len)
    }

    /// A connection, when it is the caller's turn.
    pub(crate) async fn take(&self) -> Result<Lent, Error> {
        let patience = self.pool.options().get_acquire_timeout();
        let right = timeout(patience, Arc::clone(&self.rights).acquire_owned()).await;
        let right = right.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let kept = self.kept().as_mut().and_then(Vec::pop);
        let connection = match kept {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(Lent { connection, _right: right })
    }

    /// Keeps a connection for the next call: everything that was asked of it was answered, and no transaction runs.
    pub(crate) fn keep(&self, lent: Lent) {
        // The right is given back last.
        let Lent { connection, _right } = lent;
        if let Some(idle) = self.kept().as_mut() {
            idle.push(connection);
        }
    }

    /// Waits for what runs, and closes all connections.
    pub(crate) async fn close(&self) {
        self.rights.close();
        let idle = self.kept().take();
        drop(idle);
        self.pool.close().await;
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<PoolConnection<Sqlite>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Lent {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, sqlite::SqlitePoolOptions};

    use super::*;

    fn kept(folder: &tempfile::TempDir) -> Kept {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("some.db"));
        Kept::of(SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options.create_if_missing(true)))
    }

    async fn mark(connection: &mut SqliteConnection) {
        sqlx::query("create temporary table mark (n)").execute(connection).await.unwrap();
    }

    async fn is_marked(connection: &mut SqliteConnection) -> bool {
        sqlx::query("select n from mark").fetch_optional(connection).await.is_ok()
    }

    #[tokio::test]
    async fn what_is_kept_is_used_next_and_what_is_not_goes_through_the_pool() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(&folder);
        let mut lent = kept.take().await.unwrap();
        mark(&mut lent).await;
        kept.keep(lent);
        assert_eq!((kept.idle(), kept.pool().num_idle()), (1, 0));
        let mut lent = kept.take().await.unwrap();
        assert!(is_marked(&mut lent).await);

        // A transaction that nobody ended is rolled back before anybody else has the connection.
        let mut transaction = lent.begin().await.unwrap();
        sqlx::query("create table half (n)").execute(&mut *transaction).await.unwrap();
        drop(transaction);
        drop(lent);
        let mut lent = kept.take().await.unwrap();
        assert!(!lent.is_in_transaction() && is_marked(&mut lent).await);
        assert!(sqlx::query("select n from half").fetch_optional(&mut *lent).await.is_err());
        assert_eq!(kept.idle(), 0);
    }

    #[tokio::test]
    async fn the_end_waits_for_what_runs_and_nothing_is_kept_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Arc::new(kept(&folder));
        let lent = kept.take().await.unwrap();
        let closing = tokio::spawn({
            let kept = Arc::clone(&kept);
            async move { kept.close().await }
        });
        while !kept.pool().is_closed() {
            tokio::task::yield_now().await;
        }
        assert!(!closing.is_finished());
        kept.keep(lent);
        closing.await.unwrap();
        assert_eq!(kept.idle(), 0);
        assert!(matches!(kept.take().await, Err(Error::PoolClosed)));
    }
}
