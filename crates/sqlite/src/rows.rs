//! Conversions between domain values and stored values. Knows no table and no statement.

use allynet_domain::port::{Error, Result};
use uuid::Uuid;

/// An id as 32 hexadecimal digits, for JSON that a statement takes apart with `unhex`.
pub(crate) fn hex(id: impl Into<Uuid>) -> String {
    id.into().simple().to_string()
}

/// A count that SQLite computed; one that does not fit becomes the largest.
pub(crate) fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// JSON for a statement. Fails only for values that JSON cannot hold, such as maps with structured keys.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::bug)
}
