//! What an emergency remembers of changes of its details by the owner: how many there were, and what was announced before.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The number of changes that an owner may make within [`CHANGES_WINDOW`].
const MAX_CHANGES: u16 = 30;
const CHANGES_WINDOW: TimeDelta = TimeDelta::minutes(1);

/// What is remembered of the changes. Stored as JSON: fields may be added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DetailsHistory {
    /// When the minute began in which changes are counted.
    pub since: Option<Timestamp>,
    /// The number of changes since then.
    pub count: u16,
    /// Whether the kind was ever changed.
    pub kind_changed: bool,
    /// Whether the priority was ever changed.
    pub priority_changed: bool,
    /// Whether the emergency was critical when it was announced to all helpers on duty, if it was changed since.
    pub announced_critical: Option<bool>,
}

impl DetailsHistory {
    /// Whether there was no change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Counts a change; one that is `urgent` is counted, but never refused.
    ///
    /// # Errors
    /// The time until the next one is accepted.
    pub fn count(&mut self, urgent: bool, now: Timestamp) -> Result<(), TimeDelta> {
        let elapsed = self.since.map(|since| now.signed_duration_since(since));
        match elapsed.filter(|elapsed| *elapsed < CHANGES_WINDOW) {
            Some(elapsed) if self.count >= MAX_CHANGES && !urgent => {
                return Err(CHANGES_WINDOW - elapsed);
            }
            Some(_) => self.count = self.count.saturating_add(1),
            None => (self.count, self.since) = (1, Some(now)),
        }
        Ok(())
    }
}
