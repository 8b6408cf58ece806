//! Times and limits of alerts.

use chrono::TimeDelta;

use crate::{Timestamp, UserId};

/// How often a helper is rung again for one emergency before [`AlertTiming::repeat_late`] applies.
pub const MAX_QUICK_REPEATS: u16 = 5;
/// Number of renewals after a cancellation that start at once; later ones wait for [`AlertTiming::renewal_pause`].
pub const MAX_QUICK_RENEWALS: u16 = 2;

/// The age at which rings are deleted: no limit counts older ones.
pub const RINGS_KEPT_FOR: TimeDelta = TimeDelta::days(2);

/// Times of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertTiming {
    /// From one wave of alerts to the next, and between two repetitions of an alert.
    pub interval: TimeDelta,
    /// After which an alert that no device has received frees its place in the wave.
    pub place_after: TimeDelta,
    /// Between two repetitions of an alert after [`MAX_QUICK_REPEATS`], and once the search is unanswered.
    pub repeat_late: TimeDelta,
    /// Minimum time between two renewals because the last helper cancelled, after [`MAX_QUICK_RENEWALS`].
    pub renewal_pause: TimeDelta,
}

impl Default for AlertTiming {
    /// A minute, 30 seconds, ten minutes, and 30 seconds.
    fn default() -> Self {
        Self {
            interval: TimeDelta::seconds(60),
            place_after: TimeDelta::seconds(30),
            repeat_late: TimeDelta::minutes(10),
            renewal_pause: TimeDelta::seconds(30),
        }
    }
}

/// Limit of the emergencies of one owner that ring the same helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormLimit {
    /// Number of emergencies of one owner that ring a helper at once within `window`.
    pub rings: u32,
    /// The period that `rings` applies to.
    pub window: TimeDelta,
    /// Time after the last ring by this owner at which a ring beyond the limit is made up.
    pub fold: TimeDelta,
}

impl Default for StormLimit {
    /// Five in ten minutes, then one a minute.
    fn default() -> Self {
        Self { rings: 5, window: TimeDelta::minutes(10), fold: TimeDelta::seconds(60) }
    }
}

impl StormLimit {
    /// Earliest time of a ring that counts at `now`.
    pub fn since(&self, now: Timestamp) -> Timestamp {
        now.checked_sub_signed(self.window).unwrap_or(Timestamp::MIN_UTC)
    }

    /// Until when a ring has to be held back after these earlier ones, or `None` if it is allowed now.
    pub fn held_until(&self, count: u32, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let due = later(last, self.fold);
        (count >= self.rings && due > now).then_some(due)
    }
}

/// The recent rings of one owner's emergencies at one helper, or at the owner themselves: those are announcements to all
/// helpers on duty. Each emergency counts once, at its first ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentRings {
    /// The helper, or the owner.
    pub helper: UserId,
    /// Number of emergencies in the window.
    pub count: u32,
    /// The last of these rings.
    pub last: Timestamp,
}

/// The end of a period, or the end of time.
pub(crate) fn later(at: Timestamp, by: TimeDelta) -> Timestamp {
    at.checked_add_signed(by).unwrap_or(Timestamp::MAX_UTC)
}
