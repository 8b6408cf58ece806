//! What a database is like, as found without changing it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::migrate::Migrator;

/// What a database is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The server or library with its version, and that of its extensions.
    pub server: String,
    /// Number of migrations that the next start applies.
    pub pending: usize,
    /// Number of migrations that were applied by a newer version.
    pub unknown: usize,
    /// The time by the clock of the server; `None` if the database is in this process.
    pub clock: Option<DateTime<Utc>>,
}

/// The numbers of migrations that are pending, and of those that were applied and are not known.
pub fn compare_migrations(known: &Migrator, applied: &[i64]) -> (usize, usize) {
    let known: BTreeSet<i64> = known.iter().map(|migration| migration.version).collect();
    let applied: BTreeSet<i64> = applied.iter().copied().collect();
    (known.difference(&applied).count(), applied.difference(&known).count())
}
