//! What background tasks do about an attempt that failed: which failures are worth another one, and after which delay.

use std::time::Duration;

use allynet_domain::{Error, port};

use crate::failure_log::FailureLog;

/// Delay after a failure before the next attempt.
pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt<T> {
    /// It succeeded.
    Done(T),
    /// It failed, and another attempt can help.
    Failed,
    /// It failed, and so would every other attempt.
    Lost,
}

/// The attempts of one background task. Logs when failures begin and when they end.
pub(crate) struct Retries {
    failures: FailureLog,
}

impl Retries {
    /// No attempts yet; `message` is logged when failures begin.
    pub(crate) const fn new(message: &'static str) -> Self {
        Self { failures: FailureLog::new(message) }
    }

    /// Records an attempt, and says whether another one can help.
    pub(crate) fn record<T>(&mut self, outcome: Result<T, Error>) -> Attempt<T> {
        // Trying again mends neither a row that cannot be decoded nor a statement that is wrong.
        let is_lost = matches!(outcome, Err(Error::Port(port::Error::Corrupt { .. } | port::Error::Bug(_))));
        match self.failures.record(outcome) {
            Some(done) => Attempt::Done(done),
            None if is_lost => Attempt::Lost,
            None => Attempt::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use allynet_domain::Refusal;

    use super::*;

    #[test]
    fn only_what_another_attempt_can_mend_is_tried_again() {
        let corrupt = port::Error::Corrupt { table: "alert", column: "wave", id: "1".to_owned() };
        for (outcome, expected) in [
            (Ok(7), Attempt::Done(7)),
            (Err(Error::Port(port::Error::unavailable("the test says so"))), Attempt::Failed),
            (Err(Error::Port(port::Error::Stale)), Attempt::Failed),
            (Err(Error::Refused(Refusal::NotAHelper)), Attempt::Failed),
            (Err(Error::Port(port::Error::bug("the test says so"))), Attempt::Lost),
            (Err(Error::Port(corrupt)), Attempt::Lost),
        ] {
            let told = format!("{outcome:?}");
            assert_eq!(Retries::new("it failed").record(outcome), expected, "{told}");
        }
    }
}
