//! The port `Backoff` on tokio's timer.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use allynet_domain::port::Backoff;
use async_trait::async_trait;

/// Upper bound of the pause after the first failed attempt. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
/// Upper bound of every pause. All eight attempts of a use case so pause for less than half a second.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// Exponential back-off with full jitter: each pause is uniformly random between zero and its upper bound.
#[derive(Debug, Clone, Copy, Default)]
pub struct JitteredBackoff;

#[async_trait]
impl Backoff for JitteredBackoff {
    async fn pause(&self, failed_attempts: u32) {
        tokio::time::sleep(upper_bound(failed_attempts).mul_f64(random_fraction())).await;
    }
}

fn upper_bound(failed_attempts: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failed_attempts.saturating_sub(1).min(16));
    doubled.min(MAX_PAUSE)
}

/// A random number in `0.0..=1.0`. Every `RandomState` has keys of its own, which is random enough to spread callers.
fn random_fraction() -> f64 {
    let random = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_upper_bound_doubles_up_to_its_own_bound() {
        let bounds: Vec<_> = [1, 2, 3, 5, 6, 7, u32::MAX].map(|n| upper_bound(n).as_millis()).into();
        assert_eq!(bounds, [4, 8, 16, 64, 100, 100, 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_differ_and_stay_below_their_bound() {
        let mut pauses = Vec::new();
        for _ in 0..50 {
            let begin = Instant::now();
            JitteredBackoff.pause(6).await;
            pauses.push(begin.elapsed());
        }
        // The timer of tokio rounds up to a millisecond.
        assert!(pauses.iter().all(|pause| *pause <= MAX_PAUSE + Duration::from_millis(1)), "{pauses:?}");
        pauses.sort();
        pauses.dedup();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}
