//! What an operator asks of the database beside the running service: its state. Changes nothing.

use allynet_domain::Timestamp;
use allynet_sql::{Inspection, compare_migrations};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    SetupError,
    setup::{MIGRATIONS, connection_failed, unreachable},
};

/// The version of the server, that of PostGIS if it is installed, and the time.
const SERVER: &str = "
    SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'postgis'),
           clock_timestamp(), to_regclass('_sqlx_migrations') IS NOT NULL";
const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success";

/// The state of a database.
///
/// # Errors
/// Returns an error if the URL is not valid, or the server does not answer.
pub async fn inspect(url: &str) -> Result<Inspection, SetupError> {
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| SetupError::Url(error.into()))?;
    let connected = PgConnection::connect_with(&options.application_name("allynet check")).await;
    let mut connection = connected.map_err(connection_failed)?;
    let (version, postgis, clock, has_migrations): (String, Option<String>, Timestamp, bool) =
        sqlx::query_as(SERVER).fetch_one(&mut connection).await.map_err(unreachable)?;
    let applied = if has_migrations {
        sqlx::query_scalar(APPLIED).fetch_all(&mut connection).await.map_err(unreachable)?
    } else {
        Vec::new()
    };
    let (pending, unknown) = compare_migrations(&MIGRATIONS, &applied);
    connection.close().await.map_err(unreachable)?;
    let postgis = postgis.map_or_else(|| "without PostGIS".to_owned(), |version| format!("with PostGIS {version}"));
    Ok(Inspection { server: format!("PostgreSQL {version} {postgis}"), pending, unknown, clock: Some(clock) })
}
