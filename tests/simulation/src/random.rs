//! Random numbers by name: a stream for each incident, helper and quantity.
//!
//! Two policies that alert the same helper to the same incident see the same answer, in whatever order they ask.
//! So the difference of two policies is measured on the same incidents.

use std::f64::consts::{PI, TAU};

/// A stream of random numbers (`SplitMix64`, public domain, Vigna 2015).
#[derive(Debug, Clone)]
pub(crate) struct Stream(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

impl Stream {
    /// The stream with this name.
    pub(crate) fn of(name: &[u64]) -> Self {
        Self(name.iter().fold(STEP, |state, part| mixed(state.wrapping_add(STEP) ^ mixed(part.wrapping_mul(STEP)))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// A number above 0 and below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        const VALUES: f64 = 9_007_199_254_740_992.0;
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let value = (self.next() >> 11) as f64;
        (value + 0.5) / VALUES
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small"
        )]
        let value = (self.unit() * end as f64) as usize;
        value.min(end.saturating_sub(1))
    }

    /// A standard normal number.
    pub(crate) fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * self.unit().ln()).sqrt(), TAU * self.unit());
        radius * angle.cos()
    }

    /// A log-normal number with this median.
    pub(crate) fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        median * (spread * self.normal()).exp()
    }

    /// A number with the beta distribution (Jöhnk 1964), for parameters that are small.
    pub(crate) fn beta(&mut self, mean: f64, concentration: f64) -> f64 {
        let (a, b) = (mean * concentration, (1.0 - mean) * concentration);
        loop {
            let (x, y) = (self.unit().powf(1.0 / a), self.unit().powf(1.0 / b));
            if x + y <= 1.0 && x + y > 0.0 {
                return x / (x + y);
            }
        }
    }

    /// A number with the Poisson distribution, by the time between events.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let (mut count, mut sum) = (0, -self.unit().ln());
        while sum < mean {
            count += 1;
            sum -= self.unit().ln();
        }
        count
    }

    /// A place in a disc around the origin.
    pub(crate) fn in_disc(&mut self, radius: f64) -> (f64, f64) {
        let (distance, angle) = (radius * self.unit().sqrt(), 2.0 * PI * self.unit());
        (distance * angle.cos(), distance * angle.sin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_their_means() {
        let mut stream = Stream::of(&[1]);
        let mut mean =
            |draw: &dyn Fn(&mut Stream) -> f64| (0..40_000).map(|_| draw(&mut stream)).sum::<f64>() / 40_000.0;
        let near =
            |value: f64, expected: f64| assert!((value - expected).abs() < 0.02 * expected, "{value} {expected}");
        near(mean(&|s| s.unit()), 0.5);
        near(mean(&|s| s.beta(0.353, 2.5)), 0.353);
        near(mean(&|s| s.log_normal(100.0, 0.5)), 100.0 * (0.125_f64).exp());
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let poisson = mean(&|s| s.poisson(23.5) as f64);
        near(poisson, 23.5);
        near(mean(&|s| s.normal().powi(2)), 1.0);
    }
}
