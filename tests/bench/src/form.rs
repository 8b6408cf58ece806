//! The long form, whose figures count, and the quick one, which shows in two minutes whether something has changed.

use std::time::Duration;

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Quick,
    Long,
}

impl Form {
    /// One of two values.
    pub(crate) fn pick<T>(self, quick: T, long: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Long => long,
        }
    }

    /// What goes by before anything is counted: the peer has to be compiled first.
    pub(crate) fn warm_up(self) -> Duration {
        Duration::from_secs(self.pick(1, 2))
    }

    /// How often each server is measured, in turn with the others.
    pub(crate) fn rounds(self) -> usize {
        self.pick(1, 3)
    }
}
