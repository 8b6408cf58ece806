//! What a failure of SQLite means to the callers of the ports.

use allynet_domain::port::{Constraint, Error};
use sqlx::error::ErrorKind;

/// Whichever failure of sqlx: the database did not answer.
pub(crate) fn down(error: sqlx::Error) -> Error {
    Error::unavailable(error)
}

/// What a failed write means. SQLite names the columns of the index that was violated, not the index, and it is these
/// names that are looked at: one test per constraint holds them to the schema.
///
/// A missing parent row means that what the change was decided on has been deleted since.
pub(crate) fn refused(error: sqlx::Error) -> Error {
    let Some(database) = error.as_database_error() else { return down(error) };
    match database.kind() {
        ErrorKind::ForeignKeyViolation => Error::Stale,
        ErrorKind::UniqueViolation => {
            let columns = database.message().strip_prefix("UNIQUE constraint failed: ").map(str::trim);
            match columns {
                Some("account.email") => Error::Conflict(Constraint::Email),
                Some("emergency.owner_id") => Error::Conflict(Constraint::LiveEmergency),
                Some("emergency.owner_id, emergency.request_id") => Error::Conflict(Constraint::RequestId),
                Some("response.helper_id") => Error::Conflict(Constraint::Engaged),
                Some("rating.emergency_id, rating.helper_id") => Error::Conflict(Constraint::Rating),
                Some("report.emergency_id, report.reporter_id, report.about_id") => Error::Conflict(Constraint::Report),
                Some(_) | None => down(error),
            }
        }
        _ => down(error),
    }
}
