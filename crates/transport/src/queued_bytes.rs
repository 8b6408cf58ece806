//! Counter of the bytes that the Engine.IO queue holds for a session that polls.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Number of payload bytes that wait for the next poll of a session.
///
/// Added by the session's writer, subtracted when a poll is answered. It is an estimate that may only be too small: the body
/// of a poll also counts heartbeats and separators.
#[derive(Debug, Default)]
pub(crate) struct QueuedBytes(AtomicUsize);

impl QueuedBytes {
    /// Number of bytes.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds a payload that was queued.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Subtracts the body of an answered poll, down to zero.
    pub(crate) fn subtract(&self, bytes: usize) {
        let rest = |queued: usize| Some(queued.saturating_sub(bytes));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).ok();
    }
}
