//! Connections, and how long is waited for one. Knows no statement.

use std::{fmt, sync::Arc};

use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Error, Execute, Executor, Pool, SqlStr, Sqlite,
    sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo},
};
use tokio::time::Instant;

use crate::{
    kept::{Kept, Lent},
    measures::Measures,
};

/// The connections of a pool. Clones share them.
#[derive(Clone)]
pub(crate) struct Measured(Arc<Inner>);

struct Inner {
    kept: Kept,
    measures: Measures,
}

type Steps = Vec<Either<SqliteQueryResult, SqliteRow>>;

impl Measured {
    /// A pool that is measured under this name.
    pub(crate) fn new(name: &'static str, pool: Pool<Sqlite>) -> Self {
        Self(Arc::new(Inner { kept: Kept::of(pool), measures: Measures::new(name) }))
    }

    /// Notes how it is used now.
    pub(crate) fn measure(&self) {
        self.0.measures.look(self.0.kept.pool(), self.0.kept.idle());
    }

    /// A connection, when it is the caller's turn.
    pub(crate) async fn acquire(&self) -> Result<Lent, Error> {
        let asked = Instant::now();
        let connection = self.0.kept.take().await;
        self.0.measures.waited(asked.elapsed(), &connection);
        connection
    }

    /// Keeps a connection on which all went well for the next call.
    pub(crate) fn keep(&self, connection: Lent) {
        self.0.kept.keep(connection);
    }

    /// Waits for what runs, and closes all connections.
    pub(crate) async fn close(&self) {
        self.0.kept.close().await;
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(self.0.kept.pool()).finish()
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
            let mut connection = self.acquire().await?;
            let steps: Steps = connection.fetch_many(query).try_collect().await?;
            self.keep(connection);
            Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<SqliteRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        async move {
            let mut connection = self.acquire().await?;
            let answer = connection.fetch_all(query).await?;
            self.keep(connection);
            Ok(answer)
        }
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        async move {
            let mut connection = self.acquire().await?;
            let answer = connection.fetch_optional(query).await?;
            self.keep(connection);
            Ok(answer)
        }
        .boxed()
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
        self.0.kept.pool().describe(sql)
    }
}
