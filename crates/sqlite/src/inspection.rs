//! What an operator asks of a file beside the running service: its state, and a copy. Neither changes it.

use std::{path::Path, time::Duration};

use allynet_domain::port::{Error, Result};
use allynet_sql::{Inspection, compare_migrations};
use sqlx::{Connection as _, SqliteConnection};
use tokio::time::timeout;

use crate::{
    database::{MIGRATIONS, parse_location},
    error::port_error,
};

const VERSION: &str = "select sqlite_version()";
const HAS_MIGRATIONS: &str = "select exists (select 1 from sqlite_master where name = '_sqlx_migrations')";
const APPLIED: &str = "select version from _sqlx_migrations where success";
/// Reads every page. One line `ok`, or what is wrong.
const QUICK_CHECK: &str = "pragma quick_check(1)";
/// A file that takes longer to read is not checked to its end.
const QUICK_CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// Copies the file as of one moment, without unused pages. Writers go on meanwhile.
const COPY: &str = "vacuum into ?1";

/// The state of a file.
///
/// # Errors
/// Returns an error if the file does not exist, cannot be read, or is damaged.
pub async fn inspect(location: &str) -> Result<Inspection> {
    let mut file = open(location).await?;
    let version: String = sqlx::query_scalar(VERSION).fetch_one(&mut file).await.map_err(port_error)?;
    let has_migrations: bool = sqlx::query_scalar(HAS_MIGRATIONS).fetch_one(&mut file).await.map_err(port_error)?;
    let applied = if has_migrations {
        sqlx::query_scalar(APPLIED).fetch_all(&mut file).await.map_err(port_error)?
    } else {
        Vec::new()
    };
    let (pending, unknown) = compare_migrations(&MIGRATIONS, &applied);
    let server =
        match timeout(QUICK_CHECK_TIMEOUT, sqlx::query_scalar::<_, String>(QUICK_CHECK).fetch_one(&mut file)).await {
            Ok(found) => match found.map_err(port_error)?.as_str() {
                "ok" => format!("SQLite {version}"),
                damage => return Err(Error::bug(format!("the file is damaged: {damage}"))),
            },
            // The connection is still reading, and is not waited for.
            Err(_) => {
                return Ok(Inspection {
                    server: format!("SQLite {version} (too large to read every page in {QUICK_CHECK_TIMEOUT:?})"),
                    pending,
                    unknown,
                    clock: None,
                });
            }
        };
    file.close().await.map_err(port_error)?;
    Ok(Inspection { server, pending, unknown, clock: None })
}

/// Copies a database, which may be in use, to an empty file.
///
/// # Errors
/// Returns an error if the database does not exist or cannot be read, or the copy cannot be written.
pub async fn copy(location: &str, to: &Path) -> Result<()> {
    let to = to.to_str().ok_or_else(|| Error::bug("the path of the copy is not UTF-8"))?;
    let mut file = open(location).await?;
    sqlx::query(COPY).bind(to).execute(&mut file).await.map_err(port_error)?;
    file.close().await.map_err(port_error)
}

/// Opens an existing file for reading. Not through a pool, whose deadlines are those of requests.
async fn open(location: &str) -> Result<SqliteConnection> {
    let options = parse_location(location)?.create_if_missing(false).read_only(true);
    SqliteConnection::connect_with(&options).await.map_err(port_error)
}
