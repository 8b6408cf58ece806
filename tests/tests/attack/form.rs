//! The short and the long form of the cases.

use std::{env, net::Ipv4Addr};

use tokio::sync::{Mutex, MutexGuard};

/// An address of this host from which the hostile caller connects.
pub(crate) const HOSTILE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// Held by a case while it runs: a case loads the machine.
static CASE_LOCK: Mutex<()> = Mutex::const_new(());

/// Waits for all other cases of this process.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    CASE_LOCK.lock().await
}

/// Whether this is the long form.
pub(crate) fn is_long() -> bool {
    env::var("ATTACK").is_ok_and(|form| form == "long")
}

/// The first in the short form, the second in the long one.
pub(crate) fn pick<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}
