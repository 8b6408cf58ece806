//! Counts what callers do, in memory, each for as long as it takes until everything is allowed to them again.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use allynet_wire::limits::{Limit, Limiter, Quota, Who};
use governor::{
    RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use tokio_util::sync::CancellationToken;

/// How often those are forgotten to whom everything is allowed again.
const EVERY: Duration = Duration::from_secs(10);

type Counts<C> = RateLimiter<Who, HashMapStateStore<Who>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The counts of this process, one table for each limit in the order of their numbers.
pub(crate) struct Counted<C: Clock = DefaultClock> {
    clock: C,
    counts: Vec<Counts<C>>,
}

impl Counted {
    pub(crate) fn new() -> Self {
        Self::by(DefaultClock::default())
    }
}

impl<C: Clock + Clone> Counted<C> {
    fn by(clock: C) -> Self {
        let counts =
            Limit::ALL.iter().map(|limit| RateLimiter::hashmap_with_clock(quota(limit.quota()), clock.clone()));
        Self { counts: counts.collect(), clock }
    }

    /// Forgets those who could as well be new.
    fn forget(&self) {
        for counts in &self.counts {
            counts.retain_recent();
            counts.shrink_to_fit();
        }
    }
}

/// A quota of nothing, or without a time, would be a mistake of the table; its test finds it.
fn quota(Quota { burst, each }: Quota) -> governor::Quota {
    let slowest = governor::Quota::per_hour(NonZeroU32::MIN);
    let quota = governor::Quota::with_period(each).unwrap_or(slowest);
    quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}

impl<C: Clock + Clone + Send + Sync> Limiter for Counted<C>
where
    C::Instant: Send + Sync,
{
    fn take(&self, limit: Limit, who: Who) -> Result<(), Duration> {
        let Some(counts) = self.counts.get(limit as usize) else { return Ok(()) };
        let taken = counts.check_key(&who);
        taken.map_err(|until| until.wait_time_from(self.clock.now()).max(Duration::from_nanos(1)))
    }
}

/// Forgets until told to stop.
pub(crate) async fn run(counted: Arc<Counted>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        counted.forget();
    }
}

#[cfg(test)]
mod tests {
    use allynet_wire::limits::Subject;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn counted() -> (Counted<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Counted::by(clock.clone()), clock)
    }

    #[test]
    fn every_limit_allows_its_burst_and_then_its_pace() {
        for &limit in Limit::ALL {
            let (counted, clock) = counted();
            let (who, Quota { burst, each }) = (Who::Socket(1), limit.quota());
            for _ in 0..burst {
                assert_eq!(counted.take(limit, who), Ok(()), "{limit:?}");
            }
            assert_eq!(counted.take(limit, who), Err(each), "{limit:?}");
            assert_eq!(counted.take(limit, Who::Socket(2)), Ok(()), "another has a count of their own: {limit:?}");
            clock.advance(each / 4);
            let wait = counted.take(limit, who).unwrap_err();
            assert_eq!(wait + each / 4, each, "{limit:?}");
            clock.advance(wait);
            assert_eq!(counted.take(limit, who), Ok(()), "who waited as long as told is let through: {limit:?}");
            assert_eq!(counted.take(limit, who), Err(each), "{limit:?}");
        }
    }

    #[test]
    fn limits_are_counted_apart() {
        let (counted, _) = counted();
        let user = Who::Account(1);
        while counted.take(Limit::Credentials, user).is_ok() {}
        for &limit in Limit::ALL.iter().filter(|limit| limit.subject() != Subject::Account) {
            assert_eq!(counted.take(limit, user), Ok(()), "{limit:?}");
        }
    }

    #[test]
    fn who_could_as_well_be_new_is_forgotten_and_nobody_else() {
        let (counted, clock) = counted();
        let remembered = |limit: Limit| counted.counts[limit as usize].len();
        for socket in 0..10_000 {
            counted.take(Limit::SocketEvents, Who::Socket(socket)).unwrap();
        }
        let persistent = Who::Account(7);
        while counted.take(Limit::Credentials, persistent).is_ok() {}
        counted.forget();
        assert_eq!((remembered(Limit::SocketEvents), remembered(Limit::Credentials)), (10_000, 1));
        clock.advance(Duration::from_secs(1));
        counted.forget();
        assert_eq!((remembered(Limit::SocketEvents), remembered(Limit::Credentials)), (0, 1));
        assert!(counted.take(Limit::Credentials, persistent).is_err());
        clock.advance(Duration::from_mins(2));
        counted.forget();
        assert_eq!(remembered(Limit::Credentials), 0);
    }
}
