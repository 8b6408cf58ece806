//! Deciding again after a conflict with another change.

use crate::{
    Error, Refusal,
    port::{self, Backoff},
};

/// Maximum number of times that a use case decides and commits before it gives up with [`Refusal::Contended`].
pub(super) const MAX_ATTEMPTS: u32 = 8;

/// Runs `attempt` until its outcome is other than `Stale`, at most [`MAX_ATTEMPTS`] times, with a pause between.
///
/// # Errors
/// [`Refusal::Contended`] if the last attempt was stale, too.
pub(super) async fn retry_stale<T, F: Future<Output = Result<T, Error>>>(
    backoff: &dyn Backoff,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    for failed in 1..MAX_ATTEMPTS {
        match attempt().await {
            Err(Error::Port(port::Error::Stale)) => backoff.pause(failed).await,
            decided => return decided,
        }
    }
    match attempt().await {
        Err(Error::Port(port::Error::Stale)) => Err(Refusal::Contended.into()),
        decided => decided,
    }
}

/// Turns the violation of this constraint into a refusal.
pub(super) fn refuse_conflict(error: port::Error, constraint: port::Constraint, refusal: Refusal) -> Error {
    match error {
        port::Error::Conflict(c) if c == constraint => refusal.into(),
        other => other.into(),
    }
}
