//! Opaque cursors of lists that are paged by time and id.

use std::str::FromStr;

use allynet_domain::Timestamp;
use chrono::DateTime;

/// Writes a cursor.
pub fn write(at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{}.{id}", at.timestamp_micros())
}

/// Reads a cursor that [`write`] made; none for any other text. Nothing here is older than 1970, and databases do not
/// know every time before.
pub fn read<Id: FromStr>(cursor: &str) -> Option<(Timestamp, Id)> {
    let (at, id) = cursor.split_once('.')?;
    let at = at.parse().ok().filter(|&micros: &i64| micros >= 0)?;
    Some((DateTime::from_timestamp_micros(at)?, id.parse().ok()?))
}
