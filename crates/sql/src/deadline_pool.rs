//! A pool that ends every call by a deadline, whatever the state of the database.
//!
//! Timeouts that the database itself enforces help only while it runs and the network works. A frozen server, or one
//! behind a broken network, answers nothing for minutes, so the time is kept on this side too.

use std::{
    fmt,
    io::{Error as IoError, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{Database, Describe, Either, Error, Execute, Executor, Pool, SqlStr};
use tokio::time::{Instant, error::Elapsed, timeout_at};

use crate::{Checkout, IdleConnections, Priority, metrics::PoolMetrics};

/// The deadline of a call, counted from its request for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// For getting a connection. The call on it may take any time.
    Acquire(Duration),
    /// For receiving the last row. A connection that has not answered by then is closed.
    Answer(Duration),
}

/// A pool with a deadline for every call and metrics. Clones share connections and counts.
///
/// As an [`Executor`] it runs each call on a connection of its own and keeps the connection for the next call, if the
/// call succeeded or the database refused it. Rows are collected before the first is handed on: statements have to
/// bound their results.
///
/// Calls fail with [`Error::PoolTimedOut`] when no connection was available in time, and with [`Error::Io`] of kind
/// `TimedOut` when no answer came in time.
///
/// Each handle has a [`Priority`] for all of its calls: see [`Self::with_priority`].
pub struct DeadlinePool<DB: Database> {
    shared: Arc<Inner<DB>>,
    priority: Priority,
}

struct Inner<DB: Database> {
    connections: IdleConnections<DB>,
    deadline: Deadline,
    calls: AtomicU64,
    metrics: PoolMetrics,
}

impl<DB: Database> Clone for DeadlinePool<DB> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), priority: self.priority }
    }
}

impl<DB: Database> fmt::Debug for DeadlinePool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("DeadlinePool");
        debug.field("pool", self.pool()).field("deadline", &self.shared.deadline).finish_non_exhaustive()
    }
}

/// The SQLSTATE of a write on a server that only reads. SQLite has other codes.
const READ_ONLY: &str = "25006";

impl<DB: Database> DeadlinePool<DB> {
    /// `name` is the value of the label `pool` of its metrics.
    pub fn new(name: &'static str, connections: IdleConnections<DB>, deadline: Deadline) -> Self {
        let (calls, metrics) = (AtomicU64::new(0), PoolMetrics::new(name));
        let shared = Arc::new(Inner { connections, deadline, calls, metrics });
        Self { shared, priority: Priority::Normal }
    }

    /// A handle to the same connections whose calls have this priority. A new pool has [`Priority::Normal`].
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { priority, ..self.clone() }
    }

    /// Number of calls so far, [`Self::acquire`] included, whatever became of them.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Sets the gauges to the present use of the pool; for when metrics are read.
    pub fn record_usage(&self) {
        self.shared.metrics.record_usage(&self.shared.connections);
    }

    /// The pool itself: without deadline, for calls that may take long.
    pub fn pool(&self) -> &Pool<DB> {
        self.shared.connections.pool()
    }

    /// A connection for several statements. Only the wait for it has a deadline.
    ///
    /// # Errors
    /// [`Error::PoolTimedOut`] when there was none in time; whatever the pool fails with when it has to connect.
    pub async fn acquire(&self) -> Result<Checkout<DB>, Error> {
        self.begin().await.map(|call| call.connection)
    }

    /// Keeps an acquired connection for the next call. Everything on it must have succeeded, and no transaction may be
    /// open; any other connection is to be dropped.
    pub fn release(&self, connection: Checkout<DB>) {
        self.shared.connections.check_in(connection);
    }

    /// Waits for the calls that run, and closes all connections. Later calls fail.
    pub async fn close(&self) {
        self.shared.connections.close().await;
    }

    async fn begin(&self) -> Result<Call<'_, DB>, Error> {
        self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let (Deadline::Acquire(limit) | Deadline::Answer(limit)) = self.shared.deadline;
        let connection = timeout_at(begun + limit, self.shared.connections.checkout(self.priority)).await;
        let connection = connection.unwrap_or(Err(Error::PoolTimedOut));
        self.shared.metrics.record_acquire(begun.elapsed(), &connection);
        let deadline = matches!(self.shared.deadline, Deadline::Answer(_)).then_some(begun + limit);
        Ok(Call { connection: connection?, deadline, pool: &self.shared })
    }
}

/// A call under way. Dropped before its end, it sends the connection back to the pool, which tests it.
struct Call<'p, DB: Database> {
    connection: Checkout<DB>,
    deadline: Option<Instant>,
    pool: &'p Inner<DB>,
}

impl<DB: Database> Call<'_, DB> {
    /// Decides what becomes of the connection.
    fn end<T>(self, outcome: Result<Result<T, Error>, Elapsed>) -> Result<T, Error> {
        let Ok(answer) = outcome else {
            // In the pool it would be tested, which waits for the answer that did not come.
            self.connection.abandon();
            self.pool.metrics.record_answer_timeout();
            return Err(Error::Io(IoError::new(ErrorKind::TimedOut, "the database did not answer in time")));
        };
        match answer {
            // After a failover, this server and all connections to it answer for as long as they are kept, and refuse
            // every write. A new connection reaches the server that was promoted.
            Err(Error::Database(refused)) if refused.code().is_some_and(|code| code == READ_ONLY) => {
                self.connection.abandon();
                self.pool.connections.abandon_idle();
                return Err(Error::Database(refused));
            }
            // The database refused the statement, and the connection is as good as before.
            Ok(_) | Err(Error::Database(_)) => self.pool.connections.check_in(self.connection),
            // A broken connection is rarely the only one.
            Err(_) => self.pool.connections.discard_idle(),
        }
        answer
    }
}

async fn until<F: Future>(deadline: Option<Instant>, answer: F) -> Result<F::Output, Elapsed> {
    match deadline {
        Some(deadline) => timeout_at(deadline, answer).await,
        None => Ok(answer.await),
    }
}

impl<'p, DB: Database> Executor<'p> for &'p DeadlinePool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let steps = async move {
            let mut call = self.begin().await?;
            let outcome = until(call.deadline, call.connection.fetch_many(query).try_collect()).await;
            let steps: Vec<_> = call.end(outcome)?;
            Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        async move {
            let mut call = self.begin().await?;
            let outcome = until(call.deadline, call.connection.fetch_all(query)).await;
            call.end(outcome)
        }
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        async move {
            let mut call = self.begin().await?;
            let outcome = until(call.deadline, call.connection.fetch_optional(query)).await;
            call.end(outcome)
        }
        .boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [DB::TypeInfo]) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'p: 'e,
    {
        async move {
            let mut call = self.begin().await?;
            let outcome = until(call.deadline, call.connection.prepare_with(sql, types)).await;
            call.end(outcome)
        }
        .boxed()
    }

    /// Required by the trait for macros that check statements at compile time; never called at run time.
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        self.pool().describe(sql)
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
    use sqlx::{
        Postgres, Sqlite,
        pool::PoolOptions,
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    };
    use tempfile::TempDir;

    use super::*;
    use crate::IdlePolicy;

    const CALL_DEADLINE: Duration = Duration::from_millis(250);

    /// Runs for seconds when nothing stops it.
    const SLOW_STATEMENT: &str = "with recursive n (n) as (select 1 union all select n + 1 from n where n < 5000000) \
                        select count(*) from n";

    /// A pool named `test`, and its metrics.
    fn pool<DB: Database>(pool: Pool<DB>, deadline: Deadline) -> (DeadlinePool<DB>, PrometheusHandle) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let connections = IdleConnections::new(pool, IdlePolicy::default());
        (metrics::with_local_recorder(&recorder, || DeadlinePool::new("test", connections, deadline)), handle)
    }

    fn file(folder: &TempDir) -> Pool<Sqlite> {
        let file = SqliteConnectOptions::new().filename(folder.path().join("test.db")).create_if_missing(true);
        SqlitePoolOptions::new().max_connections(1).connect_lazy_with(file)
    }

    fn assert_contains(metrics: &PrometheusHandle, line: &str) {
        let text = metrics.render();
        assert!(text.lines().any(|written| written == line), "{line} is missing in {text}");
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_never_answers_is_given_up_in_time() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://user@{}/database", silent.local_addr().unwrap());
        let (pool, metrics) =
            pool::<Postgres>(PoolOptions::new().connect_lazy(&url).unwrap(), Deadline::Answer(CALL_DEADLINE));
        let asked = Instant::now();
        let answer = sqlx::query("select 1").execute(&pool).await;
        assert!(matches!(answer, Err(Error::PoolTimedOut)), "{answer:?}");
        assert!(asked.elapsed() < Duration::from_secs(10));
        assert_contains(&metrics, r#"allynet_db_timeouts_total{pool="test",of="connection"} 1"#);
        assert_contains(&metrics, r#"allynet_db_acquire_duration_seconds_count{pool="test"} 1"#);
    }

    #[tokio::test]
    async fn a_connection_that_does_not_answer_in_time_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, metrics) = pool(file(&folder), Deadline::Answer(CALL_DEADLINE));
        let answer = sqlx::query(SLOW_STATEMENT).fetch_all(&pool).await;
        let timed_out = matches!(&answer, Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut);
        assert!(timed_out, "{answer:?}");
        assert_contains(&metrics, r#"allynet_db_timeouts_total{pool="test",of="answer"} 1"#);
        // The only connection is still busy, so this one is new.
        sqlx::query("select 1").execute(&pool).await.unwrap();
        assert_eq!(pool.calls(), 2);
    }

    #[tokio::test]
    async fn with_an_acquire_deadline_only_the_wait_for_a_connection_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, metrics) = pool(file(&folder), Deadline::Acquire(CALL_DEADLINE));
        let held = pool.acquire().await.unwrap();
        let answer = sqlx::query("select 1").execute(&pool).await;
        assert!(matches!(answer, Err(Error::PoolTimedOut)), "{answer:?}");
        pool.release(held);
        let started = Instant::now();
        sqlx::query(SLOW_STATEMENT).fetch_all(&pool).await.unwrap();
        assert!(started.elapsed() > CALL_DEADLINE, "the statement is too fast to show it");
        assert_contains(&metrics, r#"allynet_db_timeouts_total{pool="test",of="answer"} 0"#);
    }

    #[tokio::test]
    async fn a_refused_statement_keeps_its_connection_and_every_result_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let (pool, _) = pool(file(&folder), Deadline::Answer(Duration::from_secs(5)));
        assert!(matches!(sqlx::query("select").execute(&pool).await, Err(Error::Database(_))));
        assert_eq!(pool.shared.connections.idle(), 1);
        let several = "create table t (n); insert into t values (1), (2); select n from t";
        let done: Vec<_> = sqlx::raw_sql(several).fetch_many(&pool).try_collect().await.unwrap();
        assert_eq!(done.iter().filter(|step| step.is_right()).count(), 2);
        let numbers: Vec<i64> = sqlx::query_scalar("select n from t order by n").fetch_all(&pool).await.unwrap();
        assert_eq!(numbers, [1, 2]);
        pool.record_usage();
        assert_eq!((pool.shared.connections.idle(), pool.pool().size()), (1, 1));
    }
}
