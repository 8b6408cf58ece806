//! A background task that fails again and again says so once.

use std::error::Error;

/// Whether a task fails at present.
pub(crate) struct Outage {
    text: &'static str,
    lasts: bool,
}

impl Outage {
    /// None so far; `text` is logged when one begins.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, lasts: false }
    }

    /// Takes in what came of an attempt; hands out its success.
    pub(crate) fn saw<T, E: Error + 'static>(&mut self, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(done) => {
                if self.lasts {
                    tracing::info!(after = self.text, "working again");
                }
                self.lasts = false;
                Some(done)
            }
            Err(error) => {
                if !self.lasts {
                    tracing::error!(error = &error as &dyn Error, "{}", self.text);
                }
                self.lasts = true;
                None
            }
        }
    }
}
