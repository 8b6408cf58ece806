//! Alert policy: which helpers are alerted by which wave.

use serde::{Deserialize, Serialize};

use crate::{AlertTiming, Metres, SkippedHelper, StormLimit, Timestamp, UserId};

/// Radii and sizes of the waves of alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertPolicy {
    radii: Vec<Metres>,
    min_helpers: u32,
    wave_size: u32,
    /// Times of waves and repetitions.
    pub timing: AlertTiming,
    /// Limit of the rings by one owner.
    pub storm: StormLimit,
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
        let (timing, storm) = (AlertTiming::default(), StormLimit::default());
        Ok(Self { radii, min_helpers, wave_size, timing, storm })
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

    /// The first wave: the preferred helpers within the smallest radius that holds enough of them, or within the largest.
    /// A radius that holds none is never enough.
    ///
    /// `in_range` must have been searched with [`Self::radii`], [`Self::min_helpers`] and [`Self::wave_size`].
    pub fn first_wave(&self, in_range: &HelpersInRange) -> Wave {
        let enough = in_range.counts.iter().position(|&count| count >= self.min_helpers.max(1));
        let index = enough.unwrap_or(self.radii.len() - 1);
        let radius = self.radii[index];
        let preferred = in_range.nearest.iter().filter(|r| r.distance <= radius);
        let mut recipients: Vec<Recipient> = preferred.take(self.wave_size as usize).copied().collect();
        recipients.sort_by(|a, b| a.distance.get().total_cmp(&b.distance.get()));
        Wave { number: 1, radius, recipients, helpers_within: in_range.counts.get(index).copied().unwrap_or(0) }
    }
}

impl Default for AlertPolicy {
    /// Radii of 5, 10 and 15 km, at least 3 helpers, 50 per wave.
    fn default() -> Self {
        Self {
            radii: [5_000.0, 10_000.0, 15_000.0].map(Metres::new).to_vec(),
            min_helpers: 3,
            wave_size: 50,
            timing: AlertTiming::default(),
            storm: StormLimit::default(),
        }
    }
}

/// Helpers on duty within range of a place: their number per radius, and the nearest of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HelpersInRange {
    /// Number of helpers within each radius, in the order of the radii asked for.
    ///
    /// Holds every radius up to the first that has enough helpers, or all of them. If the owner has an earlier emergency
    /// it reaches at least as far as the alert radius of that one. With a census, the largest radius alone.
    pub counts: Vec<u32>,
    /// The nearest within the last radius of `counts`. Proven helpers come first, then unproven ones, each group nearest first
    /// and up to the limit asked for.
    pub nearest: Vec<Recipient>,
    /// Helpers on duty that are passed over, at least those within the last radius of `counts`.
    pub skipped: Vec<SkippedHelper>,
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
    /// The distance from the centre of the helper's cell to the place that lookers-on are shown, for an emergency whose exact
    /// place is not shown. A helper who has declined is one when the alert is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse_distance: Option<Metres>,
}

impl Recipient {
    /// A helper at this distance, for an emergency whose exact place is not shown.
    pub const fn new(helper: UserId, distance: Metres) -> Self {
        Self { helper, distance, exact_distance: None, coarse_distance: None }
    }

    /// The distance that the helper may be shown, unless they are a looker-on when they are shown it.
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
    /// When the helper was rung first.
    pub first_sent_at: Option<Timestamp>,
    /// When the helper was rung last.
    pub sent_at: Option<Timestamp>,
    /// How often the helper was rung again.
    pub repeats: u16,
    /// When anything came from a device of the helper that had been sent the alert.
    pub received_at: Option<Timestamp>,
    /// When a device of the helper acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// When the helper declined; `None` again after a later acceptance.
    pub declined_at: Option<Timestamp>,
}

impl Alert {
    /// Whether it was sent, no device is known to have received it, and it was not declined.
    pub const fn is_unreceived(&self) -> bool {
        let is_received = self.acknowledged_at.is_some() || self.received_at.is_some();
        self.wave.is_some() && !is_received && self.declined_at.is_none()
    }
}

/// Counts of the alerts of an emergency. Only alerted helpers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlertCounts {
    /// Number of the last wave.
    pub wave: u16,
    /// Number of helpers alerted.
    pub alerted: u32,
    /// Of these, how many were sent it so that a device or a push service took it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent: u32,
    /// Of these, how many have acknowledged.
    pub acknowledged: u32,
    /// Of these, how many have seen it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u32,
    /// Of these, how many could be sent nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u32,
    /// Of these, how many have declined.
    pub declined: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
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
        HelpersInRange { counts: counts.to_vec(), nearest, skipped: Vec::new() }
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

    #[test]
    fn an_alert_is_unheard_until_it_is_acknowledged_received_or_declined() {
        let then = Some(Timestamp::UNIX_EPOCH);
        let sent = Alert {
            helper: Uuid::from_u128(1).into(),
            wave: Some(1),
            first_sent_at: then,
            sent_at: then,
            repeats: 0,
            received_at: None,
            acknowledged_at: None,
            declined_at: None,
        };
        assert!(sent.is_unreceived());
        for received in [
            Alert { acknowledged_at: then, ..sent },
            Alert { received_at: then, ..sent },
            Alert { declined_at: then, ..sent },
            Alert { wave: None, declined_at: then, ..sent },
        ] {
            assert!(!received.is_unreceived(), "{received:?}");
        }
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
            prop_assert!(in_range.counts[index] >= policy.min_helpers.max(1) || index == last, "too few helpers although a larger radius has more");
            prop_assert!(in_range.counts[..index].iter().all(|&n| n < policy.min_helpers.max(1)), "a smaller radius has enough");
            prop_assert_eq!(wave.number, 1);
            prop_assert_eq!(wave.helpers_within, in_range.counts[index]);
            let most = policy.wave_size().min(wave.helpers_within) as usize;
            prop_assert_eq!(&wave.recipients, &in_range.nearest[..most]);
            prop_assert!(wave.recipients.iter().all(|r| r.distance <= wave.radius));
        }
    }
}
