//! Logging of background tasks that retry: one line when failures begin and one when they end.

use std::error::Error;

/// The failure state of one background task.
pub(crate) struct FailureLog {
    message: &'static str,
    failing: bool,
}

impl FailureLog {
    /// A log without failures; `message` is logged when they begin.
    pub(crate) const fn new(message: &'static str) -> Self {
        Self { message, failing: false }
    }

    /// Records the outcome of an attempt and returns its success, if it was one.
    ///
    /// Logs the first failure and the first success after failures; the attempts between them are not logged.
    pub(crate) fn record<T, E: Error + 'static>(&mut self, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(done) => {
                if self.failing {
                    tracing::info!(after = self.message, "background task recovered");
                }
                self.failing = false;
                Some(done)
            }
            Err(error) => {
                if !self.failing {
                    tracing::error!(error = &error as &dyn Error, "{}", self.message);
                }
                self.failing = true;
                None
            }
        }
    }
}
