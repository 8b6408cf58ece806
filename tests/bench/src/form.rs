//! The long form, whose figures count, and the quick one, which shows in two minutes whether something has changed.

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

    /// How often each server is measured, in turn with the others.
    pub(crate) fn rounds(self) -> usize {
        self.pick(1, 3)
    }
}
