//! A pool whose every call ends in time, whatever has become of the database.
//!
//! The server's own limit on statements helps only while the server runs. One that is frozen, or that lies behind a
//! broken network, answers nothing for minutes. So the time is kept here too, from asking for a connection to the last
//! row, and a connection that did not answer in time is closed: its answer could only ever come too late.

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
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgPool, Postgres, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::time::{Instant, error::Elapsed, timeout_at};

use crate::{
    kept::{Kept, Lent},
    measures::Measures,
};

/// A pool, and for how long a call on it may take. Counts the calls; clones share the count.
#[derive(Clone)]
pub(crate) struct Bounded {
    kept: Kept,
    limit: Duration,
    calls: Arc<AtomicU64>,
    measures: Measures,
}

type Steps = Vec<Either<PgQueryResult, PgRow>>;

impl Bounded {
    /// Connections that are measured under this name.
    pub(crate) fn new(name: &'static str, kept: Kept, limit: Duration) -> Self {
        Self { kept, limit, calls: Arc::default(), measures: Measures::new(name) }
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Notes how it is used now.
    pub(crate) fn measure(&self) {
        self.measures.look(self.kept.pool(), self.kept.idle());
    }

    /// The pool itself, for what waits by intent.
    pub(crate) const fn pool(&self) -> &PgPool {
        self.kept.pool()
    }

    /// Closes all connections after the calls that run.
    pub(crate) async fn close(&self) {
        self.kept.close().await;
    }

    async fn begin(&self) -> Result<Call<'_>, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let deadline = begun + self.limit;
        let connection = timeout_at(deadline, self.kept.take()).await.unwrap_or(Err(Error::PoolTimedOut));
        self.measures.waited(begun.elapsed(), &connection);
        Ok(Call { connection: connection?, deadline, of: self })
    }
}

/// A connection, and until when it has to answer.
struct Call<'b> {
    connection: Lent,
    deadline: Instant,
    of: &'b Bounded,
}

impl Call<'_> {
    fn end<T>(self, answered: Result<Result<T, Error>, Elapsed>) -> Result<T, Error> {
        let Ok(answer) = answered else {
            // Given back to the pool, it would be waited for there.
            self.connection.give_up();
            self.of.measures.gave_up();
            return Err(Error::Io(IoError::new(ErrorKind::TimedOut, "the database did not answer in time")));
        };
        match answer {
            Ok(_) | Err(Error::Database(_)) => self.of.kept.keep(self.connection),
            Err(_) => self.of.kept.distrust(),
        }
        answer
    }
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounded").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Results are bounded by their statements, so a whole one is held before it is handed on.
impl<'b> Executor<'b> for &'b Bounded {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let steps = async move {
            let mut call = self.begin().await?;
            let all = call.connection.fetch_many(query).try_collect();
            let answered = timeout_at(call.deadline, all).await;
            let steps: Steps = call.end(answered)?;
            Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'b: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let row = async move {
            let mut call = self.begin().await?;
            let answered = timeout_at(call.deadline, call.connection.fetch_optional(query)).await;
            call.end(answered)
        };
        row.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'b: 'e,
    {
        let statement = async move {
            let mut call = self.begin().await?;
            let answered = timeout_at(call.deadline, call.connection.prepare_with(sql, parameters)).await;
            call.end(answered)
        };
        statement.boxed()
    }
    /// For macros that check statements while they compile; nothing here calls it.
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'b: 'e,
    {
        self.kept.pool().describe(sql)
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
    use sqlx::pool::PoolOptions;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    fn measured() -> (Measures, PrometheusHandle) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        (metrics::with_local_recorder(&recorder, || Measures::new("test")), handle)
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_never_answers_is_given_up_in_time() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
        let (measures, handle) = measured();
        let kept = Kept::of(PoolOptions::new().connect_lazy(&url).unwrap(), 0);
        let pool = Bounded { kept, limit: LIMIT, calls: Arc::default(), measures };
        let asked = Instant::now();
        let answer = sqlx::query("select 1").execute(&pool).await;
        assert!(matches!(answer, Err(Error::PoolTimedOut)), "{answer:?}");
        assert!(asked.elapsed() < Duration::from_secs(2));
        let text = handle.render();
        assert!(text.contains(r#"allynet_db_timeouts_total{pool="test",of="connection"} 1"#), "{text}");
        assert!(text.contains(r#"allynet_db_acquire_duration_seconds_count{pool="test"} 1"#), "{text}");
    }
}
