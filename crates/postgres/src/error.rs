//! What went wrong, in the port's words: which named constraint is which rule, and which code is which refusal.

use allynet_domain::port::{Constraint, Error};

/// Raised by `apply_change` when the stored revision is another.
const STALE: &str = "AN001";
/// Two transactions waited for each other, and this one gave way: decided again, it will find its turn.
const DEADLOCK: &str = "40P01";

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The URL names no PostgreSQL database.
    #[error("the database URL is not valid")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing answered there, or it refused.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The tables could not be brought up to date.
    #[error("the database cannot be migrated")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Tells what a failed statement means to the domain.
pub(crate) fn refused(error: sqlx::Error) -> Error {
    let Some(database) = error.as_database_error() else { return Error::unavailable(error) };
    if let Some(constraint) = database.constraint() {
        if let Some(rule) = rule(constraint) {
            return Error::Conflict(rule);
        }
        // The emergency was deleted since it was loaded.
        if database.is_foreign_key_violation() && constraint.ends_with("_emergency") {
            return Error::Stale;
        }
    }
    match database.code().as_deref() {
        Some(STALE | DEADLOCK) => Error::Stale,
        _ => Error::unavailable(error),
    }
}

fn rule(constraint: &str) -> Option<Constraint> {
    match constraint {
        "account_email" => Some(Constraint::Email),
        "emergency_live_owner" => Some(Constraint::LiveEmergency),
        "emergency_request_id" => Some(Constraint::RequestId),
        "response_engaged" => Some(Constraint::Engaged),
        "rating_pkey" => Some(Constraint::Rating),
        "report_pkey" => Some(Constraint::Report),
        _ => None,
    }
}
