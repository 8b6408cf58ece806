//! How many helpers are available around an emergency, in numbers that tell of none of them who or where they are.

use crate::{Metres, UserId, disclosure::AlertPlace, found_helpers::FoundHelpers};

/// Radii within which available helpers are counted, in metres.
const COUNT_RADII: [f64; 4] = [500.0, 1_000.0, 2_000.0, 5_000.0];
/// The smallest number that is shown, but for 0 where there is no helper at all. With smaller ones, an owner could find a
/// helper by the place at which the number changes.
const MIN_SHOWN_COUNT: u32 = 3;

/// Numbers of helpers on duty around an emergency, the same for every reader. Small numbers are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableHelpers {
    /// How many of those within the largest radius are online.
    pub online: Option<u32>,
    /// How many there are within each radius, in whole metres; growing, up to the alert radius.
    pub within: Vec<(u32, Option<u32>)>,
}

impl AvailableHelpers {
    /// The largest radius within which helpers are counted.
    pub const MAX_RADIUS: Metres = Metres::new(COUNT_RADII[COUNT_RADII.len() - 1]);

    /// Counts helpers around an emergency.
    pub fn count(
        place: AlertPlace,
        alert_radius: Metres,
        found: &FoundHelpers,
        is_online: impl Fn(UserId) -> bool,
    ) -> Self {
        let radii: Vec<Metres> = COUNT_RADII.map(Metres::new).into_iter().filter(|r| *r <= alert_radius).collect();
        let farthest = radii.last().copied().unwrap_or(alert_radius);
        let counts: Vec<u32> = radii.iter().map(|&radius| found.count_within(place, radius)).collect();
        let online = found.filtered(is_online).count_within(place, farthest);
        // A 0 beside another number would tell that there are 1 or 2 where it is `None`.
        let none = online == 0 && counts.iter().all(|&count| count == 0);
        let shown = |count: u32| (none || count >= MIN_SHOWN_COUNT).then_some(count);
        let within = radii.iter().zip(counts).map(|(radius, count)| (radius.whole(), shown(count))).collect();
        Self { online: shown(online), within }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{id, position};

    /// Counts of helpers at these distances to the north, in metres.
    fn counts(metres: &[f64], alert_radius: f64, online: &[u128]) -> (Option<u32>, Vec<Option<u32>>) {
        let centre = position(0.0, 0.0);
        let place = AlertPlace { judged: centre, shown_exact: Some(centre), shown_coarse: None };
        let found = (1..).map(id).zip(metres.iter().map(|m| position(m / 111_000.0, 0.0)));
        let found = FoundHelpers::new(found, AvailableHelpers::MAX_RADIUS);
        let is_online = |user| online.iter().any(|&n| user == id(n));
        let counted = AvailableHelpers::count(place, Metres::new(alert_radius), &found, is_online);
        let radii: Vec<u32> = counted.within.iter().map(|(radius, _)| *radius).collect();
        assert_eq!(radii, [500, 1_000, 2_000, 5_000][..radii.len()]);
        (counted.online, counted.within.into_iter().map(|(_, count)| count).collect())
    }

    #[test]
    fn helpers_are_counted_within_each_radius_up_to_the_alert_radius() {
        let far = [100.0, 150.0, 180.0, 900.0, 1_900.0, 4_900.0, 5_100.0, 14_000.0];
        let all = vec![Some(3), Some(4), Some(5), Some(6)];
        assert_eq!(counts(&far, 15_000.0, &[1, 2, 3, 6, 7, 8]), (Some(4), all.clone()));
        assert_eq!(counts(&far, 5_000.0, &[1, 2, 3, 6, 7, 8]), (Some(4), all.clone()));
        assert_eq!(counts(&far, 4_999.0, &[1, 2, 3, 6, 7, 8]), (Some(3), all[..3].to_vec()));
        // No radius is as small as that: those within it may still be online.
        assert_eq!(counts(&far, 490.0, &[1, 2, 3, 4, 5]), (Some(3), vec![]));
    }

    #[test]
    fn numbers_below_three_are_withheld_and_zero_is_shown_only_where_there_is_none_at_all() {
        let zero = Some(0);
        assert_eq!(counts(&[], 5_000.0, &[]), (zero, vec![zero; 4]));
        assert_eq!(counts(&[6_000.0], 5_000.0, &[1]), (zero, vec![zero; 4]));
        assert_eq!(counts(&[100.0], 5_000.0, &[1]), (None, vec![None; 4]));
        assert_eq!(counts(&[700.0, 800.0], 5_000.0, &[]), (None, vec![None; 4]));
        assert_eq!(counts(&[700.0, 800.0, 1_500.0], 5_000.0, &[1, 2]), (None, vec![None, None, Some(3), Some(3)]));
    }
}
