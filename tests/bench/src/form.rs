//! The long form, whose figures are published, and the quick one, which shows changes within two minutes.

use std::time::Duration;

/// The size of a run.
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

    /// The time before the measurement, so that the peer's code is compiled.
    pub(crate) fn warm_up(self) -> Duration {
        Duration::from_secs(self.pick(1, 2))
    }

    /// The number of interleaved runs per server.
    pub(crate) fn rounds(self) -> usize {
        self.pick(1, 3)
    }
}
