//! Medians and percentiles.

use std::time::Duration;

/// The median; the mean of the two middle values for an even number, NaN for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.get(middle)) {
        (_, None) => f64::NAN,
        (length, Some(value)) if length % 2 == 1 => *value,
        (_, Some(value)) => f64::midpoint(sorted[middle - 1], *value),
    }
}

/// Durations of one kind.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The longest; `None` without any.
    pub(crate) fn slowest(&self) -> Option<Duration> {
        self.0.iter().max().copied()
    }

    /// A percentile by nearest rank, in milliseconds; NaN without values.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!(median(&[]).is_nan());
        let middle = |values: &[f64], expected: f64| (median(values) - expected).abs() < 1e-9;
        assert!(middle(&[3.0], 3.0));
        assert!(middle(&[9.0, 1.0, 2.0], 2.0));
        assert!(middle(&[4.0, 1.0, 2.0, 3.0], 2.5));
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let mut times = Times::default();
        assert!(times.percentile(99).is_nan());
        for milliseconds in (1..=200).rev() {
            times.add(Duration::from_millis(milliseconds));
        }
        assert_eq!((times.percentile(50), times.percentile(99), times.percentile(100)), (100.0, 198.0, 200.0));
        assert_eq!(times.count(), 200);
    }

    #[test]
    fn of_a_few_times_the_ninety_ninth_percentile_is_the_longest() {
        let mut times = Times::default();
        times.add(Duration::from_millis(5));
        let mut others = Times::default();
        others.add(Duration::from_millis(7));
        times.extend(others);
        assert!((times.percentile(99) - 7.0).abs() < 1e-9);
    }
}
