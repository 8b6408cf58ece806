//! The port [`Limiter`] on `governor`: token buckets in memory, one table per limit.
//!
//! A bucket lives until it is full again, so memory follows the callers of the last minutes. Counts are per process:
//! nodes do not share them. Which limits there are is the table of the wire crate.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use allynet_wire::limits::{Limit, LimitKey, Limiter, Quota};
use governor::{
    RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use tokio_util::sync::CancellationToken;

/// The interval at which full buckets are evicted.
const EVICTION_INTERVAL: Duration = Duration::from_secs(10);

type Buckets<C> = RateLimiter<LimitKey, HashMapStateStore<LimitKey>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Token buckets of this process.
pub struct GovernorLimiter<C: Clock = DefaultClock> {
    clock: C,
    /// One table per limit, indexed by `Limit as usize`.
    buckets: Vec<Buckets<C>>,
}

impl GovernorLimiter {
    /// Creates a limiter on the monotonic clock of the system, with every bucket full.
    pub fn new() -> Self {
        Self::with_clock(DefaultClock::default())
    }
}

impl Default for GovernorLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock + Clone> GovernorLimiter<C> {
    fn with_clock(clock: C) -> Self {
        let buckets =
            Limit::ALL.iter().map(|limit| RateLimiter::hashmap_with_clock(quota(limit.quota()), clock.clone()));
        Self { buckets: buckets.collect(), clock }
    }

    /// Evicts full buckets, which are indistinguishable from new ones, and releases their memory.
    fn evict_full(&self) {
        for buckets in &self.buckets {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }
}

/// The quota as `governor` wants it. A zero burst or period would be a mistake in the table, which has a test for it.
fn quota(Quota { burst, each }: Quota) -> governor::Quota {
    let slowest = governor::Quota::per_hour(NonZeroU32::MIN);
    let quota = governor::Quota::with_period(each).unwrap_or(slowest);
    quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}

impl<C: Clock + Clone + Send + Sync> Limiter for GovernorLimiter<C>
where
    C::Instant: Send + Sync,
{
    fn take(&self, limit: Limit, who: LimitKey) -> Result<(), Duration> {
        let Some(buckets) = self.buckets.get(limit as usize) else { return Ok(()) };
        let taken = buckets.check_key(&who);
        // The clock may have moved since the check: a refusal must never say "wait 0".
        taken.map_err(|until| until.wait_time_from(self.clock.now()).max(Duration::from_nanos(1)))
    }
}

/// Evicts full buckets periodically until `stop` is cancelled.
pub(crate) async fn evict_periodically(limiter: Arc<GovernorLimiter>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVICTION_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        limiter.evict_full();
    }
}

#[cfg(test)]
mod tests {
    use allynet_wire::limits::Subject;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limiter() -> (GovernorLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (GovernorLimiter::with_clock(clock.clone()), clock)
    }

    #[test]
    fn every_limit_allows_its_burst_then_its_sustained_rate() {
        for &limit in Limit::ALL {
            let (limiter, clock) = limiter();
            let (who, Quota { burst, each }) = (LimitKey::Socket(1), limit.quota());
            for _ in 0..burst {
                assert_eq!(limiter.take(limit, who), Ok(()), "{limit:?}");
            }
            assert_eq!(limiter.take(limit, who), Err(each), "{limit:?}");
            assert_eq!(limiter.take(limit, LimitKey::Socket(2)), Ok(()), "each caller has a bucket: {limit:?}");
            clock.advance(each / 4);
            let wait = limiter.take(limit, who).unwrap_err();
            assert_eq!(wait + each / 4, each, "{limit:?}");
            clock.advance(wait);
            assert_eq!(limiter.take(limit, who), Ok(()), "the stated wait suffices: {limit:?}");
            assert_eq!(limiter.take(limit, who), Err(each), "{limit:?}");
        }
    }

    #[test]
    fn limits_are_independent() {
        let (limiter, _) = limiter();
        let user = LimitKey::Account(1);
        while limiter.take(Limit::Credentials, user).is_ok() {}
        for &limit in Limit::ALL.iter().filter(|limit| limit.subject() != Subject::Account) {
            assert_eq!(limiter.take(limit, user), Ok(()), "{limit:?}");
        }
    }

    #[test]
    fn full_buckets_are_evicted_and_others_kept() {
        let (limiter, clock) = limiter();
        let len = |limit: Limit| limiter.buckets[limit as usize].len();
        for socket in 0..10_000 {
            limiter.take(Limit::SocketEvents, LimitKey::Socket(socket)).unwrap();
        }
        let persistent = LimitKey::Account(7);
        while limiter.take(Limit::Credentials, persistent).is_ok() {}
        limiter.evict_full();
        assert_eq!((len(Limit::SocketEvents), len(Limit::Credentials)), (10_000, 1));
        clock.advance(Duration::from_secs(1));
        limiter.evict_full();
        assert_eq!((len(Limit::SocketEvents), len(Limit::Credentials)), (0, 1));
        assert!(limiter.take(Limit::Credentials, persistent).is_err());
        clock.advance(Duration::from_mins(2));
        limiter.evict_full();
        assert_eq!(len(Limit::Credentials), 0);
    }
}
