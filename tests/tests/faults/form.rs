//! How much of each case is done, and chance that can be repeated.

use std::{env, time::Duration};

use allynet_domain::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

/// Cases measure time, so they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// Waits for all other cases of this process.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// The first in the short form, the second with `FAULTS=long`.
pub(crate) fn pick<T>(short: T, long: T) -> T {
    if env::var("FAULTS").is_ok_and(|form| form == "long") { long } else { short }
}

/// A number from the environment, or the one of this form.
pub(crate) fn number(name: &str, short: usize, long: usize) -> usize {
    env::var(name).map_or_else(|_| pick(short, long), |text| text.parse().expect(name))
}

/// What a run begins with: `FAULTS_SEED`, or another one each time.
pub(crate) fn seed() -> u64 {
    let given = env::var("FAULTS_SEED").ok();
    given.map_or_else(|| now().timestamp_micros().unsigned_abs() % 1_000_000, |text| text.parse().expect("FAULTS_SEED"))
}

/// The time of the machine, which the nodes share.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub(crate) fn now() -> Timestamp {
    chrono::Utc::now()
}

/// Chance that comes out the same for the same seed (`SplitMix64`, Steele et al. 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another one that does not depend on what this one is used for later.
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

    /// A time within these.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = usize::try_from(most.saturating_sub(least).as_micros()).unwrap();
        least + Duration::from_micros(self.below(span + 1) as u64)
    }
}
