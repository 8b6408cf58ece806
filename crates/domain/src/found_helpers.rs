//! Helpers that a search found, judged from the centres of their cells.
//!
//! Judged by their exact places, an owner who moves an emergency by metres would find a helper at the edge of a radius.

use crate::{
    Metres, Position, UserId,
    alert::Recipient,
    disclosure::AlertPlace,
    grid::helper_cell,
    near::{self, Candidate},
    skipped::{SkipReason, SkippedHelper},
};

/// The order in which found helpers are alerted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperRank {
    /// Comes first.
    Proven,
    /// A young account that has never acknowledged an alert: comes after all others.
    Unproven,
    /// The owner of an anonymous emergency, or a helper that a block separates from the owner: counts like any helper, but
    /// is not alerted.
    CountedOnly,
}

/// The helpers that a search found, in no order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundHelpers {
    /// Exact positions.
    positions: Vec<Position>,
    ranks: Vec<HelperRank>,
    /// Centres of cells, with the index of the exact position. Equally near helpers are ordered by their ids.
    candidates: Vec<Candidate<(UserId, usize)>>,
    /// Helpers that are passed over, with the centres of their cells.
    skipped: Vec<(UserId, Position, SkipReason)>,
}

impl FoundHelpers {
    /// Proven helpers with their exact positions, wanted up to the distance `reach`. The search MUST have found every helper
    /// whose cell lies within it.
    pub fn new(found: impl IntoIterator<Item = (UserId, Position)>, reach: Metres) -> Self {
        Self::ranked(found.into_iter().map(|(helper, position)| (helper, position, HelperRank::Proven)), reach)
    }

    /// As [`Self::new`], with the rank of each helper.
    pub fn ranked(found: impl IntoIterator<Item = (UserId, Position, HelperRank)>, reach: Metres) -> Self {
        let mut helpers = Self::default();
        for (index, (helper, position, rank)) in found.into_iter().enumerate() {
            helpers.positions.push(position);
            helpers.ranks.push(rank);
            helpers.candidates.push(Candidate { key: (helper, index), position: helper_cell(position), reach });
        }
        helpers
    }

    /// Adds helpers that are passed over: they are neither counted nor alerted.
    #[must_use]
    pub fn with_skipped(mut self, skipped: impl IntoIterator<Item = (UserId, Position, SkipReason)>) -> Self {
        self.skipped.extend(skipped.into_iter().map(|(id, position, reason)| (id, helper_cell(position), reason)));
        self
    }

    /// The helpers that are passed over, in no order.
    pub fn skipped(&self, place: AlertPlace) -> Vec<SkippedHelper> {
        let skipped = |&(helper, cell, reason): &(UserId, Position, SkipReason)| SkippedHelper {
            helper,
            distance: place.judged.distance_to(cell),
            reason,
        };
        self.skipped.iter().map(skipped).collect()
    }

    /// Some of these helpers.
    #[must_use]
    pub fn filtered(&self, is_wanted: impl Fn(UserId) -> bool) -> Self {
        let candidates = self.candidates.iter().filter(|candidate| is_wanted(candidate.key.0)).copied().collect();
        Self { candidates, ..self.clone() }
    }

    /// Number of helpers within a radius of an emergency.
    pub fn count_within(&self, place: AlertPlace, radius: Metres) -> u32 {
        near::count_within(place.judged, &self.candidates, radius)
    }

    /// The helpers to alert to an emergency: the nearest proven ones up to a limit, then as many unproven ones, each group
    /// nearest first.
    pub fn nearest(&self, place: AlertPlace, limit: u32) -> Vec<Recipient> {
        let of_rank = |rank| {
            let is_of_rank = |candidate: &&Candidate<(UserId, usize)>| self.ranks.get(candidate.key.1) == Some(&rank);
            let group: Vec<_> = self.candidates.iter().filter(is_of_rank).copied().collect();
            near::nearest(place.judged, &group, limit)
        };
        let nearest = of_rank(HelperRank::Proven).into_iter().chain(of_rank(HelperRank::Unproven));
        let recipient = |((helper, index), distance)| {
            let exact_distance =
                place.shown_exact.zip(self.positions.get(index)).map(|(a, b): (Position, _)| a.distance_to(*b));
            let cell = self.positions.get(index).map(|position| helper_cell(*position));
            let coarse_distance = place.shown_coarse.zip(cell).map(|(a, b): (Position, _)| a.distance_to(b));
            Recipient { helper, distance, exact_distance, coarse_distance }
        };
        nearest.map(recipient).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Details, PlacePolicy,
        testing::{details, id, position},
    };

    fn around(details: &Details, places: &[(f64, f64)]) -> (AlertPlace, FoundHelpers) {
        let here = details.location.position;
        let at = |&(north, east): &(f64, f64)| position(here.latitude() + north, here.longitude() + east);
        let found = (1..).map(id).zip(places.iter().map(at));
        (PlacePolicy::default().alert_place(details), FoundHelpers::new(found, Metres::new(9_000.0)))
    }

    #[test]
    fn two_helpers_in_one_cell_are_equally_near() {
        // Some metres apart, in the middle of a cell.
        let here = details().location.position;
        let cell = helper_cell(position(here.latitude() + 0.02, here.longitude()));
        let (north, east) = (cell.latitude() - here.latitude(), cell.longitude() - here.longitude());
        for anonymous in [false, true] {
            let details = Details { anonymous, ..details() };
            let (place, found) =
                around(&details, &[(north + 0.000_9, east), (north, east - 0.001), (north - 0.000_9, east)]);
            let nearest = found.nearest(place, 9);
            assert_eq!(
                nearest.iter().map(|r| r.helper).collect::<Vec<_>>(),
                [id(1), id(2), id(3)],
                "in the order of ids"
            );
            let judged = place.judged.distance_to(cell);
            assert!(nearest.iter().all(|recipient| recipient.distance == judged));
            for (radius, count) in [(judged.get() - 0.01, 0), (judged.get() + 0.01, 3)] {
                assert_eq!(found.count_within(place, Metres::new(radius)), count);
            }
            // Each is shown their own exact distance, but not to an approximate emergency.
            let shown: Vec<_> = nearest.iter().map(Recipient::shown_distance).collect();
            assert_eq!(shown[0] == shown[2], anonymous);
            assert_eq!(shown[0] == judged, anonymous);
        }
    }

    #[test]
    fn an_approximate_emergency_is_judged_from_its_cell() {
        let anonymous = Details { anonymous: true, ..details() };
        let (place, found) = around(&anonymous, &[(0.02, 0.0)]);
        let grid = PlacePolicy::default().grid;
        let here = details().location.position;
        let helper = helper_cell(position(here.latitude() + 0.02, here.longitude()));
        let recipient = found.nearest(place, 1)[0];
        assert_eq!(recipient.distance, grid.fine(here).distance_to(helper));
        // As if it had never been known more precisely than lookers-on know it.
        assert_eq!(recipient.coarse_distance, Some(grid.coarse(here).distance_to(helper)));
        let (place, found) = around(&details(), &[(0.02, 0.0)]);
        assert_eq!(found.nearest(place, 1)[0].coarse_distance, None);
    }

    #[test]
    fn some_of_the_helpers_keep_their_distances() {
        let (place, found) = around(&details(), &[(0.01, 0.0), (0.02, 0.0), (0.03, 0.0)]);
        let all = found.nearest(place, 9);
        let filtered = found.filtered(|helper| helper != id(2));
        assert_eq!(filtered.nearest(place, 9), [all[0], all[2]]);
    }

    #[test]
    fn unproven_helpers_come_after_all_others_and_owners_of_anonymous_emergencies_are_only_counted() {
        let here = details().location.position;
        let ranks = [HelperRank::CountedOnly, HelperRank::Unproven, HelperRank::Proven, HelperRank::Proven];
        let north = [0.01, 0.02, 0.03, 0.04].map(|north| position(here.latitude() + north, here.longitude()));
        let helpers = (1..).map(id).zip(north).zip(ranks).map(|((helper, position), rank)| (helper, position, rank));
        let found = FoundHelpers::ranked(helpers, Metres::new(9_000.0));
        let place = PlacePolicy::default().alert_place(&details());
        let nearest = |limit| found.nearest(place, limit).iter().map(|r| r.helper).collect::<Vec<_>>();
        assert_eq!(nearest(9), [id(3), id(4), id(2)]);
        assert_eq!(nearest(1), [id(3), id(2)]);
        assert_eq!(found.count_within(place, Metres::new(9_000.0)), 4);
    }
}
