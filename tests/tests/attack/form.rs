//! The short and the long form of the cases, and which of them run beside each other.

use std::{env, net::Ipv4Addr, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

/// An address of this host from which the hostile caller connects.
pub(crate) const HOSTILE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Cases of the short form that run at a time, if they load the machine little.
const MAX_CASES: u32 = 2;
/// The time in which a condition has to hold on a busy machine.
const CONDITION_TIMEOUT: Duration = Duration::from_mins(1);

static RUNNING_CASES: Semaphore = Semaphore::const_new(MAX_CASES as usize);

/// Waits for all other cases of this process: for a case that loads the machine.
pub(crate) async fn alone() -> SemaphorePermit<'static> {
    RUNNING_CASES.acquire_many(MAX_CASES).await.unwrap()
}

/// Waits until at most one other case runs: for a case that loads the machine little. The long form judges milliseconds, and runs
/// each case alone.
pub(crate) async fn beside_another() -> SemaphorePermit<'static> {
    RUNNING_CASES.acquire_many(pick(1, MAX_CASES)).await.unwrap()
}

/// Whether this is the long form.
pub(crate) fn is_long() -> bool {
    env::var("ATTACK").is_ok_and(|form| form == "long")
}

/// The first in the short form, the second in the long one.
pub(crate) fn pick<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < CONDITION_TIMEOUT, "not within {CONDITION_TIMEOUT:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
