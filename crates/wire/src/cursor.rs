//! Opaque cursors of lists that are paged by time and id: `{microseconds}.{id}`.

use std::str::FromStr;

use allynet_domain::Timestamp;
use chrono::DateTime;

/// The end of the year 2200, in microseconds since 1970.
const LATEST_MICROS: i64 = 7_289_654_399_999_999;

/// The cursor of the item with this time and id.
pub fn write(at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{}.{id}", at.timestamp_micros())
}

/// Parses a cursor made by [`write()`]; `None` for any other text.
///
/// Times before 1970 and after 2200 are rejected: no item has one, and not every database can represent them.
pub fn read<Id: FromStr>(cursor: &str) -> Option<(Timestamp, Id)> {
    let (at, id) = cursor.split_once('.')?;
    let at = at.parse().ok().filter(|micros| (0..=LATEST_MICROS).contains(micros))?;
    Some((DateTime::from_timestamp_micros(at)?, id.parse().ok()?))
}
