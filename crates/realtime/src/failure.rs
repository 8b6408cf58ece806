//! Conversion of errors of the domain to failures for the client, and logging of faults.
//!
//! A refusal is an answer and is not logged; a fault is logged here, with its causes, and nowhere else.

use std::error::Error as StdError;

use allynet_domain::Error;
use allynet_wire::socket::Failure;

/// Converts an error to the failure for the client, and logs it if it is a fault.
///
/// `operation` names the attempted operation: an event name, or a few words.
pub(crate) fn to_failure(error: &Error, operation: &str) -> Failure {
    log_fault(error, operation);
    Failure::from(error)
}

/// Logs an error with its causes if it is a fault; no-op for a refusal.
pub(crate) fn log_fault(error: &Error, operation: &str) {
    if let Error::Port(error) = error {
        tracing::error!(error = error as &dyn StdError, operation, "socket operation failed");
    }
}
