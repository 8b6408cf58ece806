//! A pool of connections that measures how long is waited for one. Knows no statement.

use std::fmt;

use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Error, Execute, Executor, Pool, SqlStr, Sqlite, Transaction,
    pool::PoolConnection,
    sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo},
};
use tokio::time::Instant;

use crate::measures::Measures;

/// A pool. Clones share it.
#[derive(Clone)]
pub(crate) struct Measured {
    pool: Pool<Sqlite>,
    measures: Measures,
}

type Steps = Vec<Either<SqliteQueryResult, SqliteRow>>;

impl Measured {
    /// A pool that is measured under this name.
    pub(crate) fn new(name: &'static str, pool: Pool<Sqlite>) -> Self {
        Self { pool, measures: Measures::new(name) }
    }

    /// Notes how it is used now.
    pub(crate) fn measure(&self) {
        self.measures.look(&self.pool);
    }

    /// A connection, when it is the caller's turn.
    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Sqlite>, Error> {
        let asked = Instant::now();
        let connection = self.pool.acquire().await;
        self.measures.waited(asked.elapsed(), &connection);
        connection
    }

    /// A transaction that this statement begins.
    pub(crate) async fn begin_with(&self, statement: &'static str) -> Result<Transaction<'static, Sqlite>, Error> {
        Transaction::begin(self.acquire().await?, Some(SqlStr::from_static(statement))).await
    }

    /// Waits for what runs, and closes all connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(&self.pool).finish()
    }
}

/// Results are bounded by their statements, so a whole one is held before it is handed on.
impl<'b> Executor<'b> for &'b Measured {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        let steps = async move {
            let steps: Steps = self.acquire().await?.fetch_many(query).try_collect().await?;
            Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<SqliteRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        async move { self.acquire().await?.fetch_all(query).await }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        async move { self.acquire().await?.fetch_optional(query).await }.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, types: &'e [SqliteTypeInfo]) -> BoxFuture<'e, Result<SqliteStatement, Error>>
    where
        'b: 'e,
    {
        async move { self.acquire().await?.prepare_with(sql, types).await }.boxed()
    }

    /// For macros that check statements while they compile; nothing here calls it.
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Sqlite>, Error>>
    where
        'b: 'e,
    {
        self.pool.describe(sql)
    }
}
