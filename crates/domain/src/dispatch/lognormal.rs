//! The log-normal distribution, from a table of the normal one.

use std::sync::LazyLock;

/// The table reaches from minus to plus this number of standard deviations: beyond it lies less than 10⁻⁸.
const REACH: f64 = 6.0;
/// Entries per standard deviation. Linear interpolation is then at most 5·10⁻⁷ off: h²/8 · max |φ′|.
const STEPS_PER_DEVIATION: f64 = 256.0;
const LAST: usize = 3_072;

static NORMAL: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let at = |index: u32| f64::from(index) / STEPS_PER_DEVIATION - REACH;
    (0..).take(LAST + 2).map(|index| libm::erfc(-at(index) / std::f64::consts::SQRT_2) / 2.0).collect()
});

/// The standard normal distribution function, to be asked many times.
#[derive(Clone, Copy)]
pub(super) struct Normal(&'static [f64]);

impl Normal {
    /// The table, which the first call computes.
    pub(super) fn table() -> Self {
        Self(&NORMAL)
    }

    /// The probability of a value of at most `z`.
    pub(super) fn probability_up_to(self, z: f64) -> f64 {
        let scaled = (z.clamp(-REACH, REACH) + REACH) * STEPS_PER_DEVIATION;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0..=LAST after clamping; NaN is 0"
        )]
        let index = scaled as usize;
        #[expect(clippy::cast_precision_loss, reason = "at most LAST")]
        let fraction = scaled - index as f64;
        let (low, high) = (self.0[index], self.0[index + 1]);
        low + fraction * (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_normal_distribution() {
        let table = Normal::table();
        for (z, expected) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.959_963_985, 0.025), (2.575_829_304, 0.995)] {
            assert!((table.probability_up_to(z) - expected).abs() < 1e-6, "{z}");
        }
        assert!(table.probability_up_to(-9.0) < 1e-8);
        assert!(table.probability_up_to(f64::INFINITY) > 1.0 - 1e-8);
    }
}
