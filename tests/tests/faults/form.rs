//! The short and the long form of the cases, and a seeded random number generator.

use std::{env, time::Duration};

use allynet_tests::service::now;
use tokio::sync::{Mutex, MutexGuard};

/// Held by a case while it runs: cases measure time, so they must not overlap.
static CASE_LOCK: Mutex<()> = Mutex::const_new(());

/// Waits for all other cases of this process.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    CASE_LOCK.lock().await
}

/// The first in the short form, the second with `FAULTS=long`.
pub(crate) fn pick<T>(short: T, long: T) -> T {
    if env::var("FAULTS").is_ok_and(|form| form == "long") { long } else { short }
}

/// A number from the environment, or the one of this form.
pub(crate) fn number(name: &str, short: usize, long: usize) -> usize {
    env::var(name).map_or_else(|_| pick(short, long), |text| text.parse().expect(name))
}

/// The seed of a run: `FAULTS_SEED`, or the current time.
pub(crate) fn seed() -> u64 {
    let given = env::var("FAULTS_SEED").ok();
    given.map_or_else(|| now().timestamp_micros().unsigned_abs() % 1_000_000, |text| text.parse().expect("FAULTS_SEED"))
}

/// A random number generator with a seed (`SplitMix64`, Steele et al. 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A new generator that is independent of later use of this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A duration within these bounds.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = usize::try_from(most.saturating_sub(least).as_micros()).unwrap();
        least + Duration::from_micros(self.below(span + 1) as u64)
    }
}
