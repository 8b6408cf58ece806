//! Conversion of a failed statement to an error of the ports, by the violated constraint or the SQLSTATE.

use allynet_domain::port::{Constraint, Error, StorageFull};

/// Raised by `apply_change_v3` when a condition of the change does not hold any more.
const STALE: &str = "AN001";
/// Raised by `apply_change_v3` when an account may not help.
const MAY_NOT_HELP: &str = "AN003";
/// Two transactions waited for each other and this one was rolled back: the change has to be decided again.
const DEADLOCK: &str = "40P01";
/// The server's disk is full.
const DISK_FULL: &str = "53100";

/// Classes of SQLSTATE whose cause can pass, so that the same statement may succeed later: connection (08), authorization
/// and missing database (28, 3D: the server is being set up or restored), rolled back transaction (40), resources (53),
/// locks and object state (55), cancelled or shut down by an operator or a timeout (57), I/O (58).
const TRANSIENT_CLASSES: [&str; 8] = ["08", "28", "3D", "40", "53", "55", "57", "58"];
/// A standby that has not been promoted yet refuses writes; timeouts that an operator set for idle transactions (25P03) and
/// whole ones (25P04).
const TRANSIENT_STATES: [&str; 3] = ["25006", "25P03", "25P04"];

/// The reason for which the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The URL is not that of a PostgreSQL database.
    #[error("the database URL is not valid")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server cannot be reached, or refused the connection.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A migration failed, or the database was migrated by a newer version.
    #[error("the database cannot be migrated")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// PostGIS is not installed on the server, or only a superuser may create it.
    #[error("PostGIS is missing in the database: let a superuser run CREATE EXTENSION postgis in it")]
    NoPostgis(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// PostGIS is in a schema in which names are not looked up.
    #[error(
        "PostGIS is in the schema {schema}, which is not in the search path: \
         run ALTER DATABASE … SET search_path = public, {schema}"
    )]
    HiddenPostgis {
        /// The schema.
        schema: String,
    },
    /// A pooler between here and the server discards the settings of connections.
    #[error(
        "a connection pooler does not pass on the settings of connections: name PostgreSQL itself, which needs no pooler, because \
         the service has its own"
    )]
    Pooler,
    /// The schema lacks a function or a view that this version uses.
    #[error("the database has no {0}: it was made for another version of this program")]
    MissingObject(&'static str),
}

/// Translates the failure of a commit: a violated rule of the domain, a stale decision, or as [`failed`].
pub(crate) fn commit_failed(error: sqlx::Error) -> Error {
    let Some(database) = error.as_database_error() else { return failed(error) };
    if let Some(constraint) = database.constraint() {
        if let Some(rule) = rule(constraint) {
            return Error::Conflict(rule);
        }
        // Another registration was faster.
        if matches!(constraint, "device_endpoint" | "device_session") {
            return Error::Stale;
        }
        // The emergency or the account was deleted since it was loaded.
        if database.is_foreign_key_violation() {
            return Error::Stale;
        }
    }
    match database.code().as_deref() {
        Some(STALE | DEADLOCK) => Error::Stale,
        Some(MAY_NOT_HELP) => Error::Conflict(Constraint::MayHelp),
        _ => failed(error),
    }
}

/// Translates the failure of a statement: `Unavailable` if trying again can mend it, else `Bug`.
pub(crate) fn failed(error: sqlx::Error) -> Error {
    let is_transient = match &error {
        sqlx::Error::Database(database) => database.code().is_some_and(|code| is_transient(&code)),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // A value that does not decode, a column that is missing, an argument that does not encode.
        _ => false,
    };
    let is_full =
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == DISK_FULL);
    match is_transient {
        true if is_full => Error::unavailable(StorageFull::new(error)),
        true => Error::unavailable(error),
        false => Error::bug(error),
    }
}

fn is_transient(code: &str) -> bool {
    TRANSIENT_STATES.contains(&code) || TRANSIENT_CLASSES.iter().any(|class| code.starts_with(class))
}

fn rule(constraint: &str) -> Option<Constraint> {
    match constraint {
        "account_email" => Some(Constraint::Email),
        "account_last_administrator" => Some(Constraint::LastAdministrator),
        "emergency_owner" => Some(Constraint::Owner),
        "emergency_live_owner" => Some(Constraint::LiveEmergency),
        "emergency_request_id" => Some(Constraint::RequestId),
        "response_engaged" => Some(Constraint::Engaged),
        "message_request_pkey" => Some(Constraint::MessageRequestId),
        "rating_pkey" => Some(Constraint::Rating),
        "report_pkey" => Some(Constraint::Report),
        "user_block_limit" => Some(Constraint::Blocks),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlstate_is_transient_only_if_a_later_attempt_can_succeed() {
        for (code, expected, why) in [
            ("08006", true, "connection failure"),
            ("25006", true, "read-only: a standby"),
            ("25P03", true, "the timeout of an idle transaction"),
            ("25P02", false, "a statement in a failed transaction"),
            ("28P01", true, "wrong password, while it is being changed"),
            ("3D000", true, "no such database, while it is being restored"),
            ("40001", true, "serialization failure"),
            ("40P01", true, "deadlock"),
            ("53100", true, "disk full"),
            ("53300", true, "too many connections"),
            ("55P03", true, "lock timeout"),
            ("57014", true, "statement timeout"),
            ("57P01", true, "shutdown"),
            ("57P03", true, "starting up"),
            ("58030", true, "I/O error"),
            ("0A000", false, "not supported"),
            ("22001", false, "string too long"),
            ("22P02", false, "text that does not parse"),
            ("23502", false, "violated NOT NULL"),
            ("23503", false, "violated foreign key"),
            ("23505", false, "violated unique constraint that is no rule of the domain"),
            ("23514", false, "violated CHECK"),
            ("25P02", false, "statement in a failed transaction"),
            ("42601", false, "syntax error"),
            ("42703", false, "undefined column"),
            ("42883", false, "undefined function"),
            ("42P01", false, "undefined table"),
            ("AN002", false, "a change with unexpected keys"),
            ("P0001", false, "raised by PL/pgSQL"),
            ("XX000", false, "internal error"),
        ] {
            assert_eq!(is_transient(code), expected, "{code}: {why}");
        }
    }

    #[test]
    fn errors_of_the_client_are_unavailable_or_bugs() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for transient in [sqlx::Error::Io(io), sqlx::Error::PoolTimedOut, sqlx::Error::PoolClosed] {
            let translated = failed(transient);
            assert!(matches!(translated, Error::Unavailable(_)), "{translated:?}");
        }
        let decode = sqlx::Error::ColumnDecode { index: "wave".to_owned(), source: "not a number".into() };
        for bug in [decode, sqlx::Error::ColumnNotFound("wave".to_owned()), sqlx::Error::RowNotFound] {
            let translated = failed(bug);
            assert!(matches!(translated, Error::Bug(_)), "{translated:?}");
        }
    }
}
