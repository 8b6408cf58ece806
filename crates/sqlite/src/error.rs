//! Conversion of failures of SQLite to errors of the ports.

use allynet_domain::port::{Constraint, Error, StorageFull};
use allynet_sql::driver_error;
use sqlx::error::{DatabaseError, ErrorKind};

/// Classifies a failed statement.
///
/// - A missing parent row is [`Error::Stale`]: what the change was decided on has been deleted since. So is a second device of
///   an endpoint or a session: the registration is decided again.
/// - A violated unique index that is a rule of the domain is [`Error::Conflict`].
/// - Any other violation, a missing table or column, a malformed file: [`Error::Bug`].
/// - A file that is busy, full or not readable: [`Error::Unavailable`].
pub(crate) fn port_error(error: sqlx::Error) -> Error {
    let Some(database) = error.as_database_error() else { return driver_error(error) };
    match database.kind() {
        ErrorKind::ForeignKeyViolation => Error::Stale,
        // Another registration was faster.
        ErrorKind::UniqueViolation if is_registered_device(database.message()) => Error::Stale,
        ErrorKind::UniqueViolation => match violated_rule(database.message()) {
            Some(constraint) => Error::Conflict(constraint),
            None => Error::bug(error),
        },
        _ if primary_code(database) == Some(FULL) => Error::unavailable(StorageFull::new(error)),
        _ if primary_code(database).is_some_and(is_transient) => Error::unavailable(error),
        _ => Error::bug(error),
    }
}

/// Whether a device with this endpoint or of this session is registered already.
fn is_registered_device(message: &str) -> bool {
    let columns = message.strip_prefix("UNIQUE constraint failed: ").map(str::trim);
    matches!(columns, Some("device.endpoint" | "device.session_id"))
}

/// The rule behind a unique index. SQLite names the columns of the index, not the index itself.
fn violated_rule(message: &str) -> Option<Constraint> {
    match message.strip_prefix("UNIQUE constraint failed: ")?.trim() {
        "account.email" => Some(Constraint::Email),
        "emergency.owner_id" => Some(Constraint::LiveEmergency),
        "emergency.owner_id, emergency.request_id" => Some(Constraint::RequestId),
        "response.helper_id" => Some(Constraint::Engaged),
        "message_request.emergency_id, message_request.sender_id, message_request.request_id" => {
            Some(Constraint::MessageRequestId)
        }
        "rating.emergency_id, rating.helper_id" => Some(Constraint::Rating),
        "report.emergency_id, report.reporter_id, report.about_id" => Some(Constraint::Report),
        _ => None,
    }
}

/// `SQLITE_BUSY`: another process writes, or makes the file.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(primary_code) == Some(5)
}

/// The code of <https://sqlite.org/rescode.html>, whose low byte says what went wrong and the others why.
fn primary_code(error: &dyn DatabaseError) -> Option<u8> {
    let extended: u32 = error.code()?.parse().ok()?;
    u8::try_from(extended & 0xff).ok()
}

/// `SQLITE_FULL`: the file cannot grow.
const FULL: u8 = 13;

/// Whether another attempt may succeed, be it after an operator has made room or mended a disk.
const fn is_transient(primary_code: u8) -> bool {
    matches!(
        primary_code,
        3 // PERM: access to the file was denied
            | 4 // ABORT: a callback or a roll-back ended the statement
            | 5 // BUSY
            | 6 // LOCKED: another connection of this process holds the table
            | 7 // NOMEM
            | 8 // READONLY: the file system does not take writes now
            | 9 // INTERRUPT
            | 10 // IOERR
            | FULL
            | 14 // CANTOPEN: mostly no file descriptor left
            | 15 // PROTOCOL: the lock of the write-ahead log could not be had
            | 17 // SCHEMA: it changed while the statement was prepared
            | 22 // NOLFS: the file has outgrown the system
    )
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error::Error as StdError, fmt};

    use super::*;

    /// An error with this extended code, as sqlx reports it.
    #[derive(Debug)]
    struct Reported(u32);

    impl fmt::Display for Reported {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "(code: {})", self.0)
        }
    }

    impl StdError for Reported {}

    impl DatabaseError for Reported {
        fn message(&self) -> &'static str {
            "reported by SQLite"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.to_string().into())
        }

        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn classified(code: u32) -> Error {
        port_error(sqlx::Error::Database(Box::new(Reported(code))))
    }

    #[test]
    fn each_code_of_sqlite_is_either_a_bug_or_unavailable() {
        for transient in [
            3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 17, 22, 261,  // BUSY_RECOVERY
            517,  // BUSY_SNAPSHOT
            266,  // IOERR_READ
            778,  // IOERR_WRITE
            1034, // IOERR_FSYNC
            526,  // CANTOPEN_ISDIR
            1032, // READONLY_DBMOVED
        ] {
            assert!(matches!(classified(transient), Error::Unavailable(_)), "{transient}");
        }
        for defect in [
            1, 2, 11, 12, 18, 19, 20, 21, 23, 25, 26, 267,  // CORRUPT_VTAB
            275,  // CONSTRAINT_CHECK
            1299, // CONSTRAINT_NOTNULL
            1811, // CONSTRAINT_TRIGGER
            3091, // CONSTRAINT_DATATYPE
        ] {
            assert!(matches!(classified(defect), Error::Bug(_)), "{defect}");
        }
    }

    #[test]
    fn busy_is_told_from_other_codes() {
        assert!([5, 261, 517].into_iter().all(|code| is_busy(&sqlx::Error::Database(Box::new(Reported(code))))));
        assert!(!is_busy(&sqlx::Error::Database(Box::new(Reported(6)))));
        assert!(!is_busy(&sqlx::Error::PoolTimedOut));
    }
}
