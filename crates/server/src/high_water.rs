//! The high-water mark: the number of the newest event, kept outside of the database, so that a node notices at its start
//! that the database was restored from an older backup.
//!
//! A file beside a SQLite database, a key in Redis with PostgreSQL. It lags behind by a second at most.

use std::{
    fmt, fs,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use allynet_domain::{EventId, LostEvents};
use allynet_realtime::Gateway;
use allynet_redis::Redis;
use anyhow::Context as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    node_link::NodeLink,
    settings::Database,
    store::{Store, sqlite_path},
};

/// How often the mark is raised while events are stored.
const RAISE_INTERVAL: Duration = Duration::from_secs(1);

/// Where the mark of a database is kept.
pub(crate) enum HighWaterMark {
    File(PathBuf),
    Redis {
        redis: Arc<Redis>,
        database: Uuid,
    },
    /// PostgreSQL without Redis: a restore is not noticed, and `allynet after-restore` has to be run.
    None,
}

impl fmt::Display for HighWaterMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Redis { .. } => f.write_str("Redis"),
            Self::None => f.write_str("nowhere"),
        }
    }
}

impl HighWaterMark {
    /// The mark of this database.
    ///
    /// # Errors
    /// Returns an error if the database does not answer.
    pub(crate) async fn of(database: &Database, store: &Store, link: &NodeLink) -> anyhow::Result<Self> {
        Ok(match (database, store, link) {
            (Database::Sqlite(url), ..) => {
                let mut path = sqlite_path(url).into_os_string();
                path.push(".high-water");
                Self::File(path.into())
            }
            (Database::Postgres(_), Store::Postgres(store), NodeLink::Redis(redis)) => {
                let database = store.database_id().await.context("cannot read the id of the database")?;
                Self::Redis { redis: redis.clone(), database }
            }
            _ => Self::None,
        })
    }

    /// The number that is kept, if any.
    async fn read(&self) -> io::Result<Option<EventId>> {
        match self {
            Self::File(path) => read_file(path),
            Self::Redis { redis, database } => redis.high_water(*database).await.map_err(io::Error::other),
            Self::None => Ok(None),
        }
    }

    async fn raise(&self, newest: EventId) -> io::Result<()> {
        match self {
            Self::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || write_file(&path, newest)).await?
            }
            Self::Redis { redis, database } => {
                redis.raise_high_water(*database, newest).await.map_err(io::Error::other)
            }
            Self::None => Ok(()),
        }
    }
}

/// Skips the numbers of lost events if the mark shows that the database was restored. A mark that cannot be read does not
/// stop the start.
///
/// # Errors
/// Returns an error if the database does not answer.
pub(crate) async fn detect_restore(store: &Store, mark: &HighWaterMark) -> anyhow::Result<()> {
    let high_water = match mark.read().await {
        Ok(Some(high_water)) => high_water,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::warn!(
                "the high-water mark in {mark} cannot be read, so a restored database is not noticed: {error}"
            );
            return Ok(());
        }
    };
    if let Some(lost) = store.skip_numbers(|newest| LostEvents::detect(newest, high_water)).await? {
        tracing::warn!(
            newest = lost.after.get(),
            "high-water mark in {mark}: the database has lost events up to {high_water}, so it was restored from a backup. New \
             events are numbered after {}, and clients that saw lost ones read the state again",
            lost.through
        );
    }
    Ok(())
}

/// Skips the numbers of lost events of a database that was restored.
///
/// # Errors
/// Returns an error if the database does not answer.
pub(crate) async fn skip_after_restore(store: &Store, mark: &HighWaterMark) -> anyhow::Result<()> {
    let high_water = mark.read().await.with_context(|| format!("cannot read the high-water mark in {mark}"))?;
    let lost = store.skip_numbers(|newest| Some(LostEvents::after_restore(newest, high_water))).await?;
    if let Some(LostEvents { after, through }) = lost {
        tracing::info!("the numbers after {after} are skipped: new events are numbered after {through}");
    }
    Ok(())
}

/// Raises the mark while events are stored, until `stop` is cancelled.
pub(crate) async fn keep_high_water(mark: HighWaterMark, gateway: Gateway, stop: CancellationToken) {
    let keeping = async {
        let (mut kept, mut is_failing) = (EventId::START, false);
        loop {
            let newest = gateway.newest_event().await;
            if newest > kept {
                match mark.raise(newest).await {
                    Ok(()) => (kept, is_failing) = (newest, false),
                    // No fault of this node: Redis may be away.
                    Err(error) if !is_failing => {
                        is_failing = true;
                        tracing::warn!(%error, "the high-water mark in {mark} cannot be kept, retrying");
                    }
                    Err(_) => {}
                }
            }
            tokio::time::sleep(RAISE_INTERVAL).await;
        }
    };
    stop.run_until_cancelled(keeping).await;
}

fn read_file(path: &Path) -> io::Result<Option<EventId>> {
    match fs::read_to_string(path) {
        Ok(text) => match text.trim().parse() {
            Ok(number) => Ok(Some(EventId::new(number))),
            Err(error) => Err(io::Error::new(ErrorKind::InvalidData, error)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file as a whole, so that a crash leaves the old number or the new one.
fn write_file(path: &Path, newest: EventId) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let mut file = fs::File::create(&draft)?;
    writeln!(file, "{newest}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_keeps_the_last_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ally.db.high-water");
        assert_eq!(read_file(&path).unwrap(), None);
        for number in [1, 4_294_967_400] {
            write_file(&path, EventId::new(number)).unwrap();
            assert_eq!(read_file(&path).unwrap(), Some(EventId::new(number)));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
        fs::write(&path, "many").unwrap();
        read_file(&path).unwrap_err();
    }
}
