//! The port `Backoff` on tokio's timer.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use allynet_domain::port::Backoff;
use async_trait::async_trait;

/// Longest pause after the first failed attempt. It doubles with each further one.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(10);
/// Longest pause of all. The eight attempts of a use case pause for 0.4 to 0.8 seconds together: longer than a wave of
/// helpers takes to answer, and a small part of the five seconds of a request that changes something.
const MAX_RETRY_DELAY: Duration = Duration::from_millis(250);

/// Exponential back-off with jitter: a pause is random between half of its upper bound and all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct JitteredBackoff;

#[async_trait]
impl Backoff for JitteredBackoff {
    async fn pause(&self, failed_attempts: u32) {
        let half = upper_bound(failed_attempts) / 2;
        tokio::time::sleep(half + half.mul_f64(random_fraction())).await;
    }
}

fn upper_bound(failed_attempts: u32) -> Duration {
    let doubled = FIRST_RETRY_DELAY.saturating_mul(1 << failed_attempts.saturating_sub(1).min(16));
    doubled.min(MAX_RETRY_DELAY)
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
        assert_eq!(bounds, [10, 20, 40, 160, 250, 250, 250]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_differ_between_half_of_their_bound_and_all_of_it() {
        let mut pauses = Vec::new();
        for _ in 0..50 {
            let begin = Instant::now();
            JitteredBackoff.pause(6).await;
            pauses.push(begin.elapsed());
        }
        // The timer of tokio rounds up to a millisecond.
        let bounds = MAX_RETRY_DELAY / 2..=MAX_RETRY_DELAY + Duration::from_millis(1);
        assert!(pauses.iter().all(|pause| bounds.contains(pause)), "{pauses:?}");
        pauses.sort();
        pauses.dedup();
        assert!(pauses.len() > 10, "{pauses:?}");
    }
}
