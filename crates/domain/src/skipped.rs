//! Helpers on duty that a search passed over, and why.

use serde::{Deserialize, Serialize};

use crate::{Metres, UserId, string_enum};

string_enum! {
    /// Why a helper on duty is not alerted to an emergency. The first that applies counts.
    SkipReason { Engaged = "engaged", Paused = "paused", Quiet = "quiet", Limit = "limit" }
}

/// A helper that a search passed over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkippedHelper {
    /// The helper.
    pub helper: UserId,
    /// The distance by which the helper would have been chosen.
    pub distance: Metres,
    /// Why it was passed over.
    pub reason: SkipReason,
}

/// How many helpers within the alert radius were passed over when helpers were chosen last, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SkippedCounts {
    /// In quiet hours.
    pub quiet: u32,
    /// In a pause.
    pub paused: u32,
    /// Responding elsewhere, or owner of a live emergency that is not anonymous.
    pub engaged: u32,
    /// At the limit of alerts per day.
    pub limit: u32,
}

impl SkippedCounts {
    /// Whether no helper was passed over.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// The number of these helpers within a radius.
    pub fn within<'a>(radius: Metres, skipped: impl IntoIterator<Item = &'a SkippedHelper>) -> Self {
        let mut counts = Self::default();
        for helper in skipped.into_iter().filter(|helper| helper.distance <= radius) {
            let count = match helper.reason {
                SkipReason::Quiet => &mut counts.quiet,
                SkipReason::Paused => &mut counts.paused,
                SkipReason::Engaged => &mut counts.engaged,
                SkipReason::Limit => &mut counts.limit,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// Whether no helper was passed over.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::id;

    #[test]
    fn only_helpers_within_the_radius_are_counted() {
        let reasons =
            [SkipReason::Quiet, SkipReason::Paused, SkipReason::Engaged, SkipReason::Limit, SkipReason::Limit];
        let skipped: Vec<_> = [1.0, 2.0, 3.0, 4.0, 5.0]
            .into_iter()
            .zip(reasons)
            .map(|(distance, reason)| SkippedHelper { helper: id(1), distance: Metres::new(distance), reason })
            .collect();
        let counts = |radius| SkippedCounts::within(Metres::new(radius), &skipped);
        assert_eq!(counts(4.0), SkippedCounts { quiet: 1, paused: 1, engaged: 1, limit: 1 });
        assert_eq!(counts(5.0), SkippedCounts { limit: 2, ..counts(4.0) });
        assert!(counts(0.5).is_empty());
    }
}
