//! Conversion of failures of sqlx to errors of the ports.

use allynet_domain::port::Error;

/// Classifies a failure that is not an answer of the database.
///
/// A value that does not encode or decode, a missing column or a wrong setting is [`Error::Bug`]: the next attempt
/// fails alike. A lost, refused or busy connection is [`Error::Unavailable`]. Adapters classify [`sqlx::Error::Database`]
/// themselves, because its codes belong to the database; here it is unavailable.
pub fn driver_error(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Configuration(_)
        | sqlx::Error::ConfigFile(_)
        | sqlx::Error::InvalidArgument(_)
        | sqlx::Error::RowNotFound
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::Migrate(_)
        | sqlx::Error::InvalidSavePointStatement => Error::bug(error),
        // The enumeration may grow. What is not known to be a defect may be mended by another attempt.
        _ => Error::unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_the_next_attempt_cannot_mend_is_a_bug_and_everything_else_is_unavailable() {
        for defect in [
            sqlx::Error::Configuration("unknown option".into()),
            sqlx::Error::InvalidArgument("too many".to_owned()),
            sqlx::Error::RowNotFound,
            sqlx::Error::TypeNotFound { type_name: "geography".to_owned() },
            sqlx::Error::ColumnIndexOutOfBounds { index: 3, len: 2 },
            sqlx::Error::ColumnNotFound("severity".to_owned()),
            sqlx::Error::ColumnDecode { index: "severity".to_owned(), source: "null".into() },
            sqlx::Error::Encode("not finite".into()),
            sqlx::Error::Decode("not UTF-8".into()),
        ] {
            let text = format!("{defect:?}");
            assert!(matches!(driver_error(defect), Error::Bug(_)), "{text}");
        }
        for failure in [
            sqlx::Error::Io(io::ErrorKind::ConnectionReset.into()),
            sqlx::Error::Tls("handshake".into()),
            sqlx::Error::Protocol("unexpected message".to_owned()),
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::WorkerCrashed,
            sqlx::Error::BeginFailed,
        ] {
            let text = format!("{failure:?}");
            assert!(matches!(driver_error(failure), Error::Unavailable(_)), "{text}");
        }
    }
}
