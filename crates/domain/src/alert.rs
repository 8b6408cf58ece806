//! Alert policy: which helpers are alerted by which wave.

use serde::{Deserialize, Serialize};

use crate::{Metres, Timestamp, UserId};

/// Radii and sizes of the waves of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPolicy {
    radii: Vec<Metres>,
    min_helpers: u32,
    wave_size: u32,
}

/// Why an alert policy is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AlertPolicyError {
    /// The radii are empty, do not grow, or are not within 1 m to 20,000 km.
    #[error("radii must be metres from 1 to 20000000 in growing order")]
    Radii,
    /// The wave size is zero.
    #[error("a wave must reach at least one helper")]
    WaveSize,
}

impl AlertPolicy {
    /// Creates a policy: the first wave uses the first of the growing `radii` that holds `min_helpers`, and each wave
    /// alerts at most `wave_size` helpers for the first time.
    ///
    /// # Errors
    /// Returns an error if no wave could ever reach a helper.
    pub fn new(radii: Vec<Metres>, min_helpers: u32, wave_size: u32) -> Result<Self, AlertPolicyError> {
        let in_bounds = |m: &Metres| (1.0..=20_000_000.0).contains(&m.get());
        if radii.is_empty() || !radii.iter().all(in_bounds) || !radii.is_sorted_by(|a, b| a < b) {
            return Err(AlertPolicyError::Radii);
        }
        if wave_size == 0 {
            return Err(AlertPolicyError::WaveSize);
        }
        Ok(Self { radii, min_helpers, wave_size })
    }

    /// The radii, growing; never empty.
    pub fn radii(&self) -> &[Metres] {
        &self.radii
    }

    /// Number of helpers that a radius must hold for the first wave to use it, unless it is the largest.
    pub const fn min_helpers(&self) -> u32 {
        self.min_helpers
    }

    /// Maximum number of helpers that a wave alerts for the first time.
    pub const fn wave_size(&self) -> u32 {
        self.wave_size
    }

    /// The radius after this one, or `None` after the last.
    pub fn next_radius(&self, radius: Metres) -> Option<Metres> {
        self.radii.iter().copied().find(|&next| next > radius)
    }

    /// The largest radius: the maximum distance of a search for helpers.
    pub fn largest(&self) -> Metres {
        self.radii[self.radii.len() - 1]
    }

    /// The recipients of a later wave, nearest first: the nearest within `radius` that were not alerted yet, and again
    /// those that have not answered their alert.
    ///
    /// `near` holds helpers on duty, nearest first, including alerted ones. Helpers that have ever responded, for which
    /// `takes_part` is true, are left out.
    pub fn later_wave(
        &self,
        radius: Metres,
        near: &[Recipient],
        alerts: &[Alert],
        takes_part: impl Fn(UserId) -> bool,
    ) -> Vec<Recipient> {
        let known = |helper| alerts.iter().find(|a| a.helper == helper);
        let candidates = near.iter().filter(|r| !takes_part(r.helper));
        let (repeated, new): (Vec<&Recipient>, Vec<&Recipient>) = candidates.partition(|r| known(r.helper).is_some());
        let new = new.into_iter().filter(|r| r.distance <= radius).take(self.wave_size as usize);
        let unanswered = |r: &&Recipient| known(r.helper).is_some_and(Alert::is_unanswered);
        let mut recipients: Vec<Recipient> = new.chain(repeated.into_iter().filter(unanswered)).copied().collect();
        recipients.sort_by(|a, b| a.distance.get().total_cmp(&b.distance.get()));
        recipients
    }

    /// The substitute for a helper that declines or cancels: the nearest that was not alerted and has never responded.
    pub fn substitute(
        &self,
        near: &[Recipient],
        alerts: &[Alert],
        takes_part: impl Fn(UserId) -> bool,
    ) -> Option<Recipient> {
        let known = |helper| alerts.iter().any(|a| a.helper == helper);
        near.iter().find(|r| !takes_part(r.helper) && !known(r.helper)).copied()
    }

    /// The first wave: the nearest helpers within the smallest radius that holds enough of them, or within the largest.
    ///
    /// `in_range` must have been searched with [`Self::radii`], [`Self::min_helpers`] and [`Self::wave_size`].
    pub fn first_wave(&self, in_range: &HelpersInRange) -> Wave {
        let enough = in_range.counts.iter().position(|&count| count >= self.min_helpers);
        let index = enough.unwrap_or(self.radii.len() - 1);
        let radius = self.radii[index];
        let recipients = in_range.nearest.iter().take_while(|r| r.distance <= radius).copied().collect();
        Wave { number: 1, radius, recipients, helpers_within: in_range.counts.get(index).copied().unwrap_or(0) }
    }
}

impl Default for AlertPolicy {
    /// Radii of 5, 10 and 15 km, at least 3 helpers, 50 per wave.
    fn default() -> Self {
        Self { radii: [5_000.0, 10_000.0, 15_000.0].map(Metres::new).to_vec(), min_helpers: 3, wave_size: 50 }
    }
}

/// Helpers on duty within range of a place: their number per radius, and the nearest of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HelpersInRange {
    /// Number of helpers within each radius, in the order of the radii asked for.
    ///
    /// Holds every radius up to the first that has enough helpers, or all of them. If the owner has an earlier emergency
    /// it reaches at least as far as the alert radius of that one.
    pub counts: Vec<u32>,
    /// The nearest within the last radius of `counts`, nearest first, up to the limit asked for.
    pub nearest: Vec<Recipient>,
}

/// A helper to alert.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// The helper.
    pub helper: UserId,
    /// The distance that the helper was chosen by: from the centre of the helper's cell to the judged place of the
    /// emergency.
    pub distance: Metres,
    /// The distance between the exact places, for an emergency that shows its exact place to helpers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_distance: Option<Metres>,
}

impl Recipient {
    /// A helper at this distance, for an emergency whose exact place is not shown.
    pub const fn new(helper: UserId, distance: Metres) -> Self {
        Self { helper, distance, exact_distance: None }
    }

    /// The distance that the helper may be shown.
    pub fn shown_distance(&self) -> Metres {
        self.exact_distance.unwrap_or(self.distance)
    }
}

/// A group of helpers that are alerted at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    /// 1 for the first.
    pub number: u16,
    /// The alert radius.
    pub radius: Metres,
    /// The helpers to alert, nearest first.
    pub recipients: Vec<Recipient>,
    /// Number of helpers on duty within the radius, alerted or not.
    pub helpers_within: u32,
}

/// The alert of one emergency to one helper, with its answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// The helper.
    pub helper: UserId,
    /// The wave that alerted the helper first; `None` if the helper declined without having been alerted.
    pub wave: Option<u16>,
    /// When a device of the helper acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// When the helper declined; `None` again after a later acceptance.
    pub declined_at: Option<Timestamp>,
}

impl Alert {
    /// Whether it was sent and neither acknowledged nor declined.
    pub const fn is_unanswered(&self) -> bool {
        self.wave.is_some() && self.acknowledged_at.is_none() && self.declined_at.is_none()
    }
}

/// Counts of the alerts of an emergency. Only alerted helpers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertCounts {
    /// Number of the last wave.
    pub wave: u16,
    /// Number of helpers alerted.
    pub alerted: u32,
    /// Of these, how many have acknowledged.
    pub acknowledged: u32,
    /// Of these, how many have declined.
    pub declined: u32,
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{btree_set, vec},
        prelude::*,
    };
    use uuid::Uuid;

    use super::*;

    fn in_range(counts: &[u32], distances: &[f64]) -> HelpersInRange {
        let nearest =
            (1..).zip(distances).map(|(n, &d)| Recipient::new(Uuid::from_u128(n).into(), Metres::new(d))).collect();
        HelpersInRange { counts: counts.to_vec(), nearest }
    }

    #[test]
    fn the_first_wave_takes_the_smallest_radius_with_enough_helpers_or_the_largest() {
        let policy = AlertPolicy::default();
        for (counts, distances, radius, alerted, within) in [
            ([3, 3, 3], vec![1.0, 2.0, 5_000.0], 5_000.0, 3, 3),
            ([2, 3, 4], vec![1.0, 2.0, 9_000.0, 14_000.0], 10_000.0, 3, 3),
            ([0, 1, 2], vec![9_000.0, 14_000.0], 15_000.0, 2, 2),
            ([0, 0, 0], vec![], 15_000.0, 0, 0),
        ] {
            let wave = policy.first_wave(&in_range(&counts, &distances));
            assert_eq!((wave.radius.get(), wave.recipients.len(), wave.helpers_within), (radius, alerted, within));
        }
    }

    #[test]
    fn the_next_radius_is_larger_and_there_is_none_after_the_last() {
        let policy = AlertPolicy::default();
        for (radius, next) in [
            (0.0, Some(5_000.0)),
            (5_000.0, Some(10_000.0)),
            (7_000.0, Some(10_000.0)),
            (10_000.0, Some(15_000.0)),
            (15_000.0, None),
            (20_000.0, None),
        ] {
            assert_eq!(policy.next_radius(Metres::new(radius)).map(Metres::get), next);
        }
        assert_eq!(policy.largest(), Metres::new(15_000.0));
    }

    fn sent(n: u128) -> Alert {
        Alert { helper: Uuid::from_u128(n).into(), wave: Some(1), acknowledged_at: None, declined_at: None }
    }

    fn numbers<'a>(recipients: impl IntoIterator<Item = &'a Recipient>) -> Vec<u128> {
        recipients.into_iter().map(|r| Uuid::from(r.helper).as_u128()).collect()
    }

    /// The alerts to helpers 1 to 5: unanswered, acknowledged, declined, declined without having
    /// been alerted, and both acknowledged and declined.
    fn alerts_of_each_kind() -> [Alert; 5] {
        let then = Some(Timestamp::UNIX_EPOCH);
        [
            sent(1),
            Alert { acknowledged_at: then, ..sent(2) },
            Alert { declined_at: then, ..sent(3) },
            Alert { declined_at: then, wave: None, ..sent(4) },
            Alert { acknowledged_at: then, declined_at: then, ..sent(5) },
        ]
    }

    #[test]
    fn only_an_alert_that_was_sent_and_not_answered_is_unanswered() {
        assert_eq!(alerts_of_each_kind().map(|a| a.is_unanswered()), [true, false, false, false, false]);
    }

    #[test]
    fn a_later_wave_alerts_new_helpers_within_the_radius_and_repeats_unanswered_alerts_nearest_first() {
        let policy = AlertPolicy::new(AlertPolicy::default().radii, 3, 2).unwrap();
        let near = in_range(&[], &[1.0, 2.0, 3.0, 4.0, 5.0, 6_000.0, 7_000.0, 8_000.0, 11_000.0]).nearest;
        let wave = |radius: f64, alerts: &[Alert], responded: &[u128]| {
            let takes_part = |helper: UserId| responded.contains(&Uuid::from(helper).as_u128());
            numbers(&policy.later_wave(Metres::new(radius), &near, alerts, takes_part))
        };
        assert_eq!(
            wave(10_000.0, &alerts_of_each_kind(), &[]),
            [1, 6, 7],
            "at most two new ones; the repeated do not count"
        );
        assert_eq!(wave(5_000.0, &alerts_of_each_kind(), &[]), [1], "no new helper is within");
        assert_eq!(
            wave(10_000.0, &alerts_of_each_kind(), &[1, 6]),
            [7, 8],
            "helpers that ever responded are not alerted again"
        );
        assert_eq!(
            wave(15_000.0, &[alerts_of_each_kind().as_slice(), &[sent(6), sent(7), sent(8)]].concat(), &[]),
            [1, 6, 7, 8, 9]
        );
        // Alerted as a substitute, and so possibly beyond the radius of the wave.
        assert_eq!(wave(5_000.0, &[sent(9)], &[1, 2, 3, 4, 5]), [9]);
        assert_eq!(wave(10_000.0, &[sent(90)], &[1, 2, 3, 4, 5]), [6, 7], "an alerted helper that is no longer near");
    }

    #[test]
    fn a_substitute_is_the_nearest_helper_that_was_not_alerted_and_never_responded() {
        let policy = AlertPolicy::default();
        let near = in_range(&[], &[1.0, 2.0, 3.0, 4.0, 5.0, 6_000.0, 14_000.0]).nearest;
        let substitute = |alerts: &[Alert], responded: &[u128]| {
            let takes_part = |helper: UserId| responded.contains(&Uuid::from(helper).as_u128());
            numbers(&policy.substitute(&near, alerts, takes_part))
        };
        assert_eq!(substitute(&[], &[]), [1]);
        assert_eq!(substitute(&alerts_of_each_kind(), &[]), [6]);
        assert_eq!(substitute(&alerts_of_each_kind(), &[6]), [7], "as far as the largest radius");
        assert_eq!(substitute(&alerts_of_each_kind(), &[6, 7]), []);
    }

    #[test]
    fn radii_must_grow() {
        let m = |radii: &[f64]| AlertPolicy::new(radii.iter().copied().map(Metres::new).collect(), 3, 50);
        assert!(m(&[5.0, 10.0]).is_ok());
        for wrong in [&[][..], &[5.0, 5.0], &[10.0, 5.0], &[0.0], &[f64::NAN], &[20_000_000.1]] {
            assert_eq!(m(wrong), Err(AlertPolicyError::Radii));
        }
        assert_eq!(AlertPolicy::new(vec![Metres::new(5.0)], 3, 0), Err(AlertPolicyError::WaveSize));
    }

    /// Policies, with the distances of helpers from an emergency.
    fn neighbourhoods() -> impl Strategy<Value = (AlertPolicy, Vec<u32>)> {
        let radii = btree_set(1..50_000_u32, 1..6);
        let policy = (radii, 0..8_u32, 1..8_u32).prop_map(|(radii, min_helpers, wave_size)| {
            let radii = radii.into_iter().map(|r| Metres::new(r.into())).collect();
            AlertPolicy::new(radii, min_helpers, wave_size).unwrap()
        });
        (policy, vec(0..60_000_u32, 0..20))
    }

    fn in_range_of(policy: &AlertPolicy, helpers: &[u32]) -> HelpersInRange {
        let within = |radius: &Metres| helpers.iter().filter(|&&d| f64::from(d) <= radius.get()).count();
        let counts: Vec<_> = policy.radii().iter().map(|r| u32::try_from(within(r)).unwrap()).collect();
        let mut distances: Vec<_> = helpers.iter().copied().map(f64::from).collect();
        distances.sort_by(f64::total_cmp);
        distances.retain(|&d| d <= policy.radii().last().unwrap().get());
        distances.truncate(policy.wave_size() as usize);
        in_range(&counts, &distances)
    }

    proptest! {
        #[test]
        fn a_first_wave_reaches_the_nearest_within_a_radius_that_is_no_larger_than_needed(
            (policy, helpers) in neighbourhoods()
        ) {
            let in_range = in_range_of(&policy, &helpers);
            let wave = policy.first_wave(&in_range);
            let index = policy.radii().iter().position(|&r| r == wave.radius).unwrap();
            let last = policy.radii().len() - 1;
            prop_assert!(in_range.counts[index] >= policy.min_helpers || index == last, "too few helpers although a larger radius has more");
            prop_assert!(in_range.counts[..index].iter().all(|&n| n < policy.min_helpers), "a smaller radius has enough");
            prop_assert_eq!(wave.number, 1);
            prop_assert_eq!(wave.helpers_within, in_range.counts[index]);
            let most = policy.wave_size().min(wave.helpers_within) as usize;
            prop_assert_eq!(&wave.recipients, &in_range.nearest[..most]);
            prop_assert!(wave.recipients.iter().all(|r| r.distance <= wave.radius));
        }

        #[test]
        fn a_later_wave_alerts_each_once_and_the_right_ones(
            (policy, helpers) in neighbourhoods(), fates in vec(0..7_u8, 20), radius in 1..60_000_u32
        ) {
            let mut distances: Vec<_> = helpers.iter().copied().map(f64::from).collect();
            distances.sort_by(f64::total_cmp);
            let near = in_range(&[], &distances).nearest;
            let radius = Metres::new(radius.into());
            let fate = |helper: UserId| fates[usize::try_from(Uuid::from(helper).as_u128()).unwrap() - 1];
            // 0 to 4 as in `alerts_of_each_kind`, 5: responded, 6: nothing yet.
            let alerts: Vec<_> = near.iter().filter(|r| fate(r.helper) < 5)
                .map(|r| Alert { helper: r.helper, ..super::tests::alerts_of_each_kind()[usize::from(fate(r.helper))] }).collect();
            let wave = policy.later_wave(radius, &near, &alerts, |helper| fate(helper) == 5);
            prop_assert!(wave.is_sorted_by(|a, b| a.distance <= b.distance));
            let again: Vec<_> = wave.iter().filter(|r| fate(r.helper) == 0).copied().collect();
            let new: Vec<_> = wave.iter().filter(|r| fate(r.helper) == 6).copied().collect();
            prop_assert_eq!(again.len() + new.len(), wave.len(), "a helper is alerted again");
            let unanswered: Vec<_> = near.iter().filter(|r| fate(r.helper) == 0).copied().collect();
            prop_assert_eq!(again, unanswered);
            let within = near.iter().filter(|r| fate(r.helper) == 6 && r.distance <= radius).copied();
            prop_assert_eq!(new, within.take(policy.wave_size as usize).collect::<Vec<_>>());
        }
    }
}
