//! Connections that are kept at hand between two calls.
//!
//! A connection that goes back to the pool is tested there, which is a task and a round trip for each call. One that has
//! just answered needs no test, so it is kept here for the next call.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{Error, PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// A connection that was without a call for longer is tested before it is used.
pub(crate) const TRUSTED: Duration = Duration::from_secs(10);
/// After so long it goes back in any case: there its age is looked at.
const AWAY: Duration = Duration::from_mins(1);

/// The connections of a pool that are at hand, and the right to use one. Clones refer to the same ones.
#[derive(Clone)]
pub(crate) struct Kept {
    pool: PgPool,
    /// No more than the pool may have connections: whoever has one finds a connection here, or there is one to be had.
    rights: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Idle>>>,
}

struct Idle {
    connection: PoolConnection<Postgres>,
    taken_at: Instant,
    last_used: Instant,
}

/// A connection in use. Dropped, it goes back to the pool.
pub(crate) struct Lent {
    connection: PoolConnection<Postgres>,
    taken_at: Instant,
    // After the connection, which is not to be had before it is given back.
    _right: OwnedSemaphorePermit,
}

impl Kept {
    /// None are kept yet. So many connections are left to those who use the pool itself.
    pub(crate) fn of(pool: PgPool, left: u32) -> Self {
        let most = pool.options().get_max_connections().saturating_sub(left);
        let rights = Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS));
        Self { pool, rights: Arc::new(rights), idle: Arc::default() }
    }

    /// The pool they are of.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How many are at hand.
    pub(crate) fn idle(&self) -> usize {
        self.idle_now().len()
    }

    /// Takes one that is at hand, or else one of the pool, which may have to make it. That goes on when nobody waits for it
    /// any more, and the connection is for whoever comes next: otherwise many who wait for a short time each would keep one
    /// another from ever having one.
    pub(crate) async fn take(&self) -> Result<Lent, Error> {
        let right = Arc::clone(&self.rights).acquire_owned().await.map_err(|_| Error::PoolClosed)?;
        if let Some(Idle { connection, taken_at, .. }) = self.take_idle() {
            return Ok(Lent { connection, taken_at, _right: right });
        }
        let kept = self.clone();
        let making = tokio::spawn(async move {
            let connection = kept.pool.acquire().await?;
            Ok(Lent { connection, taken_at: Instant::now(), _right: right })
        });
        making.await.unwrap_or(Err(Error::PoolTimedOut))
    }

    /// Keeps one that is in order for the next call.
    pub(crate) fn keep(&self, lent: Lent) {
        let now = Instant::now();
        if now - lent.taken_at > AWAY {
            return;
        }
        let Lent { connection, taken_at, _right } = lent;
        let mut idle = self.idle_now();
        // Under the lock: what is kept after it was closed would never be given back.
        if !self.rights.is_closed() {
            idle.push(Idle { connection, taken_at, last_used: now });
        }
    }

    /// A connection was lost, and so the others may be: they are tested before they are used again.
    pub(crate) fn distrust(&self) {
        self.idle_now().clear();
    }

    /// Closes all connections after the calls that run.
    pub(crate) async fn close(&self) {
        self.rights.close();
        self.idle_now().clear();
        self.pool.close().await;
    }

    /// The one that was used last, if that was not long ago; then all others are older.
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle_now();
        let newest = idle.pop()?;
        if newest.last_used.elapsed() < TRUSTED {
            return Some(newest);
        }
        idle.clear();
        None
    }

    fn idle_now(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Closes the connection, whose answer would come too late.
    pub(crate) fn give_up(self) {
        drop(self.connection.detach());
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use sqlx::pool::PoolOptions;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LIMIT: Duration = Duration::from_secs(5);

    /// The connections of a pool of so many.
    fn kept(most: u32, left: u32) -> Kept {
        let url = env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL must name a PostgreSQL");
        Kept::of(PoolOptions::new().max_connections(most).connect_lazy(&url).unwrap(), left)
    }

    async fn process(lent: &mut Lent) -> i32 {
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut **lent).await.unwrap()
    }

    #[tokio::test]
    async fn one_that_is_kept_is_used_next_and_does_not_go_back_between() {
        let kept = kept(2, 0);
        let mut first = kept.take().await.unwrap();
        let used = process(&mut first).await;
        for _ in 0..3 {
            kept.keep(first);
            assert_eq!((kept.idle(), kept.pool().num_idle()), (1, 0));
            first = kept.take().await.unwrap();
            assert_eq!(process(&mut first).await, used);
        }
        first.give_up();
        let mut next = kept.take().await.unwrap();
        assert_ne!(process(&mut next).await, used);
    }

    #[tokio::test]
    async fn there_are_no_more_than_there_may_be_and_one_is_left_to_others() {
        let kept = kept(2, 1);
        let first = kept.take().await.unwrap();
        assert!(timeout(SOON, kept.take()).await.is_err());
        timeout(LIMIT, kept.pool().acquire()).await.unwrap().unwrap();
        let waiting = tokio::spawn({
            let kept = kept.clone();
            async move { kept.take().await.map(drop) }
        });
        kept.keep(first);
        timeout(LIMIT, waiting).await.unwrap().unwrap().unwrap();
        // Dropped and not kept, it is tested in the pool, and there to be had.
        timeout(LIMIT, kept.take()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn distrusted_or_closed_they_go_back() {
        let kept = kept(2, 0);
        let (first, second) = (kept.take().await.unwrap(), kept.take().await.unwrap());
        kept.keep(first);
        kept.distrust();
        assert_eq!(kept.idle(), 0);
        let closing = tokio::spawn({
            let kept = kept.clone();
            async move { kept.close().await }
        });
        tokio::time::sleep(SOON).await;
        assert!(matches!(kept.take().await, Err(Error::PoolClosed)));
        kept.keep(second);
        timeout(LIMIT, closing).await.unwrap().unwrap();
        assert_eq!((kept.idle(), kept.pool().size()), (0, 0));
    }
}
