//! Means, percentiles, and paired differences with their bootstrap interval.

use crate::random::Stream;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 400;
/// Of these, how many lie beyond each end of the 95 % interval.
const TAIL: usize = RESAMPLES / 40;
/// Half the 95 % interval of a mean in standard errors.
const NORMAL_95: f64 = 1.96;

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / as_f64(values.len().max(1))
}

/// Half the 95 % interval of the mean.
pub(crate) fn half_interval(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let count = as_f64(values.len());
    NORMAL_95 * (squares / (count - 1.0).max(1.0) / count.max(1.0)).sqrt()
}

/// A percentile by nearest rank.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Which incidents each resample consists of.
pub(crate) struct Bootstrap(Vec<Vec<u32>>);

impl Bootstrap {
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut stream = Stream::of(&[seed, 0xb007]);
        let draw = |stream: &mut Stream| u32::try_from(stream.below(count)).unwrap_or(0);
        Self((0..RESAMPLES).map(|_| (0..count).map(|_| draw(&mut stream)).collect()).collect())
    }

    /// The mean of paired differences, with its percentile interval.
    pub(crate) fn interval(&self, differences: &[f64]) -> Interval {
        let resampled = |indices: &Vec<u32>| {
            indices.iter().map(|&index| differences[index as usize]).sum::<f64>() / as_f64(indices.len().max(1))
        };
        let mut means: Vec<f64> = self.0.iter().map(resampled).collect();
        means.sort_by(f64::total_cmp);
        Interval { mean: mean(differences), low: means[TAIL], high: means[RESAMPLES - 1 - TAIL] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bootstrap_interval_is_about_that_of_the_normal_distribution() {
        let mut stream = Stream::of(&[3]);
        let values: Vec<f64> = (0..2_000).map(|_| 5.0 + 2.0 * stream.normal()).collect();
        let interval = Bootstrap::new(1, values.len()).interval(&values);
        let half = half_interval(&values);
        assert!((interval.high - interval.low - 2.0 * half).abs() < 0.3 * half);
        assert!(interval.low < interval.mean && interval.mean < interval.high);
        assert!((percentile(&[3.0, 1.0, 2.0], 50) - 2.0).abs() < 1e-9);
    }
}
